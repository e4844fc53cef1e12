/** The call page: the head that is always there, and the page of the call's phase below it. */

import { useQueryClient } from "@tanstack/react-query";
import { RoomAudioRenderer, RoomContext, useLocalParticipant } from "@livekit/components-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { type DemoContact, signInAs } from "../api/client";
import { usePageLanguage } from "../i18n";
import type { Citation } from "../room/conversation";
import { ErrorBoundary } from "../ui/ErrorBoundary";
import { Masthead } from "../ui/Masthead";
import { CallClock } from "./components/CallClock";
import { CallerChoice } from "./components/CallerChoice";
import { CallPage } from "./components/CallPage";
import { EndPage } from "./components/EndPage";
import { Ringing } from "./components/Ringing";
import { SourceDialog } from "./components/SourceDialog";
import { Stage } from "./components/Stage";
import { StartPage } from "./components/StartPage";
import { useActivity } from "./useActivity";
import { type CallControl, useCall } from "./useCall";
import { useChecklists } from "./useChecklists";
import { CONSENT } from "./useConsent";
import { useQuestions } from "./useQuestions";
import { useSummary } from "./useSummary";
import { useTickets } from "./useTickets";

/** `principal`: who calls, as the operator's site signed it; empty for a guest. */
export function App({ principal }: { principal: string }) {
  const [calls, setCalls] = useState(0);
  const [caller, setCaller] = useState<DemoContact>();
  const language = usePageLanguage();
  const call = useCall((signal) =>
    caller ? signInAs(caller, language, signal) : Promise.resolve(principal),
  );
  const queries = useQueryClient();
  const begin = (way: CallControl["start"]) => (consentVersion: string) => {
    setCalls(calls + 1);
    void way(language, consentVersion).then((problem) => {
      if (problem?.kind === "consent_changed") void queries.resetQueries({ queryKey: [CONSENT] });
    });
  };
  // The sound stands outside the boundary: a fault on the page does not end what is heard.
  return (
    <RoomContext.Provider value={call.room}>
      <RoomAudioRenderer />
      <ErrorBoundary>
        <Phases
          key={calls}
          call={call}
          onStart={begin(call.start)}
          onAnswer={begin(call.answer)}
        >
          {principal === "" && <CallerChoice caller={caller} onCaller={setCaller} />}
        </Phases>
      </ErrorBoundary>
    </RoomContext.Provider>
  );
}

interface PhasesProps {
  call: CallControl;
  /** Called with the version of the text that the customer agreed to. */
  onStart: (consentVersion: string) => void;
  /** Likewise, where they are called back. */
  onAnswer: (consentVersion: string) => void;
  /** Stands on the start page. */
  children: ReactNode;
}

/** Made anew for each call, so that nothing of the last one is left in it. */
function Phases({ call, onStart, onAnswer, children }: PhasesProps) {
  const { t } = useTranslation("call");
  const { state } = call;
  const { isMicrophoneEnabled } = useLocalParticipant();
  const activity = useActivity(state.phase);
  const { conversation, ask } = useQuestions();
  const tickets = useTickets(call.grant, state.phase);
  const checklists = useChecklists(call.grant, state.phase);
  const summary = useSummary(call.grant, state.phase);
  // A person is in the room before: they hear the brief, and nobody else.
  const company = tickets.tickets.find(({ person }) => person.state === "here")?.person.name;
  const [opened, setOpened] = useState<Citation>();
  const inCall = state.phase === "calling" || state.phase === "live";

  return (
    <div className={inCall ? "frame fixed" : "frame"}>
      <Masthead subtitle={t("role")}>
        {state.phase === "live" && <CallClock startedAtMs={state.startedAtMs} />}
      </Masthead>
      <Stage
        activity={activity}
        company={company}
        muted={state.phase === "live" && !isMicrophoneEnabled}
      />
      {state.phase === "idle" && (
        <StartPage problem={state.problem} onStart={onStart}>
          {children}
        </StartPage>
      )}
      {inCall && (
        <CallPage
          activity={activity}
          conversation={conversation}
          tickets={tickets}
          checklists={checklists}
          microphoneProblem={call.microphoneProblem}
          onAsk={ask}
          onMicrophone={call.setMicrophone}
          onAskAgain={call.askAgain}
          onHangUp={() => void call.hangUp()}
          onOpen={setOpened}
        />
      )}
      {state.phase === "ended" && (
        <EndPage
          end={state}
          conversation={conversation}
          tickets={tickets}
          checklists={checklists}
          summary={summary}
          grant={call.grant}
          onAgain={onStart}
          onLeave={call.leave}
          onOpen={setOpened}
        />
      )}
      {!inCall && <Ringing tickets={tickets} onAnswer={onAnswer} />}
      <SourceDialog
        grant={call.grant}
        citation={opened}
        onClose={() => {
          setOpened(undefined);
        }}
      />
    </div>
  );
}
