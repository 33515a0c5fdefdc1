import { type CSSProperties, type JSX, useId } from "react";
import { byRoom, type Device, isOn, numberOf, stateWords, toggled } from "../call/devices";
import type { CallState } from "../call/state";
import { DeviceIcon, LightIcon, LockIcon, OvenIcon } from "./icons";
import { spaced } from "./words";

interface Props {
  state: CallState;
  onSwitch: (device: string, change: Record<string, unknown>) => void;
}

/** The devices of the application by room, as they are now; nothing where the server has none. */
export function Devices({ state, onSwitch }: Props) {
  if (state.devices.length === 0) return null;
  return (
    <section className="rooms" aria-label="Devices" data-testid="devices">
      {byRoom(state.devices).map(({ name, devices }) => (
        <div className="room" key={name}>
          <h2>{titled(name)}</h2>
          <ul>
            {devices.map((device) => (
              <DeviceRow key={device.device} device={device} live={state.phase === "live"} onSwitch={onSwitch} />
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

const ICONS: Record<string, () => JSX.Element> = { light: LightIcon, lock: LockIcon, oven: OvenIcon };

function DeviceRow({ device, live, onSwitch }: { device: Device; live: boolean; onSwitch: Props["onSwitch"] }) {
  const title = useId();
  const on = isOn(device);
  const brightness = device.kind === "light" ? numberOf(device, "brightness_percent") : null;
  const words = stateWords(device);
  const Icon = ICONS[device.kind] ?? DeviceIcon;
  const disabled = !live || !device.online || device.pending;
  const glow = { "--level": brightness === null ? 1 : 0.35 + (0.65 * brightness) / 100 } as CSSProperties;
  return (
    <li className="thing" data-kind={device.kind} data-on={on} data-online={device.online} data-pending={device.pending} style={glow} data-testid={`device-${device.device}`}>
      <span className="thing-picture">
        <Icon />
      </span>
      <span className="thing-name" id={title}>
        {titled(device.kind)}
        {/* Made anew with its text, so that a change is seen to happen. */}
        <span className="thing-state" key={words} role="status">
          {words}
        </span>
      </span>
      {brightness !== null && <Dimmer key={brightness} brightness={brightness} title={title} disabled={disabled} onChange={(value) => onSwitch(device.device, { brightness_percent: value })} />}
      {on !== null && (
        <button type="button" className="switch" role="switch" aria-checked={on} aria-labelledby={title} disabled={disabled} onClick={() => onSwitch(device.device, toggled(device))} />
      )}
      {device.problem !== "" && (
        <p className="thing-problem" role="alert">
          {device.problem}
        </p>
      )}
    </li>
  );
}

interface DimmerProps {
  brightness: number;
  title: string;
  disabled: boolean;
  onChange: (value: number) => void;
}

/** Asks for a brightness when it is let go of, not all the way there. */
function Dimmer({ brightness, title, disabled, onChange }: DimmerProps) {
  const ask = (element: HTMLInputElement) => {
    const value = Number(element.value);
    if (value !== brightness) onChange(value);
  };
  return (
    <input
      type="range"
      className="dimmer"
      min={1}
      max={100}
      defaultValue={brightness}
      disabled={disabled}
      aria-labelledby={title}
      aria-valuetext={`${brightness} percent`}
      onPointerUp={(event) => ask(event.currentTarget)}
      onKeyUp={(event) => ask(event.currentTarget)}
    />
  );
}

function titled(name: string): string {
  const words = spaced(name);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
