/** What there is to do until a launch, to be ticked; during a call one line that opens. */

import { Check } from "lucide-react";
import { useTranslation } from "react-i18next";
import { CheckboxButton, CheckboxField } from "react-aria-components";
import { languageTagOf } from "../../i18n";
import { classes } from "../../ui/classes";
import type { Checklists } from "../useChecklists";
import styles from "./ChecklistCards.module.css";

interface Props {
  checklists: Checklists;
  /** A phone has no room for more than a line beside a call. */
  short: boolean;
}

export function ChecklistCards({ checklists: { checklists, tick, hasFailed }, short }: Props) {
  const { t } = useTranslation("call");
  if (checklists.length === 0) return null;
  return (
    <section className={styles.cards} data-testid="checklist" aria-label={t("checklist.label")}>
      {checklists.map(({ scenario, items }) => (
        <details key={scenario} className={styles.card} open={!short}>
          <summary>
            {t("checklist.heading")}{" "}
            <span className={styles.count}>
              {t("checklist.count", {
                done: items.filter(({ done_at }) => done_at !== null).length,
                all: items.length,
              })}
            </span>
          </summary>
          <ul className={classes(styles.items, short && styles.short)}>
            {items.map(({ id, text, done_at }) => (
              <li key={id}>
                <CheckboxField
                  isSelected={done_at !== null}
                  onChange={(done) => {
                    tick(id, done);
                  }}
                >
                  <CheckboxButton className={classes(styles.item)}>
                    <span className={styles.box} aria-hidden="true">
                      {done_at !== null && <Check />}
                    </span>
                    <span lang={languageTagOf(text)}>{text}</span>
                  </CheckboxButton>
                </CheckboxField>
              </li>
            ))}
          </ul>
        </details>
      ))}
      <p role="status" className={styles.told}>
        {hasFailed && t("checklist.failed")}
      </p>
    </section>
  );
}
