/** The page of a person who is called: the room's sound, and what they read and press. */

import { RoomAudioRenderer, RoomContext } from "@livekit/components-react";
import { ErrorBoundary } from "../ui/ErrorBoundary";
import { JoinPage } from "./components/JoinPage";
import { useJoin } from "./useJoin";

/** `link`: what the message's link ends with. */
export function App({ link }: { link: string }) {
  const join = useJoin(link);
  // The sound stands outside the boundary: a fault on the page does not end what is heard.
  return (
    <RoomContext.Provider value={join.room}>
      <RoomAudioRenderer />
      <ErrorBoundary>
        <JoinPage key={join.attempt} join={join} />
      </ErrorBoundary>
    </RoomContext.Provider>
  );
}
