/** Into a room: who lets us in, and the microphone, in; a joined room out. */

import { Room, Track } from "livekit-client";
import { ProblemError, type ProblemKind } from "../problem";
import { hasEnded, MICROPHONE, openMicrophone } from "./microphone";

/** What the API gives somebody who may join. */
interface Seat {
  livekit_url: string;
  token: string;
}

export function newRoom(): Room {
  return new Room({ audioCaptureDefaults: MICROPHONE });
}

/**
 * Ask for a seat while the browser asks for the microphone, join the room, and publish, muted or not.
 * A microphone problem is returned: one can be in the room without.
 */
export async function enterRoom(
  room: Room,
  askForSeat: () => Promise<Seat>,
  signal: AbortSignal,
  { muted = false } = {},
): Promise<ProblemKind | undefined> {
  const opening = openMicrophone();
  try {
    const seat = await askForSeat();
    const microphone = await opening;
    signal.throwIfAborted();
    await room.connect(seat.livekit_url, seat.token).catch(() => {
      throw new ProblemError({ kind: "livekit_unreachable" });
    });
    signal.throwIfAborted();
    if ("problem" in microphone) return microphone.problem;
    const { track } = microphone;
    // LiveKit sees a microphone go once it is published; who unplugs it sooner is told here.
    if (hasEnded(track)) return "microphone_gone";
    if (muted) await track.mute();
    await room.localParticipant.publishTrack(track, { source: Track.Source.Microphone });
    if (!hasEnded(track)) return undefined;
    await track.mute();
    return "microphone_gone";
  } catch (error) {
    void opening.then((microphone) => {
      if ("track" in microphone) microphone.track.stop();
    });
    throw error;
  }
}
