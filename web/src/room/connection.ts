/** A room's connection: whether it is being mended, and why it ended. */

import { ConnectionState, DisconnectReason } from "livekit-client";

/** One's own doing, closed by us, joined anew in another window, or the connection lost. */
export type EndReason = "left" | "closed" | "elsewhere" | "lost";

export function endReasonOf(reason: DisconnectReason | undefined): EndReason {
  switch (reason) {
    case DisconnectReason.CLIENT_INITIATED:
      return "left";
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
    case DisconnectReason.PARTICIPANT_REMOVED:
      return "closed";
    case DisconnectReason.DUPLICATE_IDENTITY:
      return "elsewhere";
    default:
      return "lost";
  }
}

export function isReconnecting(connection: ConnectionState): boolean {
  return (
    connection === ConnectionState.Reconnecting ||
    connection === ConnectionState.SignalReconnecting
  );
}
