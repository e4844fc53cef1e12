/** The moment, as it passes. */

import { useEffect, useState } from "react";

/** Milliseconds of the browser's clock, every second anew. */
export function useNow(): number {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      setNowMs(Date.now());
    }, 1000);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return nowMs;
}
