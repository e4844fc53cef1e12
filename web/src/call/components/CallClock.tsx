/** How long the call has lasted. */

import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { clock } from "../callState";
import styles from "./CallClock.module.css";

export function CallClock({ startedAtMs }: { startedAtMs: number }) {
  const { t } = useTranslation("call");
  const [nowMs, setNowMs] = useState(startedAtMs);
  useEffect(() => {
    const timer = setInterval(() => {
      setNowMs(Date.now());
    }, 1000);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return (
    <span className={styles.clock} role="timer" aria-label={t("call.duration")}>
      {clock((nowMs - startedAtMs) / 1000)}
    </span>
  );
}
