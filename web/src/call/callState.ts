/** The phases of a call, and what the page shows the customer of them. */

import { ConnectionState } from "livekit-client";
import type { Problem } from "../problem";
import { type EndReason, isReconnecting } from "../room/connection";

export type CallState =
  | { phase: "idle"; problem?: Problem }
  | { phase: "calling" }
  | { phase: "live"; startedAtMs: number }
  | { phase: "ended"; reason: EndReason; seconds: number };

/** What is happening, in one word: the text and `data-state` of the status line. */
export type Activity =
  | "idle"
  | "calling"
  | "connecting"
  | "initializing"
  | "listening"
  | "thinking"
  | "speaking"
  | "reconnecting"
  | "ended";

const AGENT_ACTIVITIES: Readonly<Record<string, Activity>> = {
  initializing: "initializing",
  idle: "listening",
  listening: "listening",
  thinking: "thinking",
  speaking: "speaking",
};

/**
 * Join the call's phase, the connection and the agent's `lk.agent.state` into one activity.
 * An assistant that speaks, but has not been heard for long (`silent`), is thinking of what to say next.
 */
export function activityOf(
  phase: CallState["phase"],
  connection: ConnectionState,
  agentState: string,
  silent: boolean,
): Activity {
  if (phase !== "live") return phase;
  if (isReconnecting(connection)) return "reconnecting";
  const activity = AGENT_ACTIVITIES[agentState] ?? "connecting";
  return activity === "speaking" && silent ? "thinking" : activity;
}

/** Seconds as a clock reads them in both languages: 2:05, 1:00:09. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = new Intl.NumberFormat("en", { minimumIntegerDigits: 2 });
  const parts = hours > 0 ? [String(hours), two.format(minutes)] : [String(minutes)];
  return [...parts, two.format(whole % 60)].join(":");
}
