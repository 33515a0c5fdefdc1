// Connect, and read what the page says then.
// options: url

import { connect, look, run } from "./browser.mjs";

await run(async (page) => {
  await connect(page);
  return look(page);
});
