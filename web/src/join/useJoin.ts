/** A one-time link in, what it opens and the way into the customer's room out. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type DisconnectReason, type Room, RoomEvent } from "livekit-client";
import { useEffect, useRef, useState } from "react";
import { acknowledgePage, declinePage, openPage, type Page, ringPage } from "../api/client";
import { usePageLanguage } from "../i18n";
import { type Problem, problemOf } from "../problem";
import { type EndReason, endReasonOf } from "../room/connection";
import { enterRoom, newRoom } from "../room/enterRoom";
import { sendText } from "../room/roomTexts";
import { type MicrophoneState, useMicrophone } from "../room/useMicrophone";
import { useServerNow } from "../ticket/useServerNow";
import { type JoinState, joinStateOf, opensNothing, type Step } from "./joinState";

/** What is sent on these tells the assistant what to do; the text itself says nothing. */
const INTRODUCE_TOPIC = "liuke.introduce";
const HAND_BACK_TOPIC = "liuke.hand_back";
const SIGN = ".";
/** What was sent a moment before leaving is still on its way, milliseconds. */
const LAST_WORD_MS = 300;
/** How often the page asks: somebody else may take it, and the customer may leave. */
const INTERVAL_MS = 5_000;
/** And while the customer's page rings: who answers is not left alone. */
const RINGING_INTERVAL_MS = 1_000;
/** It rings for a minute and a half; who answers last has their call a moment later. */
const GIVEN_UP_AFTER_MS = 105_000;

const STEP_AFTER: Record<EndReason, Step> = {
  left: "left",
  closed: "over",
  elsewhere: "elsewhere",
  lost: "lost",
};

export interface JoinControl {
  room: Room;
  /** Counts the tries to join: what belongs to one of them is of no use in the next. */
  attempt: number;
  state: JoinState;
  page: Page | undefined;
  now: Date;
  /** Why the last press of a button did not do what it says. */
  problem: Problem | undefined;
  microphone: MicrophoneState;
  /** The customer has answered their ringing, and waits: for no brief. */
  isExpected: boolean;
  join: () => Promise<void>;
  /** Call the customer back, who has left. */
  ring: () => Promise<void>;
  /** Say that one sees to it, where there is no call to join. */
  take: () => Promise<void>;
  decline: () => Promise<void>;
  introduce: () => Promise<void>;
  handBack: () => Promise<void>;
  leave: () => Promise<void>;
}

/** `link`: empty where the page was opened without one. */
export function useJoin(link: string): JoinControl {
  const language = usePageLanguage();
  const queries = useQueryClient();
  const [room, setRoom] = useState(newRoom);
  const [attempt, setAttempt] = useState(0);
  const [step, setStep] = useState<Step>("looking");
  const [problem, setProblem] = useState<Problem>();
  const microphone = useMicrophone(room);
  const joining = useRef<AbortController>(undefined);
  const [isExpected, setIsExpected] = useState(false);

  const key = ["page", link];
  const { data, error, dataUpdatedAt, refetch } = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => openPage(link, language, signal),
    enabled: link !== "",
    refetchInterval: ({ state: { error } }) =>
      error && opensNothing(problemOf(error)) ? false : INTERVAL_MS,
    retry: false,
  });
  const now = useServerNow(data?.now, dataUpdatedAt);

  useEffect(() => {
    const onDisconnected = (reason?: DisconnectReason) => {
      setStep((was) => (was === "in_room" ? STEP_AFTER[endReasonOf(reason)] : was));
      setIsExpected(false);
      void refetch();
    };
    room.on(RoomEvent.Disconnected, onDisconnected);
    return () => {
      room.off(RoomEvent.Disconnected, onDisconnected);
    };
  }, [room, refetch]);

  const join = async () => {
    const { signal } = (joining.current = new AbortController());
    const next = newRoom();
    setRoom(next);
    setAttempt(attempt + 1);
    setProblem(undefined);
    setStep("joining");
    const takeSeat = async () => {
      const { grant, ...page } = await acknowledgePage(link, language, signal);
      queries.setQueryData(key, page);
      if (!grant) throw new CallOverError();
      return grant;
    };
    try {
      // The customer hears them once they have been introduced: `useBrief.ts`.
      const entered = await enterRoom(next, takeSeat, signal, { muted: true });
      microphone.setProblem(entered.microphoneProblem);
      setStep("in_room");
    } catch (caught) {
      await next.disconnect();
      setStep("looking");
      if (!(caught instanceof CallOverError)) setProblem(problemOf(caught));
      void refetch();
    }
  };

  const ring = async () => {
    const { signal } = (joining.current = new AbortController());
    setProblem(undefined);
    setStep("ringing");
    try {
      let page = await ringPage(link, language, signal);
      const givenUpAt = Date.now() + GIVEN_UP_AFTER_MS;
      while (!page.call?.live && Date.now() < givenUpAt) {
        await new Promise((resolve) => setTimeout(resolve, RINGING_INTERVAL_MS));
        page = await openPage(link, language, signal);
      }
      queries.setQueryData(key, page);
      setIsExpected(page.call?.live === true);
      if (page.call?.live) await join();
      else setStep("unanswered");
    } catch (caught) {
      setStep("looking");
      setProblem(problemOf(caught));
      await refetch();
    }
  };

  const take = async () => {
    setProblem(undefined);
    await acknowledgePage(link, language, new AbortController().signal).catch((caught: unknown) => {
      setProblem(problemOf(caught));
    });
    await refetch();
  };

  const decline = async () => {
    setProblem(undefined);
    await declinePage(link, language).catch((caught: unknown) => {
      setProblem(problemOf(caught));
    });
    await refetch();
  };

  const handBack = async () => {
    // The assistant sees them leave in any case: this tells it that they meant to.
    await sendText(room, HAND_BACK_TOPIC, SIGN).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, LAST_WORD_MS));
    setStep("handed_back");
    await room.disconnect();
  };

  return {
    room,
    attempt,
    state: link === "" ? "invalid" : joinStateOf(step, data, error ? problemOf(error) : undefined),
    page: data,
    now,
    problem,
    microphone,
    isExpected,
    join,
    ring,
    take,
    decline,
    introduce: async () => {
      await sendText(room, INTRODUCE_TOPIC, SIGN);
    },
    handBack,
    leave: () => room.disconnect(),
  };
}

/** The customer has left, and there is no room to join. */
class CallOverError extends Error {}
