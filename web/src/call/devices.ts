/** The application's devices, as the server tells of them, and what their switches send. Pure. */

import type { DeviceStateEvent, DeviceSwitchedEvent } from "../events.gen";

export interface Device extends DeviceStateEvent {
  /** A switch was moved and the device has not answered yet. */
  pending: boolean;
  /** Why the last switch did nothing; empty when it did. */
  problem: string;
}

/** In the order in which the server told of them. */
export type Devices = readonly Device[];

export interface Room {
  name: string;
  devices: Devices;
}

export function reported(devices: Devices, event: DeviceStateEvent): Devices {
  const index = devices.findIndex(({ device }) => device === event.device);
  const known = devices[index];
  if (known === undefined) return [...devices, { ...event, pending: false, problem: "" }];
  return devices.with(index, { ...known, ...event, problem: "" });
}

export function switching(devices: Devices, name: string): Devices {
  return devices.map((known) => (known.device === name ? { ...known, pending: true, problem: "" } : known));
}

export function switched(devices: Devices, event: DeviceSwitchedEvent): Devices {
  return devices.map((known) => (known.device === event.device ? { ...known, pending: false, problem: event.problem ?? "" } : known));
}

export function byRoom(devices: Devices): Room[] {
  const names = [...new Set(devices.map(({ room }) => room))];
  return names.map((name) => ({ name, devices: devices.filter(({ room }) => room === name) }));
}

/** Whether its switch is on: a light or an oven that is on, a lock that is locked; null where there is none. */
export function isOn({ kind, state }: Device): boolean | null {
  const value = kind === "lock" ? state?.locked : kind === "light" || kind === "oven" ? state?.on : null;
  return typeof value === "boolean" ? value : null;
}

/** What moving the switch asks for. An oven goes on at the temperature that it had. */
export function toggled(device: Device): Record<string, unknown> {
  const on = !isOn(device);
  if (device.kind === "lock") return { locked: on };
  if (device.kind === "oven" && on) return { on, temperature_celsius: device.state?.temperature_celsius };
  return { on };
}

/** A number of its state, where that is one. */
export function numberOf({ state }: Device, name: string): number | null {
  const value = state?.[name];
  return typeof value === "number" ? value : null;
}

/** Its state in words. */
export function stateWords(device: Device): string {
  if (!device.online) return "away";
  const on = isOn(device);
  if (device.kind === "lock" && on !== null) return on ? "locked" : "unlocked";
  const brightness = numberOf(device, "brightness_percent");
  if (device.kind === "light" && on !== null) return on ? `on${brightness === null ? "" : `, ${brightness} %`}` : "off";
  const degrees = numberOf(device, "temperature_celsius");
  if (device.kind === "oven" && on !== null) return on ? `on${degrees === null ? "" : `, ${degrees} °C`}` : "off";
  const members = Object.entries(device.state ?? {}).map(([name, value]) => `${name.replaceAll("_", " ")} ${String(value)}`);
  return members.join(", ");
}
