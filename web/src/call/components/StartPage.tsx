/** Before a call: what this is (or why the last try failed), what happens to the customer's words, one button. */

import { FileText, Keyboard, Phone, UsersRound } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Problem } from "../problem";
import { ProblemNotice } from "./ProblemNotice";
import { Button } from "../../ui/Button";
import styles from "./StartPage.module.css";

interface Props {
  problem: Problem | undefined;
  onStart: () => void;
}

const POINTS = [
  { key: "what", Icon: FileText },
  { key: "who", Icon: UsersRound },
  { key: "choice", Icon: Keyboard },
] as const;

export function StartPage({ problem, onStart }: Props) {
  const { t } = useTranslation("call");
  return (
    <main className={`container ${styles.page ?? ""}`}>
      <div className={styles.welcome}>
        <h1>{t("start.heading")}</h1>
        {problem ? <ProblemNotice problem={problem} /> : <p>{t("start.sentence")}</p>}
      </div>
      <div className={styles.consent}>
        <h2>{t("consent.heading")}</h2>
        <ul>
          {POINTS.map(({ key, Icon }) => (
            <li key={key}>
              <Icon aria-hidden="true" />
              {t(`consent.${key}`)}
            </li>
          ))}
        </ul>
        <div className={styles.begin}>
          <Button
            look="primary" size="large"
            data-testid="start-call"
            aria-describedby="start-means"
            onPress={onStart}
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
