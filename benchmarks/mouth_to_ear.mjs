// In a real browser: from a sound in the microphone to the same sound in the loudspeaker, through a server in loopback.
// Two AudioWorklets on one AudioContext note when a tone begins, so that both read one clock.
// options: url, microphone (WAV), seconds; prints {"mouth": [s, ...], "ear": [s, ...]}

import { readFileSync } from "node:fs";

import { connect, run } from "../tests/browser/browser.mjs";

const WORKLET = readFileSync(new URL("onset.js", import.meta.url), "utf-8");

await run(async (page, { url, seconds }) => {
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    // From the page's own address: its Content-Security-Policy stays in force.
    if (!request.url().endsWith("/onset.js")) return request.continue();
    return request.respond({ contentType: "text/javascript", body: WORKLET });
  });
  await page.evaluateOnNewDocument(() => {
    const { getUserMedia } = MediaDevices.prototype;
    // The browser's own echo canceller would take out what comes back.
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    MediaDevices.prototype.getUserMedia = async function () {
      globalThis.microphone = await getUserMedia.call(this, { audio: plain });
      return globalThis.microphone;
    };
  });
  await page.goto(url);
  await page.waitForSelector("[data-testid=status]");
  await connect(page);
  return page.evaluate(listen, seconds);
});

/** Runs in the page. */
async function listen(seconds) {
  const context = new AudioContext();
  await context.audioWorklet.addModule("./onset.js");
  const times = { mouth: [], ear: [] };
  for (const [name, stream] of Object.entries({ mouth: globalThis.microphone, ear: document.querySelector("audio").srcObject })) {
    const node = new AudioWorkletNode(context, "onset", { channelCount: 1, channelCountMode: "explicit" });
    node.port.onmessage = ({ data }) => times[name].push(data);
    context.createMediaStreamSource(stream).connect(node).connect(context.destination);
  }
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  return times;
}
