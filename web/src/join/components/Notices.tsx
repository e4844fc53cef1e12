/** The most pressing problem, one at a time: a phone has room for one. */

import { useAudioPlayback, useConnectionState } from "@livekit/components-react";
import { useTranslation } from "react-i18next";
import en from "../../messages/en/join.json";
import type { Problem } from "../../problem";
import { isReconnecting } from "../../room/connection";
import { Button } from "../../ui/Button";
import { Notice } from "../../ui/Notice";
import type { JoinControl } from "../useJoin";

type Kind = keyof typeof en.problem;

export function Notices({ join: { state, problem, microphone } }: { join: JoinControl }) {
  const { t } = useTranslation("join");
  const reconnecting = isReconnecting(useConnectionState());
  const { canPlayAudio, startAudio } = useAudioPlayback();

  const inRoom: Problem["kind"] | undefined =
    (reconnecting ? "reconnecting" : undefined) ??
    (canPlayAudio ? undefined : "sound_blocked") ??
    microphone.problem;
  const shown: Problem | undefined = state === "in_room" ? inRoom && { kind: inRoom } : problem;
  if (!shown) return null;
  const kind = kindOf(shown);
  return (
    <Notice
      key={kind}
      kind={kind}
      title={t(`problem.${kind}.title`)}
      text={shown.said ?? t(`problem.${kind}.remedy`)}
    >
      {kind === "sound_blocked" && (
        <Button look="quiet" onPress={() => void startAudio()}>
          {t("sound_play")}
        </Button>
      )}
    </Notice>
  );
}

/** This page has texts of its own for what can go wrong on it. */
function kindOf({ kind }: Pick<Problem, "kind">): Kind {
  return kind in en.problem ? (kind as Kind) : "unexpected";
}
