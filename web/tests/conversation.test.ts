import { describe, expect, it } from "vitest";
import { type Conversation, heard, interrupted, noted, type Speech, toolUsed, typed, words } from "../src/call/conversation";
import type { TranscriptEvent } from "../src/events.gen";

function said(role: TranscriptEvent["role"], stage: TranscriptEvent["stage"], text: string, turn = 1): TranscriptEvent {
  return { type: "transcript", role, stage, text, turn };
}

function after(...events: TranscriptEvent[]): Conversation {
  return events.reduce(heard, [] as Conversation);
}

function pieces(entries: Conversation, index = 0): string[] {
  return (entries[index] as Speech).pieces.map((piece) => `${piece.stage}: ${piece.text}`);
}

describe("the transcript", () => {
  it("shows a sentence before it is spoken and settles it in place", () => {
    const entries = after(said("assistant", "speculative", "It is noon."), said("assistant", "final", "It is noon."));

    expect(entries).toHaveLength(1);
    expect(pieces(entries)).toEqual(["final: It is noon."]);
  });

  it("settles the sentence that the final text repeats, whatever the order", () => {
    const entries = after(
      said("assistant", "speculative", "One."),
      said("assistant", "speculative", "Two."),
      said("assistant", "final", "two"),
    );

    expect(pieces(entries)).toEqual(["speculative: One.", "final: two"]);
  });

  it("settles a sentence that was cut short", () => {
    const entries = after(
      said("assistant", "speculative", "Sure."),
      said("assistant", "speculative", "One, two, three, four."),
      said("assistant", "final", "One, two,"),
    );

    expect(pieces(entries)).toEqual(["speculative: Sure.", "final: One, two,"]);
  });

  it("settles two sentences by one final text that joins them", () => {
    const entries = after(
      said("assistant", "speculative", "One."),
      said("assistant", "speculative", "Two."),
      said("assistant", "speculative", "Three."),
      said("assistant", "final", "One. Two."),
    );

    expect(pieces(entries)).toEqual(["final: One. Two.", "speculative: Three."]);
  });

  it("takes the oldest open sentence for a final text that resembles none", () => {
    const entries = after(said("assistant", "speculative", "12:00"), said("assistant", "final", "It is noon."));

    expect(pieces(entries)).toEqual(["final: It is noon."]);
  });

  it("shows a final text that nothing announced", () => {
    expect(pieces(after(said("assistant", "final", "Hello.")))).toEqual(["final: Hello."]);
  });

  it("keeps turns and speakers apart", () => {
    const entries = after(
      said("user", "final", "Hi."),
      said("assistant", "final", "Hello."),
      said("user", "final", "Bye.", 2),
      said("assistant", "final", "Bye.", 2),
    );

    expect(entries.map((entry) => (entry as Speech).role)).toEqual(["user", "assistant", "user", "assistant"]);
  });

  it("shows once what the user said in a turn, as it was understood last", () => {
    const entries = after(said("user", "final", "What dime"), said("assistant", "speculative", "It is"), said("user", "final", "What time is it?"));

    expect(entries).toHaveLength(2);
    expect(words(entries[0] as Speech)).toBe("What time is it?");
  });

  it("does not show typed words twice when the server repeats them", () => {
    const entries = heard(typed([], "What time is it?", 0), said("user", "final", "what time is it", 3));

    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ typed: true, turn: 3 });
  });

  it("does not take spoken words for typed ones", () => {
    expect(heard(typed([], "Hello", 0), said("user", "final", "Goodbye"))).toHaveLength(2);
  });
});

describe("an interruption", () => {
  const cut = { type: "interrupted", turn: 1, played_ms: 2100 } as const;

  it("marks the assistant's turn and leaves the unspoken open", () => {
    const entries = interrupted(after(said("user", "final", "Count."), said("assistant", "speculative", "One, two.")), cut);

    expect(entries[0]).toMatchObject({ interruptedAfterMs: null });
    expect(entries[1]).toMatchObject({ role: "assistant", interruptedAfterMs: 2100 });
    expect(pieces(entries, 1)).toEqual(["speculative: One, two."]);
  });

  it("stays marked when the final text comes behind it", () => {
    const before = interrupted(after(said("assistant", "speculative", "One, two.")), cut);
    const entries = heard(before, said("assistant", "final", "One,"));

    expect(entries).toMatchObject([{ interruptedAfterMs: 2100, pieces: [{ text: "One,", stage: "final" }] }]);
  });

  it("marks the last words of the assistant when the turn is not known", () => {
    const entries = interrupted(after(said("assistant", "final", "One.", 7)), cut);

    expect(entries[0]).toMatchObject({ interruptedAfterMs: 2100 });
  });

  it("changes nothing when nobody has spoken", () => {
    expect(interrupted([], cut)).toEqual([]);
  });
});

describe("beside the words", () => {
  it("shows a tool call once, with its end", () => {
    const started = { type: "tool", tool_use_id: "a", name: "clock", status: "started", arguments: { zone: "UTC" } } as const;
    const ended = { type: "tool", tool_use_id: "a", name: "clock", status: "succeeded", result: "noon", duration_ms: 12 } as const;
    const entries = toolUsed(toolUsed([], started), ended);

    expect(entries).toMatchObject([{ kind: "tool", event: { status: "succeeded", arguments: { zone: "UTC" }, result: "noon" } }]);
  });

  it("starts a new entry for words that come after a tool call", () => {
    const tool = { type: "tool", tool_use_id: "a", name: "clock", status: "started" } as const;
    const entries = heard(toolUsed(after(said("assistant", "final", "Let me see.")), tool), said("assistant", "speculative", "Noon."));

    expect(entries.map((entry) => entry.kind)).toEqual(["speech", "tool", "speech"]);
  });

  it("shows events of the application and errors", () => {
    const entries = noted(noted([], { type: "app", kind: "door", data: 1 }), { type: "error", code: "tool", message: "no" });

    expect(entries.map((entry) => entry.kind)).toEqual(["note", "note"]);
    expect(new Set(entries.map((entry) => entry.key)).size).toBe(2);
  });
});
