import { useEffect, useRef } from "react";
import { FLOOR_DBFS, type Meter, shareOf } from "../audio/meter";

const FRAME_MS = 60;

/** How loud the microphone is. Written past React: sixteen renders a second would be waste. */
export function InputLevel({ meter }: { meter: Meter | null }) {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const show = (levelDbfs: number) => {
      element.current?.style.setProperty("--level", shareOf(levelDbfs).toFixed(3));
      element.current?.setAttribute("aria-valuenow", levelDbfs.toFixed(0));
    };
    if (meter === null) {
      show(FLOOR_DBFS);
      return;
    }
    const timer = setInterval(() => show(meter.levelDbfs()), FRAME_MS);
    return () => clearInterval(timer);
  }, [meter]);
  return (
    <div
      ref={element}
      className="level"
      role="meter"
      aria-label="Microphone level in dBFS"
      aria-valuemin={FLOOR_DBFS}
      aria-valuemax={0}
      aria-valuenow={FLOOR_DBFS}
      data-testid="input-level"
    />
  );
}
