/** A call in, its tickets and who comes for them out, as the server sees them now. */

import { useQuery } from "@tanstack/react-query";
import { fetchTickets, type Grant } from "../api/client";
import { problemOf } from "../problem";
import type { Ticket } from "../ticket/promises";
import { useServerNow } from "../ticket/useServerNow";
import type { CallState } from "./callState";

/** How often the page asks, in milliseconds: during a call, and after it, when somebody may ring. */
const INTERVALS_MS: Partial<Record<CallState["phase"], number>> = {
  live: 2_000,
  ended: 5_000,
  idle: 5_000,
};

export interface Tickets {
  tickets: readonly Ticket[];
  now: Date;
}

export function useTickets(grant: Grant | undefined, phase: CallState["phase"]): Tickets {
  const interval = INTERVALS_MS[phase];
  const { data, dataUpdatedAt } = useQuery({
    queryKey: ["tickets", grant?.call_id],
    queryFn: ({ signal }) => (grant ? fetchTickets(grant, signal) : null),
    enabled: grant !== undefined && interval !== undefined,
    // A page that stays open for longer than its call's token is told so once.
    refetchInterval: ({ state: { error } }) =>
      error && problemOf(error).kind === "api_refused" ? false : (interval ?? false),
    // Who waits to be called back looks at other pages meanwhile.
    refetchIntervalInBackground: true,
    // The next question is near.
    retry: false,
  });
  return { tickets: data?.tickets ?? [], now: useServerNow(data?.now, dataUpdatedAt) };
}
