/** The head of every page: the string, who is at its ends, and what is happening. */

import { useTranslation } from "react-i18next";
import type { Activity } from "../callState";
import styles from "./Stage.module.css";
import { VoiceString } from "./VoiceString";

interface Props {
  activity: Activity;
  /** Who of the operator's people is in the call: then it is they who listen and answer. */
  company: string | undefined;
  muted: boolean;
}

export function Stage({ activity, company, muted }: Props) {
  const { t } = useTranslation("call");
  const isWithPerson = company !== undefined && activity === "listening";
  return (
    <section className={`container ${styles.stage ?? ""}`} data-activity={activity} aria-label={t("state.label")}>
      <div className={styles.field}>
        <VoiceString activity={activity} />
        <span className={styles.customer}>{t("speaker.customer")}</span>
        <span className={styles.assistant}>{t("speaker.assistant")}</span>
      </div>
      <p className={styles.status} role="status">
        <span data-testid="agent-state" data-state={activity}>
          {isWithPerson ? t("state.company", { name: company }) : t(`state.${activity}`)}
        </span>
        {muted && <span className={styles.muted}>{t("state.muted")}</span>}
      </p>
    </section>
  );
}
