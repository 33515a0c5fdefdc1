import { useEffect, useState } from "react";
import { Meter } from "../audio/meter";
import { audioContext } from "../platform";

/** A meter on the stream while there is one. */
export function useMeter(stream: MediaStream | null): Meter | null {
  const [meter, setMeter] = useState<Meter | null>(null);
  useEffect(() => {
    if (stream === null) return;
    const made = new Meter(audioContext(), stream);
    setMeter(made);
    return () => {
      setMeter(null);
      made.close();
    };
  }, [stream]);
  return meter;
}
