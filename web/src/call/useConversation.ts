/** The room's text streams in, the conversation so far out; it stays when the room is gone. */

import { useRoomContext, useTextStream, useTranscriptions } from "@livekit/components-react";
import type { Room } from "livekit-client";
import { useEffect, useReducer } from "react";
import {
  answerOf,
  type Caption,
  captionOf,
  type Conversation,
  type TextStream,
  withAnswers,
  withCaptions,
} from "./conversation";

const ANSWER_TOPIC = "liuke.answer";
const CHAT_TOPIC = "lk.chat";

type Arrival =
  | { kind: "streams"; streams: readonly TextStream[]; customer: string }
  | { kind: "answers"; streams: readonly TextStream[] }
  | { kind: "typed"; caption: Caption };

function arrive(conversation: Conversation, arrival: Arrival): Conversation {
  switch (arrival.kind) {
    case "streams":
      return withCaptions(
        conversation,
        arrival.streams.map((stream) => captionOf(stream, arrival.customer)),
      );
    case "answers":
      return withAnswers(
        conversation,
        arrival.streams.flatMap(({ text }) => answerOf(text) ?? []),
      );
    case "typed":
      return withCaptions(conversation, [arrival.caption]);
  }
}

export interface ConversationControl {
  conversation: Conversation;
  /** Send a typed question; rejects when the room cannot take it. */
  ask: (text: string) => Promise<void>;
}

/** `activity` is read again because the stream of a caption ends without an event of its own. */
export function useConversation(activity: string): ConversationControl {
  const room = useRoomContext();
  const customer = room.localParticipant.identity;
  const transcriptions = useTranscriptions();
  const { textStreams: answers } = useTextStream(ANSWER_TOPIC);
  const [conversation, dispatch] = useReducer(arrive, []);

  useEffect(() => {
    dispatch({ kind: "streams", streams: transcriptions, customer });
  }, [transcriptions, customer, activity]);
  useEffect(() => {
    dispatch({ kind: "answers", streams: answers });
  }, [answers]);

  const ask = async (text: string) => {
    const id = await send(room, text);
    dispatch({ kind: "typed", caption: { id, speaker: "customer", text, final: true } });
  };

  return { conversation, ask };
}

async function send(room: Room, text: string): Promise<string> {
  const { id } = await room.localParticipant.sendText(text, { topic: CHAT_TOPIC });
  return id;
}
