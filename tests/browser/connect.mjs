// Connect, and read what the page says once the server has told what it is.
// options: url

import { connect, run, until } from "./browser.mjs";

await run(async (page) => {
  await connect(page);
  const seen = await until(page, "the server's first event", ({ status }) => !status.startsWith("Listening"));
  return { ...seen, devices: (await page.$$("[data-testid=devices]")).length };
});
