/** The head of every page: the string, who is at its ends, and what is happening. */

import { useTranslation } from "react-i18next";
import type { Activity } from "../callState";
import styles from "./Stage.module.css";
import { VoiceString } from "./VoiceString";

export function Stage({ activity, muted }: { activity: Activity; muted: boolean }) {
  const { t } = useTranslation("call");
  return (
    <section className={`container ${styles.stage ?? ""}`} data-activity={activity} aria-label={t("state.label")}>
      <div className={styles.field}>
        <VoiceString activity={activity} />
        <span className={styles.customer}>{t("speaker.customer")}</span>
        <span className={styles.assistant}>{t("speaker.assistant")}</span>
      </div>
      <p className={styles.status} role="status">
        <span data-testid="agent-state" data-state={activity}>
          {t(`state.${activity}`)}
        </span>
        {muted && <span className={styles.muted}>{t("state.muted")}</span>}
      </p>
    </section>
  );
}
