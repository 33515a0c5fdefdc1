// Made by web/generate_types.py from python/sonicrtc/events.py. Do not edit: change the structs and run it again.

/** Largest message that the data channel takes, in bytes of UTF-8. */
export const MAX_MESSAGE_BYTES = 16384;

/** The call is up; sent first. */
export interface SessionEvent {
  type: "session";
  at_ms?: number;
  call_id: string;
  mode: "loopback" | "sonic";
  model_id: string;
  voice: string;
  endpointing: string;
  endpoint_ms: number;
  language?: string;
  voices?: Array<VoiceInfo>;
  languages?: Array<LanguageInfo>;
  may_change?: Array<string>;
  greets?: boolean;
}

/** A voice of the model. */
export interface VoiceInfo {
  name: string;
  languages: Array<string>;
  polyglot?: boolean;
}

/** A language that the model speaks. */
export interface LanguageInfo {
  code: string;
  name: string;
}

/** A piece of what was said. */
export interface TranscriptEvent {
  type: "transcript";
  at_ms?: number;
  role: "assistant" | "user";
  stage: "final" | "speculative";
  text: string;
  turn: number;
}

/** Somebody started or stopped speaking. */
export interface SpeakingEvent {
  type: "speaking";
  at_ms?: number;
  role: "assistant" | "user";
  active: boolean;
}

/** The user broke in; the rest of the assistant's turn was thrown away. */
export interface InterruptedEvent {
  type: "interrupted";
  at_ms?: number;
  turn: number;
  played_ms: number;
  duck_ms?: number | null;
  flush_ms?: number | null;
}

/** A tool call began or ended. */
export interface ToolEvent {
  type: "tool";
  at_ms?: number;
  tool_use_id: string;
  name: string;
  status: "cancelled" | "confirming" | "failed" | "started" | "succeeded";
  arguments?: Record<string, unknown>;
  result?: unknown;
  duration_ms?: number;
}

/** Tokens used by this call so far (totals, not differences). */
export interface UsageEvent {
  type: "usage";
  at_ms?: number;
  input_speech_tokens?: number;
  input_text_tokens?: number;
  output_speech_tokens?: number;
  output_text_tokens?: number;
}

/** Where a turn's time went: one mark per station, in ms since the call was connected. */
export interface TimingEvent {
  type: "timing";
  at_ms?: number;
  turn: number;
  user_speech_end_ms?: number | null;
  user_text_ms?: number | null;
  first_audio_received_ms?: number | null;
  first_audio_played_ms?: number | null;
}

/** Something went wrong; `message` is for a person to read. */
export interface ErrorEvent {
  type: "error";
  at_ms?: number;
  code: string;
  message: string;
  retryable?: boolean;
}

/** A message between the page and the application, in either direction. */
export interface AppEvent {
  type: "app";
  at_ms?: number;
  kind: string;
  data?: unknown;
}

/** The model's stream broke and is being replaced, or another one carries the conversation now. */
export interface ModelEvent {
  type: "model";
  at_ms?: number;
  status: "ready" | "recovering";
  stream: number;
  voice: string;
  language: string;
  code?: string;
  message?: string;
}

/** The agent wants a person to take over; the call goes on until somebody ends it. */
export interface HandOverEvent {
  type: "hand_over";
  at_ms?: number;
  reason: string;
  summary?: string;
}

/** A device of the application: each one when the call begins, then whatever changes. */
export interface DeviceStateEvent {
  type: "device.state";
  at_ms?: number;
  device: string;
  room: string;
  kind: string;
  online: boolean;
  state?: Record<string, unknown>;
}

/** The page's switch was obeyed, or not. */
export interface DeviceSwitchedEvent {
  type: "device.switched";
  at_ms?: number;
  device: string;
  problem?: string;
}

/** The call is over; sent last. */
export interface EndedEvent {
  type: "ended";
  at_ms?: number;
  reason: "drained" | "error" | "hangup" | "peer_left";
}

/** Page to server: the user typed something for the model. */
export interface TextMessage {
  type: "text";
  at_ms?: number;
  text: string;
}

/** Page to server: wish for other settings, which hold from the model's next stream on. */
export interface SettingsMessage {
  type: "settings";
  voice?: string | null;
  language?: string | null;
  instructions?: string | null;
  temperature?: number | null;
  top_p?: number | null;
  max_tokens?: number | null;
  endpointing?: string | null;
  at_ms?: number;
}

/** Page to server: the user moved a switch. */
export interface DeviceSwitchMessage {
  type: "device.switch";
  at_ms?: number;
  device: string;
  change: Record<string, unknown>;
}

/** Page to server: end the call. */
export interface HangUpMessage {
  type: "hangup";
  at_ms?: number;
}

export type ServerEvent =
  | SessionEvent
  | TranscriptEvent
  | SpeakingEvent
  | InterruptedEvent
  | ToolEvent
  | UsageEvent
  | TimingEvent
  | ErrorEvent
  | AppEvent
  | ModelEvent
  | HandOverEvent
  | DeviceStateEvent
  | DeviceSwitchedEvent
  | EndedEvent;

export type ClientMessage =
  | TextMessage
  | AppEvent
  | SettingsMessage
  | DeviceSwitchMessage
  | HangUpMessage;
