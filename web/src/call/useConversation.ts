/** The room's texts in, the conversation so far out; it stays when the room is gone. */

import { useRoomContext } from "@livekit/components-react";
import type { Room } from "livekit-client";
import { useEffect, useReducer } from "react";
import { answerOf, type Conversation, captionOf, type Item, withItem } from "./conversation";
import { followTexts } from "./roomTexts";

const TRANSCRIPTION_TOPIC = "lk.transcription";
const ANSWER_TOPIC = "liuke.answer";
const CHAT_TOPIC = "lk.chat";

export interface ConversationControl {
  conversation: Conversation;
  /** Send a typed question; rejects when the room cannot take it. */
  ask: (text: string) => Promise<void>;
}

export function useConversation(): ConversationControl {
  const room = useRoomContext();
  const [conversation, add] = useReducer(withItem, []);

  useEffect(() => {
    const stopCaptions = followTexts(room, TRANSCRIPTION_TOPIC, (text) => {
      add({ kind: "caption", caption: captionOf(text) });
    });
    const stopAnswers = followTexts(room, ANSWER_TOPIC, (text) => {
      const answer = answerOf(text);
      if (answer) add({ kind: "answer", answer });
    });
    return () => {
      stopCaptions();
      stopAnswers();
    };
  }, [room]);

  const ask = async (text: string) => {
    const id = await send(room, text);
    const typed: Item = { kind: "caption", caption: { id, speaker: "customer", text, final: true } };
    add(typed);
  };

  return { conversation, ask };
}

async function send(room: Room, text: string): Promise<string> {
  // An id of ours: the one the library would make needs a secure context, and typing must go on
  // where a page over http has no microphone.
  const streamId = Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) =>
    word.toString(16).padStart(8, "0"),
  ).join("");
  const writer = await room.localParticipant.streamText({ topic: CHAT_TOPIC, streamId });
  await writer.write(text);
  await writer.close();
  return streamId;
}
