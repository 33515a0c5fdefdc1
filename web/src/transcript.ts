/** The conversation as a text file. */

import { inForce } from "./call/choice";
import { type Entry, type Note, words } from "./call/conversation";
import type { CallState } from "./call/state";
import { brief, clock } from "./ui/words";

/** What "Save as text" saves. */
export function transcriptText(state: CallState): string {
  const { session, model, startedAt } = state;
  const head = ["SonicRTC conversation", startedAt === null ? "" : new Date(startedAt).toLocaleString()].filter(Boolean).join(", ");
  const who = session === null ? [] : [session.mode === "loopback" ? "Loopback" : `Model ${session.model_id}, voice ${inForce(session, model).voice}`];
  return [head, ...who, "", ...state.conversation.map(lineOf), ""].join("\n");
}

function lineOf(entry: Entry): string {
  const at = `[${clock(entry.atMs / 1000).padStart(5, "0")}]`;
  switch (entry.kind) {
    case "speech": {
      const cut = entry.interruptedAfterMs === null ? "" : ` [interrupted after ${(entry.interruptedAfterMs / 1000).toFixed(1)} s]`;
      const name = entry.role === "user" ? (entry.typed ? "You (typed)" : "You") : "Assistant";
      return `${at} ${name}: ${words(entry)}${cut}`;
    }
    case "tool":
      return `${at} Tool ${entry.event.name} ${brief(entry.event.arguments ?? {})}: ${entry.event.status} ${brief(entry.event.result ?? null)}`;
    case "note":
      return `${at} ${noteOf(entry.event)}`;
  }
}

function noteOf(event: Note["event"]): string {
  switch (event.type) {
    case "error":
      return `Error: ${event.message}`;
    case "hand_over":
      return `The assistant asks for a person: ${event.reason}`;
    case "app":
      return `App ${event.kind}: ${brief(event.data ?? null)}`;
  }
}

/** Hand `text` to the browser as a download. */
export function download(text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  link.download = `conversation-${new Date().toISOString().slice(0, 16).replace(/[:T]/g, "-")}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
