/** The room of a call in; the screen that the customer shares in it, and what was read there, out. */

import { useLocalParticipant, useRoomContext } from "@livekit/components-react";
import { useEffect, useState } from "react";
import { followTexts } from "../room/roomTexts";
import {
  canShareScreen,
  SCREEN_CAPTURE,
  SCREEN_PUBLISHING,
  type ScreenRead,
  screenReadOf,
  wasRefused,
} from "./screen";

const SCREEN_TOPIC = "liuke.screen";

export interface Screen {
  /** Whether this browser can share one. */
  canShare: boolean;
  isShared: boolean;
  /** Sharing was tried and did not work. */
  hasFailed: boolean;
  /** What the assistant has read last; it stays when nothing is shared any more. */
  read: ScreenRead | undefined;
  share: (on: boolean) => Promise<void>;
}

export function useScreen(): Screen {
  const room = useRoomContext();
  const { isScreenShareEnabled } = useLocalParticipant();
  const [read, setRead] = useState<ScreenRead>();
  const [hasFailed, setHasFailed] = useState(false);

  useEffect(
    () =>
      followTexts(room, SCREEN_TOPIC, (text) => {
        const told = screenReadOf(text);
        if (told) setRead(told);
      }),
    [room],
  );

  const share = async (on: boolean) => {
    try {
      await room.localParticipant.setScreenShareEnabled(on, SCREEN_CAPTURE, SCREEN_PUBLISHING);
      if (on) setRead(undefined);
      setHasFailed(false);
    } catch (error) {
      setHasFailed(!wasRefused(error));
    }
  };
  return {
    canShare: canShareScreen(navigator),
    isShared: isScreenShareEnabled,
    hasFailed,
    read,
    share,
  };
}
