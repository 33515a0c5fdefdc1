import { useEffect, useState } from "react";

/** Seconds from `startedAt` to `endedAt`, or to now and counting. */
export function useSeconds(startedAt: number | null, endedAt: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  const running = startedAt !== null && endedAt === null;
  useEffect(() => {
    if (!running) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [running]);
  if (startedAt === null) return 0;
  return Math.max(0, Math.floor(((endedAt ?? now) - startedAt) / 1000));
}
