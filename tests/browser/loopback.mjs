// A server in loopback gives the caller's own audio back: the fake device's tone, found again in what is received.
// options: url, tone_hz, firefox

import { connect, look, run } from "./browser.mjs";

const ATTEMPTS = 10;

await run(async (page, { tone_hz }) => {
  await connect(page);
  let tone = { hz: 0, amplitude: 0 };
  for (let attempt = 0; attempt < ATTEMPTS && Math.abs(tone.hz - tone_hz) > 10; attempt += 1) {
    tone = await page.evaluate(strongestTone);
  }
  const { status } = await look(page);
  await page.click("[data-testid=hangup]");
  await page.waitForSelector("[data-phase=ended]");
  return { tone, status };
});

/** Runs in the page. Recorded and decoded, because Firefox starts no AudioContext on a machine without a sound card. */
async function strongestTone() {
  const recorder = new MediaRecorder(document.querySelector("audio").srcObject);
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  recorder.start();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  recorder.stop();
  await new Promise((resolve) => (recorder.onstop = resolve));
  const decoded = await new OfflineAudioContext(1, 48_000, 48_000).decodeAudioData(await new Blob(parts).arrayBuffer());
  const samples = decoded.getChannelData(0).subarray(-24_000); // the last half second
  let strongest = { hz: 0, amplitude: 0 };
  for (let hz = 100; hz < 2000; hz += 5) {
    const step = (2 * Math.PI * hz) / decoded.sampleRate;
    const real = samples.reduce((sum, sample, n) => sum + sample * Math.cos(step * n), 0);
    const imaginary = samples.reduce((sum, sample, n) => sum + sample * Math.sin(step * n), 0);
    const amplitude = (2 * Math.hypot(real, imaginary)) / samples.length;
    if (amplitude > strongest.amplitude) strongest = { hz, amplitude };
  }
  return strongest;
}
