import { expect, it } from "vitest";
import { senderOf } from "./roomTexts";

const room = {
  localParticipant: { identity: "customer-me", name: "" },
  remoteParticipants: new Map([
    ["agent-1", { identity: "agent-1", isAgent: true }],
    ["human-1", { identity: "human-1", name: "Lin", isAgent: false }],
    ["somebody", { identity: "somebody", name: "Lin", isAgent: false }],
  ]),
};

it.each([
  ["customer-me", { speaker: "customer", who: "" }],
  ["agent-1", { speaker: "assistant", who: "" }],
  ["human-1", { speaker: "human", who: "Lin" }],
  ["somebody", undefined],
  ["agent-2", undefined],
  ["human-2", undefined],
  ["customer-2", undefined],
])("knows %s, or takes them for nobody", (identity, sender) => {
  expect(senderOf(room, identity)).toEqual(sender);
});

it("knows the customer and itself on the page of the person who was called", () => {
  const theirs = {
    localParticipant: { identity: "human-1", name: "Lin" },
    remoteParticipants: new Map([["customer-me", { identity: "customer-me", isAgent: false }]]),
  };
  expect(["customer-me", "human-1"].map((one) => senderOf(theirs, one)?.speaker)).toEqual([
    "customer",
    "human",
  ]);
});
