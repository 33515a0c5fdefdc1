import { useId } from "react";
import type { Meter } from "../audio/meter";
import type { Call } from "../call/call";
import { type CallState, isActive } from "../call/state";
import { InputLevel } from "./InputLevel";
import { MicrophoneIcon, MutedIcon } from "./icons";
import type { Microphones } from "./useMicrophones";

interface Props {
  call: Call;
  state: CallState;
  input: Meter | null;
  microphones: Microphones;
  onChoose: (id: string | null) => void;
}

/** Microphone: which one, how loud, and mute. */
export function Controls({ call, state, input, microphones, onChoose }: Props) {
  const select = useId();
  const { list, chosen } = microphones;
  const known = list.some((microphone) => microphone.id === chosen);
  return (
    <section className="controls" aria-label="Microphone">
      {isActive(state) && state.hasMicrophone && (
        <button type="button" className="mute" aria-pressed={state.muted} onClick={() => call.setMuted(!state.muted)} data-testid="mute">
          {state.muted ? <MutedIcon /> : <MicrophoneIcon />}
          <span>Mute</span>
        </button>
      )}
      <div className="device">
        <label className="unseen" htmlFor={select}>
          Microphone
        </label>
        <select id={select} value={known ? (chosen ?? "") : ""} onChange={(event) => onChoose(event.target.value || null)} data-testid="device">
          <option value="">Default microphone</option>
          {list.map((microphone) => (
            <option key={microphone.id} value={microphone.id}>
              {microphone.label}
            </option>
          ))}
        </select>
        <InputLevel meter={state.muted ? null : input} />
      </div>
    </section>
  );
}
