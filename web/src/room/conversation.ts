/** The call as read on the page: captions, typed questions and answers in, exchanges in order out. */

import type { components } from "../api/schema";
import type { RoomText, Sender } from "./roomTexts";

export interface Caption extends Sender {
  id: string;
  text: string;
  /** False while the text may still be replaced (what somebody says) or go on (what the assistant says). */
  final: boolean;
}

export type Citation = components["schemas"]["CitedEntry"];
type AnswerEnded = components["schemas"]["AnswerEnded"];
/** What the assistant tells of an answer: when it begins, and again when the turn is over. */
export type Answer = components["schemas"]["AnswerBegun"] | AnswerEnded;

export type Item = { kind: "caption"; caption: Caption } | { kind: "answer"; answer: Answer };

/** What was seen so far, by first arrival: clocks of two machines are never compared. */
export type Conversation = readonly Item[];

/** What the customer said up to the next word of somebody else, and what was answered to it. */
export interface Exchange {
  id: string;
  captions: Caption[];
  answers: Answer[];
}

const SEGMENT_ID = "lk.segment_id";
const FINAL = "lk.transcription_final";

/** A segment comes as several streams (what is heard) or as one that grows (assistant): one caption. */
export function captionOf({ id, speaker, who, text, attributes, ended }: RoomText): Caption {
  return {
    id: attributes[SEGMENT_ID] ?? id,
    speaker,
    who,
    text: text.trim(),
    final: speaker === "assistant" ? ended : attributes[FINAL] === "true",
  };
}

/** What the assistant tells of an answer, once it has arrived whole. From nobody else. */
export function answerOf({ speaker, text, ended }: RoomText): Answer | undefined {
  if (speaker !== "assistant" || !ended) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isAnswer(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Tells an answer from a message of an assistant that is older or newer than this page. */
function isAnswer(value: unknown): value is Answer {
  return (
    typeof value === "object" &&
    value !== null &&
    "turn" in value &&
    typeof value.turn === "number" &&
    "declined" in value &&
    typeof value.declined === "boolean" &&
    "citations" in value &&
    Array.isArray(value.citations)
  );
}

export function wasInterrupted(answer: Answer | undefined): boolean {
  return answer !== undefined && "interrupted" in answer && answer.interrupted;
}

/**
 * Put an item where it belongs: a known caption is replaced in place, the second message of a turn
 * replaces the first, anything else comes last. A caption without words is none.
 */
export function withItem(conversation: Conversation, item: Item): Conversation {
  if (item.kind === "caption" && item.caption.text === "") return conversation;
  const index = conversation.findIndex((other) => keyOf(other) === keyOf(item));
  return index === -1 ? [...conversation, item] : conversation.with(index, item);
}

function keyOf(item: Item): string {
  return item.kind === "caption" ? item.caption.id : `turn-${String(item.answer.turn)}`;
}

/**
 * Group into exchanges: a new one begins when the customer speaks after somebody else has, and when a colleague
 * speaks after the assistant has.
 */
export function exchangesOf(conversation: Conversation): Exchange[] {
  const exchanges: Exchange[] = [];
  let answering = true;
  for (const item of conversation) {
    const asks = saidBy(item, "customer");
    const takesOver = saidBy(item, "human") && answering;
    let exchange = exchanges.at(-1);
    if (exchange === undefined || (asks && answering) || (takesOver && !hasHuman(exchange))) {
      exchange = { id: keyOf(item), captions: [], answers: [] };
      exchanges.push(exchange);
    }
    if (item.kind === "caption") exchange.captions.push(item.caption);
    else exchange.answers.push(item.answer);
    answering = !asks;
  }
  return exchanges;
}

function saidBy(item: Item, speaker: Caption["speaker"]): boolean {
  return item.kind === "caption" && item.caption.speaker === speaker;
}

function hasHuman({ captions }: Exchange): boolean {
  return captions.some(({ speaker }) => speaker === "human");
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
  /** Those put to the assistant. */
  questions: number;
  answered: number;
  sources: Citation[];
}

export function summaryOf(conversation: Conversation): Summary {
  const exchanges = exchangesOf(conversation);
  const asked = exchanges.filter(
    (exchange) =>
      exchange.captions.some(({ speaker }) => speaker === "customer") && !hasHuman(exchange),
  );
  return {
    questions: asked.length,
    answered: asked.filter(({ answers }) => citationsOf(answers).length > 0).length,
    sources: citationsOf(exchanges.flatMap(({ answers }) => answers)),
  };
}

/** The last caption that will not change any more: what a screen reader is told. */
export function lastSettled(conversation: Conversation): Caption | undefined {
  return conversation
    .filter((item) => item.kind === "caption")
    .map(({ caption }) => caption)
    .findLast(({ final }) => final);
}
