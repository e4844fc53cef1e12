/** Whether the brief, which the person who was called hears alone, is over; then the customer hears them. */

import { useRemoteParticipants } from "@livekit/components-react";
import { RoomEvent } from "livekit-client";
import { useEffect, useState } from "react";
import type { JoinControl } from "./useJoin";

/** The assistant's attribute that tells who speaks with the customer. */
const FLOOR = "liuke.floor";
const THEIRS = "human";
const BRIEF = "brief";

export interface Brief {
  isOver: boolean;
  /** They want to be introduced now. */
  end: () => void;
}

export function useBrief({ microphone, isExpected, introduce }: JoinControl): Brief {
  const { problem, switchTo } = microphone;
  const [isEnded, setIsEnded] = useState(false);
  const others = useRemoteParticipants({
    updateOnlyOn: [
      RoomEvent.ParticipantConnected,
      RoomEvent.ParticipantDisconnected,
      RoomEvent.ParticipantAttributesChanged,
    ],
  });
  const floor = others.find(({ isAgent }) => isAgent)?.attributes[FLOOR];
  const isIntroduced = floor === THEIRS;
  const isHeard = problem === undefined;
  useEffect(() => {
    if (isIntroduced && isHeard) void switchTo(true);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once, when they are introduced
  }, [isIntroduced]);
  const isTold = floor === BRIEF;
  useEffect(() => {
    if (isTold && isExpected) void introduce().catch(() => undefined);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once, when it begins
  }, [isTold]);
  return {
    isOver: isEnded || isIntroduced,
    end: () => {
      setIsEnded(true);
    },
  };
}
