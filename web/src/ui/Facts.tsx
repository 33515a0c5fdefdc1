import type { ReactNode } from "react";
import { inForce } from "../call/choice";
import { type CallState, isActive } from "../call/state";
import { duration } from "./words";

/** The small print of a call: who answers, how fast, for how many tokens. */
export function Facts({ state }: { state: CallState }) {
  const { session, model, usage, timing } = state;
  // Its row is there from the start of a call: the buttons above must not move away under a finger.
  if (session === null) return isActive(state) ? <div className="facts facts-awaited" /> : null;
  const answered = timing?.first_audio_played_ms ?? timing?.first_audio_received_ms;
  const asked = timing?.user_speech_end_ms;
  const wait = typeof answered === "number" && typeof asked === "number" ? answered - asked : null;
  const tokensIn = (usage?.input_speech_tokens ?? 0) + (usage?.input_text_tokens ?? 0);
  const tokensOut = (usage?.output_speech_tokens ?? 0) + (usage?.output_text_tokens ?? 0);
  return (
    <details className="facts" data-testid="facts">
      <summary>
        <span>Details</span>
        {wait !== null && <span className="facts-wait">answered in {duration(wait)}</span>}
      </summary>
      <dl>
        <Fact name="Model">{session.mode === "loopback" ? "none (loopback)" : session.model_id}</Fact>
        {session.mode === "sonic" && <Fact name="Voice">{inForce(session, model).voice}</Fact>}
        {session.endpoint_ms > 0 && (
          <Fact name="End of turn">
            after {duration(session.endpoint_ms)} of silence ({session.endpointing.toLowerCase()})
          </Fact>
        )}
        {wait !== null && (
          <Fact name="Last answer">
            {duration(wait)} after your last word{session.endpoint_ms > 0 && `, ${duration(Math.max(0, wait - session.endpoint_ms))} of it ours`}
          </Fact>
        )}
        {usage !== null && (
          <Fact name="Tokens">
            {tokensIn.toLocaleString()} in, {tokensOut.toLocaleString()} out
          </Fact>
        )}
        <Fact name="Call">{session.call_id}</Fact>
      </dl>
    </details>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
