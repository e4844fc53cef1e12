/** What everybody in a call says, as it is said, with the sources of each answer in its margin. */

import { useLocalParticipant } from "@livekit/components-react";
import { useTranslation } from "react-i18next";
import { CaptionLine } from "../../room/CaptionLine";
import { useFollowedEnd } from "../../room/useFollowedEnd";
import { Button } from "../../ui/Button";
import {
  type Caption,
  type Citation,
  citationsOf,
  type Conversation,
  type Exchange,
  exchangesOf,
  lastSettled,
  wasInterrupted,
} from "../../room/conversation";
import styles from "./Captions.module.css";
import { SourceCards } from "./SourceCards";

interface Props {
  conversation: Conversation;
  onOpen: (citation: Citation) => void;
  /** Absent while nobody is there to be asked. */
  onAsk: ((text: string) => void) | undefined;
  /** Absent while nobody can be asked, or a person is on the way. */
  onAskPerson: (() => void) | undefined;
}

export function Captions({ conversation, onOpen, onAsk, onAskPerson }: Props) {
  const nameOf = useSpeakerName();
  const { t } = useTranslation("call");
  const exchanges = exchangesOf(conversation);
  const settled = lastSettled(conversation);
  const nothingAsked = exchanges.every(({ captions }) =>
    captions.every(({ speaker }) => speaker === "assistant"),
  );
  // Before the first question the greeting stays in view above the suggestions.
  const scroller = useFollowedEnd<HTMLElement>(nothingAsked ? undefined : conversation);

  return (
    <section
      ref={scroller}
      className={styles.scroller}
      aria-label={t("call.captions")}
      data-testid="captions"
      // A region that scrolls must be reachable by keyboard (WCAG 2.1.1).
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
    >
      <ol className={`container ${styles.exchanges ?? ""}`}>
        {exchanges.map((exchange) => (
          <ExchangeRow
            key={exchange.id}
            exchange={exchange}
            onOpen={onOpen}
            onAskPerson={onAskPerson}
          />
        ))}
      </ol>
      {nothingAsked && onAsk && <Starters onAsk={onAsk} />}
      <p className="visually-hidden" aria-live="polite">
        {settled && `${nameOf(settled)}: ${settled.text}`}
      </p>
    </section>
  );
}

interface ExchangeProps {
  exchange: Exchange;
  onOpen: (citation: Citation) => void;
  onAskPerson: (() => void) | undefined;
}

function ExchangeRow({ exchange, onOpen, onAskPerson }: ExchangeProps) {
  const { t } = useTranslation("call");
  const nameOf = useSpeakerName();
  const { captions, answers } = exchange;
  const citations = citationsOf(answers);
  const declined = answers.some((answer) => answer.declined);
  const interrupted = wasInterrupted(answers.at(-1));
  const isCut = (caption: Caption) =>
    interrupted && caption === captions.at(-1) && caption.speaker === "assistant";
  return (
    <li className={styles.exchange}>
      <div className={styles.speech}>
        {captions.map((caption, index) => (
          <CaptionLine
            key={caption.id}
            caption={caption}
            label={isSame(captions[index - 1], caption) ? undefined : nameOf(caption)}
            cut={isCut(caption) ? t("call.cut") : undefined}
          />
        ))}
      </div>
      {(citations.length > 0 || declined) && (
        <aside className={styles.margin}>
          {declined && (
            <div className={styles.declined} data-testid="declined">
              <p>{t("answer.declined")}</p>
              <Button
                look="quiet"
                isDisabled={!onAskPerson}
                onPress={onAskPerson}
              >
                {t("answer.human")}
              </Button>
            </div>
          )}
          <SourceCards citations={citations} onOpen={onOpen} />
        </aside>
      )}
    </li>
  );
}

function isSame(one: Caption | undefined, other: Caption): boolean {
  return one?.speaker === other.speaker && one.who === other.who;
}

/** How the page calls whoever says a caption. */
function useSpeakerName(): (caption: Caption) => string {
  const { t } = useTranslation("call");
  return ({ speaker, who }) => (who === "" ? t(`speaker.${speaker}`) : who);
}

const STARTERS = ["join", "echo", "regions"] as const;

function Starters({ onAsk }: { onAsk: (text: string) => void }) {
  const { t } = useTranslation("call");
  const { isMicrophoneEnabled } = useLocalParticipant();
  return (
    <div className={`container ${styles.starters ?? ""}`}>
      {isMicrophoneEnabled && <p>{t("call.hint")}</p>}
      <p className={styles.example}>{t("call.starters")}</p>
      <ul>
        {STARTERS.map((key) => (
          <li key={key}>
            <Button
              look="link"
              onPress={() => {
                onAsk(t(`call.starter.${key}`));
              }}
            >
              {t(`call.starter.${key}`)}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
