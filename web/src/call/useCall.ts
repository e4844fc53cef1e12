/** One call after another: the press of the button in, a LiveKit room and its phase out. */

import {
  type DisconnectReason,
  type Participant,
  Room,
  RoomEvent,
  Track,
  type TrackPublication,
} from "livekit-client";
import { useEffect, useRef, useState } from "react";
import { createCall } from "../api/client";
import type { Language } from "../i18n";
import { type Problem, ProblemError, type ProblemKind } from "./problem";
import { type CallState, endReasonOf } from "./callState";
import { MICROPHONE, microphoneProblem, openMicrophone } from "./microphone";

export interface CallControl {
  room: Room;
  state: CallState;
  microphoneProblem: ProblemKind | undefined;
  start: (language: Language) => Promise<void>;
  hangUp: () => Promise<void>;
  /** Leave the summary for the start page. */
  leave: () => void;
  setMicrophone: (on: boolean) => Promise<void>;
}

export function useCall(): CallControl {
  const [room, setRoom] = useState(newRoom);
  const [state, setState] = useState<CallState>({ phase: "idle" });
  const [problem, setProblem] = useState<ProblemKind>();
  const attempt = useRef<AbortController>(undefined);

  useEffect(() => {
    const onDisconnected = (reason?: DisconnectReason) => {
      setState((was) => (was.phase === "live" ? ended(was.startedAtMs, reason) : was));
    };
    const onDeviceError = (error: Error) => {
      setProblem(microphoneProblem(error));
    };
    const onMuted = (publication: TrackPublication, { isLocal }: Participant) => {
      if (isLocal && isGone(publication)) setProblem("microphone_gone");
    };
    const onUnmuted = (_: TrackPublication, { isLocal }: Participant) => {
      if (isLocal) setProblem(undefined);
    };
    room.on(RoomEvent.Disconnected, onDisconnected);
    room.on(RoomEvent.MediaDevicesError, onDeviceError);
    room.on(RoomEvent.TrackMuted, onMuted);
    room.on(RoomEvent.TrackUnmuted, onUnmuted);
    return () => {
      room.off(RoomEvent.Disconnected, onDisconnected);
      room.off(RoomEvent.MediaDevicesError, onDeviceError);
      room.off(RoomEvent.TrackMuted, onMuted);
      room.off(RoomEvent.TrackUnmuted, onUnmuted);
    };
  }, [room]);

  const start = async (language: Language) => {
    const { signal } = (attempt.current = new AbortController());
    const next = newRoom();
    setRoom(next);
    setProblem(undefined);
    setState({ phase: "calling" });
    try {
      setProblem(await placeCall(next, language, signal));
      setState({ phase: "live", startedAtMs: Date.now() });
    } catch (error) {
      await next.disconnect();
      if (!signal.aborted) setState({ phase: "idle", problem: problemOf(error) });
    }
  };

  const hangUp = async () => {
    if (state.phase === "calling") {
      attempt.current?.abort();
      setState({ phase: "idle" });
    }
    await room.disconnect();
  };

  const setMicrophone = async (on: boolean) => {
    try {
      await room.localParticipant.setMicrophoneEnabled(on, MICROPHONE);
      setProblem(undefined);
    } catch (error) {
      setProblem(microphoneProblem(error));
    }
  };

  const leave = () => {
    setState({ phase: "idle" });
  };

  return { room, state, microphoneProblem: problem, start, hangUp, leave, setMicrophone };
}

/** A customer's own mute leaves the microphone running; LiveKit mutes one that ended and has no successor. */
function isGone({ track }: TrackPublication): boolean {
  return track?.mediaStreamTrack.readyState === "ended";
}

function newRoom(): Room {
  return new Room({ audioCaptureDefaults: MICROPHONE });
}

function ended(startedAtMs: number, reason: DisconnectReason | undefined): CallState {
  const seconds = (Date.now() - startedAtMs) / 1000;
  return { phase: "ended", reason: endReasonOf(reason), seconds };
}

function problemOf(error: unknown): Problem {
  return error instanceof ProblemError ? error.problem : { kind: "unexpected" };
}

/**
 * Get a room from the API while the browser asks for the microphone, join it, and publish.
 * A microphone problem is returned: the call goes on by typing.
 */
async function placeCall(
  room: Room,
  language: Language,
  signal: AbortSignal,
): Promise<ProblemKind | undefined> {
  const opening = openMicrophone();
  try {
    const call = await createCall(language, signal);
    const microphone = await opening;
    signal.throwIfAborted();
    await room.connect(call.livekit_url, call.token).catch(() => {
      throw new ProblemError({ kind: "livekit_unreachable" });
    });
    signal.throwIfAborted();
    if ("problem" in microphone) return microphone.problem;
    await room.localParticipant.publishTrack(microphone.track, { source: Track.Source.Microphone });
    return undefined;
  } catch (error) {
    void opening.then((microphone) => {
      if ("track" in microphone) microphone.track.stop();
    });
    throw error;
  }
}
