/**
 * One WebRTC connection to the server: peer connection and data channel, set up through a signaling.
 * The signaling may go away once the answer is here; media and data go on without it.
 */

import { connectionLost, noAnswer, noCandidates, notConnected, offerRefused, type Problem } from "./problem";
import type { Signaling, SignalingEvents } from "./signaling";

/** Name that the server knows the data channel by (as in AWS's own viewers). */
export const DATA_CHANNEL = "kvsDataChannel";

/** Host candidates come within milliseconds; the page promises to say within 3 s of the click when there are none. */
export const CANDIDATE_DEADLINE_MS = 1500;
export const ANSWER_DEADLINE_MS = 15_000;
export const CONNECT_DEADLINE_MS = 15_000;
/** How long a broken connection may take to mend itself. */
export const RECOVER_DEADLINE_MS = 10_000;
/** Closing a peer connection throws away what its data channel still holds. */
const LAST_WORDS_MS = 250;

export interface LinkEvents {
  onConnected(): void;
  /** The connection wavers (true) or has come back (false). */
  onWavering(wavering: boolean): void;
  onRemoteStream(stream: MediaStream): void;
  onMessage(text: string): void;
  /** Said once; the link is closed by then. */
  onFailed(problem: Problem): void;
}

type Deadline = "candidates" | "answer" | "connect" | "recover";

export class Link {
  readonly #peer: RTCPeerConnection;
  readonly #signaling: Signaling;
  readonly #channel: RTCDataChannel;
  readonly #sender: RTCRtpSender;
  readonly #events: LinkEvents;
  readonly #deadlines = new Map<Deadline, ReturnType<typeof setTimeout>>();
  #toChannel: string[] = [];
  #remoteCandidates: RTCIceCandidateInit[] = [];
  #candidatesSeen = 0;
  #answered = false;
  #connected = false;
  #closed = false;

  constructor(
    peer: RTCPeerConnection,
    microphone: MediaStream,
    openSignaling: (events: SignalingEvents) => Signaling,
    events: LinkEvents,
  ) {
    this.#events = events;
    this.#peer = peer;
    this.#channel = peer.createDataChannel(DATA_CHANNEL);
    const track = microphone.getAudioTracks()[0];
    if (track === undefined) throw new Error("the microphone stream has no audio track");
    this.#sender = peer.addTrack(track, microphone);
    this.#listenToPeer();
    this.#signaling = openSignaling({
      onAnswer: (sdp) => void this.#onAnswer(sdp).catch(() => this.#fail(offerRefused(unusableAnswer))),
      onCandidate: (candidate) => this.#onRemoteCandidate(candidate),
      onRefused: (problem) => this.#fail(problem),
    });
  }

  /** Make the offer and send it; everything after that is told through the events. */
  async open(): Promise<void> {
    const offer = await this.#peer.createOffer();
    if (this.#closed) return;
    this.#arm("candidates", CANDIDATE_DEADLINE_MS, noCandidates);
    this.#arm("answer", ANSWER_DEADLINE_MS, noAnswer);
    this.#signaling.offer(offer.sdp ?? "");
    await this.#peer.setLocalDescription(offer);
  }

  /** Send a data-channel message, or keep it until the channel is open. */
  send(text: string): void {
    if (this.#channel.readyState === "open") this.#channel.send(text);
    else if (!this.#closed) this.#toChannel.push(text);
  }

  /** Go on with another microphone. */
  async useTrack(track: MediaStreamTrack): Promise<void> {
    await this.#sender.replaceTrack(track);
  }

  /** Send one last message and close when it has had time to leave; no event comes after this. */
  closeAfter(text: string): void {
    if (this.#closed) return;
    this.send(text);
    this.#letGo();
    setTimeout(() => this.#peer.close(), LAST_WORDS_MS);
  }

  close(): void {
    if (this.#closed) return;
    this.#letGo();
    this.#peer.close();
  }

  #letGo(): void {
    this.#closed = true;
    for (const timer of this.#deadlines.values()) clearTimeout(timer);
    this.#deadlines.clear();
    this.#signaling.close();
  }

  #fail(problem: Problem): void {
    if (this.#closed) return;
    this.close();
    this.#events.onFailed(problem);
  }

  #arm(name: Deadline, afterMs: number, problem: Problem): void {
    this.#disarm(name);
    this.#deadlines.set(name, setTimeout(() => this.#fail(problem), afterMs));
  }

  #disarm(name: Deadline): void {
    clearTimeout(this.#deadlines.get(name));
    this.#deadlines.delete(name);
  }

  #listenToPeer(): void {
    const peer = this.#peer;
    peer.addEventListener("icecandidate", ({ candidate }) => this.#onLocalCandidate(candidate));
    peer.addEventListener("icegatheringstatechange", () => {
      if (peer.iceGatheringState !== "complete" || this.#closed) return;
      if (this.#candidatesSeen === 0) this.#fail(noCandidates);
      else this.#signaling.gathered(peer.localDescription?.sdp ?? "");
    });
    peer.addEventListener("connectionstatechange", () => this.#onPeerState(peer.connectionState));
    peer.addEventListener("track", ({ streams, track }) => {
      this.#events.onRemoteStream(streams[0] ?? new MediaStream([track]));
    });
    this.#channel.addEventListener("open", () => {
      for (const text of this.#toChannel.splice(0)) this.#channel.send(text);
    });
    this.#channel.addEventListener("message", ({ data }) => {
      if (!this.#closed && typeof data === "string") this.#events.onMessage(data);
    });
  }

  #onLocalCandidate(candidate: RTCIceCandidate | null): void {
    if (candidate === null || candidate.candidate === "") return;
    this.#candidatesSeen += 1;
    this.#disarm("candidates");
    this.#signaling.candidate(candidate.toJSON());
  }

  #onPeerState(state: RTCPeerConnectionState): void {
    if (this.#closed) return;
    switch (state) {
      case "connected":
        this.#disarm("connect");
        this.#disarm("recover");
        if (this.#connected) this.#events.onWavering(false);
        else this.#events.onConnected();
        this.#connected = true;
        break;
      case "disconnected":
        this.#arm("recover", RECOVER_DEADLINE_MS, connectionLost);
        this.#events.onWavering(true);
        break;
      case "failed":
      case "closed":
        this.#fail(this.#connected ? connectionLost : notConnected);
        break;
    }
  }

  #onRemoteCandidate(candidate: RTCIceCandidateInit): void {
    if (this.#answered) void this.#addRemote(candidate);
    else this.#remoteCandidates.push(candidate);
  }

  async #onAnswer(sdp: string): Promise<void> {
    if (this.#answered || this.#closed) return;
    this.#answered = true;
    this.#disarm("answer");
    this.#arm("connect", CONNECT_DEADLINE_MS, notConnected);
    await this.#peer.setRemoteDescription({ type: "answer", sdp });
    for (const candidate of this.#remoteCandidates.splice(0)) await this.#addRemote(candidate);
  }

  /** One candidate that the browser cannot use must not end the call: the others may do. */
  async #addRemote(candidate: RTCIceCandidateInit): Promise<void> {
    if (this.#closed || this.#peer.signalingState === "closed") return;
    await this.#peer.addIceCandidate(candidate).catch(() => undefined);
  }
}

const unusableAnswer = "The server's answer is not one that this browser can use.";
