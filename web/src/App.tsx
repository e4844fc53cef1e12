/** The call page: the head that is always there, and the page of the call's phase below it. */

import {
  RoomAudioRenderer,
  RoomContext,
  useConnectionState,
  useLocalParticipant,
  useVoiceAssistant,
} from "@livekit/components-react";
import { useState } from "react";
import { activityOf } from "./call/callState";
import type { Citation } from "./call/conversation";
import { type CallControl, useCall } from "./call/useCall";
import { useConversation } from "./call/useConversation";
import { CallClock } from "./components/CallClock";
import { CallPage } from "./components/CallPage";
import { EndPage } from "./components/EndPage";
import { Masthead } from "./components/Masthead";
import { SourceDialog } from "./components/SourceDialog";
import { Stage } from "./components/Stage";
import { StartPage } from "./components/StartPage";
import { usePageLanguage } from "./i18n";

export function App() {
  const call = useCall();
  const [calls, setCalls] = useState(0);
  const language = usePageLanguage();
  const start = () => {
    setCalls(calls + 1);
    void call.start(language);
  };
  return (
    <RoomContext.Provider value={call.room}>
      <RoomAudioRenderer />
      <Phases key={calls} call={call} onStart={start} />
    </RoomContext.Provider>
  );
}

/** Made anew for each call, so that nothing of the last one is left in it. */
function Phases({ call, onStart }: { call: CallControl; onStart: () => void }) {
  const { state } = call;
  const { state: agentState } = useVoiceAssistant();
  const { isMicrophoneEnabled } = useLocalParticipant();
  const activity = activityOf(state.phase, useConnectionState(), agentState);
  const { conversation, ask } = useConversation(activity);
  const [opened, setOpened] = useState<Citation>();
  const inCall = state.phase === "calling" || state.phase === "live";

  return (
    <div className={inCall ? "frame fixed" : "frame"}>
      <Masthead>
        {state.phase === "live" && <CallClock startedAtMs={state.startedAtMs} />}
      </Masthead>
      <Stage activity={activity} muted={state.phase === "live" && !isMicrophoneEnabled} />
      {state.phase === "idle" && <StartPage problem={state.problem} onStart={onStart} />}
      {inCall && (
        <CallPage
          activity={activity}
          conversation={conversation}
          microphoneProblem={call.microphoneProblem}
          onAsk={ask}
          onMicrophone={call.setMicrophone}
          onHangUp={() => void call.hangUp()}
          onOpen={setOpened}
        />
      )}
      {state.phase === "ended" && (
        <EndPage
          end={state}
          conversation={conversation}
          onAgain={onStart}
          onLeave={call.leave}
          onOpen={setOpened}
        />
      )}
      <SourceDialog
        citation={opened}
        onClose={() => {
          setOpened(undefined);
        }}
      />
    </div>
  );
}
