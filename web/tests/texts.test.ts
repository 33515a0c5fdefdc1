import { describe, expect, it } from "vitest";
import { bandEdges, FLOOR_DBFS, shareOf } from "../src/audio/meter";
import { offerMessage, readMessage } from "../src/call/viewerMessages";
import { type CallState, idle, reduce, type Step } from "../src/call/state";
import { transcriptText } from "../src/transcript";
import { brief, clock, duration, statusOf } from "../src/ui/words";
import { encoded } from "./fakes";

function after(...steps: Step[]): CallState {
  return steps.reduce(reduce, idle);
}

describe("the saved transcript", () => {
  it("holds who said what and when, tools, and interruptions", () => {
    const state = after(
      { kind: "event", event: { type: "transcript", role: "user", stage: "final", text: "Count.", turn: 1, at_ms: 3200 } },
      { kind: "event", event: { type: "tool", tool_use_id: "1", name: "count", status: "succeeded", result: 3, at_ms: 4000 } },
      { kind: "event", event: { type: "transcript", role: "assistant", stage: "final", text: "One, two.", turn: 1, at_ms: 65_000 } },
      { kind: "event", event: { type: "interrupted", turn: 1, played_ms: 2100 } },
    );

    expect(transcriptText(state).split("\n").slice(1)).toEqual([
      "",
      "[00:03] You: Count.",
      "[00:04] Tool count {}: succeeded 3",
      "[01:05] Assistant: One, two. [interrupted after 2.1 s]",
      "",
    ]);
  });
});

describe("the status line", () => {
  const live = after({ kind: "started", hasMicrophone: true }, { kind: "connected", at: 1 });

  it.each<[Step, string]>([
    [{ kind: "event", event: { type: "speaking", role: "assistant", active: true } }, "Speaking"],
    [{ kind: "event", event: { type: "speaking", role: "user", active: true } }, "Hearing you"],
    [{ kind: "muted", muted: true }, "Muted"],
    [{ kind: "wavering", wavering: true }, "One moment…"],
    [{ kind: "ended", at: 2, problem: null }, "Call ended"],
  ])("after %j", (step, headline) => {
    expect(statusOf(reduce(live, step)).headline).toBe(headline);
  });

  it("does not speak of the end of a call that never was", () => {
    const refused = after({ kind: "started", hasMicrophone: false }, { kind: "ended", at: 2, problem: null });

    expect(statusOf(refused).headline).toBe("No call");
  });

  it("says that the assistant is quiet once it is interrupted", () => {
    const speaking = reduce(live, { kind: "event", event: { type: "speaking", role: "assistant", active: true } });
    const cut = reduce(speaking, { kind: "event", event: { type: "interrupted", turn: 1, played_ms: 1 } });

    expect(statusOf(cut).headline).toBe("Listening");
  });
});

describe("signaling messages", () => {
  it("carry text beyond ASCII", () => {
    const { messagePayload } = JSON.parse(offerMessage("s=é ✓", "1"));
    const echoed = readMessage(JSON.stringify({ messageType: "SDP_ANSWER", messagePayload }));

    expect(echoed).toEqual({ kind: "answer", sdp: "s=é ✓" });
  });

  it.each([
    ["a payload that is not base64", { messageType: "SDP_ANSWER", messagePayload: "%%%" }],
    ["a payload that is not JSON", { messageType: "SDP_ANSWER", messagePayload: btoa("v=0") }],
    ["no payload", { messageType: "ICE_CANDIDATE" }],
    ["an answer without SDP", { messageType: "SDP_ANSWER", messagePayload: encoded({ type: "answer" }) }],
  ])("with %s are passed over", (_, message) => {
    expect(readMessage(JSON.stringify(message))).toBeNull();
  });
});

describe("small texts", () => {
  it("tell times and lengths", () => {
    expect([clock(0), clock(75.9), clock(3600)]).toEqual(["0:00", "1:15", "60:00"]);
    expect([duration(56.4), duration(1234), duration(12_345)]).toEqual(["56 ms", "1.23 s", "12.3 s"]);
    expect(brief("x".repeat(500))).toHaveLength(401);
  });

  it("turn a level into a share of the meter", () => {
    expect([shareOf(FLOOR_DBFS - 10), shareOf(FLOOR_DBFS / 2), shareOf(0)]).toEqual([0, 0.5, 1]);
  });

  it("spread the dial's bands upwards from low voices to sibilants", () => {
    const edges = bandEdges(40, 46.875);

    expect(edges).toEqual([...edges].sort((one, other) => one - other));
    expect([edges[0], edges.at(-1)]).toEqual([2, 107]);
  });
});
