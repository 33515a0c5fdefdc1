import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CallProblem, microphoneProblem } from "../src/call/problem";
import { Bench, decoded, encoded, FakeStream, grant, settle } from "./fakes";

let bench: Bench;

beforeEach(() => {
  vi.useFakeTimers();
  bench = new Bench();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("starting", () => {
  it("sends the offer and its candidates once the socket is open", async () => {
    void bench.call.start({ deviceId: null });
    await settle();
    bench.peer.finds("candidate:1");
    expect(bench.socket.sent).toEqual([]);

    bench.socket.opens();

    const [offer, candidate] = bench.socket.sent.map(decoded);
    expect(offer).toMatchObject({ action: "SDP_OFFER", correlationId: "offer", payload: { type: "offer", sdp: "v=0 offer" } });
    expect(candidate).toMatchObject({ action: "ICE_CANDIDATE", payload: { candidate: "candidate:1", sdpMid: "0" } });
  });

  it("opens the signed address and uses only the ICE servers that the server named", async () => {
    bench.reply = async () => Response.json({ ...grant, ice_servers: [{ urls: "stun:stun.example" }] });
    await bench.offers();

    expect(bench.socket.url).toBe(grant.signaling_url);
    expect(bench.peer.configuration.iceServers).toEqual([{ urls: "stun:stun.example" }]);
    expect(bench.peer.channel.label).toBe("kvsDataChannel");
  });

  it("is live when the peer connection is", async () => {
    await bench.offers();
    expect(bench.state.phase).toBe("connecting");
    await bench.answers();
    expect(bench.peer.remote).toEqual({ type: "answer", sdp: "v=0 answer" });

    bench.peer.becomes("connected");

    expect(bench.state).toMatchObject({ phase: "live", problem: null });
  });

  it("keeps candidates that come before the answer", async () => {
    await bench.offers();
    bench.socket.receives({ messageType: "ICE_CANDIDATE", messagePayload: encoded({ candidate: "early" }) });
    expect(bench.peer.candidates).toEqual([]);

    await bench.answers();

    expect(bench.peer.candidates).toEqual([{ candidate: "early" }]);
  });

  it("passes over a candidate that the browser cannot use", async () => {
    await bench.connects();

    for (const candidate of ["bad", "good"]) {
      bench.socket.receives({ messageType: "ICE_CANDIDATE", messagePayload: encoded({ candidate }) });
    }
    await settle();

    expect(bench.peer.candidates).toEqual([{ candidate: "good" }]);
    expect(bench.state.phase).toBe("live");
  });

  it("starts one call, however often the button is pressed", async () => {
    await bench.offers();
    await bench.call.start({ deviceId: null });

    expect(bench.peers).toHaveLength(1);
  });

  it("goes on without a microphone when asked to", async () => {
    void bench.call.start({ deviceId: null, withoutMicrophone: true });
    await settle();

    expect(bench.opened).toEqual([]);
    expect(bench.peer.tracks).toHaveLength(1);
    expect(bench.state.hasMicrophone).toBe(false);
  });
});

describe("a server without a signaling channel", () => {
  const asked: string[] = [];
  const withoutChannel = async (path: string, init?: RequestInit): Promise<Response> => {
    asked.push(`${path} ${init?.body ?? ""}`.trim());
    if (path === "session") return Response.json({ error: { code: "signaling", message: "no channel" } }, { status: 503 });
    return Response.json(path === "healthz" ? { signaling: null } : { type: "answer", sdp: "v=0 direct" });
  };

  beforeEach(async () => {
    asked.length = 0;
    bench.reply = withoutChannel;
    void bench.call.start({ deviceId: null });
    await settle();
    bench.peer.finds("candidate:1");
  });

  it("gets the whole offer by POST /offer once it is complete", async () => {
    expect(asked).toEqual(["session {}", "healthz"]);
    bench.peer.gathers();
    await settle();
    bench.peer.becomes("connected");

    expect(asked[2]).toBe('offer {"sdp":"v=0 offer","type":"offer"}');
    expect(bench.peer.remote?.sdp).toBe("v=0 direct");
    expect(bench.sockets).toEqual([]);
    expect(bench.state.phase).toBe("live");
  });

  it("finds the chosen voice in the offer", async () => {
    bench = new Bench();
    bench.reply = withoutChannel;
    void bench.call.start({ deviceId: null, choice: { voice: "ambre", language: "fr-FR" } });
    await settle();
    bench.peer.finds("candidate:1");
    bench.peer.gathers();
    await settle();

    expect(asked.at(-1)).toBe('offer {"sdp":"v=0 offer","type":"offer","settings":{"voice":"ambre","language":"fr-FR"}}');
  });

  it("says why it refuses the offer", async () => {
    bench.reply = async () => Response.json({ error: { code: "busy", message: "full" } }, { status: 503 });
    bench.peer.gathers();
    await settle();

    expect(bench.state.problem).toMatchObject({ code: "server-busy", advice: "full" });
  });
});

describe("what goes wrong is told in words", () => {
  const failed = (name: string) => Object.assign(new Error("no"), { name });

  it.each([
    ["NotAllowedError", "microphone-denied"],
    ["NotFoundError", "microphone-missing"],
    ["NotReadableError", "microphone-busy"],
    ["SomethingElse", "microphone-failed"],
  ])("a microphone's %s", async (name, code) => {
    bench.microphone = async () => Promise.reject(new CallProblem(microphoneProblem(failed(name))));
    await bench.call.start({ deviceId: null });

    expect(bench.state).toMatchObject({ phase: "ended", problem: { code } });
    expect(bench.sockets).toEqual([]);
  });

  it("a server that is not there", async () => {
    bench.reply = () => Promise.reject(new TypeError("Failed to fetch"));
    await bench.call.start({ deviceId: null });

    expect(bench.state.problem?.code).toBe("server-absent");
    expect(bench.microphones[0]?.track.stopped).toBe(true);
  });

  it("a server that refuses, in its own words", async () => {
    bench.reply = async () => Response.json({ error: { code: "config", message: "no channel" } }, { status: 500 });
    await bench.call.start({ deviceId: null });

    expect(bench.state.problem).toMatchObject({ code: "server-refused", advice: "no channel" });
  });

  it("a server whose lines are busy", async () => {
    bench.reply = async () => Response.json({ error: { code: "busy", message: "all 10 calls are taken" } }, { status: 503 });
    await bench.call.start({ deviceId: null });

    expect(bench.state.problem?.code).toBe("server-busy");
  });

  it("a reply that is no session", async () => {
    bench.reply = async () => Response.json({ hello: "world" });
    await bench.call.start({ deviceId: null });

    expect(bench.state.problem?.code).toBe("server-refused");
  });

  it("a signaling socket that closes before the answer", async () => {
    await bench.offers();
    bench.socket.closes();

    expect(bench.state.problem?.code).toBe("signaling-refused");
  });

  it("a status that refuses the offer", async () => {
    await bench.offers();
    bench.socket.receives({ messageType: "STATUS_RESPONSE", statusResponse: { correlationId: "offer", statusCode: "400", description: "no master" } });
    await settle();

    expect(bench.state.problem).toMatchObject({ code: "signaling-refused", advice: "no master" });
  });

  it("an answer that the browser cannot use", async () => {
    await bench.offers();
    bench.peer.refusesAnswer = true;
    await bench.answers();

    expect(bench.state.problem?.code).toBe("signaling-refused");
  });

  it("nobody answering", async () => {
    await bench.offers();
    await vi.advanceTimersByTimeAsync(15_000);

    expect(bench.state.problem?.code).toBe("no-answer");
  });

  it("no ICE candidate within 3 s", async () => {
    void bench.call.start({ deviceId: null });
    await settle();
    bench.socket.opens();
    await bench.answers();
    await vi.advanceTimersByTimeAsync(2999);

    expect(bench.state.problem?.code).toBe("no-candidates");
    expect(bench.state.problem?.advice).toContain("--allow-loopback-in-peer-connection");
  });

  it("gathering that ends with no candidate, at once", async () => {
    void bench.call.start({ deviceId: null });
    await settle();
    bench.peer.gathers();

    expect(bench.state.problem?.code).toBe("no-candidates");
  });

  it("no way between the two", async () => {
    await bench.offers();
    await bench.answers();
    bench.peer.becomes("failed");

    expect(bench.state.problem?.code).toBe("not-connected");
  });

  it("a connection that never comes about", async () => {
    await bench.offers();
    await bench.answers();
    bench.peer.becomes("connecting");
    await vi.advanceTimersByTimeAsync(15_000);

    expect(bench.state.problem?.code).toBe("not-connected");
  });

  it("a connection that is lost", async () => {
    await bench.connects();
    bench.peer.becomes("disconnected");
    expect(bench.state).toMatchObject({ phase: "live", wavering: true });
    await vi.advanceTimersByTimeAsync(10_000);

    expect(bench.state).toMatchObject({ phase: "ended", problem: { code: "connection-lost" } });
  });

  it("the server's own error when the call ends by it", async () => {
    await bench.connects();
    bench.peer.receives({ type: "error", code: "credentials", message: "no usable AWS credentials" });
    bench.peer.receives({ type: "ended", reason: "error" });

    expect(bench.state.problem).toMatchObject({ code: "server-error", advice: "no usable AWS credentials" });
  });
});

describe("a call that runs", () => {
  beforeEach(() => bench.connects());

  it.each([{ messageType: "GO_AWAY" }, { messageType: "RECONNECT_ICE_SERVER" }, { messageType: "NEWER" }, "", "not json", "[1]"])(
    "is not touched by the signaling message %j",
    async (message) => {
      bench.socket.receives(message);
      await settle();

      expect(bench.state).toMatchObject({ phase: "live", problem: null });
    },
  );

  it("outlives its signaling socket", () => {
    bench.socket.closes();

    expect(bench.state).toMatchObject({ phase: "live", problem: null });
  });

  it("comes back from a short break", async () => {
    bench.peer.becomes("disconnected");
    bench.peer.becomes("connected");
    await vi.advanceTimersByTimeAsync(20_000);

    expect(bench.state).toMatchObject({ phase: "live", wavering: false });
  });

  it("mutes by silencing the track, and stays muted on another microphone", async () => {
    bench.call.setMuted(true);
    expect(bench.microphones[0]?.track.enabled).toBe(false);

    await bench.call.useMicrophone("other");

    expect(bench.opened).toEqual([null, "other"]);
    expect(bench.peer.tracks[0]).toBe(bench.microphones[1]?.track);
    expect(bench.microphones[1]?.track.enabled).toBe(false);
    expect(bench.microphones[0]?.track.stopped).toBe(true);
  });

  it("goes on with the default microphone when its own is unplugged", async () => {
    await bench.call.useMicrophone("headset");
    bench.microphones[1]?.track.dispatchEvent(new Event("ended"));
    await settle();

    expect(bench.opened).toEqual([null, "headset", null]);
    expect(bench.peer.tracks[0]).toBe(bench.microphones[2]?.track);
  });

  it("keeps its microphone when another one cannot be opened", async () => {
    bench.microphone = () => Promise.reject(new CallProblem(microphoneProblem(new Error("broken"))));
    await bench.call.useMicrophone("other");

    expect(bench.state).toMatchObject({ phase: "live", problem: { code: "microphone-failed" } });
    expect(bench.microphones[0]?.track.stopped).toBe(false);
  });

  it("sends typed words and shows them", () => {
    expect(bench.call.sendText("  hello  ")).toBe(true);

    expect(bench.peer.channel.sent.map((text) => JSON.parse(text))).toEqual([{ type: "text", text: "hello" }]);
    expect(bench.state.conversation).toMatchObject([{ kind: "speech", role: "user", typed: true, pieces: [{ text: "hello" }] }]);
  });

  it("refuses typed words that are larger than a message may be", () => {
    expect(bench.call.sendText("é".repeat(9000))).toBe(false);

    expect(bench.peer.channel.sent).toEqual([]);
    expect(bench.state.problem?.code).toBe("text-too-long");
  });

  it.each(["not json", "{}", "null", '{"type":"of a later version"}'])("passes over the message %s", (text) => {
    bench.peer.receives(text);

    expect(bench.state).toMatchObject({ phase: "live", conversation: [], problem: null });
  });

  it("tells the server before it hangs up, and frees the microphone", async () => {
    bench.call.hangUp();

    expect(bench.peer.channel.sent).toEqual(['{"type":"hangup"}']);
    expect(bench.microphones[0]?.track.stopped).toBe(true);
    expect(bench.state).toMatchObject({ phase: "ended", problem: null });
    await vi.advanceTimersByTimeAsync(1000);
    expect(bench.peer.connectionState).toBe("closed");
  });

  it("ends without a complaint when the server hung up", () => {
    bench.peer.receives({ type: "ended", reason: "hangup" });

    expect(bench.state).toMatchObject({ phase: "ended", problem: null });
  });

  it("starts anew with an empty transcript", async () => {
    bench.call.sendText("old");
    bench.call.hangUp();
    await bench.connects();

    expect(bench.state).toMatchObject({ phase: "live", conversation: [] });
  });
});

describe("an interrupted answer", () => {
  const remote = new FakeStream();

  beforeEach(async () => {
    await bench.connects();
    bench.peer.hears(remote);
    bench.peer.receives({ type: "interrupted", turn: 1, played_ms: 2000 });
  });

  it("is not heard any more, whatever the browser still holds of it", () => {
    expect(remote.track.enabled).toBe(false);
  });

  it("is followed by the next answer, heard from its start", () => {
    bench.peer.receives({ type: "speaking", role: "assistant", active: true });

    expect(remote.track.enabled).toBe(true);
  });

  it("does not leave the page deaf when no event announces what comes next", async () => {
    await vi.advanceTimersByTimeAsync(1000);

    expect(remote.track.enabled).toBe(true);
  });
});

describe("hanging up early", () => {
  it("frees a microphone that was granted too late", async () => {
    let allow: (stream: FakeStream) => void = () => undefined;
    bench.microphone = () => new Promise((resolve) => (allow = resolve));
    void bench.call.start({ deviceId: null });
    bench.call.hangUp();
    const stream = new FakeStream();
    allow(stream);
    await settle();

    expect(stream.track.stopped).toBe(true);
    expect(bench.peers).toEqual([]);
    expect(bench.state).toMatchObject({ phase: "ended", problem: null });
  });

  it("makes no call with a session that comes too late", async () => {
    let arrive: (reply: Response) => void = () => undefined;
    bench.reply = () => new Promise((resolve) => (arrive = resolve));
    void bench.call.start({ deviceId: null });
    await settle();
    bench.call.hangUp();
    arrive(Response.json(grant));
    await settle();

    expect(bench.peers).toEqual([]);
  });
});
