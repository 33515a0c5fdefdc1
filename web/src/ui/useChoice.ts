import { useCallback, useEffect, useState } from "react";
import type { Call } from "../call/call";
import { type Choice, fetchOffered, inForce, isOffered, nothingOffered, type Offered, offeredIn, remember, remembered } from "../call/choice";
import type { CallState } from "../call/state";
import { platform } from "../platform";

export interface Voices {
  offered: Offered;
  /** What a call is to begin with; null leaves it to the server. */
  chosen: Choice | null;
  /** What the picker shows: what is wished, or else what holds, or else what a call would begin with. */
  shown: Choice;
  choose(choice: Choice): void;
}

/** The voices and languages that there are, before a call and in it, and the one chosen, remembered by the browser. */
export function useChoice(call: Call, { session, model, wish, phase }: CallState): Voices {
  const [before, setBefore] = useState(nothingOffered);
  const [stored, setStored] = useState(remembered);
  useEffect(() => {
    const asking = new AbortController();
    void fetchOffered(platform.fetch, asking.signal).then((offered) => asking.signal.aborted || setBefore(offered));
    return () => asking.abort();
  }, []);
  const choose = useCallback(
    (choice: Choice) => {
      setStored(choice);
      remember(choice);
      call.choose(choice);
    },
    [call],
  );
  const live = phase === "live" && session !== null;
  const offered = live ? offeredIn(session) : before;
  const chosen = stored !== null && isOffered(before, stored) ? stored : null;
  const shown = live ? (wish ?? inForce(session, model)) : (chosen ?? before);
  return { offered, chosen, shown, choose };
}
