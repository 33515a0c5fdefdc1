/** Asking our server for a way into the call: POST /session. */

import { CallProblem, serverAbsent, serverRefused } from "./problem";

export interface SessionGrant {
  /** Presigned WebSocket address; good for a few minutes, for one connection. */
  signaling_url: string;
  channel_arn: string;
  client_id: string;
  ice_servers: RTCIceServer[];
  /** Seconds since 1970. */
  expires_at: number;
}

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/** Ask for a session; a CallProblem says why there is none. */
export async function requestSession(fetch: Fetch, signal: AbortSignal): Promise<SessionGrant> {
  let response: Response;
  try {
    response = await fetch("session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: "{}",
      signal,
    });
  } catch {
    signal.throwIfAborted();
    throw new CallProblem(serverAbsent);
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new CallProblem(serverRefused(response.status, messageIn(body)));
  if (!isGrant(body)) throw new CallProblem(serverRefused(response.status, "The reply to POST /session is not a session."));
  return body;
}

function isGrant(body: unknown): body is SessionGrant {
  if (typeof body !== "object" || body === null) return false;
  const { signaling_url: url, ice_servers: servers } = body as Partial<SessionGrant>;
  return typeof url === "string" && Array.isArray(servers);
}

/** Find the sentence in `{"error": {"message"}}`, `{"error"}` or `{"message"}`. */
function messageIn(body: unknown): string | null {
  if (typeof body === "string") return body;
  if (typeof body !== "object" || body === null) return null;
  const { error, message } = body as { error?: unknown; message?: unknown };
  return messageIn(message) ?? messageIn(error);
}
