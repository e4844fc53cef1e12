/** Before a call: what this is (or why the last try failed), what happens to the customer's words, one button. */

import { Phone } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../ui/Button";
import type { Problem } from "../../problem";
import { useConsent } from "../useConsent";
import { ProblemNotice } from "./ProblemNotice";
import styles from "./StartPage.module.css";

interface Props {
  problem: Problem | undefined;
  /** Called with the version of the text that the customer agreed to. */
  onStart: (consentVersion: string) => void;
  /** Stands before the button. */
  children?: ReactNode;
}

export function StartPage({ problem, onStart, children }: Props) {
  const { t } = useTranslation("call");
  const { data: consent, isError, refetch } = useConsent();
  return (
    <main className={`container ${styles.page ?? ""}`}>
      <div className={styles.welcome}>
        <h1>{t("start.heading")}</h1>
        {problem ? <ProblemNotice problem={problem} /> : <p>{t("start.sentence")}</p>}
      </div>
      <div className={styles.consent}>
        {consent && (
          <>
            <h2>{consent.heading}</h2>
            <ul>
              {consent.sentences.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          </>
        )}
        {isError && (
          <ProblemNotice problem={{ kind: "consent_unreachable" }}>
            <Button look="quiet" onPress={() => void refetch()}>
              {t("retry")}
            </Button>
          </ProblemNotice>
        )}
        {!consent && !isError && <p role="status">{t("consent.loading")}</p>}
        {children}
        <div className={styles.begin}>
          <Button
            look="primary"
            size="large"
            data-testid="start-call"
            aria-describedby="start-means"
            isDisabled={!consent}
            onPress={() => {
              if (consent) onStart(consent.version);
            }}
          >
            <Phone aria-hidden="true" />
            {t("start.begin")}
          </Button>
          <p id="start-means">{t("start.means")}</p>
        </div>
      </div>
    </main>
  );
}
