/**
 * Kinesis Video Streams signaling, the viewer's side, without I/O.
 * Source: "WebSocket APIs" of the Kinesis Video Streams with WebRTC developer guide.
 */

export type Incoming =
  | { kind: "answer"; sdp: string }
  | { kind: "candidate"; candidate: RTCIceCandidateInit }
  | { kind: "status"; accepted: boolean; description: string }
  /** GO_AWAY, RECONNECT_ICE_SERVER, or something newer: none of it touches a call that runs. */
  | { kind: "other"; messageType: string };

/**
 * The offer, as the text to send, with the settings that our own server finds in it.
 * With a correlation id the service says when it refuses.
 */
export function offerMessage(sdp: string, correlationId: string, settings: object | null = null): string {
  const messagePayload = encodePayload({ type: "offer", sdp, ...(settings && { settings }) });
  return JSON.stringify({ action: "SDP_OFFER", messagePayload, correlationId });
}

export function candidateMessage(candidate: RTCIceCandidateInit): string {
  return JSON.stringify({ action: "ICE_CANDIDATE", messagePayload: encodePayload(candidate) });
}

/** Read one message; null when it is empty or not a signaling message (the service sends empty ones). */
export function readMessage(text: string): Incoming | null {
  const message = parseObject(text);
  const messageType = message?.["messageType"];
  if (message === null || typeof messageType !== "string") return null;
  if (messageType === "STATUS_RESPONSE") return readStatus(message["statusResponse"] ?? message);
  if (messageType !== "SDP_ANSWER" && messageType !== "ICE_CANDIDATE") return { kind: "other", messageType };
  const payload = decodePayload(message["messagePayload"]);
  if (payload === null) return null;
  if (messageType === "ICE_CANDIDATE") return { kind: "candidate", candidate: payload as RTCIceCandidateInit };
  return typeof payload["sdp"] === "string" ? { kind: "answer", sdp: payload["sdp"] } : null;
}

function readStatus(status: unknown): Incoming {
  const { statusCode, errorType, description } = (status ?? {}) as Record<string, unknown>;
  const words = [errorType, description].filter((word) => typeof word === "string" && word !== "");
  return { kind: "status", accepted: String(statusCode).startsWith("2"), description: words.join(": ") };
}

function encodePayload(payload: object): string {
  const bytes = new TextEncoder().encode(JSON.stringify(payload));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function decodePayload(payload: unknown): Record<string, unknown> | null {
  if (typeof payload !== "string") return null;
  try {
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    return parseObject(new TextDecoder().decode(bytes));
  } catch {
    return null; // not base64
  }
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null; // not JSON
  }
}
