/** How the offer gets to the server and the answer back: by the signaling service, or straight to the server. */

import type { Choice } from "./choice";
import { offerRefused, type Problem, problemOf, signalingRefused } from "./problem";
import { type Fetch, requestAnswer } from "./session";
import { candidateMessage, offerMessage, readMessage } from "./viewerMessages";

export interface SignalingEvents {
  onAnswer(sdp: string): void;
  onCandidate(candidate: RTCIceCandidateInit): void;
  /** No answer will come. Never said after an answer. */
  onRefused(problem: Problem): void;
}

export interface Signaling {
  /** The offer, before any candidate is known. */
  offer(sdp: string): void;
  candidate(candidate: RTCIceCandidateInit): void;
  /** The same offer with all its candidates in it. */
  gathered(sdp: string): void;
  close(): void;
}

/** States of a WebSocket. */
const CONNECTING = 0;
const OPEN = 1;

/** A Kinesis Video Streams viewer: candidates trickle both ways. */
export class ViewerSignaling implements Signaling {
  readonly #socket: WebSocket;
  readonly #choice: Choice | null;
  #waiting: string[] = [];
  #answered = false;
  #closed = false;

  constructor(socket: WebSocket, choice: Choice | null, events: SignalingEvents) {
    this.#socket = socket;
    this.#choice = choice;
    socket.addEventListener("open", () => {
      for (const text of this.#waiting.splice(0)) socket.send(text);
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string" && !this.#closed) this.#onMessage(data, events);
    });
    socket.addEventListener("close", () => {
      // Once the answer is here the call goes on without this socket.
      if (!this.#answered && !this.#closed) events.onRefused(signalingRefused);
    });
  }

  offer(sdp: string): void {
    this.#send(offerMessage(sdp, "offer", this.#choice));
  }

  candidate(candidate: RTCIceCandidateInit): void {
    this.#send(candidateMessage(candidate));
  }

  gathered(): void {}

  close(): void {
    this.#closed = true;
    this.#socket.close();
  }

  #send(text: string): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(text);
    else if (this.#socket.readyState === CONNECTING) this.#waiting.push(text);
  }

  #onMessage(text: string, events: SignalingEvents): void {
    const message = readMessage(text);
    switch (message?.kind) {
      case "answer":
        if (!this.#answered) events.onAnswer(message.sdp);
        this.#answered = true;
        break;
      case "candidate":
        events.onCandidate(message.candidate);
        break;
      case "status":
        if (!message.accepted && !this.#answered) events.onRefused(offerRefused(message.description));
        break;
      case "other": // GO_AWAY and the like do not touch a call that runs
      case undefined:
        break;
    }
  }
}

/** POST /offer, for a server that has no signaling channel. Nothing trickles: the offer waits for its candidates. */
export class DirectSignaling implements Signaling {
  readonly #fetch: Fetch;
  readonly #choice: Choice | null;
  readonly #events: SignalingEvents;
  readonly #attempt = new AbortController();

  constructor(fetch: Fetch, choice: Choice | null, events: SignalingEvents) {
    this.#fetch = fetch;
    this.#choice = choice;
    this.#events = events;
  }

  offer(): void {}

  candidate(): void {}

  gathered(sdp: string): void {
    requestAnswer(this.#fetch, sdp, this.#choice, this.#attempt.signal).then(
      (answer) => this.#events.onAnswer(answer),
      (error: unknown) => {
        if (!this.#attempt.signal.aborted) this.#events.onRefused(problemOf(error));
      },
    );
  }

  close(): void {
    this.#attempt.abort();
  }
}
