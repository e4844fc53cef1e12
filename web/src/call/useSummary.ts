/** A call in, its written summary out, once there is one. */

import { type CallSummary, fetchSummary, type Grant } from "../api/client";
import type { CallState } from "./callState";
import { type Intervals, useOfCall } from "./useOfCall";

/** It is written within seconds, and anew once the customer cannot come back. */
const INTERVALS_MS: Intervals = { ended: 3_000 };

export function useSummary(
  grant: Grant | undefined,
  phase: CallState["phase"],
): CallSummary | undefined {
  const { data } = useOfCall("summary", grant, INTERVALS_MS[phase], fetchSummary);
  return data?.summary ?? undefined;
}
