/** Tells when the assistant has been missing for too long, and whether it had been there before. */

import { useEffect, useState } from "react";
import type { Activity } from "./callState";

/** How long a customer waits before the page says so, in milliseconds. */
const PATIENCE_MS = 10_000;

export function useAssistantAbsence(
  activity: Activity,
): "assistant_absent" | "assistant_left" | undefined {
  const missing = activity === "connecting";
  const [late, setLate] = useState(false);
  const [seen, setSeen] = useState(false);
  if (activity === "listening" && !seen) setSeen(true);

  useEffect(() => {
    if (!missing) return;
    const timer = setTimeout(() => {
      setLate(true);
    }, PATIENCE_MS);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [missing]);

  if (!missing || !late) return undefined;
  return seen ? "assistant_left" : "assistant_absent";
}
