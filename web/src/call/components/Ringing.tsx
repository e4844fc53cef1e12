/** Somebody calls a customer back who has left the call: what for, and the button that answers. */

import { PhoneIncoming } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { useConsent } from "../useConsent";
import { useRingtone } from "../useRingtone";
import type { Tickets } from "../useTickets";
import styles from "./Ringing.module.css";

interface Props {
  tickets: Tickets;
  /** Called with the version of the text that the customer agreed to. */
  onAnswer: (consentVersion: string) => void;
}

export function Ringing({ tickets, onAnswer }: Props) {
  const { t } = useTranslation("call");
  const { data: consent } = useConsent();
  const [refused, setRefused] = useState<string | null>();
  const ringing = tickets.tickets.find(
    ({ person }) => person.state === "ringing" && person.since !== refused,
  );
  const title = t("ring.title", { name: ringing?.person.name });
  useRingtone(ringing !== undefined, title);
  const refuse = () => {
    setRefused(ringing?.person.since);
  };
  return (
    <Dialog isOpen={ringing !== undefined} title={title} onClose={refuse} data-testid="ringing">
      <p>{t("ring.about", { number: ringing?.number, subject: ringing?.subject })}</p>
      <div className={styles.answer}>
        <Button
          look="primary"
          size="large"
          data-testid="answer-call"
          aria-describedby="answer-means"
          isDisabled={!consent}
          onPress={() => {
            if (consent) onAnswer(consent.version);
          }}
        >
          <PhoneIncoming aria-hidden="true" />
          {t("ring.answer")}
        </Button>
        <Button look="quiet" size="large" onPress={refuse}>
          {t("ring.refuse")}
        </Button>
      </div>
      <p id="answer-means" className={styles.means}>
        {t("end.means")}
      </p>
    </Dialog>
  );
}
