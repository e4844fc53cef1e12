/** What was said before one came, and what is being said since, in one list. */

import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import type { Page } from "../../api/client";
import { CaptionLine } from "../../room/CaptionLine";
import { type Caption, type Conversation, lastSettled } from "../../room/conversation";
import type { Sender } from "../../room/roomTexts";
import styles from "./Transcript.module.css";

/** Text that was read off the customer's screen. */
interface Shown {
  id: string;
  shown: string;
}

interface Props {
  scroller: RefObject<HTMLElement | null>;
  said: Page["transcript"];
  conversation: Conversation;
  /** Who calls, where they have a name. */
  contact: string;
}

export function Transcript({ scroller, said, conversation, contact }: Props) {
  const { t } = useTranslation("join");
  const nameOf = ({ speaker, who }: Sender) => {
    if (speaker === "human") return who;
    return (speaker === "customer" && contact) || t(`speaker.${speaker}`);
  };
  const before = said.map(({ speaker, who, text }, index) =>
    speaker === "screen"
      ? { id: `shown-${String(index)}`, shown: text }
      : { id: `said-${String(index)}`, speaker, who, text, final: true },
  );
  const heard = conversation.flatMap((item) => (item.kind === "caption" ? [item.caption] : []));
  const lines: (Caption | Shown)[] = [...before, ...heard];
  const settled = lastSettled(conversation);
  return (
    <section
      ref={scroller}
      className={styles.transcript}
      aria-labelledby="transcript"
      data-testid="join-transcript"
      // A region that scrolls must be reachable by keyboard (WCAG 2.1.1).
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
    >
      <h2 id="transcript">{t("transcript.heading")}</h2>
      {lines.length === 0 && <p className={styles.empty}>{t("transcript.empty")}</p>}
      {lines.map((line, index) => {
        if ("shown" in line) {
          return (
            <details key={line.id} className={styles.screen} data-testid="join-screen">
              <summary>{t("screen")}</summary>
              <pre>{line.shown}</pre>
            </details>
          );
        }
        const last = lines[index - 1];
        const isSame =
          last && !("shown" in last) && last.speaker === line.speaker && last.who === line.who;
        return (
          <CaptionLine key={line.id} caption={line} label={isSame ? undefined : nameOf(line)} />
        );
      })}
      <p className="visually-hidden" aria-live="polite">
        {settled && `${nameOf(settled)}: ${settled.text}`}
      </p>
    </section>
  );
}
