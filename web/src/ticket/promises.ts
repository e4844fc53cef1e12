/** What was promised for a ticket: its clocks in, those that count now out. */

import type { components } from "../api/schema";

export type Ticket = components["schemas"]["TicketView"];
export type Clock = components["schemas"]["ClockView"];

/** The most important first. */
const ORDER = [
  "human response",
  "restoration",
  "resolution",
  "next response",
  "first response",
  "word",
] as const satisfies readonly Clock["clock"][];

/** What has not come yet; of a clock that begins anew with each word, the last. */
export function openPromises(clocks: readonly Clock[]): Clock[] {
  return ORDER.flatMap((name) => clocks.findLast(({ clock }) => clock === name) ?? []).filter(
    ({ met_at }) => met_at === null,
  );
}

export type Standing =
  | { words: "running" | "overdue"; dueAt: Date; seconds: number }
  | { words: "late" | "paused" };

/** How a promise stands at a moment; `seconds`: until it is due, or since it was. */
export function standingOf({ state, due_at }: Clock, now: Date): Standing {
  if (due_at !== null) {
    const dueAt = new Date(due_at);
    const seconds = (dueAt.getTime() - now.getTime()) / 1000;
    if (seconds < 0) return { words: "overdue", dueAt, seconds: -seconds };
    if (state !== "missed") return { words: "running", dueAt, seconds };
  }
  return { words: state === "missed" ? "late" : "paused" };
}
