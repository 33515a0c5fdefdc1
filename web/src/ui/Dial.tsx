import { useEffect, useRef } from "react";
import type { Meter } from "../audio/meter";
import { BANDS, paintDial } from "./paintDial";

/** 25 pictures a second look alive and cost a phone little. */
const FRAME_MS = 40;

/** Two voices around the button: the assistant's strokes point outwards, yours inwards. */
export function Dial({ input, output }: { input: Meter | null; output: Meter | null }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const yours = new Float32Array(BANDS);
    const its = new Float32Array(BANDS);
    let paintedAt = -Infinity;
    let frame = 0;
    const paint = (now: number) => {
      frame = requestAnimationFrame(paint);
      if (now - paintedAt < FRAME_MS) return;
      paintedAt = now;
      if (input) input.readBands(yours);
      else yours.fill(0);
      if (output) output.readBands(its);
      else its.fill(0);
      const size = element.clientWidth;
      const scale = Math.min(window.devicePixelRatio, 3);
      if (element.width !== Math.round(size * scale)) element.width = element.height = Math.round(size * scale);
      context.setTransform(scale, 0, 0, scale, 0, 0);
      const style = getComputedStyle(element);
      const ink = { yours: style.getPropertyValue("--you"), its: style.getPropertyValue("--it"), rest: style.getPropertyValue("--tick") };
      paintDial(context, size, yours, its, ink);
    };
    paint(0);
    return () => cancelAnimationFrame(frame);
  }, [input, output]);
  return <canvas ref={canvas} className="dial-canvas" aria-hidden="true" />;
}
