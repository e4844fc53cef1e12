/** What both sides say, as it is said, with the sources of each answer in its margin. */

import { useLocalParticipant } from "@livekit/components-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { languageTagOf } from "../../i18n";
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
} from "../conversation";
import styles from "./Captions.module.css";
import { SourceCards } from "./SourceCards";

interface Props {
  conversation: Conversation;
  onOpen: (citation: Citation) => void;
  /** Absent while nobody is there to be asked. */
  onAsk: ((text: string) => void) | undefined;
}

export function Captions({ conversation, onOpen, onAsk }: Props) {
  const { t } = useTranslation("call");
  const exchanges = exchangesOf(conversation);
  const settled = lastSettled(conversation);
  const nothingAsked = exchanges.every(({ captions }) =>
    captions.every(({ speaker }) => speaker === "assistant"),
  );
  // Before the first question the greeting stays in view above the suggestions.
  const scroller = useFollowedEnd(nothingAsked ? undefined : conversation);

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
            onAsk={onAsk}
          />
        ))}
      </ol>
      {nothingAsked && onAsk && <Starters onAsk={onAsk} />}
      <p className="visually-hidden" aria-live="polite">
        {settled && `${t(`speaker.${settled.speaker}`)}: ${settled.text}`}
      </p>
    </section>
  );
}

interface ExchangeProps {
  exchange: Exchange;
  onOpen: (citation: Citation) => void;
  onAsk: ((text: string) => void) | undefined;
}

function ExchangeRow({ exchange, onOpen, onAsk }: ExchangeProps) {
  const { t } = useTranslation("call");
  const { captions, answers } = exchange;
  const citations = citationsOf(answers);
  const declined = answers.some((answer) => answer.declined);
  const interrupted = wasInterrupted(answers.at(-1));
  return (
    <li className={styles.exchange}>
      <div className={styles.speech}>
        {captions.map((caption, index) => (
          <CaptionLine
            key={caption.id}
            caption={caption}
            isFirst={captions[index - 1]?.speaker !== caption.speaker}
            isCut={interrupted && index === captions.length - 1}
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
                isDisabled={!onAsk}
                onPress={() => onAsk?.(t("answer.human_request"))}
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

interface LineProps {
  caption: Caption;
  isFirst: boolean;
  isCut: boolean;
}

function CaptionLine({ caption, isFirst, isCut }: LineProps) {
  const { t } = useTranslation("call");
  const { speaker, text, final } = caption;
  const isCustomer = speaker === "customer";
  return (
    <div className={isCustomer ? styles.customer : styles.assistant}>
      {isFirst && <p className={styles.speaker}>{t(`speaker.${speaker}`)}</p>}
      <p
        className={styles.text}
        lang={languageTagOf(text)}
        data-testid={isCustomer ? "caption-user" : "caption-agent"}
        data-final={final}
      >
        {text}
      </p>
      {isCut && !isCustomer && <p className={styles.cut} data-testid="cut">{t("call.cut")}</p>}
    </div>
  );
}

const STARTERS = ["join", "echo", "regions"] as const;

function Starters({ onAsk }: { onAsk: (text: string) => void }) {
  const { t } = useTranslation("call");
  const { isMicrophoneEnabled } = useLocalParticipant();
  return (
    <div className={`container ${styles.starters ?? ""}`}>
      {isMicrophoneEnabled && <p>{t("call.hint")}</p>}
      <p className={styles.speaker}>{t("call.starters")}</p>
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

/** Keep the newest line in view, unless the customer has scrolled back to read. */
function useFollowedEnd(content: unknown) {
  const scroller = useRef<HTMLElement>(null);
  const following = useRef(true);
  const NEAR_PX = 80;

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const onScroll = () => {
      const below = element.scrollHeight - element.clientHeight - element.scrollTop;
      following.current = below < NEAR_PX;
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      element.removeEventListener("scroll", onScroll);
    };
  }, []);

  useEffect(() => {
    if (content && following.current) scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  }, [content]);

  return scroller;
}
