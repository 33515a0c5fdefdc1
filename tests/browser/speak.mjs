// Say a WAV file several times; what comes of it is seen at the server. options: url, mouth: true, question (WAV), times

import { connect, run, say } from "./browser.mjs";

await run(async (page, { question, times }) => {
  await connect(page);
  for (let time = 0; time < times; time += 1) await say(page, question);
  await page.click("[data-testid=hangup]");
  await page.waitForSelector("[data-phase=ended]");
  return {};
});
