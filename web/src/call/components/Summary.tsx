/** A call in writing: what it was about, what was agreed, what is open, what comes next. */

import { useTranslation } from "react-i18next";
import type { CallSummary } from "../../api/client";
import { LANGUAGE_NAMES } from "../../i18n";
import styles from "./Summary.module.css";

export function Summary({ summary }: { summary: CallSummary }) {
  const { t } = useTranslation("call");
  const { language, sections, mailed_at } = summary;
  if (sections.length === 0) return null;
  return (
    <section className={styles.summary} data-testid="written-summary">
      <h2>{t("summary.heading")}</h2>
      <div className={styles.sections} lang={LANGUAGE_NAMES[language].tag}>
        {sections.map(({ heading, lines }) => (
          <div key={heading}>
            <h3>{heading}</h3>
            <ul>
              {lines.map((line, index) => (
                <li key={index}>{line}</li>
              ))}
            </ul>
          </div>
        ))}
      </div>
      {mailed_at !== null && <p>{t("summary.mailed")}</p>}
    </section>
  );
}
