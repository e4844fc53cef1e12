/** One call after another: the press of the button in, a LiveKit room and its phase out. */

import { type DisconnectReason, type Room, RoomEvent } from "livekit-client";
import { useCallback, useEffect, useRef, useState } from "react";
import {
  askAgain as askForAssistant,
  type Caller,
  createCall,
  endCall,
  type Grant,
  tellJoining,
  tellStretch,
} from "../api/client";
import type { Language } from "../i18n";
import { type Problem, type ProblemKind, problemOf } from "../problem";
import { endReasonOf } from "../room/connection";
import { enterRoom, newRoom } from "../room/enterRoom";
import { useMicrophone } from "../room/useMicrophone";
import type { CallState } from "./callState";
import { measure } from "./measurements";

export interface CallControl {
  room: Room;
  state: CallState;
  microphoneProblem: ProblemKind | undefined;
  /** Of the call that was begun last: opens its sources. */
  grant: Grant | undefined;
  /** `consentVersion`: of the text that the customer has agreed to. Gives why there is no call, if so. */
  start: (language: Language, consentVersion: string) => Promise<Problem | undefined>;
  /** Likewise, to whoever rings in the page of the call that was begun last. */
  answer: (language: Language, consentVersion: string) => Promise<Problem | undefined>;
  hangUp: () => Promise<void>;
  /** Ask for the assistant again where none is; rejects with a ProblemError. */
  askAgain: () => Promise<void>;
  /** Leave the summary for the start page. */
  leave: () => void;
  setMicrophone: (on: boolean) => Promise<void>;
}

/** `identify`: gives who calls, as a site signs it; empty for a guest. */
export function useCall(identify: (signal: AbortSignal) => Promise<string>): CallControl {
  const [room, setRoom] = useState(newRoom);
  const [state, setState] = useState<CallState>({ phase: "idle" });
  const { problem, setProblem, switchTo } = useMicrophone(room);
  const [grant, setGrant] = useState<Grant>();
  const attempt = useRef<AbortController>(undefined);

  useEffect(() => {
    const onDisconnected = (reason?: DisconnectReason) => {
      setState((was) => (was.phase === "live" ? ended(was.startedAtMs, reason) : was));
    };
    room.on(RoomEvent.Disconnected, onDisconnected);
    return () => {
      room.off(RoomEvent.Disconnected, onDisconnected);
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

  useEffect(() => {
    if (!grant || !isLive) return;
    const stop = measure(room, (stretch) => {
      tellStretch(grant, stretch);
    });
    addEventListener("pagehide", stop);
    return () => {
      removeEventListener("pagehide", stop);
      stop();
    };
  }, [room, grant, isLive]);

  const begin = async (
    callerOf: (signal: AbortSignal) => Promise<Caller>,
    language: Language,
    consentVersion: string,
  ) => {
    const { signal } = (attempt.current = new AbortController());
    const next = newRoom();
    setRoom(next);
    setProblem(undefined);
    setState({ phase: "calling" });
    let begun: Grant | undefined;
    const ask = async () => {
      begun = await createCall(language, consentVersion, await callerOf(signal), signal);
      setGrant(begun);
      return begun;
    };
    try {
      const entered = await enterRoom(next, ask, signal);
      if (begun) tellJoining(begun, entered.tookMs);
      setProblem(entered.microphoneProblem);
      setState({ phase: "live", startedAtMs: Date.now() });
    } catch (error) {
      if (begun) endCall(begun);
      await next.disconnect();
      if (signal.aborted) return undefined;
      const failed = problemOf(error);
      if (begun && failed.kind === "livekit_unreachable") tellJoining(begun, null);
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
    start: (language, consentVersion) =>
      begin(
        async (signal) => ({ principal: await identify(signal) }),
        language,
        consentVersion,
      ),
    answer: (language, consentVersion) =>
      begin(
        () => Promise.resolve({ answers: grant?.call_token ?? "" }),
        language,
        consentVersion,
      ),
    hangUp,
    askAgain,
    leave,
    setMicrophone: switchTo,
  };
}

function ended(startedAtMs: number, reason: DisconnectReason | undefined): CallState {
  const seconds = (Date.now() - startedAtMs) / 1000;
  return { phase: "ended", reason: endReasonOf(reason), seconds };
}
