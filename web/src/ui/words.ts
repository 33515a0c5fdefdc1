/** Small texts that several parts of the page show alike. */

import { type CallState, isRecovering } from "../call/state";

export interface Status {
  headline: string;
  hint: string;
}

export function statusOf(state: CallState): Status {
  switch (state.phase) {
    case "idle":
      return { headline: "Ready when you are", hint: "Press the button and speak." };
    case "microphone":
      return { headline: "May I listen?", hint: "Your browser asks for the microphone." };
    case "session":
      return { headline: "Calling…", hint: "Asking the server for a line." };
    case "connecting":
      return { headline: "Connecting…", hint: "Finding a way to the server." };
    case "live":
      return liveStatus(state);
    case "ended":
      if (state.startedAt === null) return { headline: "No call", hint: "It did not come about." };
      return { headline: "Call ended", hint: "What was said stays here until the next call." };
  }
}

function liveStatus(state: CallState): Status {
  if (state.wavering) return { headline: "One moment…", hint: "The connection is unsteady." };
  if (isRecovering(state)) return { headline: "One moment…", hint: "The line to the model broke; reconnecting." };
  if (state.session?.mode === "loopback") return { headline: "Loopback", hint: "You hear yourself: no model answers here." };
  if (state.speaking.assistant) return { headline: "Speaking", hint: "Talk over it to interrupt." };
  if (!state.hasMicrophone) return { headline: "Reading", hint: "There is no microphone: type below." };
  if (state.muted) return { headline: "Muted", hint: "It does not hear you." };
  if (state.speaking.user) return { headline: "Hearing you", hint: "It answers when you pause." };
  return { headline: "Listening", hint: "Say something." };
}

/** 75 → "1:15" */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** 1234 → "1.23 s", 56 → "56 ms" */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** get_date_and_time → "get date and time" */
export function spaced(name: string): string {
  return name.replace(/[_.-]+/g, " ").trim();
}

/** A value as one line of JSON, cut when it is long. */
export function brief(value: unknown, limit = 400): string {
  const text = JSON.stringify(value) ?? "";
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}
