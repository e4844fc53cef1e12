/** Whether the brief, which the person who was called hears alone, is over. */

import { useTracks } from "@livekit/components-react";
import { Track } from "livekit-client";
import { useState } from "react";

/** The name of the assistant's second track. */
const BRIEF = "brief";

export interface Brief {
  isOver: boolean;
  /** They want to be introduced now. */
  end: () => void;
}

export function useBrief(): Brief {
  const [isSeen, setIsSeen] = useState(false);
  const [isEnded, setIsEnded] = useState(false);
  const isThere = useTracks([Track.Source.Microphone, Track.Source.Unknown], {
    onlySubscribed: false,
  }).some(({ participant, publication }) => participant.isAgent && publication.trackName === BRIEF);
  if (isThere && !isSeen) setIsSeen(true);
  return {
    isOver: isEnded || (isSeen && !isThere),
    end: () => {
      setIsEnded(true);
    },
  };
}
