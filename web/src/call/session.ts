/** Asking our server for a way into the call: POST /session, or POST /offer where there is no signaling. */

import type { Choice } from "./choice";
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

/** Ask for a session; null when the server has no signaling channel, a CallProblem when it has no line for us. */
export async function requestSession(fetch: Fetch, signal: AbortSignal): Promise<SessionGrant | null> {
  const { response, body } = await post(fetch, "session", {}, signal);
  if (response.ok) {
    if (isGrant(body)) return body;
    throw new CallProblem(serverRefused(response.status, null, "The reply to POST /session is not a session."));
  }
  if (errorIn(body).code === "signaling" && !(await hasSignaling(fetch, signal))) return null;
  throw refusal(response, body);
}

/** Send the whole offer to the server itself and return its answer. */
export async function requestAnswer(fetch: Fetch, sdp: string, settings: Choice | null, signal: AbortSignal): Promise<string> {
  const { response, body } = await post(fetch, "offer", { sdp, type: "offer", ...(settings && { settings }) }, signal);
  if (!response.ok) throw refusal(response, body);
  const answer = (body as { sdp?: unknown } | null)?.sdp;
  if (typeof answer === "string") return answer;
  throw new CallProblem(serverRefused(response.status, null, "The reply to POST /offer is not an answer."));
}

async function post(fetch: Fetch, path: string, body: object, signal: AbortSignal): Promise<{ response: Response; body: unknown }> {
  const headers = { "Content-Type": "application/json" };
  try {
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
    return { response, body: await response.json().catch(() => null) };
  } catch {
    signal.throwIfAborted();
    throw new CallProblem(serverAbsent);
  }
}

/** Whether the server says that it has a signaling channel at all. */
async function hasSignaling(fetch: Fetch, signal: AbortSignal): Promise<boolean> {
  const response = await fetch("healthz", { signal }).catch(() => null);
  const health: unknown = await response?.json().catch(() => null);
  return (health as { signaling?: unknown } | null)?.signaling !== null;
}

function refusal(response: Response, body: unknown): CallProblem {
  const { code, message } = errorIn(body);
  return new CallProblem(serverRefused(response.status, code, message));
}

function isGrant(body: unknown): body is SessionGrant {
  if (typeof body !== "object" || body === null) return false;
  const { signaling_url: url, ice_servers: servers } = body as Partial<SessionGrant>;
  return typeof url === "string" && Array.isArray(servers);
}

/** Read `{"error": {"code", "message"}}`. */
function errorIn(body: unknown): { code: string | null; message: string | null } {
  const error = (body as { error?: { code?: unknown; message?: unknown } } | null)?.error;
  return {
    code: typeof error?.code === "string" ? error.code : null,
    message: typeof error?.message === "string" ? error.message : null,
  };
}
