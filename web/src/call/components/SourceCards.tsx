/** The entries that an answer rests on, each a card that opens the entry. */

import { BookOpen } from "lucide-react";
import { Button } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { languageTagOf } from "../../i18n";
import { classes } from "../../ui/classes";
import type { Citation } from "../../room/conversation";
import styles from "./SourceCards.module.css";

interface Props {
  citations: readonly Citation[];
  onOpen: (citation: Citation) => void;
}

export function SourceCards({ citations, onOpen }: Props) {
  const { t } = useTranslation("call");
  if (citations.length === 0) return null;
  return (
    <ul className={styles.cards} aria-label={t("answer.sources")}>
      {citations.map((citation) => (
        <li key={citation.id}>
          <Button
            className={classes(styles.card)}
            data-testid="source-card"
            data-entry-id={citation.id}
            aria-label={t("answer.open", { title: citation.title })}
            onPress={() => {
              onOpen(citation);
            }}
          >
            <BookOpen aria-hidden="true" />
            <span className={styles.title} lang={languageTagOf(citation.title)}>
              {citation.title}
            </span>
          </Button>
        </li>
      ))}
    </ul>
  );
}
