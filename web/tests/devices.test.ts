import { describe, expect, it } from "vitest";
import { byRoom, type Device, type Devices, isOn, reported, stateWords, switched, switching, toggled } from "../src/call/devices";
import type { DeviceStateEvent } from "../src/events.gen";

function told(device: string, state: Record<string, unknown>, online = true): DeviceStateEvent {
  const [room = "", kind = ""] = device.split("/");
  return { type: "device.state", device, room, kind, online, state };
}

function after(...events: DeviceStateEvent[]): Devices {
  return events.reduce(reported, [] as Devices);
}

function one(device: string, state: Record<string, unknown>, online = true): Device {
  const [found] = after(told(device, state, online));
  if (found === undefined) throw new Error("no device");
  return found;
}

describe("devices", () => {
  it("appear in the order in which they were told of, and change in place", () => {
    const devices = after(told("kitchen/light", { on: false }), told("hall/lock", { locked: true }), told("kitchen/light", { on: true }));

    expect(devices.map(({ device, state }) => [device, state])).toEqual([
      ["kitchen/light", { on: true }],
      ["hall/lock", { locked: true }],
    ]);
  });

  it("stand by room", () => {
    const devices = after(told("kitchen/light", {}), told("hall/lock", {}), told("kitchen/oven", {}));

    expect(byRoom(devices).map(({ name, devices: inIt }) => [name, inIt.length])).toEqual([
      ["kitchen", 2],
      ["hall", 1],
    ]);
  });

  it("wait for the answer to a switch, and tell why it did nothing", () => {
    const before = switching(after(told("kitchen/oven", { on: false })), "kitchen/oven");
    expect(before[0]).toMatchObject({ pending: true, problem: "" });

    const refused = switched(before, { type: "device.switched", device: "kitchen/oven", problem: "no" });
    expect(refused[0]).toMatchObject({ pending: false, problem: "no" });

    expect(reported(refused, told("kitchen/oven", { on: true }))[0]).toMatchObject({ problem: "" });
  });

  it.each([
    [one("a/light", { on: true, brightness_percent: 40 }), "on, 40 %"],
    [one("a/light", { on: false, brightness_percent: 40 }), "off"],
    [one("a/lock", { locked: true }), "locked"],
    [one("a/lock", { locked: false }), "unlocked"],
    [one("a/oven", { on: true, temperature_celsius: 180, mode: "fan" }), "on, 180 °C"],
    [one("a/fan", { speed_percent: 3 }), "speed percent 3"],
    [one("a/lock", { locked: true }, false), "away"],
    [one("a/light", { on: "perhaps" }), "on perhaps"],
  ])("say how they are: %#", (device, words) => {
    expect(stateWords(device)).toBe(words);
  });

  it.each([
    [one("a/light", { on: true }), { on: false }],
    [one("a/lock", { locked: true }), { locked: false }],
    [one("a/oven", { on: false, temperature_celsius: 200 }), { on: true, temperature_celsius: 200 }],
    [one("a/oven", { on: true, temperature_celsius: 200 }), { on: false }],
  ])("have a switch that asks for the other state: %#", (device, change) => {
    expect(toggled(device)).toEqual(change);
  });

  it("of a kind that the page does not know have no switch", () => {
    expect(isOn(one("a/fan", { on: true }))).toBeNull();
  });
});
