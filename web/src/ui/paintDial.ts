/** Drawing of the dial: strokes around a circle, mirrored left and right, low voices at the foot. */

/** Bands of one half of the circle. */
export const BANDS = 40;

interface Ink {
  yours: string;
  its: string;
  rest: string;
}

export function paintDial(context: CanvasRenderingContext2D, size: number, yours: Float32Array, its: Float32Array, ink: Ink): void {
  context.clearRect(0, 0, size, size);
  context.lineCap = "round";
  context.lineWidth = Math.max(2, size / 120);
  const middle = size / 2;
  const rest = size * 0.36;
  const reach = { outwards: size * 0.12, inwards: size * 0.085 };
  for (let stroke = 0; stroke < BANDS * 2; stroke += 1) {
    const band = stroke < BANDS ? stroke : BANDS * 2 - 1 - stroke;
    const angle = ((stroke + 0.5) / (BANDS * 2)) * 2 * Math.PI + Math.PI / 2;
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    const line = (from: number, to: number, colour: string) => {
      context.strokeStyle = colour;
      context.beginPath();
      context.moveTo(middle + x * from, middle + y * from);
      context.lineTo(middle + x * to, middle + y * to);
      context.stroke();
    };
    const outwards = lift(its[band] ?? 0);
    const inwards = lift(yours[band] ?? 0);
    if (inwards > 0) line(rest, rest - 2 - inwards * reach.inwards, ink.yours);
    if (outwards > 0) line(rest, rest + 2 + outwards * reach.outwards, ink.its);
    if (inwards === 0 && outwards === 0) line(rest, rest + 0.01, ink.rest);
  }
}

/** Keep the room's murmur out of the picture. */
function lift(value: number): number {
  const floor = 0.12;
  return value <= floor ? 0 : ((value - floor) / (1 - floor)) ** 1.3;
}
