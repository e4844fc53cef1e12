/** Asking for a person: whether one may, and what has come of it so far. */

import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Ticket } from "../ticket/promises";

/** The assistant has understood by then, and the ticket tells; in milliseconds. */
const UNDERSTOOD_MS = 15_000;

export interface AskPerson {
  /** Absent where nobody can be asked, or a person is on the way. */
  ask: (() => void) | undefined;
  /** It was sent, and nothing has come of it yet. */
  isAsked: boolean;
}

/** `onAsk`: says it to the assistant and tells whether it was sent; absent while nobody is there to be told. */
export function useAskPerson(
  tickets: readonly Ticket[],
  onAsk: ((text: string) => Promise<boolean>) | undefined,
): AskPerson {
  const { t } = useTranslation("call");
  const [isSent, setIsSent] = useState(false);
  const isWanted = tickets.some(({ person }) =>
    ["calling", "coming", "here"].includes(person.state),
  );

  useEffect(() => {
    if (!isSent) return;
    const timer = setTimeout(() => {
      setIsSent(false);
    }, UNDERSTOOD_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [isSent]);

  const ask = onAsk && (() => void onAsk(t("answer.human_request")).then(setIsSent));
  return { ask: isWanted || isSent ? undefined : ask, isAsked: isSent && !isWanted };
}
