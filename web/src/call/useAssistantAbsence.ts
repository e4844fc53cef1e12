/** Tells when the assistant has been missing for too long, and whether it had been there before. */

import { useState } from "react";
import type { Activity } from "./callState";
import { useLasting } from "./useLasting";

/** How long a customer waits before the page says so, in milliseconds. */
const PATIENCE_MS = 10_000;

export function useAssistantAbsence(
  activity: Activity,
): "assistant_absent" | "assistant_left" | undefined {
  const [seen, setSeen] = useState(false);
  if (activity === "listening" && !seen) setSeen(true);
  if (!useLasting(activity === "connecting", PATIENCE_MS)) return undefined;
  return seen ? "assistant_left" : "assistant_absent";
}
