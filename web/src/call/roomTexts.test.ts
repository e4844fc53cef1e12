import { describe, expect, it } from "vitest";
import { senderOf } from "./roomTexts";

describe("senderOf", () => {
  const room = {
    localParticipant: { identity: "me" },
    remoteParticipants: new Map([
      ["agent-1", { isAgent: true }],
      ["somebody", { isAgent: false }],
    ]),
  };

  it("knows this customer and the assistant, and takes nobody else for either", () => {
    expect(["me", "agent-1", "somebody", "agent-2"].map((one) => senderOf(room, one))).toEqual([
      "customer",
      "assistant",
      undefined,
      undefined,
    ]);
  });
});
