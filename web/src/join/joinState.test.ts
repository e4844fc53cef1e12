import { describe, expect, it } from "vitest";
import { pageOf } from "../test/page";
import { joinStateOf } from "./joinState";

const call = { call_id: "c", live: true, started_at: null };

describe("joinStateOf", () => {
  it.each([
    ["ready", pageOf({})],
    ["yours", pageOf({ answer: "acknowledged" }, { state: "coming", name: "Lin" })],
    ["declined", pageOf({ answer: "declined" })],
    ["taken", pageOf({}, { state: "coming", name: "Zhao" })],
    ["taken", pageOf({ answer: "acknowledged" }, { state: "here", name: "Zhao" })],
    ["over", pageOf({ call: null })],
    ["over", pageOf({ call: { ...call, live: false } })],
  ] as const)("is %s by what the server says", (state, page) => {
    expect(joinStateOf("looking", page, undefined)).toBe(state);
  });

  it("is what happened here while one is in the room, whatever the server says", () => {
    const away = { kind: "api_unreachable" } as const;
    expect(joinStateOf("in_room", undefined, away)).toBe("in_room");
    expect(joinStateOf("in_room", pageOf({ call: null }), undefined)).toBe("in_room");
    expect(joinStateOf("ringing", pageOf({ call: null }), undefined)).toBe("ringing");
  });

  it("lets one come back after leaving, unless the call is over", () => {
    expect(joinStateOf("handed_back", pageOf({}), undefined)).toBe("handed_back");
    expect(joinStateOf("lost", pageOf({}), undefined)).toBe("lost");
    expect(joinStateOf("left", pageOf({ call: null }), undefined)).toBe("over");
    expect(joinStateOf("over", pageOf({ call }), undefined)).toBe("over");
    expect(joinStateOf("unanswered", pageOf({ call: null }), undefined)).toBe("unanswered");
    expect(joinStateOf("unanswered", pageOf({}), undefined)).toBe("ready");
  });

  it("tells a link that opens nothing from a server that is away", () => {
    expect(joinStateOf("looking", undefined, undefined)).toBe("loading");
    expect(joinStateOf("looking", undefined, { kind: "api_refused", code: "no_page" })).toBe("invalid");
    expect(joinStateOf("looking", undefined, { kind: "api_refused", code: "internal" })).toBe(
      "unreachable",
    );
    expect(joinStateOf("looking", undefined, { kind: "api_unreachable" })).toBe("unreachable");
    expect(joinStateOf("looking", pageOf({}), { kind: "api_unreachable" })).toBe("ready");
  });
});
