/** Everything the page shows of a call, and how each step changes it. Pure. */

import type { ModelEvent, ServerEvent, SessionEvent, TimingEvent, UsageEvent } from "../events.gen";
import { type Choice, inForce, sameChoice } from "./choice";
import { type Conversation, heard, interrupted, noted, type Role, toolUsed, typed } from "./conversation";
import { type Devices, reported, switched, switching } from "./devices";
import { type Problem, serverError } from "./problem";

/** `microphone` asks for it, `session` asks the server, `connecting` offers the call. */
export type Phase = "idle" | "microphone" | "session" | "connecting" | "live" | "ended";

export interface CallState {
  phase: Phase;
  problem: Problem | null;
  /** The network wavers; the call may come back by itself. */
  wavering: boolean;
  muted: boolean;
  /** False when the user chose to go on without a microphone. */
  hasMicrophone: boolean;
  session: SessionEvent | null;
  /** What was last told of the model's stream. */
  model: ModelEvent | null;
  /** The voice that was asked for in this call and does not hold yet. */
  wish: Choice | null;
  conversation: Conversation;
  /** What the application has; empty where it has none. */
  devices: Devices;
  speaking: Readonly<Record<Role, boolean>>;
  usage: UsageEvent | null;
  timing: TimingEvent | null;
  /** Clock time at which the call was connected, in ms since 1970. */
  startedAt: number | null;
  endedAt: number | null;
}

export type Step =
  | { kind: "started"; hasMicrophone: boolean }
  | { kind: "phase"; phase: "microphone" | "session" | "connecting" }
  | { kind: "connected"; at: number }
  | { kind: "wavering"; wavering: boolean }
  | { kind: "muted"; muted: boolean }
  | { kind: "wished"; choice: Choice }
  | { kind: "switching"; device: string }
  | { kind: "typed"; text: string; atMs: number }
  | { kind: "problem"; problem: Problem | null }
  | { kind: "ended"; at: number; problem: Problem | null }
  | { kind: "event"; event: ServerEvent };

export const silent = { user: false, assistant: false } as const;

export const idle: CallState = {
  phase: "idle",
  problem: null,
  wavering: false,
  muted: false,
  hasMicrophone: true,
  session: null,
  model: null,
  wish: null,
  conversation: [],
  devices: [],
  speaking: silent,
  usage: null,
  timing: null,
  startedAt: null,
  endedAt: null,
};

/** Whether a call is up or on its way. */
export function isActive(state: CallState): boolean {
  return state.phase !== "idle" && state.phase !== "ended";
}

export function reduce(state: CallState, step: Step): CallState {
  switch (step.kind) {
    case "started":
      return { ...idle, phase: "microphone", hasMicrophone: step.hasMicrophone };
    case "phase":
      return { ...state, phase: step.phase };
    case "connected":
      return { ...state, phase: "live", startedAt: step.at };
    case "wavering":
      return { ...state, wavering: step.wavering };
    case "muted":
      return { ...state, muted: step.muted };
    case "wished":
      return { ...state, wish: holds(state, step.choice) ? null : step.choice };
    case "switching":
      return { ...state, devices: switching(state.devices, step.device) };
    case "typed":
      return { ...state, conversation: typed(state.conversation, step.text, step.atMs) };
    case "problem":
      return { ...state, problem: step.problem };
    case "ended":
      return { ...state, phase: "ended", problem: step.problem, endedAt: step.at, speaking: silent, wavering: false, wish: null };
    case "event":
      return reduceEvent(state, step.event);
  }
}

function reduceEvent(state: CallState, event: ServerEvent): CallState {
  const { conversation } = state;
  switch (event.type) {
    case "session":
      return { ...state, session: event };
    case "transcript":
      return { ...state, conversation: heard(conversation, event) };
    case "speaking":
      return { ...state, speaking: { ...state.speaking, [event.role]: event.active } };
    case "interrupted":
      return {
        ...state,
        conversation: interrupted(conversation, event),
        speaking: { ...state.speaking, assistant: false },
      };
    case "tool":
      return { ...state, conversation: toolUsed(conversation, event) };
    case "model":
      return settleWish({ ...state, model: event });
    case "usage":
      return { ...state, usage: event };
    case "timing":
      return { ...state, timing: event };
    case "error":
      // The server says no to a wish by an error of its settings.
      return { ...state, wish: event.code === "config" ? null : state.wish, conversation: noted(conversation, event) };
    case "app":
    case "hand_over":
      return { ...state, conversation: noted(conversation, event) };
    case "device.state":
      return { ...state, devices: reported(state.devices, event) };
    case "device.switched":
      return { ...state, devices: switched(state.devices, event) };
    case "ended":
      return state; // the call ends it, with a clock
    default:
      return state; // a kind that this page does not know
  }
}

/** Whether the model's stream broke and the server is replacing it. */
export function isRecovering(state: CallState): boolean {
  return state.phase === "live" && state.model?.status === "recovering";
}

function holds({ session, model }: CallState, choice: Choice): boolean {
  return session !== null && sameChoice(inForce(session, model), choice);
}

function settleWish(state: CallState): CallState {
  return state.wish !== null && holds(state, state.wish) ? { ...state, wish: null } : state;
}

/** Why the server ended the call, when that is worth a sentence. */
export function endProblem(state: CallState, reason: "drained" | "error" | "hangup" | "peer_left"): Problem | null {
  if (reason === "drained") return { code: "drained", title: "The server is closing", advice: "It let the call finish. Start again in a moment." };
  if (reason !== "error") return null;
  const last = state.conversation.findLast((entry) => entry.kind === "note" && entry.event.type === "error");
  return serverError(last?.kind === "note" && last.event.type === "error" ? last.event.message : "The server gave no reason.");
}
