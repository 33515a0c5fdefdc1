import { useCallback, useEffect, useState } from "react";
import { listMicrophones, type Microphone } from "../audio/microphone";

const STORED_AS = "sonicrtc.microphone";

export interface Microphones {
  list: readonly Microphone[];
  chosen: string | null;
  choose(id: string | null): void;
}

/** The microphones there are, kept fresh, and the one chosen, remembered by the browser. */
export function useMicrophones(stream: MediaStream | null): Microphones {
  const [list, setList] = useState<readonly Microphone[]>([]);
  const [chosen, setChosen] = useState(() => localStorage.getItem(STORED_AS));
  useEffect(() => {
    const refresh = () => void listMicrophones().then(setList);
    refresh(); // again with every stream: names are told only after permission
    const devices = "mediaDevices" in navigator ? navigator.mediaDevices : null;
    devices?.addEventListener("devicechange", refresh);
    return () => devices?.removeEventListener("devicechange", refresh);
  }, [stream]);
  const choose = useCallback((id: string | null) => {
    if (id === null) localStorage.removeItem(STORED_AS);
    else localStorage.setItem(STORED_AS, id);
    setChosen(id);
  }, []);
  return { list, chosen, choose };
}
