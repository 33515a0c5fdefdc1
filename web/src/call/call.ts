/** The call that the page is about: starts it, keeps its state, ends it. React only draws what is here. */

import { type ClientMessage, MAX_MESSAGE_BYTES, type ServerEvent } from "../events.gen";
import type { Choice } from "./choice";
import { Link } from "./link";
import { type Problem, problemOf } from "./problem";
import { type Fetch, requestSession, type SessionGrant } from "./session";
import { DirectSignaling, type Signaling, type SignalingEvents, ViewerSignaling } from "./signaling";
import { type CallState, endProblem, idle, isActive, reduce, type Step } from "./state";

/** What a call needs of the browser; a test gives its own. */
export interface Platform {
  fetch: Fetch;
  openSocket(url: string): WebSocket;
  createPeer(configuration: RTCConfiguration): RTCPeerConnection;
  /** Open the microphone with this device id (null: the default one); rejects with a CallProblem. */
  openMicrophone(deviceId: string | null): Promise<MediaStream>;
  /** A stream that never makes a sound, for a call without a microphone. */
  openSilence(): MediaStream;
  now(): number;
}

export interface Streams {
  microphone: MediaStream | null;
  remote: MediaStream | null;
}

/** Longest time for which the browser's jitter buffer may still hold words that were interrupted. */
const HUSH_MS = 1000;

const nothing: Streams = { microphone: null, remote: null };

export class Call {
  readonly #platform: Platform;
  readonly #listeners = new Set<() => void>();
  #state: CallState = idle;
  #streams: Streams = nothing;
  #link: Link | null = null;
  #attempt = new AbortController();
  #hush: ReturnType<typeof setTimeout> | undefined;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  // Bound, because React calls these without the object.
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly state = (): CallState => this.#state;
  readonly streams = (): Streams => this.#streams;

  /** Call the server; `deviceId` null is the default microphone, `choice` null the server's own voice. */
  async start(options: { deviceId: string | null; withoutMicrophone?: boolean; choice?: Choice | null }): Promise<void> {
    if (isActive(this.#state)) return;
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#take({ kind: "started", hasMicrophone: !options.withoutMicrophone });
    try {
      const microphone = options.withoutMicrophone
        ? this.#platform.openSilence()
        : await this.#platform.openMicrophone(options.deviceId);
      if (attempt.signal.aborted) return stop(microphone);
      this.#takeMicrophone(microphone);
      this.#take({ kind: "phase", phase: "session" });
      const grant = await requestSession(this.#platform.fetch, attempt.signal);
      if (attempt.signal.aborted) return;
      this.#take({ kind: "phase", phase: "connecting" });
      this.#link = this.#openLink(grant, microphone, options.choice ?? null);
      await this.#link.open();
    } catch (error) {
      if (!attempt.signal.aborted) this.#end(problemOf(error));
    }
  }

  hangUp(): void {
    if (!isActive(this.#state)) return;
    const message: ClientMessage = { type: "hangup" };
    if (this.#state.phase === "live") this.#link?.closeAfter(JSON.stringify(message));
    this.#end(null);
  }

  setMuted(muted: boolean): void {
    enable(this.#streams.microphone, !muted);
    this.#take({ kind: "muted", muted });
  }

  /** Go on with another microphone. */
  async useMicrophone(deviceId: string | null): Promise<void> {
    const attempt = this.#attempt;
    if (!isActive(this.#state) || !this.#state.hasMicrophone) return;
    try {
      const microphone = await this.#platform.openMicrophone(deviceId);
      const track = microphone.getAudioTracks()[0];
      if (attempt.signal.aborted || track === undefined) return stop(microphone);
      track.enabled = !this.#state.muted;
      await this.#link?.useTrack(track);
      stop(this.#streams.microphone);
      this.#takeMicrophone(microphone);
      this.#take({ kind: "problem", problem: null });
    } catch (error) {
      if (!attempt.signal.aborted) this.#take({ kind: "problem", problem: problemOf(error) });
    }
  }

  /** Ask for another voice or language in this call; it changes with the next pause. */
  choose(choice: Choice): void {
    if (this.#state.phase !== "live") return;
    this.#send({ type: "settings", ...choice });
    this.#take({ kind: "wished", choice });
  }

  /** Move a switch of one of the application's devices. */
  switchDevice(device: string, change: Record<string, unknown>): void {
    if (this.#state.phase !== "live") return;
    this.#send({ type: "device.switch", device, change });
    this.#take({ kind: "switching", device });
  }

  /** Say `text` to the model in writing. Returns false, with the problem shown, when it is too long. */
  sendText(text: string): boolean {
    const words = text.trim();
    if (words === "" || this.#state.phase !== "live") return false;
    const message: ClientMessage = { type: "text", text: words };
    if (new TextEncoder().encode(JSON.stringify(message)).length > MAX_MESSAGE_BYTES) {
      this.report({ code: "text-too-long", title: "That is too long", advice: `At most ${MAX_MESSAGE_BYTES / 1024} KiB fit in one message.` });
      return false;
    }
    this.#send(message);
    this.#take({ kind: "typed", text: words, atMs: this.#platform.now() - (this.#state.startedAt ?? 0) });
    return true;
  }

  /** Show a problem, or take it away. */
  report(problem: Problem | null): void {
    this.#take({ kind: "problem", problem });
  }

  /** Without a grant the server has no signaling channel, and the offer goes to it directly. */
  #openLink(grant: SessionGrant | null, microphone: MediaStream, choice: Choice | null): Link {
    const platform = this.#platform;
    const peer = platform.createPeer({ iceServers: grant?.ice_servers ?? [], bundlePolicy: "max-bundle" });
    const openSignaling = (events: SignalingEvents): Signaling =>
      grant === null
        ? new DirectSignaling(platform.fetch, choice, events)
        : new ViewerSignaling(platform.openSocket(grant.signaling_url), choice, events);
    try {
      return new Link(peer, microphone, openSignaling, {
        onConnected: () => this.#take({ kind: "connected", at: platform.now() }),
        onWavering: (wavering) => this.#take({ kind: "wavering", wavering }),
        onRemoteStream: (remote) => this.#setStreams({ ...this.#streams, remote }),
        onMessage: (text) => this.#onMessage(text),
        onFailed: (problem) => this.#end(problem),
      });
    } catch (error) {
      peer.close(); // the browser refused the signaling address
      throw error;
    }
  }

  #onMessage(text: string): void {
    const event = readEvent(text);
    if (event === null) return;
    this.#take({ kind: "event", event });
    if (event.type === "interrupted") this.#hushRemote();
    if (event.type === "speaking" && event.role === "assistant" && event.active) this.#unhushRemote();
    if (event.type === "ended") this.#end(endProblem(this.#state, event.reason));
  }

  #takeMicrophone(microphone: MediaStream): void {
    this.#setStreams({ ...this.#streams, microphone });
    // It ends by itself when it is unplugged; the default one takes over.
    microphone.getAudioTracks()[0]?.addEventListener("ended", () => {
      if (this.#streams.microphone === microphone) void this.useMicrophone(null);
    });
  }

  /** The server has thrown the rest away; what the browser still holds of it must not be heard either. */
  #hushRemote(): void {
    enable(this.#streams.remote, false);
    clearTimeout(this.#hush);
    this.#hush = setTimeout(() => this.#unhushRemote(), HUSH_MS);
  }

  #unhushRemote(): void {
    clearTimeout(this.#hush);
    enable(this.#streams.remote, true);
  }

  #send(message: ClientMessage): void {
    this.#link?.send(JSON.stringify(message));
  }

  #end(problem: Problem | null): void {
    clearTimeout(this.#hush);
    this.#attempt.abort();
    this.#link?.close();
    this.#link = null;
    stop(this.#streams.microphone);
    this.#setStreams(nothing);
    this.#take({ kind: "ended", at: this.#platform.now(), problem });
  }

  #setStreams(streams: Streams): void {
    this.#streams = streams;
    this.#tell();
  }

  #take(step: Step): void {
    this.#state = reduce(this.#state, step);
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function enable(stream: MediaStream | null, enabled: boolean): void {
  for (const track of stream?.getAudioTracks() ?? []) track.enabled = enabled;
}

function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** Read a data-channel message; null when it is not an event at all. */
function readEvent(text: string): ServerEvent | null {
  try {
    const value: unknown = JSON.parse(text);
    const isEvent = typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
    return isEvent ? (value as ServerEvent) : null;
  } catch {
    return null;
  }
}
