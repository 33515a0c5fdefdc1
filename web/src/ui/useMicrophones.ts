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
  const [chosen, setChosen] = useState(stored);
  useEffect(() => {
    const refresh = () => void listMicrophones().then(setList);
    refresh(); // again with every stream: names are told only after permission
    const devices = "mediaDevices" in navigator ? navigator.mediaDevices : null;
    devices?.addEventListener("devicechange", refresh);
    return () => devices?.removeEventListener("devicechange", refresh);
  }, [stream]);
  const choose = useCallback((id: string | null) => {
    setChosen(id);
    store(id);
  }, []);
  return { list, chosen, choose };
}

/** A browser that keeps nothing for pages throws when asked; the choice then lasts as long as the page. */
function stored(): string | null {
  try {
    return localStorage.getItem(STORED_AS);
  } catch {
    return null;
  }
}

function store(id: string | null): void {
  try {
    if (id === null) localStorage.removeItem(STORED_AS);
    else localStorage.setItem(STORED_AS, id);
  } catch {
    // as above
  }
}
