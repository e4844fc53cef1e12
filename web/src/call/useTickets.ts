/** A call in, its tickets and who comes for them out, as the server sees them now. */

import { fetchTickets, type Grant } from "../api/client";
import type { Ticket } from "../ticket/promises";
import { useServerNow } from "../ticket/useServerNow";
import type { CallState } from "./callState";
import { type Intervals, useOfCall } from "./useOfCall";

/** During a call, and after it, when somebody may ring. */
const INTERVALS_MS: Intervals = { live: 2_000, ended: 5_000, idle: 5_000 };

export interface Tickets {
  tickets: readonly Ticket[];
  now: Date;
}

export function useTickets(grant: Grant | undefined, phase: CallState["phase"]): Tickets {
  const { data, dataUpdatedAt } = useOfCall("tickets", grant, INTERVALS_MS[phase], fetchTickets);
  return { tickets: data?.tickets ?? [], now: useServerNow(data?.now, dataUpdatedAt) };
}
