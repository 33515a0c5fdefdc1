import type { Meter } from "../audio/meter";
import { type CallState, isActive } from "../call/state";
import { Dial } from "./Dial";
import { HangUpIcon, MicrophoneIcon } from "./icons";
import { statusOf } from "./words";

interface Props {
  state: CallState;
  input: Meter | null;
  output: Meter | null;
  canTalk: boolean;
  onStart: () => void;
  onHangUp: () => void;
}

/** Who is speaking, and the one button that matters. */
export function Stage({ state, input, output, canTalk, onStart, onHangUp }: Props) {
  const status = statusOf(state);
  const active = isActive(state);
  return (
    <section className="stage" aria-label="Call">
      <div className="dial" data-active={active} data-waiting={active && state.phase !== "live"}>
        <Dial input={state.muted ? null : input} output={output} />
        {/* The second click of a double click on Connect must not hang up. */}
        {active ? (
          <button type="button" className="round round-stop" onClick={(event) => event.detail < 2 && onHangUp()} data-testid="hangup">
            <HangUpIcon />
            <span className="round-label">Hang up</span>
          </button>
        ) : (
          <button type="button" className="round round-start" onClick={onStart} disabled={!canTalk} data-testid="connect">
            <MicrophoneIcon />
            <span className="round-label">{state.phase === "ended" ? "Again" : "Connect"}</span>
          </button>
        )}
      </div>
      <div className="status" role="status" data-testid="status">
        <p className="status-headline">{status.headline}</p>
        <p className="status-hint">{status.hint}</p>
      </div>
      <p className="who-speaks">
        <Speaker name="You" role="user" active={state.speaking.user} />
        <Speaker name="Assistant" role="assistant" active={state.speaking.assistant} />
      </p>
    </section>
  );
}

function Speaker({ name, role, active }: { name: string; role: "user" | "assistant"; active: boolean }) {
  return (
    <span className="speaker" data-role={role} data-active={active} data-testid={`speaking-${role}`}>
      {name}
      <span className="unseen">{active ? " speaking" : " quiet"}</span>
    </span>
  );
}
