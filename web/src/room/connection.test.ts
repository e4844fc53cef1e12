import { DisconnectReason } from "livekit-client";
import { expect, it } from "vitest";
import { endReasonOf } from "./connection";

it("tells leaving, a closed room, another window, and a lost connection apart", () => {
  expect(endReasonOf(DisconnectReason.CLIENT_INITIATED)).toBe("left");
  expect(endReasonOf(DisconnectReason.ROOM_DELETED)).toBe("closed");
  expect(endReasonOf(DisconnectReason.DUPLICATE_IDENTITY)).toBe("elsewhere");
  expect(endReasonOf(DisconnectReason.SERVER_SHUTDOWN)).toBe("lost");
  expect(endReasonOf(undefined)).toBe("lost");
});
