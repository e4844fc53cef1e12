/** What can be pressed where one stands. */

import { Headset, LogOut, MessageSquareShare, PhoneOutgoing, Undo2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { MicrophoneControl } from "../../room/MicrophoneControl";
import { Button } from "../../ui/Button";
import type { Brief } from "../useBrief";
import type { JoinControl } from "../useJoin";
import styles from "./Actions.module.css";

interface Props {
  join: JoinControl;
  brief: Brief;
}

export function Actions({ join, brief }: Props) {
  switch (join.state) {
    case "ready":
    case "yours":
    case "joining":
    case "left":
    case "handed_back":
    case "elsewhere":
    case "lost":
      return <Outside join={join} />;
    case "over":
    case "unanswered":
      return <Over ring={join.ring} />;
    case "incident":
      return <ToIncident join={join} />;
    case "in_room":
      return <Inside join={join} brief={brief} />;
    default:
      return null;
  }
}

/** What is pressed is done once at a time. */
function usePress() {
  const [isBusy, setIsBusy] = useState(false);
  const press = (act: () => Promise<void>) => () => {
    setIsBusy(true);
    void act().finally(() => {
      setIsBusy(false);
    });
  };
  return { isBusy, press };
}

function ToIncident({ join: { take, decline } }: { join: JoinControl }) {
  const { t } = useTranslation("join");
  const { isBusy, press } = usePress();
  return (
    <div className={styles.actions}>
      <Button
        look="primary"
        size="large"
        data-testid="take-incident"
        isDisabled={isBusy}
        onPress={press(take)}
      >
        {t("action.take")}
      </Button>
      <Button
        look="quiet"
        size="large"
        data-testid="decline-page"
        isDisabled={isBusy}
        onPress={press(decline)}
      >
        {t("action.decline")}
      </Button>
    </div>
  );
}

function Outside({ join: { state, join, decline } }: { join: JoinControl }) {
  const { t } = useTranslation("join");
  const { isBusy, press } = usePress();
  const isNew = state === "ready" || state === "joining";
  return (
    <div className={styles.actions}>
      <Button
        look="primary"
        size="large"
        data-testid="join-call"
        isDisabled={isBusy || state === "joining"}
        onPress={() => void join()}
      >
        <Headset aria-hidden="true" />
        {t(isNew ? "action.join" : "action.join_again")}
      </Button>
      {state === "ready" && (
        <Button
          look="quiet"
          size="large"
          data-testid="decline-page"
          isDisabled={isBusy}
          onPress={press(decline)}
        >
          {t("action.decline")}
        </Button>
      )}
    </div>
  );
}

function Over({ ring }: Pick<JoinControl, "ring">) {
  const { t } = useTranslation("join");
  const { isBusy, press } = usePress();
  return (
    <div className={styles.actions}>
      <Button
        look="primary"
        size="large"
        data-testid="ring-customer"
        isDisabled={isBusy}
        onPress={press(ring)}
      >
        <PhoneOutgoing aria-hidden="true" />
        {t("action.ring")}
      </Button>
    </div>
  );
}

function Inside({ join, brief }: Props) {
  const { t } = useTranslation("join");
  const [isLeaving, setIsLeaving] = useState(false);
  const leave = (way: () => Promise<void>) => () => {
    setIsLeaving(true);
    void way();
  };
  const introduce = () => {
    // Not sent, the button stays: the brief goes on, and the notice tells of the connection.
    void join.introduce().then(brief.end, () => undefined);
  };
  return (
    <div className={styles.actions}>
      {!brief.isOver && (
        <Button look="primary" data-testid="introduce-me" onPress={introduce}>
          <MessageSquareShare aria-hidden="true" />
          {t("action.introduce")}
        </Button>
      )}
      <Button
        look="plain"
        data-testid="hand-back"
        isDisabled={isLeaving}
        onPress={leave(join.handBack)}
      >
        <Undo2 aria-hidden="true" />
        {t("action.hand_back")}
      </Button>
      <div className={styles.last}>
        <MicrophoneControl
          isReady
          hasMicrophone={join.microphone.problem === undefined}
          onMicrophone={join.microphone.switchTo}
        />
        <Button
          look="danger"
          data-testid="leave-call"
          isDisabled={isLeaving}
          onPress={leave(join.leave)}
        >
          <LogOut aria-hidden="true" />
          {t("action.leave")}
        </Button>
      </div>
    </div>
  );
}
