/** The room's texts in, the conversation so far out; it stays when the room is gone. */

import { useRoomContext } from "@livekit/components-react";
import { useEffect, useReducer } from "react";
import { answerOf, type Conversation, captionOf, type Item, withItem } from "./conversation";
import { followTexts } from "./roomTexts";

const TRANSCRIPTION_TOPIC = "lk.transcription";
const ANSWER_TOPIC = "liuke.answer";
/** What others type; one's own text is no message to oneself. */
const CHAT_TOPIC = "lk.chat";

export interface ConversationControl {
  conversation: Conversation;
  /** Add what the room does not tell. */
  add: (item: Item) => void;
}

export function useConversation(): ConversationControl {
  const room = useRoomContext();
  const [conversation, add] = useReducer(withItem, []);

  useEffect(() => {
    const stopCaptions = followTexts(room, TRANSCRIPTION_TOPIC, (text) => {
      add({ kind: "caption", caption: captionOf(text) });
    });
    const stopChat = followTexts(room, CHAT_TOPIC, ({ id, speaker, who, text, ended }) => {
      add({ kind: "caption", caption: { id, speaker, who, text, final: ended } });
    });
    const stopAnswers = followTexts(room, ANSWER_TOPIC, (text) => {
      const answer = answerOf(text);
      if (answer) add({ kind: "answer", answer });
    });
    return () => {
      stopCaptions();
      stopChat();
      stopAnswers();
    };
  }, [room]);

  return { conversation, add };
}
