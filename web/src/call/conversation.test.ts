import { describe, expect, it } from "vitest";
import {
  type Answer,
  answerOf,
  type Caption,
  captionOf,
  citationsOf,
  type Conversation,
  exchangesOf,
  lastSettled,
  summaryOf,
  withAnswers,
  withCaptions,
} from "./conversation";

const said = (speaker: Caption["speaker"], id: string, text = id, final = true): Caption => ({
  id,
  speaker,
  text,
  final,
});

const answer = (turn: number, ids: string[], rest: Partial<Answer> = {}): Answer => ({
  turn,
  language: "en",
  declined: false,
  interrupted: false,
  citations: ids.map((id) => ({ id, title: id, language: "en", version: 1, score: 0.9 })),
  ...rest,
});

const EMPTY: Conversation = [];

describe("captionOf", () => {
  const stream = (identity: string, attributes?: Record<string, string>) => ({
    text: " hello ",
    participantInfo: { identity },
    streamInfo: { id: "stream", ...(attributes && { attributes }) },
  });

  it("goes by the segment, not by the stream", () => {
    const attributes = { "lk.segment_id": "SG_1", "lk.transcription_final": "true" };
    expect(captionOf(stream("me", attributes), "me")).toEqual(said("customer", "SG_1", "hello"));
  });

  it("takes everybody else for the assistant, and text without the mark for unfinished", () => {
    expect(captionOf(stream("agent"), "me")).toEqual(said("assistant", "stream", "hello", false));
  });
});

describe("answerOf", () => {
  it("waits until the message is whole", () => {
    expect(answerOf('{"turn": 1, "citat')).toBeUndefined();
    expect(answerOf("null")).toBeUndefined();
    expect(answerOf('{"other": 1}')).toBeUndefined();
  });

  it("reads the first message, which has no answer yet", () => {
    const message = { turn: 2, question: "why", language: "zh", declined: true, citations: [] };
    expect(answerOf(JSON.stringify(message))).toEqual(
      answer(2, [], { language: "zh", declined: true }),
    );
  });
});

describe("withCaptions", () => {
  it("replaces an interim text in place", () => {
    const first = withCaptions(EMPTY, [said("customer", "a", "how", false)]);
    const then = withCaptions(first, [said("assistant", "b"), said("customer", "a", "how do I")]);
    expect(then.map((item) => item.kind === "caption" && item.caption.text)).toEqual([
      "how do I",
      "b",
    ]);
  });

  it("keeps what the room has forgotten, and shows no empty line", () => {
    const before = withCaptions(EMPTY, [said("customer", "a")]);
    expect(withCaptions(before, [])).toBe(before);
    expect(withCaptions(before, [said("assistant", "b", "")])).toBe(before);
  });
});

describe("exchangesOf", () => {
  it("begins a new one when the customer speaks after the assistant", () => {
    let items = withCaptions(EMPTY, [said("assistant", "greeting")]);
    items = withCaptions(items, [said("customer", "q1"), said("customer", "q1 more")]);
    items = withAnswers(items, [answer(1, ["echo"])]);
    items = withCaptions(items, [said("assistant", "a1"), said("customer", "q2")]);
    items = withAnswers(items, [answer(2, [], { declined: true })]);
    expect(exchangesOf(items).map(({ captions }) => captions.map(({ id }) => id))).toEqual([
      ["greeting"],
      ["q1", "q1 more", "a1"],
      ["q2"],
    ]);
  });

  it("leaves a late second message with the turn it belongs to", () => {
    let items = withCaptions(EMPTY, [said("customer", "q1")]);
    items = withAnswers(items, [answer(1, ["echo"])]);
    items = withCaptions(items, [said("assistant", "a1"), said("customer", "q2", "wait", false)]);
    items = withAnswers(items, [answer(1, ["echo"], { interrupted: true })]);
    const [first, second] = exchangesOf(items);
    expect(first?.answers).toEqual([answer(1, ["echo"], { interrupted: true })]);
    expect(second?.answers).toEqual([]);
  });
});

describe("citationsOf", () => {
  it("names each entry once and none for a declined answer", () => {
    const answers = [answer(1, ["a", "b"]), answer(2, ["b", "c"]), answer(3, ["d"], { declined: true })];
    expect(citationsOf(answers).map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });
});

describe("summaryOf", () => {
  it("counts what was asked and what was answered from a source", () => {
    let items = withCaptions(EMPTY, [said("assistant", "greeting"), said("customer", "q1")]);
    items = withAnswers(items, [answer(1, ["a"])]);
    items = withCaptions(items, [said("assistant", "a1"), said("customer", "q2")]);
    items = withAnswers(items, [answer(2, [], { declined: true })]);
    const { questions, answered, sources } = summaryOf(items);
    expect([questions, answered, sources.length]).toEqual([2, 1, 1]);
  });
});

describe("lastSettled", () => {
  it("passes over what is still being said", () => {
    const items = withCaptions(EMPTY, [
      said("customer", "q"),
      said("assistant", "a", "an answer", false),
      said("customer", "q2", "but", false),
    ]);
    expect(lastSettled(items, true)?.id).toBe("q");
    expect(lastSettled(items, false)?.id).toBe("a");
  });
});
