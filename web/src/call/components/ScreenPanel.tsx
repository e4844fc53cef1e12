/** What the assistant has read on the shared screen, and that only this text is kept. */

import { useTranslation } from "react-i18next";
import { languageTagOf } from "../../i18n";
import type { Screen } from "../useScreen";
import styles from "./ScreenPanel.module.css";

export function ScreenPanel({ screen: { isShared, read } }: { screen: Screen }) {
  const { t } = useTranslation("call");
  if (!isShared && read === undefined) return null;
  const codes = read?.codes ?? [];
  return (
    <section className={styles.panel} aria-label={t("screen.label")} data-testid="screen-panel">
      <p className={styles.head} role="status">
        {t(read === undefined ? "screen.reading" : read.lines.length === 0 ? "screen.empty" : "screen.label")}
        {codes.length > 0 && (
          <strong className={styles.codes} data-testid="screen-codes">
            {t("screen.codes", { codes: codes.join(t("source.and")), count: codes.length })}
          </strong>
        )}
      </p>
      {read !== undefined && read.lines.length > 0 && (
        <ul
          className={styles.lines}
          aria-label={t("screen.label")}
          data-testid="screen-lines"
          // A region that scrolls must be reachable by keyboard (WCAG 2.1.1).
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          tabIndex={0}
        >
          {read.lines.map(({ text, tells }, number) => (
            <li key={number} lang={languageTagOf(text)}>
              {tells ? <mark>{text}</mark> : text}
            </li>
          ))}
        </ul>
      )}
      <p className={styles.note}>{t("screen.kept")}</p>
    </section>
  );
}
