/** During a call: captions with their sources, the problems of the moment, and the controls. */

import { useAudioPlayback, useConnectionState } from "@livekit/components-react";
import { useEffect, useRef, useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Button } from "../../ui/Button";
import { isReconnecting } from "../../room/connection";
import type { Activity } from "../callState";
import type { Citation, Conversation } from "../../room/conversation";
import { useAskPerson } from "../useAskPerson";
import { useAssistantAbsence } from "../useAssistantAbsence";
import type { Checklists } from "../useChecklists";
import { useScreen } from "../useScreen";
import type { Tickets } from "../useTickets";
import { ProblemError, type ProblemKind } from "../../problem";
import styles from "./CallPage.module.css";
import { Captions } from "./Captions";
import { ChecklistCards } from "./ChecklistCards";
import { Composer } from "./Composer";
import { Controls } from "./Controls";
import { PersonBar } from "./PersonBar";
import { ProblemNotice } from "./ProblemNotice";
import { ScreenPanel } from "./ScreenPanel";

interface Props {
  activity: Activity;
  conversation: Conversation;
  tickets: Tickets;
  checklists: Checklists;
  microphoneProblem: ProblemKind | undefined;
  onAsk: (text: string) => Promise<void>;
  onMicrophone: (on: boolean) => Promise<void>;
  onAskAgain: () => Promise<void>;
  onHangUp: () => void;
  onOpen: (citation: Citation) => void;
}

export function CallPage(props: Props) {
  const { t } = useTranslation("call");
  const { activity, conversation, microphoneProblem, onAsk, onMicrophone, onHangUp, onOpen } = props;
  const [unsent, setUnsent] = useState(false);
  const screen = useScreen();
  const heading = useRef<HTMLHeadingElement>(null);
  const here = ["listening", "thinking", "speaking"].includes(activity);

  useEffect(() => {
    heading.current?.focus();
  }, []);

  const ask = async (text: string) => {
    const isSent = await onAsk(text).then(
      () => true,
      () => false,
    );
    setUnsent(!isSent);
    return isSent;
  };
  const asking = useAskPerson(props.tickets.tickets, here ? ask : undefined);

  return (
    <>
      <main className={styles.page}>
        <h1 ref={heading} tabIndex={-1} className="visually-hidden">
          {t("call.heading")}
        </h1>
        <Captions
          conversation={conversation}
          onOpen={onOpen}
          onAsk={here ? (text) => void ask(text) : undefined}
          onAskPerson={asking.ask}
        />
      </main>
      <footer className={`container ${styles.dock ?? ""}`}>
        <Notices
          activity={activity}
          microphoneProblem={microphoneProblem}
          unsent={unsent}
          unshown={screen.hasFailed}
          onAskAgain={props.onAskAgain}
        />
        <ChecklistCards checklists={props.checklists} short />
        <ScreenPanel screen={screen} />
        <PersonBar tickets={props.tickets} asking={asking} />
        <div className={styles.row}>
          <Composer
            canSend={here}
            isOnlyWay={microphoneProblem !== undefined}
            onAsk={ask}
          />
          <Controls
            isReady={activity !== "calling"}
            hasMicrophone={microphoneProblem === undefined}
            screen={screen}
            onMicrophone={onMicrophone}
            onHangUp={onHangUp}
          />
        </div>
      </footer>
    </>
  );
}

interface NoticesProps {
  activity: Activity;
  microphoneProblem: ProblemKind | undefined;
  unsent: boolean;
  /** A screen that was to be shared is not. */
  unshown: boolean;
  onAskAgain: () => Promise<void>;
}

/** The most pressing problem first, one at a time: a phone has room for one. */
function Notices({ activity, microphoneProblem, unsent, unshown, onAskAgain }: NoticesProps) {
  const { t } = useTranslation("call");
  const reconnecting = isReconnecting(useConnectionState());
  const absence = useAssistantAbsence(activity, onAskAgain);
  const { canPlayAudio, startAudio } = useAudioPlayback();

  const kind: ProblemKind | undefined =
    (reconnecting ? "reconnecting" : undefined) ??
    absence ??
    (canPlayAudio ? undefined : "sound_blocked") ??
    (unsent ? "message_unsent" : undefined) ??
    (unshown ? "screen_unavailable" : undefined) ??
    microphoneProblem;
  if (kind === undefined) return null;
  return (
    <ProblemNotice key={kind} problem={{ kind }}>
      {kind === "sound_blocked" && (
        <Button look="quiet" onPress={() => void startAudio()}>
          {t("problem.sound_play")}
        </Button>
      )}
      {kind === absence && <AskAgain onAskAgain={onAskAgain} />}
    </ProblemNotice>
  );
}

/** The button that calls the assistant back, and what came of it if it does not come. */
function AskAgain({ onAskAgain }: { onAskAgain: () => Promise<void> }) {
  const { t } = useTranslation("call");
  const { mutate, isPending, error } = useMutation({ mutationFn: onAskAgain });
  return (
    <>
      {error && <p>{error instanceof ProblemError ? error.message : t("problem.unexpected.title")}</p>}
      <Button
        look="quiet"
        isDisabled={isPending}
        onPress={() => {
          mutate();
        }}
      >
        {t("problem.ask_again")}
      </Button>
    </>
  );
}
