/** The room's text streams of a topic in, each text as it grows out, with the role of its sender. */

import type { Room, TextStreamReader } from "livekit-client";

export type Speaker = "customer" | "assistant" | "human";

export interface Sender {
  speaker: Speaker;
  /** The name of a person of the operator's; empty for the customer and the assistant. */
  who: string;
}

export interface RoomText extends Sender {
  /** Of the stream: one text keeps it while it grows. */
  id: string;
  text: string;
  attributes: Readonly<Record<string, string>>;
  /** Nothing will be added any more. */
  ended: boolean;
}

/** Who is in a room, as far as it matters here. */
interface Person {
  identity: string;
  name?: string | undefined;
}
interface People {
  localParticipant: Person;
  remoteParticipants: ReadonlyMap<string, Person & { isAgent: boolean }>;
}

/** What the identities that the API signs begin with, by whose they are. */
const PREFIXES = { customer: "customer-", human: "human-" } as const;

/**
 * Who sent a stream. Name and kind are in the token of whoever joined, and the server vouches for the identity: it
 * lets an agent alone send in somebody else's place, as the assistant does with what it hears. Somebody who is none
 * of these, or is not in the room, is nobody whose words are shown.
 */
export function senderOf(
  { localParticipant, remoteParticipants }: People,
  identity: string,
): Sender | undefined {
  const remote = remoteParticipants.get(identity);
  if (remote?.isAgent) return { speaker: "assistant", who: "" };
  const sender = identity === localParticipant.identity ? localParticipant : remote;
  if (sender === undefined) return undefined;
  if (identity.startsWith(PREFIXES.customer)) return { speaker: "customer", who: "" };
  if (identity.startsWith(PREFIXES.human)) return { speaker: "human", who: sender.name ?? "" };
  return undefined;
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
  sender: Sender,
  onText: (text: RoomText) => void,
): Promise<void> {
  let text = "";
  const tell = (ended: boolean) => {
    const { id, attributes = {} } = reader.info;
    onText({ ...sender, id, text, attributes, ended });
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

/** Send a text to the room; gives the id of its stream. Rejects when the room cannot take it. */
export async function sendText(room: Room, topic: string, text: string): Promise<string> {
  // An id of ours: the one the library would make needs a secure context, and typing must go on
  // where a page over http has no microphone.
  const streamId = Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) =>
    word.toString(16).padStart(8, "0"),
  ).join("");
  const writer = await room.localParticipant.streamText({ topic, streamId });
  await writer.write(text);
  await writer.close();
  return streamId;
}
