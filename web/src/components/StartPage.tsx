/** Before a call: what this is (or why the last try failed), what happens to the customer's words, one button. */

import { FileText, Keyboard, Phone, UsersRound } from "lucide-react";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { Problem } from "../problem";
import { Notice } from "./Notice";
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
  const { t } = useTranslation();
  return (
    <main className={`container ${styles.page ?? ""}`}>
      <div className={styles.welcome}>
        <h1>{t("start.heading")}</h1>
        {problem ? <Notice problem={problem} /> : <p>{t("start.sentence")}</p>}
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
            className="button primary large"
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
