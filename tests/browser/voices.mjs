// Choose a language and a voice before the call, hear the greeting, and choose others while it is spoken.
// options: url, firefox, before: {language, voice}, during: {language, voice}, ears (hear the greeting)

import { connect, look, recorded, record, run, until } from "./browser.mjs";

const value = (page, picker) => page.$eval(`[data-testid=${picker}]`, (select) => select.value);
const note = (page) => page.$eval("[data-testid=voice-note]", (element) => element.innerText);

async function choose(page, { language, voice }) {
  await page.waitForSelector("[data-testid=language]");
  await page.select("[data-testid=language]", language);
  const offered = await page.$$eval("[data-testid=voice] option", (options) => options.map(({ innerText, parentElement: { label } }) => (label ? `${label}: ${innerText}` : innerText)));
  await page.select("[data-testid=voice]", voice);
  return offered;
}

await run(async (page, { before, during, ears }) => {
  const offered = await choose(page, before);
  await page.reload(); // the browser remembers it
  await page.waitForSelector("[data-testid=voice]");
  const remembered = await value(page, "voice");
  await connect(page);
  if (ears) await record(page);
  const speaking = "[data-testid=speaking-assistant][data-active=";
  await page.waitForSelector(`${speaking}true]`);
  await choose(page, during);
  const waiting = await note(page);
  await page.waitForSelector(`${speaking}false]`);
  await until(page, "the greeting", ({ said }) => said[0]?.pieces.every(({ stage }) => stage === "final"));
  await page.waitForFunction(() => document.querySelector("[data-testid=voice-note]").innerText === "");
  const seen = await look(page);
  return { ...seen, offered, remembered, waiting, voice: await value(page, "voice"), ...(ears && (await recorded(page))) };
});
