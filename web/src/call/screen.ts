/** The screen that the customer shares: how it is published, and what the assistant tells of it. */

import { type ScreenShareCaptureOptions, type TrackPublishOptions, VideoPresets } from "livekit-client";
import type { components } from "../api/schema";
import type { RoomText } from "../room/roomTexts";

export type ScreenRead = components["schemas"]["ScreenRead"];

/** Images a second: the assistant looks twice. */
const FRAMES = 4;

/** Text must stay sharp; nobody watches it move. */
export const SCREEN_CAPTURE: ScreenShareCaptureOptions = {
  audio: false,
  contentHint: "text",
  selfBrowserSurface: "exclude",
  surfaceSwitching: "include",
  resolution: { ...VideoPresets.h1080.resolution, frameRate: FRAMES },
};
export const SCREEN_PUBLISHING: TrackPublishOptions = {
  simulcast: false,
  screenShareEncoding: { maxBitrate: 1_500_000, maxFramerate: FRAMES },
};

/** Browsers of phones cannot, and no page can over plain http. */
export function canShareScreen({ mediaDevices }: { mediaDevices?: object }): boolean {
  return mediaDevices !== undefined && "getDisplayMedia" in mediaDevices;
}

/** Who closes the browser's choice of screens has changed their mind: that is no problem. */
export function wasRefused(error: unknown): boolean {
  return error instanceof Error && error.name === "NotAllowedError";
}

/** What the assistant has read, once it has arrived whole. From nobody else. */
export function screenReadOf({ speaker, text, ended }: RoomText): ScreenRead | undefined {
  if (speaker !== "assistant" || !ended) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isScreenRead(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Tells it from a message of an assistant that is older or newer than this page. */
function isScreenRead(value: unknown): value is ScreenRead {
  return (
    typeof value === "object" &&
    value !== null &&
    "lines" in value &&
    Array.isArray(value.lines) &&
    "codes" in value &&
    Array.isArray(value.codes)
  );
}
