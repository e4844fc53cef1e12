/** Something of a call in; what the server says of it, asked again and again, out. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import type { Grant } from "../api/client";
import { problemOf } from "../problem";
import type { CallState } from "./callState";

/** How often the page asks in each phase, in milliseconds; where none is given it does not ask. */
export type Intervals = Partial<Record<CallState["phase"], number>>;

/** `name`: of what is fetched. */
export function useOfCall<Data>(
  name: string,
  grant: Grant | undefined,
  interval: number | undefined,
  fetch: (grant: Grant, signal: AbortSignal) => Promise<Data>,
): UseQueryResult<Data | null> {
  return useQuery({
    queryKey: [name, grant?.call_id],
    queryFn: ({ signal }) => (grant ? fetch(grant, signal) : null),
    enabled: grant !== undefined && interval !== undefined,
    // A page that stays open for longer than its call's token is told so once.
    refetchInterval: ({ state: { error } }) =>
      error && problemOf(error).kind === "api_refused" ? false : (interval ?? false),
    // Who waits to be called back looks at other pages meanwhile.
    refetchIntervalInBackground: true,
    // The next question is near.
    retry: false,
  });
}
