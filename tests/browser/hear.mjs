// A person speaks into the browser's microphone (a WAV file): the page shows what they said.
// options: url, microphone (WAV), words (how many were said)

import { connect, look, run, said, until } from "./browser.mjs";

await run(async (page, { words }) => {
  await connect(page);
  const count = (seen) => said(seen, "user").split(/\s+/).length;
  await until(page, "all the words", (seen) => count(seen) >= 0.8 * words, 60_000);
  await until(page, "an answer behind them", (seen) => seen.said.at(-1).role === "assistant", 20_000);
  const seen = await look(page);
  return { user: said(seen, "user"), assistant: said(seen, "assistant") };
});
