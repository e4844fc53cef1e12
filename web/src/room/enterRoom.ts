/** Into a room: who lets us in, and the microphone, in; a joined room out. */

import { type LocalAudioTrack, Room, Track } from "livekit-client";
import { ProblemError, type ProblemKind } from "../problem";
import { hasEnded, MICROPHONE, openMicrophone } from "./microphone";

/** What the API gives somebody who may join. */
interface Seat {
  livekit_url: string;
  token: string;
}

/** How somebody came in. */
export interface Entered {
  /** One can be in the room without a microphone. */
  microphoneProblem: ProblemKind | undefined;
  /** From asking on, without the time in which they were asked for the microphone. */
  tookMs: number;
}

export function newRoom(): Room {
  return new Room({ audioCaptureDefaults: MICROPHONE });
}

/**
 * Ask for a seat while the browser asks for the microphone, join the room, and publish, muted or not.
 */
export async function enterRoom(
  room: Room,
  askForSeat: () => Promise<Seat>,
  signal: AbortSignal,
  { muted = false } = {},
): Promise<Entered> {
  const opening = openMicrophone();
  const beganMs = performance.now();
  try {
    const seat = await askForSeat();
    const seatMs = performance.now() - beganMs;
    const microphone = await opening;
    signal.throwIfAborted();
    const connectingMs = performance.now();
    await room.connect(seat.livekit_url, seat.token).catch(() => {
      throw new ProblemError({ kind: "livekit_unreachable" });
    });
    const tookMs = seatMs + performance.now() - connectingMs;
    signal.throwIfAborted();
    const microphoneProblem =
      "problem" in microphone ? microphone.problem : await publish(room, microphone.track, muted);
    return { microphoneProblem, tookMs };
  } catch (error) {
    void opening.then((microphone) => {
      if ("track" in microphone) microphone.track.stop();
    });
    throw error;
  }
}

async function publish(
  room: Room,
  track: LocalAudioTrack,
  muted: boolean,
): Promise<ProblemKind | undefined> {
  // LiveKit sees a microphone go once it is published; who unplugs it sooner is told here.
  if (hasEnded(track)) return "microphone_gone";
  if (muted) await track.mute();
  await room.localParticipant.publishTrack(track, { source: Track.Source.Microphone });
  if (!hasEnded(track)) return undefined;
  await track.mute();
  return "microphone_gone";
}
