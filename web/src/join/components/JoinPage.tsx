/** Beside each other: where one stands, the ticket with the account, and what was and is said. */

import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Page } from "../../api/client";
import { useConversation } from "../../room/useConversation";
import { useFollowedEnd } from "../../room/useFollowedEnd";
import { TicketFacts } from "../../ticket/TicketFacts";
import { Masthead } from "../../ui/Masthead";
import { useBrief } from "../useBrief";
import type { JoinControl } from "../useJoin";
import { AccountFacts } from "./AccountFacts";
import { Actions } from "./Actions";
import styles from "./JoinPage.module.css";
import { IncidentFacts } from "./IncidentFacts";
import { Notices } from "./Notices";
import { Standing } from "./Standing";
import { Transcript } from "./Transcript";

export function JoinPage({ join }: { join: JoinControl }) {
  const { t } = useTranslation("join");
  const { state, page, now } = join;
  const { conversation } = useConversation();
  const brief = useBrief(join);
  // The record goes on while one is in the room, and so do the captions: each line is shown once.
  const isIn = state === "in_room";
  const [before, setBefore] = useState<Page["transcript"]>();
  if (isIn && !before && page) setBefore(page.transcript);
  const narrow = useFollowedEnd<HTMLElement>(isIn ? conversation : undefined);
  const wide = useFollowedEnd<HTMLElement>(isIn ? conversation : undefined);
  return (
    <div className="frame fixed">
      <Masthead subtitle={t("role")} />
      <main ref={narrow} className={`container ${styles.page ?? ""}`}>
        <div className={styles.standing}>
          <Standing join={join} isBriefed={brief.isOver} />
        </div>
        {page && (
          <>
            <div className={styles.details}>
              <section className={styles.part} aria-label={t("ticket")}>
                <TicketFacts ticket={page.ticket} now={now} />
              </section>
              <section className={styles.part}>
                <h2>{t(page.incident ? "incident.heading" : "account.heading")}</h2>
                {page.incident ? (
                  <IncidentFacts incident={page.incident} now={now} />
                ) : (
                  <AccountFacts page={page} />
                )}
              </section>
            </div>
            {!page.incident && (
              <Transcript
                scroller={wide}
                said={isIn && before ? before : page.transcript}
                conversation={isIn ? conversation : []}
                contact={page.contact}
              />
            )}
          </>
        )}
      </main>
      <footer className={`container ${styles.dock ?? ""}`}>
        <Notices join={join} />
        <Actions join={join} brief={brief} />
      </footer>
    </div>
  );
}
