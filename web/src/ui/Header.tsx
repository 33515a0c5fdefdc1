import { type CallState, isActive, isRecovering } from "../call/state";
import { Wordmark } from "./icons";
import { useSeconds } from "./useSeconds";
import { clock } from "./words";

export function Header({ state }: { state: CallState }) {
  const seconds = useSeconds(state.startedAt, state.endedAt);
  return (
    <header className="header">
      <h1 className="wordmark">
        <Wordmark />
        <span>
          Sonic<b>RTC</b>
        </span>
      </h1>
      <p className="line" data-state={lineState(state)} data-testid="line">
        <span className="line-dot" aria-hidden="true" />
        {lineWords(state)}
        {state.startedAt !== null && (
          <time className="line-clock" data-testid="clock">
            {clock(seconds)}
          </time>
        )}
      </p>
    </header>
  );
}

function lineState(state: CallState): string {
  if (state.wavering || isRecovering(state)) return "wavering";
  return state.phase === "live" ? "live" : isActive(state) ? "calling" : "off";
}

function lineWords(state: CallState): string {
  if (state.wavering) return "Unsteady";
  if (isRecovering(state)) return "Reconnecting";
  if (state.phase === "live") return "Live";
  if (state.phase === "ended" && state.startedAt !== null) return "Ended";
  return isActive(state) ? "Calling" : "Not connected";
}
