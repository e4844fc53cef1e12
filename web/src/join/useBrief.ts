/** Whether the brief, which the person who was called hears alone, is over; then the customer hears them. */

import { useRemoteParticipants } from "@livekit/components-react";
import { RoomEvent } from "livekit-client";
import { useEffect, useState } from "react";
import type { MicrophoneState } from "../room/useMicrophone";

/** The assistant's attribute that tells who speaks with the customer. */
const FLOOR = "liuke.floor";
const THEIRS = "human";

export interface Brief {
  isOver: boolean;
  /** They want to be introduced now. */
  end: () => void;
}

export function useBrief({ problem, switchTo }: MicrophoneState): Brief {
  const [isEnded, setIsEnded] = useState(false);
  const others = useRemoteParticipants({
    updateOnlyOn: [
      RoomEvent.ParticipantConnected,
      RoomEvent.ParticipantDisconnected,
      RoomEvent.ParticipantAttributesChanged,
    ],
  });
  const isIntroduced = others.some(
    ({ isAgent, attributes }) => isAgent && attributes[FLOOR] === THEIRS,
  );
  const isHeard = problem === undefined;
  useEffect(() => {
    if (isIntroduced && isHeard) void switchTo(true);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once, when they are introduced
  }, [isIntroduced]);
  return {
    isOver: isEnded || isIntroduced,
    end: () => {
      setIsEnded(true);
    },
  };
}
