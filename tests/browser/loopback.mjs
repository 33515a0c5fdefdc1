// A server in loopback gives the caller's own audio back: the fake device's tone, found again in what is received.
// options: url, tone_hz, firefox

import { connect, look, run } from "./browser.mjs";

await run(async (page, { tone_hz }) => {
  await connect(page);
  await page.evaluate(() => {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    context.createMediaStreamSource(document.querySelector("audio").srcObject).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    globalThis.peak = () => {
      analyser.getFloatFrequencyData(bins);
      const highest = bins.indexOf(Math.max(...bins));
      return { hz: (highest * context.sampleRate) / analyser.fftSize, dbfs: bins[highest] };
    };
  });
  const handle = await page.waitForFunction(
    (wanted) => {
      const { hz, dbfs } = globalThis.peak();
      return dbfs > -50 && Math.abs(hz - wanted) < 20 && { hz, dbfs };
    },
    { timeout: 15_000, polling: 100 },
    tone_hz,
  );
  const peak = await handle.jsonValue();
  const level = await page.$eval("[data-testid=input-level]", (meter) => Number(meter.getAttribute("aria-valuenow")));
  const { status } = await look(page);
  await page.click("[data-testid=hangup]");
  await page.waitForSelector("[data-phase=ended]");
  return { peak, level, status };
});
