/** The microphone of whoever is at the page: opened on the press of the button; a refusal is a problem, not an end. */

import { createLocalAudioTrack, type LocalAudioTrack } from "livekit-client";
import type { ProblemKind } from "../problem";

export type Microphone = { track: LocalAudioTrack } | { problem: ProblemKind };

export async function openMicrophone(): Promise<Microphone> {
  try {
    return { track: await createLocalAudioTrack(MICROPHONE) };
  } catch (error) {
    return { problem: microphoneProblem(error) };
  }
}

/** The assistant must not hear itself, and hears a quiet room best. */
export const MICROPHONE = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
} as const;

/** Which problem the browser's getUserMedia error stands for (Media Capture and Streams, 10.2). */
export function microphoneProblem(error: unknown): ProblemKind {
  switch (error instanceof Error ? error.name : undefined) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      return "microphone_refused";
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
      return "microphone_absent";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "microphone_busy";
    default:
      return "microphone_unavailable";
  }
}

export function hasEnded({ mediaStreamTrack }: { mediaStreamTrack: MediaStreamTrack }): boolean {
  return mediaStreamTrack.readyState === "ended";
}

/** Chromium lists two devices a second time: the system's default, and the one for calls. */
const DEFAULT = "default";
const COMMUNICATIONS = "communications";

/** What somebody can choose from, the system's default included; nothing unless there is a choice. */
export function microphoneChoices<Device extends { deviceId: string }>(
  devices: readonly Device[],
): Device[] {
  const offered = devices.filter(
    ({ deviceId }) => deviceId !== "" && deviceId !== COMMUNICATIONS,
  );
  const real = offered.filter(({ deviceId }) => deviceId !== DEFAULT);
  return real.length > 1 ? offered : [];
}
