/** The browser, as the call wants it. */

import { openMicrophone } from "./audio/microphone";
import type { Platform } from "./call/call";

let context: AudioContext | null = null;

/** The page's one AudioContext. Made in a click, because browsers let only those make a sound. */
export function audioContext(): AudioContext {
  context ??= new AudioContext({ latencyHint: "interactive" });
  if (context.state === "suspended") void context.resume();
  return context;
}

export const platform: Platform = {
  fetch: (input, init) => fetch(input, init),
  openSocket: (url) => new WebSocket(url),
  createPeer: (configuration) => new RTCPeerConnection(configuration),
  openMicrophone,
  openSilence: () => audioContext().createMediaStreamDestination().stream,
  now: () => Date.now(),
};
