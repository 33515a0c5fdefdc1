// Press Connect where no call can come about, and read what the page says.
// options: url, allow (the microphone), press (false: only open the page), offline (from then on), flags

import { look, run } from "./browser.mjs";

await run(async (page, { allow, press = true, offline = false }, browser) => {
  if (!allow) await browser.defaultBrowserContext().overridePermissions(new URL(page.url()).origin, []);
  await page.setOfflineMode(offline);
  const pressed = performance.now();
  if (press) await page.click("[data-testid=connect]");
  await page.waitForSelector("[data-testid=problem]", { timeout: 10_000 });
  const seconds = (performance.now() - pressed) / 1000;
  const canTalk = await page.$eval("[data-testid=connect]", (button) => !button.disabled);
  return { ...(await look(page)), seconds, canTalk };
});
