/** After a call: how it ended, what came of it, and the way to call again. */

import { Phone } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { CallSummary, Grant } from "../../api/client";
import { type CallState, clock } from "../callState";
import { type Citation, type Conversation, summaryOf } from "../../room/conversation";
import { Button } from "../../ui/Button";
import type { Checklists } from "../useChecklists";
import { useConsent } from "../useConsent";
import type { Tickets } from "../useTickets";
import { ChecklistCards } from "./ChecklistCards";
import styles from "./EndPage.module.css";
import { ProblemNotice } from "./ProblemNotice";
import { Rating } from "./Rating";
import { SourceCards } from "./SourceCards";
import { Summary } from "./Summary";
import { TicketCard } from "./TicketCard";

interface Props {
  end: Extract<CallState, { phase: "ended" }>;
  conversation: Conversation;
  tickets: Tickets;
  checklists: Checklists;
  /** Undefined until it is written. */
  summary: CallSummary | undefined;
  /** Of the call; undefined where none was ever begun. */
  grant: Grant | undefined;
  /** Called with the version of the text that the customer agreed to. */
  onAgain: (consentVersion: string) => void;
  onLeave: () => void;
  onOpen: (citation: Citation) => void;
}

export function EndPage({
  end,
  conversation,
  tickets,
  checklists,
  summary,
  grant,
  onAgain,
  onLeave,
  onOpen,
}: Props) {
  const { t } = useTranslation("call");
  const { questions, answered, sources } = summaryOf(conversation);
  const { data: consent } = useConsent();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
  }, []);
  const figures = [
    ["duration", clock(end.seconds)],
    ["questions", String(questions)],
    ["answered", String(answered)],
  ] as const;
  return (
    <main className={`container ${styles.page ?? ""}`} data-testid="call-summary">
      <div className={styles.outcome}>
        <h1 ref={heading} tabIndex={-1}>
          {t(end.reason === "lost" ? "end.heading_lost" : "end.heading")}
        </h1>
        {end.reason === "closed" && <p>{t("end.ended_by_assistant")}</p>}
        {end.reason === "lost" && <ProblemNotice problem={{ kind: "connection_lost" }} />}
        {tickets.tickets.map((ticket) => (
          <TicketCard key={ticket.number} ticket={ticket} now={tickets.now} inCall={false} />
        ))}
        {summary && <Summary summary={summary} />}
        <ChecklistCards checklists={checklists} short={false} />
        <dl className={styles.figures}>
          {figures.map(([key, value]) => (
            <div key={key}>
              <dt>{t(`end.${key}`)}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {grant && <Rating grant={grant} />}
        <div className={styles.again}>
          <Button
            look="primary" size="large"
            data-testid="call-again"
            aria-describedby="again-means"
            isDisabled={!consent}
            onPress={() => {
              if (consent) onAgain(consent.version);
            }}
          >
            <Phone aria-hidden="true" />
            {t("end.again")}
          </Button>
          <p id="again-means">{t("end.means")}</p>
          <Button look="quiet" onPress={onLeave}>
            {t("end.home")}
          </Button>
        </div>
      </div>
      <section className={styles.sources}>
        <h2>{t("end.sources")}</h2>
        {sources.length === 0 && <p>{t("end.sources_none")}</p>}
        <SourceCards citations={sources} onOpen={onOpen} />
      </section>
    </main>
  );
}
