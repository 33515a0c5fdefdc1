// Type instead of speaking, mute, save the transcript, hang up.
// options: url, mouth: true, text

import { connect, look, run, until } from "./browser.mjs";

await run(async (page, { text }) => {
  await page.evaluate(() => {
    const { createObjectURL } = URL;
    URL.createObjectURL = (blob) => {
      globalThis.saved = blob.text();
      return createObjectURL(blob);
    };
    globalThis.heights = new Set(); // at which the button stood
    const watch = () => {
      const button = document.querySelector("[data-testid=mute]");
      if (button) heights.add(Math.round(button.getBoundingClientRect().top));
      requestAnimationFrame(watch);
    };
    watch();
  });
  await connect(page);
  await page.click("[data-testid=mute]");
  await page.waitForSelector("[data-testid=facts]");
  const heights = await page.evaluate(() => [...globalThis.heights]);
  const muted = await page.evaluate(() => implant.isMuted());
  await page.type("[data-testid=message]", text);
  await page.keyboard.press("Enter");
  await until(page, "an answer", (seen) => seen.said.at(-1)?.role === "assistant" && seen.said.at(-1).pieces.at(-1).stage === "final");
  const seen = await look(page);
  await page.click("[data-testid=download]");
  const saved = await page.evaluate(() => globalThis.saved);
  await page.click("[data-testid=hangup]");
  await page.waitForSelector("[data-phase=ended]");
  return { ...seen, heights, muted, saved, after: (await look(page)).status };
});
