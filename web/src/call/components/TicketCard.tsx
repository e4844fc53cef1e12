/** A ticket as its customer sees it: what was promised by when, and who comes. */

import { useTranslation } from "react-i18next";
import { timeText, usePageLanguage } from "../../i18n";
import { TicketFacts } from "../../ticket/TicketFacts";
import type { Ticket } from "../../ticket/promises";
import styles from "./TicketCard.module.css";

interface Props {
  ticket: Ticket;
  now: Date;
  /** Still on the line: then a person comes into the call. */
  inCall: boolean;
}

export function TicketCard({ ticket, now, inCall }: Props) {
  const { t } = useTranslation("call");
  const words = usePersonWords(ticket, now, inCall);
  return (
    <section
      className={styles.card}
      data-testid="ticket-card"
      data-number={ticket.number}
      aria-label={t("person.label")}
    >
      <TicketFacts ticket={ticket} now={now} short={inCall} />
      {/* Stays in place while it is empty: a screen reader tells what comes into it. */}
      <p
        className={styles.person}
        role="status"
        data-testid="ticket-person"
        data-state={ticket.person.state}
      >
        {words}
      </p>
    </section>
  );
}

function usePersonWords({ person, callback_at }: Ticket, now: Date, inCall: boolean): string {
  const { t } = useTranslation("call");
  const language = usePageLanguage();
  const { state, name } = person;
  const time = callback_at === null ? "" : timeText(new Date(callback_at), now, language);
  if (state === "ringing") return t("person.ringing", { name });
  if (state === "calling") return t("person.calling");
  if (state === "coming" || state === "here") {
    return t(`person.${inCall ? state : "has_it"}`, { name });
  }
  if (time === "") return state === "nobody" ? t("person.nobody") : "";
  return t(`person.${state === "nobody" ? "calling_back" : "callback"}`, { time });
}
