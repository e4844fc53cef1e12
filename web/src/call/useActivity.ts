/** The room of a call in its phase in, what is happening in it out. */

import { useConnectionState, useSpeakingParticipants, useVoiceAssistant } from "@livekit/components-react";
import { type Activity, activityOf, type CallState } from "./callState";
import { useLasting } from "./useLasting";

/** Longer than the pauses between sentences, and than the server takes to notice a voice, in milliseconds. */
const SILENCE_MS = 1500;

export function useActivity(phase: CallState["phase"]): Activity {
  const { state } = useVoiceAssistant();
  const heard = useSpeakingParticipants().some(({ isAgent }) => isAgent);
  const silent = useLasting(state === "speaking" && !heard, SILENCE_MS);
  return activityOf(phase, useConnectionState(), state, silent);
}
