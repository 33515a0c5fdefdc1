/** A browser and a server made of plain objects, driven by the test step by step. */

import { vi } from "vitest";
import { Call, type Platform } from "../src/call/call";
import type { ServerEvent } from "../src/events.gen";

export class FakeTrack extends EventTarget {
  enabled = true;
  stopped = false;
  stop(): void {
    this.stopped = true;
  }
}

export class FakeStream {
  readonly track = new FakeTrack();
  getTracks(): FakeTrack[] {
    return [this.track];
  }
  getAudioTracks(): FakeTrack[] {
    return [this.track];
  }
}

export class FakeSocket extends EventTarget {
  readyState = 0;
  readonly sent: string[] = [];
  constructor(readonly url: string) {
    super();
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.readyState = 3;
  }
  opens(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }
  closes(): void {
    this.readyState = 3;
    this.dispatchEvent(new Event("close"));
  }
  receives(data: unknown): void {
    this.dispatchEvent(Object.assign(new Event("message"), { data: typeof data === "string" ? data : JSON.stringify(data) }));
  }
}

class FakeChannel extends EventTarget {
  readyState = "connecting";
  readonly sent: string[] = [];
  constructor(readonly label: string) {
    super();
  }
  send(text: string): void {
    this.sent.push(text);
  }
}

export class FakePeer extends EventTarget {
  connectionState = "new";
  iceGatheringState = "new";
  signalingState = "stable";
  channel = new FakeChannel("");
  remote: RTCSessionDescriptionInit | null = null;
  tracks: FakeTrack[] = [];
  candidates: RTCIceCandidateInit[] = [];
  refusesAnswer = false;
  constructor(readonly configuration: RTCConfiguration) {
    super();
  }
  createDataChannel(label: string): FakeChannel {
    this.channel = new FakeChannel(label);
    return this.channel;
  }
  addTrack(track: FakeTrack): object {
    this.tracks = [track];
    return { replaceTrack: async (other: FakeTrack) => void (this.tracks = [other]) };
  }
  async createOffer(): Promise<RTCSessionDescriptionInit> {
    return { type: "offer", sdp: "v=0 offer" };
  }
  localDescription: RTCSessionDescriptionInit | null = null;
  async setLocalDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.localDescription = description;
  }
  async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    if (this.refusesAnswer) throw new Error("not an answer");
    this.remote = description;
  }
  async addIceCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (candidate.candidate === "bad") throw new Error("bad candidate");
    this.candidates.push(candidate);
  }
  close(): void {
    this.connectionState = "closed";
  }
  finds(candidate: string): void {
    const found = { candidate, toJSON: () => ({ candidate, sdpMid: "0" }) };
    this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate: found }));
  }
  gathers(): void {
    this.iceGatheringState = "complete";
    this.dispatchEvent(new Event("icegatheringstatechange"));
  }
  becomes(state: string): void {
    this.connectionState = state;
    this.dispatchEvent(new Event("connectionstatechange"));
  }
  hears(stream: FakeStream): void {
    this.dispatchEvent(Object.assign(new Event("track"), { streams: [stream], track: stream.track }));
  }
  opensChannel(): void {
    this.channel.readyState = "open";
    this.channel.dispatchEvent(new Event("open"));
  }
  receives(data: ServerEvent | string): void {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    this.channel.dispatchEvent(Object.assign(new Event("message"), { data: text }));
  }
}

export const grant = {
  signaling_url: "ws://127.0.0.1:9/?X-Amz-ChannelARN=a",
  channel_arn: "arn:aws:kinesisvideo:us-east-1:000000000000:channel/demo/1",
  client_id: "viewer-1",
  ice_servers: [],
  expires_at: 2_000_000_000,
};

export function encoded(payload: object): string {
  return btoa(JSON.stringify(payload));
}

export function decoded(text: string | undefined): { action: string; payload: Record<string, unknown>; correlationId?: string } {
  const message = JSON.parse(text ?? "null");
  return { ...message, payload: JSON.parse(atob(message.messagePayload)) };
}

/** Let the promises that are ready run. */
export const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

export class Bench {
  readonly sockets: FakeSocket[] = [];
  readonly peers: FakePeer[] = [];
  readonly microphones: FakeStream[] = [];
  readonly opened: (string | null)[] = [];
  readonly call: Call;
  reply: (path: string, init?: RequestInit) => Promise<Response> = async () => Response.json(grant);
  microphone: () => Promise<FakeStream> = async () => new FakeStream();

  constructor() {
    const platform = {
      fetch: (path: string, init?: RequestInit) => this.reply(path, init),
      openSocket: (url: string) => this.sockets[this.sockets.push(new FakeSocket(url)) - 1],
      createPeer: (configuration: RTCConfiguration) => this.peers[this.peers.push(new FakePeer(configuration)) - 1],
      openMicrophone: async (id: string | null) => {
        this.opened.push(id);
        const stream = await this.microphone();
        this.microphones.push(stream);
        return stream;
      },
      openSilence: () => new FakeStream(),
      now: () => Date.now(),
    };
    this.call = new Call(platform as unknown as Platform);
  }

  get peer(): FakePeer {
    return this.peers.at(-1) as FakePeer;
  }
  get socket(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket;
  }
  get state() {
    return this.call.state();
  }

  /** Start, and get as far as an offer that has left. */
  async offers(): Promise<void> {
    void this.call.start({ deviceId: null });
    await settle();
    this.socket.opens();
    this.peer.finds("candidate:1");
  }

  async answers(): Promise<void> {
    this.socket.receives({ messageType: "SDP_ANSWER", messagePayload: encoded({ type: "answer", sdp: "v=0 answer" }) });
    await settle();
  }

  /** Start, and get as far as a call that is up. */
  async connects(): Promise<void> {
    await this.offers();
    await this.answers();
    this.peer.becomes("connected");
    this.peer.opensChannel();
  }
}
