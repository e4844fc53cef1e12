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
  wasInterrupted,
  withItem,
} from "./conversation";
import type { RoomText } from "./roomTexts";

const said = (speaker: Caption["speaker"], id: string, text = id, final = true): Caption => ({
  id,
  speaker,
  who: "",
  text,
  final,
});

const begun = (turn: number, ids: string[], declined = false): Answer => ({
  turn,
  question: "why",
  language: "en",
  declined,
  acknowledged: false,
  citations: ids.map((id) => ({ id, title: id, language: "en", version: 1, score: 0.9 })),
});

const ended = (turn: number, ids: string[], interrupted: boolean): Answer => ({
  ...begun(turn, ids),
  answer: "because",
  interrupted,
  timings_ms: {},
});

const EMPTY: Conversation = [];
const withCaptions = (items: Conversation, captions: Caption[]) =>
  captions.reduce<Conversation>((all, caption) => withItem(all, { kind: "caption", caption }), items);
const withAnswers = (items: Conversation, answers: Answer[]) =>
  answers.reduce<Conversation>((all, answer) => withItem(all, { kind: "answer", answer }), items);

const heard = (rest: Partial<RoomText>): RoomText => ({
  id: "stream",
  speaker: "assistant",
  who: "",
  text: " hello ",
  attributes: {},
  ended: false,
  ...rest,
});

describe("captionOf", () => {
  it("goes by the segment, not by the stream", () => {
    const attributes = { "lk.segment_id": "SG_1", "lk.transcription_final": "true" };
    expect(captionOf(heard({ speaker: "customer", attributes, ended: true }))).toEqual(
      said("customer", "SG_1", "hello"),
    );
  });

  it("takes the assistant's words for final when they end, the customer's when they are marked", () => {
    expect(captionOf(heard({})).final).toBe(false);
    expect(captionOf(heard({ ended: true })).final).toBe(true);
    expect(captionOf(heard({ speaker: "customer", ended: true })).final).toBe(false);
  });
});

describe("captionOf a colleague", () => {
  it("has their name, and stands when it is marked, like all that is heard", () => {
    const growing = heard({ speaker: "human", who: "Lin", ended: true });
    expect(captionOf(growing)).toMatchObject({ speaker: "human", who: "Lin", final: false });
    const attributes = { "lk.transcription_final": "true" };
    expect(captionOf({ ...growing, attributes }).final).toBe(true);
  });
});

describe("answerOf", () => {
  const text = JSON.stringify(begun(2, ["echo"]));

  it("reads what the assistant sends, once it is whole", () => {
    expect(answerOf(heard({ text, ended: true }))).toEqual(begun(2, ["echo"]));
    expect(answerOf(heard({ text: text.slice(0, 20) }))).toBeUndefined();
  });

  it("believes nobody else", () => {
    expect(answerOf(heard({ text, ended: true, speaker: "customer" }))).toBeUndefined();
  });

  it.each(["", "null", "{", '{"other": 1}', '{"turn": 1}', '{"turn": 1, "declined": false}'])(
    "passes over %s",
    (other) => {
      expect(answerOf(heard({ text: other, ended: true }))).toBeUndefined();
    },
  );
});

describe("withItem", () => {
  it("replaces an interim text in place", () => {
    const first = withCaptions(EMPTY, [said("customer", "a", "how", false)]);
    const then = withCaptions(first, [said("assistant", "b"), said("customer", "a", "how do I")]);
    expect(then.map((item) => item.kind === "caption" && item.caption.text)).toEqual([
      "how do I",
      "b",
    ]);
  });

  it("shows no empty line", () => {
    const before = withCaptions(EMPTY, [said("customer", "a")]);
    expect(withCaptions(before, [said("assistant", "b", "")])).toBe(before);
  });
});

describe("exchangesOf", () => {
  it("begins a new one when the customer speaks after the assistant", () => {
    let items = withCaptions(EMPTY, [said("assistant", "greeting")]);
    items = withCaptions(items, [said("customer", "q1"), said("customer", "q1 more")]);
    items = withAnswers(items, [begun(1, ["echo"])]);
    items = withCaptions(items, [said("assistant", "a1"), said("customer", "q2")]);
    items = withAnswers(items, [begun(2, [], true)]);
    expect(exchangesOf(items).map(({ captions }) => captions.map(({ id }) => id))).toEqual([
      ["greeting"],
      ["q1", "q1 more", "a1"],
      ["q2"],
    ]);
  });

  it("begins a new one when a colleague takes over, who then speaks with the customer", () => {
    const items = withCaptions(EMPTY, [
      said("customer", "q1"),
      said("assistant", "a1"),
      said("human", "h1"),
      said("human", "h1 more"),
      said("customer", "q2"),
      said("human", "h2"),
      said("customer", "q3"),
      said("assistant", "a3"),
    ]);
    expect(exchangesOf(items).map(({ captions }) => captions.map(({ id }) => id))).toEqual([
      ["q1", "a1"],
      ["h1", "h1 more"],
      ["q2", "h2"],
      ["q3", "a3"],
    ]);
    expect(summaryOf(items).questions).toBe(2);
  });

  it("leaves a late second message with the turn it belongs to", () => {
    let items = withCaptions(EMPTY, [said("customer", "q1")]);
    items = withAnswers(items, [begun(1, ["echo"])]);
    items = withCaptions(items, [said("assistant", "a1"), said("customer", "q2", "wait", false)]);
    items = withAnswers(items, [ended(1, ["echo"], true)]);
    const [first, second] = exchangesOf(items);
    expect(first?.answers).toEqual([ended(1, ["echo"], true)]);
    expect(second?.answers).toEqual([]);
  });
});

describe("citationsOf", () => {
  it("names each entry once and none for a declined answer", () => {
    const answers = [begun(1, ["a", "b"]), begun(2, ["b", "c"]), begun(3, ["d"], true)];
    expect(citationsOf(answers).map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });
});

describe("summaryOf", () => {
  it("counts what was asked and what was answered from a source", () => {
    let items = withCaptions(EMPTY, [said("assistant", "greeting"), said("customer", "q1")]);
    items = withAnswers(items, [begun(1, ["a"])]);
    items = withCaptions(items, [said("assistant", "a1"), said("customer", "q2")]);
    items = withAnswers(items, [begun(2, [], true)]);
    const { questions, answered, sources } = summaryOf(items);
    expect([questions, answered, sources.length]).toEqual([2, 1, 1]);
  });
});

describe("lastSettled", () => {
  it("passes over what is still being said", () => {
    const growing = withCaptions(EMPTY, [
      said("customer", "q"),
      said("assistant", "a", "an answer", false),
    ]);
    expect(lastSettled(growing)?.id).toBe("q");
    expect(lastSettled(withCaptions(growing, [said("assistant", "a")]))?.id).toBe("a");
  });
});

describe("wasInterrupted", () => {
  it("is known only when the turn is over", () => {
    expect([undefined, begun(1, []), ended(1, [], false)].map(wasInterrupted)).not.toContain(true);
    expect(wasInterrupted(ended(1, [], true))).toBe(true);
  });
});
