import { describe, expect, it } from "vitest";
import { type Clock, openPromises, standingOf } from "./promises";

const NOW = new Date("2026-11-30T02:00:00Z");
const clock = (changed: Partial<Clock>): Clock => ({
  clock: "human response",
  state: "running",
  due_at: "2026-11-30T02:12:00Z",
  met_at: null,
  ...changed,
});

describe("openPromises", () => {
  it("puts a person first, leaves out what has come, and takes the last of many", () => {
    const reply = (due_at: string, met_at: string | null) =>
      clock({ clock: "next response", due_at, met_at });
    const clocks = [
      clock({ clock: "word" }),
      clock({ clock: "restoration" }),
      clock({ clock: "first response", state: "met", met_at: "2026-11-30T01:00:00Z" }),
      reply("2026-11-30T02:01:00Z", "2026-11-30T02:00:30Z"),
      reply("2026-11-30T02:05:00Z", null),
      clock({}),
    ];
    const open = openPromises(clocks);
    expect(open.map(({ clock }) => clock)).toEqual([
      "human response",
      "restoration",
      "next response",
      "word",
    ]);
    expect(open[2]?.due_at).toBe("2026-11-30T02:05:00Z");
    expect(openPromises([...clocks, reply("", "2026-11-30T02:00:50Z")])).toHaveLength(3);
  });
});

describe("standingOf", () => {
  const dueAt = new Date("2026-11-30T02:12:00Z");
  it.each([
    [clock({}), { words: "running", dueAt, seconds: 720 }],
    [clock({ state: "missed" }), { words: "late" }],
    [clock({ state: "missed", due_at: null }), { words: "late" }],
    [clock({ state: "paused", due_at: null }), { words: "paused" }],
  ])("says of %o how it stands", (one, standing) => {
    expect(standingOf(one, NOW)).toEqual(standing);
  });

  it.each(["running", "missed"] as const)("says since when a promise is not kept (%s)", (state) => {
    const later = new Date("2026-11-30T02:15:00Z");
    expect(standingOf(clock({ state }), later)).toEqual({ words: "overdue", dueAt, seconds: 180 });
  });
});
