/** A room in, its microphone as it is and a way to switch it out; a problem with it is no end of a call. */

import { type Participant, type Room, RoomEvent, type TrackPublication } from "livekit-client";
import { useEffect, useState } from "react";
import type { ProblemKind } from "../problem";
import { hasEnded, MICROPHONE, microphoneProblem } from "./microphone";

export interface MicrophoneState {
  problem: ProblemKind | undefined;
  setProblem: (problem: ProblemKind | undefined) => void;
  switchTo: (on: boolean) => Promise<void>;
}

export function useMicrophone(room: Room): MicrophoneState {
  const [problem, setProblem] = useState<ProblemKind>();

  useEffect(() => {
    const onDeviceError = (error: Error) => {
      setProblem(microphoneProblem(error));
    };
    const onMuted = (publication: TrackPublication, { isLocal }: Participant) => {
      if (isLocal && isGone(publication)) setProblem("microphone_gone");
    };
    const onUnmuted = (_: TrackPublication, { isLocal }: Participant) => {
      if (isLocal) setProblem(undefined);
    };
    room.on(RoomEvent.MediaDevicesError, onDeviceError);
    room.on(RoomEvent.TrackMuted, onMuted);
    room.on(RoomEvent.TrackUnmuted, onUnmuted);
    return () => {
      room.off(RoomEvent.MediaDevicesError, onDeviceError);
      room.off(RoomEvent.TrackMuted, onMuted);
      room.off(RoomEvent.TrackUnmuted, onUnmuted);
    };
  }, [room]);

  const switchTo = async (on: boolean) => {
    try {
      await room.localParticipant.setMicrophoneEnabled(on, MICROPHONE);
      setProblem(undefined);
    } catch (error) {
      setProblem(microphoneProblem(error));
    }
  };
  return { problem, setProblem, switchTo };
}

/** One's own mute leaves the microphone running; LiveKit mutes one that ended and has no successor. */
function isGone({ track }: TrackPublication): boolean {
  return track !== undefined && hasEnded(track);
}
