// What the browser scenarios share: a browser, the page in it, its transcript, and ears and a mouth for it.
// Each scenario is a script of its own: `node hear.mjs '{"url": "http://127.0.0.1:8080/"}'` prints one line of JSON.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const web = createRequire(new URL("../../web/package.json", import.meta.url));
const puppeteer = web("puppeteer-core");

const CHROMIUM = {
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
  ],
};

const FIREFOX = {
  browser: "firefox",
  executablePath: "/usr/bin/firefox-esr",
  extraPrefsFirefox: {
    "media.navigator.streams.fake": true,
    "media.navigator.permission.disabled": true,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
  },
};

/** Run `scenario(page, options, browser)` with the options of the command line and print what it returns. */
export async function run(scenario) {
  const options = { allow: true, flags: [], prefs: {}, ...JSON.parse(process.argv[2] ?? "{}") };
  const browser = await puppeteer.launch({ headless: true, ...settings(options) });
  let page = null;
  try {
    page = await openPage(browser, options);
    const found = await scenario(page, options, browser);
    console.log(JSON.stringify({ complaints: page.complaints, ...found }));
  } catch (error) {
    console.error(`${error.stack ?? error}\nthe page: ${page && JSON.stringify(await look(page).catch(String))}`);
    console.error(`its console: ${JSON.stringify(page?.complaints)}`);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

function settings({ firefox, allow, flags, prefs, microphone }) {
  if (firefox) return { ...FIREFOX, extraPrefsFirefox: { ...FIREFOX.extraPrefsFirefox, ...prefs } };
  const args = [...CHROMIUM.args, ...flags];
  if (allow) args.push("--use-fake-ui-for-media-stream");
  if (microphone) args.push(`--use-file-for-fake-audio-capture=${microphone}%noloop`);
  return { ...CHROMIUM, args };
}

async function openPage(browser, options) {
  const page = await browser.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => {
    // A refused request is the page's business, and an insecure origin that of the test.
    const expected = /^Failed to load resource|^The Cross-Origin-Opener-Policy header has been ignored/;
    if (["error", "warn"].includes(message.type()) && !expected.test(message.text())) page.complaints.push(message.text());
  });
  if (options.viewport) await page.setViewport(options.viewport);
  if (options.scheme) await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: options.scheme }]);
  if (options.ears || options.mouth) await giveEarsAndMouth(page, options);
  await page.goto(options.url);
  await page.waitForSelector("[data-testid=status]");
  return page;
}

/** Press Connect and wait until the call is up; fails with the page's own words when it does not come up. */
export async function connect(page) {
  await page.click("[data-testid=connect]");
  await page.waitForFunction(() => ["live", "ended"].includes(document.querySelector("[data-phase]").dataset.phase), { timeout: 20_000 });
  const { phase, problem } = await look(page);
  if (phase !== "live") throw new Error(`no call: ${JSON.stringify(problem)}`);
}

/** What a person would see on the page. */
export function look(page) {
  return page.evaluate(() => {
    const words = (selector, root = document) => root.querySelector(selector)?.innerText.trim() ?? null;
    const problem = document.querySelector("[data-testid=problem]");
    return {
      phase: document.querySelector("[data-phase]").dataset.phase,
      status: words("[data-testid=status]"),
      problem: problem && { code: problem.dataset.code, title: words(".notice-title", problem), advice: words(".notice-advice", problem) },
      said: [...document.querySelectorAll("[data-testid^=said-]")].map((entry) => ({
        role: entry.dataset.role,
        interrupted: entry.dataset.interrupted === "true",
        tag: words("[data-testid=interrupted]", entry),
        pieces: [...entry.querySelectorAll(".piece")].map((piece) => ({ text: piece.innerText, stage: piece.dataset.stage })),
      })),
      tools: [...document.querySelectorAll("[data-testid=tool] summary")].map((tool) => tool.innerText.trim()),
    };
  });
}

export function said(seen, role) {
  return seen.said
    .filter((entry) => entry.role === role)
    .flatMap((entry) => entry.pieces.map((piece) => piece.text))
    .join(" ");
}

/** Look at the page until `holds(seen)`, and return what was seen then. */
export async function until(page, what, holds, timeoutMs = 30_000) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look(page);
    if (holds(seen)) return seen;
    if (seen.phase === "ended" || performance.now() > deadline) throw new Error(`waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Put a microphone made of Web Audio into the page (`mouth`), and a recorder behind its loudspeaker (`ears`)
 * that also notes at which sample each data-channel event came.
 */
async function giveEarsAndMouth(page, { mouth }) {
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    // A worklet must come from the page's own address: its Content-Security-Policy stays in force.
    if (!request.url().endsWith("/recorder.js")) return request.continue();
    return request.respond({ contentType: "text/javascript", body: readFileSync(new URL("recorder.js", import.meta.url), "utf-8") });
  });
  await page.evaluateOnNewDocument(readFileSync(new URL("implant.js", import.meta.url), "utf-8"));
  if (mouth) await page.evaluateOnNewDocument("implant.replaceMicrophone()");
}

/** Start to record what the browser receives. */
export const record = (page) => page.evaluate(() => implant.record());

/** Say a WAV file into the page's microphone; resolves when it has been said. */
export function say(page, wav) {
  return page.evaluate((data) => implant.say(data), readFileSync(wav).toString("base64"));
}

/**
 * The recording so far: `{rate_hz, received, heard, marks: [{type, at}]}`. `received` is what came in, `heard` what the
 * page lets through, both base64 of int16; `at` is a position in samples of them.
 */
export const recorded = (page) => page.evaluate(() => implant.recorded());
