/** One call after another: the press of the button in, a LiveKit room and its phase out. */

import {
  type DisconnectReason,
  type Participant,
  Room,
  RoomEvent,
  Track,
  type TrackPublication,
} from "livekit-client";
import { useCallback, useEffect, useRef, useState } from "react";
import { askAgain as askForAssistant, createCall, endCall, type Grant } from "../api/client";
import type { Language } from "../i18n";
import { type Problem, ProblemError, type ProblemKind } from "./problem";
import { type CallState, endReasonOf } from "./callState";
import { MICROPHONE, microphoneProblem, openMicrophone } from "./microphone";

export interface CallControl {
  room: Room;
  state: CallState;
  microphoneProblem: ProblemKind | undefined;
  /** Of the call that was begun last: opens its sources. */
  grant: Grant | undefined;
  /** `consentVersion`: of the text that the customer has agreed to. Gives why there is no call, if so. */
  start: (language: Language, consentVersion: string) => Promise<Problem | undefined>;
  hangUp: () => Promise<void>;
  /** Ask for the assistant again where none is; rejects with a ProblemError. */
  askAgain: () => Promise<void>;
  /** Leave the summary for the start page. */
  leave: () => void;
  setMicrophone: (on: boolean) => Promise<void>;
}

/** `principal`: who calls, as the operator's site signed it; empty for a guest. */
export function useCall(principal: string): CallControl {
  const [room, setRoom] = useState(newRoom);
  const [state, setState] = useState<CallState>({ phase: "idle" });
  const [problem, setProblem] = useState<ProblemKind>();
  const [grant, setGrant] = useState<Grant>();
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

  const isLive = state.phase === "live";
  useEffect(() => {
    if (!grant || !isLive) return;
    // LiveKit's client leaves the room by itself; the place in it is given back here.
    const onLeave = () => {
      endCall(grant);
    };
    addEventListener("pagehide", onLeave);
    return () => {
      removeEventListener("pagehide", onLeave);
    };
  }, [grant, isLive]);

  const start = async (language: Language, consentVersion: string) => {
    const { signal } = (attempt.current = new AbortController());
    const next = newRoom();
    setRoom(next);
    setProblem(undefined);
    setState({ phase: "calling" });
    let begun: Grant | undefined;
    const ask = async () => {
      begun = await createCall(language, consentVersion, principal, signal);
      setGrant(begun);
      return begun;
    };
    try {
      setProblem(await placeCall(next, ask, signal));
      setState({ phase: "live", startedAtMs: Date.now() });
    } catch (error) {
      if (begun) endCall(begun);
      await next.disconnect();
      if (signal.aborted) return undefined;
      const failed = problemOf(error);
      setState({ phase: "idle", problem: failed });
      return failed;
    }
    return undefined;
  };

  const hangUp = async () => {
    if (state.phase === "calling") {
      attempt.current?.abort();
      setState({ phase: "idle" });
    }
    await room.disconnect();
    if (grant && isLive) endCall(grant);
  };

  const setMicrophone = async (on: boolean) => {
    try {
      await room.localParticipant.setMicrophoneEnabled(on, MICROPHONE);
      setProblem(undefined);
    } catch (error) {
      setProblem(microphoneProblem(error));
    }
  };

  const askAgain = useCallback(async () => {
    if (grant) await askForAssistant(grant);
  }, [grant]);

  const leave = () => {
    setState({ phase: "idle" });
  };

  return {
    room,
    state,
    grant,
    microphoneProblem: problem,
    start,
    hangUp,
    askAgain,
    leave,
    setMicrophone,
  };
}

/** A customer's own mute leaves the microphone running; LiveKit mutes one that ended and has no successor. */
function isGone({ track }: TrackPublication): boolean {
  return track !== undefined && hasEnded(track);
}

function hasEnded({ mediaStreamTrack }: { mediaStreamTrack: MediaStreamTrack }): boolean {
  return mediaStreamTrack.readyState === "ended";
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
  askForGrant: () => Promise<Grant>,
  signal: AbortSignal,
): Promise<ProblemKind | undefined> {
  const opening = openMicrophone();
  try {
    const call = await askForGrant();
    const microphone = await opening;
    signal.throwIfAborted();
    await room.connect(call.livekit_url, call.token).catch(() => {
      throw new ProblemError({ kind: "livekit_unreachable" });
    });
    signal.throwIfAborted();
    if ("problem" in microphone) return microphone.problem;
    const { track } = microphone;
    // LiveKit sees a microphone go once it is published; who unplugs it sooner is told here.
    if (hasEnded(track)) return "microphone_gone";
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
