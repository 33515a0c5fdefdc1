// Pictures of the page in a real call: a question, a long answer that is interrupted, and a picture while it speaks.
// options: url, mouth: true, question, long, interruption, last (WAVs), pictures: [{path, scheme, viewport}]

import { connect, run, said, say, until } from "./browser.mjs";

const answers = (seen) => seen.said.filter((entry) => entry.role === "assistant").length;
const isSpeaking = "[data-testid=speaking-assistant][data-active=true]";

await run(async (page, { question, long, interruption, last, pictures }) => {
  await connect(page);
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const turn = async (wav) => {
    const before = answers(await until(page, "the page", () => true));
    await say(page, wav);
    await until(page, "an answer", (seen) => answers(seen) > before);
    await page.waitForSelector(isSpeaking);
  };
  const answered = async () => {
    await page.waitForSelector("[data-testid=speaking-assistant][data-active=false]");
    await pause(3000); // as people do
  };
  await page.waitForSelector(isSpeaking); // it greets
  await answered();
  await turn(question);
  await answered();
  await turn(long);
  await pause(2500);
  await turn(interruption);
  await answered();
  await turn(last);
  await pause(500);
  for (const { path, scheme, viewport } of pictures) {
    await page.setViewport(viewport);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await pause(400);
    await page.screenshot({ path });
  }
  const seen = await until(page, "the page", () => true);
  return { user: said(seen, "user"), assistant: said(seen, "assistant") };
});
