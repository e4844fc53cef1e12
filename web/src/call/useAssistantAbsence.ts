/** Asks for an assistant that is missing, and tells when it has been for too long, and whether it had been there before. */

import { useEffect, useState } from "react";
import type { Activity } from "./callState";
import { useLasting } from "./useLasting";

/** How long a customer waits before the page says so, in milliseconds. */
const PATIENCE_MS = 10_000;
/**
 * Without an assistant it is asked for again this often, in milliseconds: LiveKit asks the workers once, and the one
 * that had a place may be just coming back, or have died.
 */
const ASK_AGAIN_MS = 6_000;

/** `onAskAgain`: always the same one for the same call. */
export function useAssistantAbsence(
  activity: Activity,
  onAskAgain: () => Promise<void>,
): "assistant_absent" | "assistant_left" | undefined {
  const [seen, setSeen] = useState(false);
  const missing = activity === "connecting";
  useEffect(() => {
    if (!missing) return;
    const timer = setInterval(() => {
      // What comes of it is seen in the room; the button, pressed, says what stands against it.
      void onAskAgain().catch(() => undefined);
    }, ASK_AGAIN_MS);
    return () => {
      clearInterval(timer);
    };
  }, [missing, onAskAgain]);
  if (activity === "listening" && !seen) setSeen(true);
  if (!useLasting(missing, PATIENCE_MS)) return undefined;
  return seen ? "assistant_left" : "assistant_absent";
}
