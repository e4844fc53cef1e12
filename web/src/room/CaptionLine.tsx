/** What somebody says, as it is said. */

import { languageTagOf } from "../i18n";
import type { Caption } from "./conversation";
import styles from "./CaptionLine.module.css";

interface Props {
  caption: Caption;
  /** Who says it; left out where the line above has it. */
  label: string | undefined;
  /** That it was cut short. */
  cut?: string | undefined;
}

const TEST_IDS = {
  customer: "caption-user",
  assistant: "caption-agent",
  human: "caption-human",
} as const;

export function CaptionLine({ caption, label, cut }: Props) {
  const { speaker, text, final } = caption;
  return (
    <div className={styles[speaker]}>
      {label !== undefined && <p className={styles.speaker}>{label}</p>}
      <p
        className={styles.text}
        lang={languageTagOf(text)}
        data-testid={TEST_IDS[speaker]}
        data-final={final}
      >
        {text}
      </p>
      {cut !== undefined && (
        <p className={styles.cut} data-testid="cut">
          {cut}
        </p>
      )}
    </div>
  );
}
