import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fetchOffered, inLanguage, isOffered, nothingOffered, type Offered, remember, remembered, voicesFor } from "../src/call/choice";
import { type CallState, idle, reduce, type Step } from "../src/call/state";
import type { ModelEvent, SessionEvent } from "../src/events.gen";
import { transcriptText } from "../src/transcript";
import { statusOf } from "../src/ui/words";
import { Bench, decoded, settle } from "./fakes";

const offered: Offered = {
  voice: "matthew",
  language: "",
  open: true,
  languages: [
    { code: "en-US", name: "English (US)" },
    { code: "fr-FR", name: "French" },
  ],
  voices: [
    { name: "matthew", languages: ["en-US"], polyglot: true },
    { name: "ambre", languages: ["fr-FR"], polyglot: false },
  ],
};
const ambre = { voice: "ambre", language: "fr-FR" };
const session: SessionEvent = {
  type: "session",
  call_id: "c",
  mode: "sonic",
  model_id: "m",
  voice: "matthew",
  language: "",
  endpointing: "HIGH",
  endpoint_ms: 1500,
};
const ready: ModelEvent = { type: "model", status: "ready", stream: 2, ...ambre };
const recovering: ModelEvent = { ...ready, status: "recovering", code: "sonic_closed", message: "the stream was lost" };

describe("the voices for a language", () => {
  it("are those made for it and then those that speak everything", () => {
    expect(voicesFor(offered, "fr-FR").map(({ name }) => name)).toEqual(["ambre", "matthew"]);
    expect(voicesFor(offered, "").map(({ name }) => name)).toEqual(["matthew"]);
  });

  it("keep the voice that speaks it, and bring another one where it does not", () => {
    expect(inLanguage(offered, { voice: "matthew", language: "" }, "fr-FR")).toEqual({ voice: "matthew", language: "fr-FR" });
    expect(inLanguage(offered, ambre, "en-US")).toEqual({ voice: "matthew", language: "en-US" });
  });

  it.each([
    [ambre, true],
    [{ voice: "ambre", language: "en-US" }, false],
    [{ voice: "matthew", language: "xx-XX" }, false],
    [{ voice: "gone", language: "fr-FR" }, false],
  ])("hold a choice of another day: %j is %s", (choice, expected) => {
    expect(isOffered(offered, choice)).toBe(expected);
  });
});

describe("what the server offers", () => {
  const asked = (body: unknown, status = 200) => fetchOffered(async () => Response.json(body, { status }), new AbortController().signal);

  it("is open to this page when it may change both", async () => {
    const { voices, languages } = offered;
    const body = { voice: "matthew", language: "", voices, languages };

    expect(await asked({ ...body, may_change: ["voice", "language"] })).toEqual(offered);
    expect((await asked({ ...body, may_change: ["voice"] })).open).toBe(false);
  });

  it.each([[{ voices: [], may_change: [] }, 200], ["words", 200], [{ error: {} }, 404]])("is nothing when it says %j (%d)", async (body, status) => {
    expect(await asked(body, status)).toEqual(nothingOffered);
  });
});

describe("a choice", () => {
  const kept = new Map<string, string>();

  beforeEach(() => {
    kept.clear();
    vi.stubGlobal("localStorage", { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) });
  });
  afterEach(() => vi.unstubAllGlobals());

  it("is remembered", () => {
    expect(remembered()).toBeNull();
    remember(ambre);
    expect(remembered()).toEqual(ambre);
  });

  it.each(["not json", "5", '{"voice":1}'])("is none when the browser kept %s", (text) => {
    kept.set("sonicrtc.voice", text);
    expect(remembered()).toBeNull();
  });

  it("is none in a browser that keeps nothing", () => {
    vi.stubGlobal("localStorage", undefined);
    remember(ambre);
    expect(remembered()).toBeNull();
  });
});

describe("a wish in a call", () => {
  const after = (...steps: Step[]): CallState =>
    [{ kind: "connected", at: 1 }, { kind: "event", event: session }, ...steps].reduce((state, step) => reduce(state, step as Step), idle);
  const wished: Step = { kind: "wished", choice: ambre };

  it("is open until the model's stream holds it", () => {
    expect(after(wished).wish).toEqual(ambre);
    expect(after(wished, { kind: "event", event: { ...ready, voice: "matthew" } }).wish).toEqual(ambre);
    expect(after(wished, { kind: "event", event: ready })).toMatchObject({ wish: null, model: { voice: "ambre" } });
  });

  it("for what holds already is none", () => {
    expect(after({ kind: "wished", choice: { voice: "matthew", language: "" } }).wish).toBeNull();
  });

  it("is given up when the server refuses it, and the refusal is shown", () => {
    const refused = after(wished, { kind: "event", event: { type: "error", code: "config", message: "not here" } });

    expect(refused.wish).toBeNull();
    expect(refused.conversation).toHaveLength(1);
  });

  it("outlives another error", () => {
    expect(after(wished, { kind: "event", event: { type: "error", code: "tool", message: "no" } }).wish).toEqual(ambre);
  });

  it("ends with the call", () => {
    expect(after(wished, { kind: "ended", at: 2, problem: null }).wish).toBeNull();
  });

  it("that was granted is in the saved transcript", () => {
    expect(transcriptText(after({ kind: "event", event: ready }))).toContain("voice ambre");
  });
});

describe("a stream of the model that broke", () => {
  const broke = [{ kind: "connected", at: 1 }, { kind: "event", event: session }, { kind: "event", event: recovering }] as Step[];
  const state = broke.reduce(reduce, idle);

  it("is told until another one is there", () => {
    expect(statusOf(state).hint).toBe("The line to the model broke; reconnecting.");
    expect(statusOf(reduce(state, { kind: "event", event: ready })).hint).not.toContain("reconnecting");
  });

  it("is no error in the transcript", () => {
    expect(state.conversation).toEqual([]);
  });
});

describe("the call tells the server", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("in its offer through the signaling channel", async () => {
    const bench = new Bench();
    void bench.call.start({ deviceId: null, choice: ambre });
    await settle();
    bench.socket.opens();

    expect(decoded(bench.socket.sent[0]).payload).toEqual({ type: "offer", sdp: "v=0 offer", settings: ambre });
  });

  it("nothing in an offer when nothing was chosen", async () => {
    const bench = new Bench();
    await bench.offers();

    expect(decoded(bench.socket.sent[0]).payload).toEqual({ type: "offer", sdp: "v=0 offer" });
  });

  it("by a message while it runs, and not before", async () => {
    const bench = new Bench();
    bench.call.choose(ambre);
    await bench.connects();
    bench.call.choose(ambre);

    expect(bench.peer.channel.sent).toEqual(['{"type":"settings","voice":"ambre","language":"fr-FR"}']);
    expect(bench.state.wish).toEqual(ambre);
  });
});
