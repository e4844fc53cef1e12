/** The room of a call in, its conversation out, with a way to type into it. */

import { useRoomContext } from "@livekit/components-react";
import type { Conversation } from "../room/conversation";
import { sendText } from "../room/roomTexts";
import { useConversation } from "../room/useConversation";

const CHAT_TOPIC = "lk.chat";

export interface Questions {
  conversation: Conversation;
  /** Send a typed question; rejects when the room cannot take it. */
  ask: (text: string) => Promise<void>;
}

export function useQuestions(): Questions {
  const room = useRoomContext();
  const { conversation, add } = useConversation();
  const ask = async (text: string) => {
    const id = await sendText(room, CHAT_TOPIC, text);
    add({ kind: "caption", caption: { id, speaker: "customer", who: "", text, final: true } });
  };
  return { conversation, ask };
}
