/** The call as read on the page: captions, typed questions and answers in, exchanges in order out. */

export type Speaker = "customer" | "assistant";

export interface Caption {
  id: string;
  speaker: Speaker;
  text: string;
  /** False while the text may still be replaced (customer) or go on (assistant). */
  final: boolean;
}

export interface Citation {
  id: string;
  title: string;
  language: string;
  version: number;
  score: number;
}

/** One `liuke.answer` message: sent when the answer begins, and again when the turn is over. */
export interface Answer {
  turn: number;
  language: string;
  declined: boolean;
  citations: Citation[];
  interrupted: boolean;
}

type Item = { kind: "caption"; caption: Caption } | { kind: "answer"; answer: Answer };

/** What was seen so far, by first arrival: clocks of two machines are never compared. */
export type Conversation = readonly Item[];

/** What the customer said up to the assistant's next word, and what was answered to it. */
export interface Exchange {
  id: string;
  captions: Caption[];
  answers: Answer[];
}

/** A text stream of the room, as `useTextStream` gives it. */
export interface TextStream {
  text: string;
  participantInfo: { identity: string };
  streamInfo: { id: string; attributes?: Record<string, string> };
}

const SEGMENT_ID = "lk.segment_id";
const FINAL = "lk.transcription_final";

/** A segment comes as several streams (customer) or as one that grows (assistant): one caption. */
export function captionOf(stream: TextStream, customer: string): Caption {
  const { id, attributes } = stream.streamInfo;
  return {
    id: attributes?.[SEGMENT_ID] ?? id,
    speaker: stream.participantInfo.identity === customer ? "customer" : "assistant",
    text: stream.text.trim(),
    final: attributes?.[FINAL] === "true",
  };
}

/** An answer message, or nothing while its stream has not arrived whole. */
export function answerOf(text: string): Answer | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const answer = value as Partial<Answer> | null;
  if (typeof answer?.turn !== "number") return undefined;
  return {
    turn: answer.turn,
    language: answer.language ?? "",
    declined: answer.declined ?? false,
    citations: answer.citations ?? [],
    interrupted: answer.interrupted ?? false,
  };
}

/** Put captions where they belong: a known segment is replaced in place, a new one is appended. */
export function withCaptions(conversation: Conversation, captions: readonly Caption[]): Conversation {
  return captions
    .filter(({ text }) => text !== "")
    .reduce<Conversation>(
      (items, caption) =>
        replaceOrAppend(
          items,
          { kind: "caption", caption },
          (item) => item.kind === "caption" && item.caption.id === caption.id,
        ),
      conversation,
    );
}

/** Put answers where they belong: the second message of a turn replaces the first. */
export function withAnswers(conversation: Conversation, answers: readonly Answer[]): Conversation {
  return answers.reduce<Conversation>(
    (items, answer) =>
      replaceOrAppend(
        items,
        { kind: "answer", answer },
        (item) => item.kind === "answer" && item.answer.turn === answer.turn,
      ),
    conversation,
  );
}

function replaceOrAppend(
  items: Conversation,
  item: Item,
  isSame: (other: Item) => boolean,
): Conversation {
  const index = items.findIndex(isSame);
  return index === -1 ? [...items, item] : items.with(index, item);
}

/** Group into exchanges: a new one begins when the customer speaks after the assistant has. */
export function exchangesOf(conversation: Conversation): Exchange[] {
  const exchanges: Exchange[] = [];
  let answering = true;
  for (const item of conversation) {
    const asks = item.kind === "caption" && item.caption.speaker === "customer";
    let exchange = exchanges.at(-1);
    if (exchange === undefined || (asks && answering)) {
      const id = item.kind === "caption" ? item.caption.id : `turn-${String(item.answer.turn)}`;
      exchange = { id, captions: [], answers: [] };
      exchanges.push(exchange);
    }
    if (item.kind === "caption") exchange.captions.push(item.caption);
    else exchange.answers.push(item.answer);
    answering = !asks;
  }
  return exchanges;
}

/** The citations of some answers, each entry once, in the order they were first named. */
export function citationsOf(answers: readonly Answer[]): Citation[] {
  const byId = new Map<string, Citation>();
  for (const { declined, citations } of answers) {
    if (declined) continue;
    for (const citation of citations) if (!byId.has(citation.id)) byId.set(citation.id, citation);
  }
  return [...byId.values()];
}

export interface Summary {
  questions: number;
  answered: number;
  sources: Citation[];
}

export function summaryOf(conversation: Conversation): Summary {
  const exchanges = exchangesOf(conversation);
  const asked = exchanges.filter(({ captions }) =>
    captions.some(({ speaker }) => speaker === "customer"),
  );
  return {
    questions: asked.length,
    answered: asked.filter(({ answers }) => citationsOf(answers).length > 0).length,
    sources: citationsOf(exchanges.flatMap(({ answers }) => answers)),
  };
}

/** The last caption of each speaker that will not change any more: what a screen reader is told. */
export function lastSettled(conversation: Conversation, speaking: boolean): Caption | undefined {
  return conversation
    .filter((item) => item.kind === "caption")
    .map(({ caption }) => caption)
    .findLast(({ speaker, final }) => final || (speaker === "assistant" && !speaking));
}
