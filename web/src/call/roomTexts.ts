/** The room's text streams of a topic in, each text as it grows out, with the role of its sender. */

import type { Room, TextStreamReader } from "livekit-client";

export type Speaker = "customer" | "assistant";

export interface RoomText {
  /** Of the stream: one text keeps it while it grows. */
  id: string;
  sender: Speaker;
  text: string;
  attributes: Readonly<Record<string, string>>;
  /** Nothing will be added any more. */
  ended: boolean;
}

/** Who is in a room, as far as it matters here. */
interface People {
  localParticipant: { identity: string };
  remoteParticipants: ReadonlyMap<string, { isAgent: boolean }>;
}

/**
 * Who sent a stream. The server vouches for the identity and for the kind, which is in the token;
 * a participant that is neither this customer nor an agent is nobody whose words are shown.
 */
export function senderOf(
  room: People,
  identity: string,
): Speaker | undefined {
  if (identity === room.localParticipant.identity) return "customer";
  return room.remoteParticipants.get(identity)?.isAgent ? "assistant" : undefined;
}

/** Report every text on `topic` until the function that this returns is called. */
export function followTexts(
  room: Room,
  topic: string,
  onText: (text: RoomText) => void,
): () => void {
  room.registerTextStreamHandler(topic, (reader, { identity }) => {
    const sender = senderOf(room, identity);
    if (sender) void follow(reader, sender, onText);
  });
  return () => {
    room.unregisterTextStreamHandler(topic);
  };
}

async function follow(
  reader: TextStreamReader,
  sender: Speaker,
  onText: (text: RoomText) => void,
): Promise<void> {
  let text = "";
  const tell = (ended: boolean) => {
    const { id, attributes = {} } = reader.info;
    onText({ id, sender, text, attributes, ended });
  };
  try {
    for await (const part of reader) {
      text += part;
      tell(false);
    }
  } catch {
    // The sender is gone in mid-sentence: what came stays.
  }
  tell(true);
}
