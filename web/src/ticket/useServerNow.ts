/** The moment by the server's clock: due times are the server's, and the browser's clock may be wrong. */

import { useNow } from "../ui/useNow";

/** `saidNow`: what the server's clock showed when its answer came, at `cameAtMs` of the browser's. */
export function useServerNow(saidNow: string | undefined, cameAtMs: number): Date {
  const nowMs = useNow();
  const aheadMs = saidNow === undefined ? 0 : Date.parse(saidNow) - cameAtMs;
  return new Date(nowMs + aheadMs);
}
