// Ask by voice, record the answer as the browser receives it; with `interruption`, break in 2 s after it began.
// options: url, mouth: true, ears: true, question (WAV), interruption (WAV, optional)

import { connect, recorded, record, run, say, until } from "./browser.mjs";

const assistant = (seen) => seen.said.filter((entry) => entry.role === "assistant").at(-1);
const settled = (entry) => entry !== undefined && entry.pieces.every((piece) => piece.stage === "final");

await run(async (page, { question, interruption }) => {
  await connect(page);
  await record(page);
  await say(page, question);
  await until(page, "an answer", (seen) => assistant(seen) !== undefined);
  if (interruption) {
    await page.waitForFunction(() => implant.soundsFor(2));
    await say(page, interruption);
    await until(page, "the mark of the interruption", (seen) => seen.said.some((entry) => entry.interrupted));
    await page.waitForFunction(() => implant.secondsSince("interrupted") > 1.2);
  } else {
    await page.waitForSelector("[data-testid=speaking-assistant][data-active=true]");
    await page.waitForSelector("[data-testid=speaking-assistant][data-active=false]");
    await until(page, "the final text", (seen) => settled(assistant(seen)));
  }
  const seen = await until(page, "the page", () => true);
  return { ...seen, ...(await recorded(page)) };
});
