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
  });
  await connect(page);
  await page.click("[data-testid=mute]");
  const muted = await page.evaluate(() => implant.isMuted());
  await page.type("[data-testid=message]", text);
  await page.keyboard.press("Enter");
  await until(page, "an answer", (seen) => seen.said.at(-1)?.role === "assistant" && seen.said.at(-1).pieces.at(-1).stage === "final");
  const seen = await look(page);
  await page.click("[data-testid=download]");
  const saved = await page.evaluate(() => globalThis.saved);
  await page.click("[data-testid=hangup]");
  await page.waitForSelector("[data-phase=ended]");
  return { ...seen, muted, saved, after: (await look(page)).status };
});
