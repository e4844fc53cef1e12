/** How long the call has lasted. */

import { useTranslation } from "react-i18next";
import { useNow } from "../../ui/useNow";
import { clock } from "../callState";
import styles from "./CallClock.module.css";

export function CallClock({ startedAtMs }: { startedAtMs: number }) {
  const { t } = useTranslation("call");
  const seconds = Math.max(0, useNow() - startedAtMs) / 1000;
  return (
    <span className={styles.clock} role="timer" aria-label={t("call.duration")}>
      {clock(seconds)}
    </span>
  );
}
