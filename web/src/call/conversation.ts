/** What has been said and done in a call, in the order in which the page shows it. Pure functions. */

import type { AppEvent, ErrorEvent, HandOverEvent, InterruptedEvent, ToolEvent, TranscriptEvent } from "../events.gen";

export type Role = TranscriptEvent["role"];

export interface Piece {
  text: string;
  stage: TranscriptEvent["stage"];
}

export interface Speech {
  kind: "speech";
  key: string;
  role: Role;
  /** Null for typed words that the server has not repeated. */
  turn: number | null;
  atMs: number;
  pieces: readonly Piece[];
  typed: boolean;
  /** How much of it was heard before the user broke in; null when nobody did. */
  interruptedAfterMs: number | null;
}

export interface ToolUse {
  kind: "tool";
  key: string;
  atMs: number;
  event: ToolEvent;
}

/** An event of the application, or an error that did not end the call. */
export interface Note {
  kind: "note";
  key: string;
  atMs: number;
  event: AppEvent | ErrorEvent | HandOverEvent;
}

export type Entry = Speech | ToolUse | Note;
export type Conversation = readonly Entry[];

/**
 * Add a transcript: a speculative piece is appended, a final one takes its place. What the user said in a turn comes
 * again when another stream of the model heard it once more, and takes the place of the first.
 */
export function heard(entries: Conversation, event: TranscriptEvent): Conversation {
  if (event.role === "user") return heardUser(entries, event);
  if (event.stage === "final") {
    const index = entries.findLastIndex((entry) => isSpeech(entry, event) && hasRoomFor(entry.pieces, event.text));
    const entry = entries[index];
    if (entry?.kind === "speech") return entries.with(index, { ...entry, pieces: settle(entry.pieces, event.text) });
  }
  return append(entries, event);
}

/** Show what the user typed, before the server has repeated it. */
export function typed(entries: Conversation, text: string, atMs: number): Conversation {
  const pieces: Piece[] = [{ text, stage: "final" }];
  const entry = { kind: "speech", role: "user", turn: null, atMs, pieces, typed: true, interruptedAfterMs: null } as const;
  return [...entries, { ...entry, key: `typed-${entries.length}` }];
}

/** Mark the assistant's turn as interrupted. */
export function interrupted(entries: Conversation, event: InterruptedEvent): Conversation {
  const ofTurn = entries.findLastIndex((entry) => isSpeech(entry, { role: "assistant", turn: event.turn }));
  const index = ofTurn >= 0 ? ofTurn : entries.findLastIndex((entry) => entry.kind === "speech" && entry.role === "assistant");
  const entry = entries[index];
  return entry?.kind === "speech" ? entries.with(index, { ...entry, interruptedAfterMs: event.played_ms }) : entries;
}

/** Show a tool call, and later its end in the same place. */
export function toolUsed(entries: Conversation, event: ToolEvent): Conversation {
  const key = `tool-${event.tool_use_id}`;
  const index = entries.findIndex((entry) => entry.key === key);
  const known = entries[index];
  if (known?.kind === "tool") return entries.with(index, { ...known, event: { ...known.event, ...event } });
  return [...entries, { kind: "tool", key, atMs: event.at_ms ?? 0, event }];
}

export function noted(entries: Conversation, event: AppEvent | ErrorEvent | HandOverEvent): Conversation {
  return [...entries, { kind: "note", key: `note-${entries.length}`, atMs: event.at_ms ?? 0, event }];
}

function heardUser(entries: Conversation, event: TranscriptEvent): Conversation {
  const index = entries.findIndex(
    (entry) => entry.kind === "speech" && entry.typed && entry.turn === null && sameWords(words(entry), event.text),
  );
  const entry = entries[index];
  if (entry?.kind === "speech") return entries.with(index, { ...entry, turn: event.turn });
  const before = entries.findLastIndex((known) => isSpeech(known, event));
  const said = entries[before];
  if (said?.kind !== "speech") return append(entries, event);
  return said.typed ? entries : entries.with(before, { ...said, pieces: [{ text: event.text, stage: event.stage }] });
}

/** Put a piece behind the last words when they are of the same turn, otherwise start a new entry. */
function append(entries: Conversation, event: TranscriptEvent): Conversation {
  const { role, stage, text, turn } = event;
  const last = entries.at(-1);
  if (last?.kind === "speech" && isSpeech(last, event) && !last.typed) {
    return entries.with(-1, { ...last, pieces: [...last.pieces, { text, stage }] });
  }
  const key = `speech-${entries.length}`;
  const pieces: Piece[] = [{ text, stage }];
  const atMs = event.at_ms ?? 0;
  return [...entries, { kind: "speech", key, role, turn, atMs, pieces, typed: false, interruptedAfterMs: null }];
}

/**
 * Replace the speculative piece that `text` is the final form of. It may be shorter (interrupted) or may join
 * several; when none resembles it, the oldest one is taken, as the model settles its sentences in order.
 */
function settle(pieces: readonly Piece[], text: string): readonly Piece[] {
  const open = (piece: Piece): boolean => piece.stage === "speculative";
  const same = pieces.findIndex((piece) => open(piece) && sameWords(piece.text, text));
  const like = pieces.findIndex((piece) => open(piece) && (startsWith(piece.text, text) || startsWith(text, piece.text)));
  const first = same >= 0 ? same : like >= 0 ? like : pieces.findIndex(open);
  let after = first + 1;
  let joined = pieces[first]?.text ?? "";
  for (let next = pieces[after]; next && open(next) && startsWith(text, `${joined} ${next.text}`); next = pieces[after]) {
    joined = `${joined} ${next.text}`;
    after += 1;
  }
  return [...pieces.slice(0, first), { text, stage: "final" }, ...pieces.slice(after)];
}

function hasRoomFor(pieces: readonly Piece[], text: string): boolean {
  return text !== "" && pieces.some((piece) => piece.stage === "speculative");
}

function isSpeech(entry: Entry, of: { role: Role; turn: number }): entry is Speech {
  return entry.kind === "speech" && entry.role === of.role && entry.turn === of.turn;
}

/** All that was said in one entry. */
export function words(speech: Speech): string {
  return speech.pieces.map((piece) => piece.text.trim()).join(" ");
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}

function sameWords(one: string, other: string): boolean {
  return plain(one) === plain(other);
}

function startsWith(text: string, beginning: string): boolean {
  return plain(text).startsWith(plain(beginning));
}
