/** Whether something has been so for a while. */

import { useEffect, useState } from "react";

/** True once `condition` has held for `patienceMs` without a break. */
export function useLasting(condition: boolean, patienceMs: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!condition) return;
    const timer = setTimeout(() => {
      setLate(true);
    }, patienceMs);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [condition, patienceMs]);
  return condition && late;
}
