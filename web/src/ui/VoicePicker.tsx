import { type ReactNode, useId } from "react";
import { inLanguage, voicesFor } from "../call/choice";
import { type CallState, isActive } from "../call/state";
import type { VoiceInfo } from "../events.gen";
import type { Voices } from "./useChoice";

/** In which language, and with whose voice. */
export function VoicePicker({ voices, state }: { voices: Voices; state: CallState }) {
  const note = useId();
  const { offered, shown, choose } = voices;
  const disabled = isActive(state) && state.phase !== "live"; // what is on its way cannot be changed
  const fitting = voicesFor(offered, shown.language);
  const polyglots = fitting.filter(({ polyglot }) => polyglot);
  return (
    <section className="voices" aria-label="Voice of the assistant">
      <Select label="Language" note={note} value={shown.language} disabled={disabled} onChange={(code) => choose(inLanguage(offered, shown, code))}>
        <option value="">Any language</option>
        {offered.languages.map(({ code, name }) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </Select>
      <Select label="Voice" note={note} value={shown.voice} disabled={disabled} onChange={(voice) => choose({ ...shown, voice })}>
        {fitting.filter(({ polyglot }) => !polyglot).map(optionOf)}
        {polyglots.length > 0 && <optgroup label="Polyglot: any language">{polyglots.map(optionOf)}</optgroup>}
      </Select>
      <p id={note} className="voices-note" role="status" data-testid="voice-note">
        {state.wish !== null && "Changes with the next pause."}
      </p>
    </section>
  );
}

function optionOf({ name }: VoiceInfo) {
  return (
    <option key={name} value={name}>
      {name.charAt(0).toUpperCase() + name.slice(1)}
    </option>
  );
}

interface SelectProps {
  label: string;
  note: string;
  value: string;
  disabled: boolean;
  onChange: (value: string) => void;
  children: ReactNode;
}

function Select({ label, note, value, disabled, onChange, children }: SelectProps) {
  const id = useId();
  return (
    <div className="device">
      <label className="unseen" htmlFor={id}>
        {label}
      </label>
      <select id={id} value={value} disabled={disabled} aria-describedby={note} onChange={(event) => onChange(event.target.value)} data-testid={label.toLowerCase()}>
        {children}
      </select>
    </div>
  );
}
