/** A ticket in words: its number, how grave it is, what it is about, and what was promised by when. */

import { Clock3 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { durationText, languageTagOf, timeText, usePageLanguage } from "../i18n";
import { classes } from "../ui/classes";
import { type Clock, openPromises, standingOf, type Ticket } from "./promises";
import styles from "./TicketFacts.module.css";

const SEVERITIES = {
  1: "ticket.severity.1",
  2: "ticket.severity.2",
  3: "ticket.severity.3",
  4: "ticket.severity.4",
} as const;

interface Props {
  ticket: Ticket;
  /** By the server's clock. */
  now: Date;
  /** One line of the subject and one promise: a phone has room for that beside a call. */
  short?: boolean;
}

export function TicketFacts({ ticket, now, short = false }: Props) {
  const { t } = useTranslation();
  const { number, severity, subject, status, clocks } = ticket;
  const promises = openPromises(clocks).slice(0, short ? 1 : undefined);
  return (
    <>
      <p className={styles.head}>
        <span>{t("ticket.number", { number })}</span>
        <span className={styles.severity} data-severity={severity}>
          {t(SEVERITIES[severity])}
        </span>
        {status === "resolved" && <span className={styles.resolved}>{t("ticket.resolved")}</span>}
      </p>
      <p className={classes(styles.subject, short && styles.short)} lang={languageTagOf(subject)}>
        {subject}
      </p>
      {status !== "resolved" && promises.length > 0 && (
        <ul className={styles.promises}>
          {promises.map((clock) => (
            <li key={clock.clock}>
              <Clock3 aria-hidden="true" />
              <PromiseText clock={clock} now={now} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function PromiseText({ clock, now }: { clock: Clock; now: Date }) {
  const { t } = useTranslation();
  const language = usePageLanguage();
  const what = t(`ticket.promise.${clock.clock}`);
  const standing = standingOf(clock, now);
  const isBad = standing.words === "overdue" || standing.words === "late";
  const words =
    "dueAt" in standing
      ? t(`ticket.${standing.words}`, {
          what,
          time: timeText(standing.dueAt, now, language),
          left: durationText(standing.seconds, language),
        })
      : t(`ticket.${standing.words}`, { what });
  return (
    <span className={isBad ? styles.bad : undefined} data-standing={standing.words}>
      {words}
    </span>
  );
}
