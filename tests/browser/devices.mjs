// Move switches of the dashboard by hand and see the devices answer. options: url, pictures: [{path, scheme, viewport}]

import { connect, look, run } from "./browser.mjs";

const row = (device) => `[data-testid="device-${device}"]`;
const words = (page, device) => page.$eval(`${row(device)} .thing-state`, (element) => element.innerText);

async function becomes(page, device, wanted) {
  await page.waitForFunction((at, text) => document.querySelector(`${at} .thing-state`)?.innerText === text, {}, row(device), wanted);
}

async function flip(page, device) {
  await page.waitForSelector(`${row(device)} [role=switch]:enabled`);
  await page.click(`${row(device)} [role=switch]`);
}

await run(async (page, { pictures = [] }) => {
  const before = await page.$("[data-testid=devices]");
  await connect(page);
  await page.waitForSelector(row("kitchen/oven"));
  const rooms = await page.$$eval(".room h2", (titles) => titles.map((title) => title.innerText));
  const first = await words(page, "living_room/lock");
  await flip(page, "living_room/lock");
  await becomes(page, "living_room/lock", "unlocked");
  await flip(page, "kitchen/oven");
  await becomes(page, "kitchen/oven", "on, 180 °C");
  await flip(page, "kitchen/light");
  await becomes(page, "kitchen/light", "on, 80 %");
  await page.focus(`${row("kitchen/light")} .dimmer`);
  await page.keyboard.press("Home");
  await becomes(page, "kitchen/light", "on, 1 %");
  for (const { path, scheme, viewport } of pictures) {
    await page.setViewport(viewport);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await new Promise((resolve) => setTimeout(resolve, 1600));
    await page.screenshot({ path });
  }
  return { ...(await look(page)), before: before !== null, rooms, first };
});
