/** Above the composer: the ticket that matters most, and the button that asks for a person. */

import { useTranslation } from "react-i18next";
import { Button } from "../../ui/Button";
import type { AskPerson } from "../useAskPerson";
import type { Tickets } from "../useTickets";
import styles from "./PersonBar.module.css";
import { TicketCard } from "./TicketCard";

interface Props {
  tickets: Tickets;
  asking: AskPerson;
}

export function PersonBar({ tickets: { tickets, now }, asking }: Props) {
  const { t } = useTranslation("call");
  const ticket = tickets.find(({ status }) => status !== "resolved") ?? tickets[0];
  return (
    <div className={styles.bar}>
      {ticket && <TicketCard ticket={ticket} now={now} inCall />}
      <div className={styles.ask}>
        <Button look="quiet" data-testid="ask-person" isDisabled={!asking.ask} onPress={asking.ask}>
          {t("answer.human")}
        </Button>
        <p role="status">{asking.isAsked && t("person.asked")}</p>
      </div>
    </div>
  );
}
