// Opens the pages that show a document, as a person does who looks for an operation and tries it, and says as JSON what was to be seen.
//
//	node docs.mjs CHROMIUM '{"base": "http://127.0.0.1:8080/", "windows": [{"width": 1280, "height": 800, "colorScheme": "light"}],
//		"operation": "getFilm", "parameters": {"id": "995"}, "pictures": "DIR/films"}'
//
// base is the root of the app, as the browser sees it. With "broken": true the document cannot be had.
import { chromium } from "playwright-core";

const [executablePath, job] = process.argv.slice(2);
const { base, windows, operation, parameters, pictures, broken } = JSON.parse(job);
const origin = new URL(base).origin;
const patience = { timeout: 60_000 };

const viewers = {
  swagger: {
    path: "docs",
    ready: ".opblock",
    async expand(page) {
      await page.click(`[id$="-${operation}"] .opblock-summary-control`);
    },
    async execute(page) {
      await page.click(".try-out__btn");
      for (const [name, value] of Object.entries(parameters)) await page.fill(`tr[data-param-name="${name}"] input`, value);
      await page.click(".execute");
      await page.waitForSelector(".live-responses-table .response-col_status", patience);
      return await page.innerText(".live-responses-table .response-col_description .highlight-code");
    },
  },
  elements: {
    path: "docs/reference",
    ready: "elements-api h1",
    async expand(page) {
      await page.goto(new URL(`docs/reference#/operations/${operation}`, base).href);
      await page.waitForSelector("text=Send API Request", patience);
    },
    async execute(page) {
      for (const [name, value] of Object.entries(parameters)) await page.fill(`input[aria-label="${name}"]`, value);
      await page.click("text=Send API Request");
      const answer = page.locator(".sl-panel", { hasText: /^\s*Response\s*Preview/ }).last();
      await answer.getByText(/^\d{3} /).waitFor(patience);
      return await answer.innerText();
    },
  },
};

// Nothing but this origin is to be found, whatever the page asks for.
const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run", "--force-color-profile=srgb",
    `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${new URL(base).hostname}`],
});

async function visit(name, viewer, window) {
  const { width, height, colorScheme } = window;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: "reduce", locale: "en-GB", timezoneId: "UTC" });
  const page = await context.newPage();
  const seen = { viewer: name, width, colorScheme, errors: [], elsewhere: [], failed: [], requests: [] };
  page.on("console", (m) => { if (m.type() === "error") seen.errors.push(m.text()); });
  page.on("pageerror", (e) => seen.errors.push(String(e)));
  context.on("request", (r) => {
    const url = r.url();
    if (!url.startsWith("data:") && !url.startsWith("blob:") && new URL(url).origin !== origin) seen.elsewhere.push(url);
  });
  context.on("requestfailed", (r) => seen.failed.push(`${r.url()}: ${r.failure()?.errorText}`));
  page.on("response", (r) => { if (r.url().startsWith(base)) seen.requests.push(`${r.request().method()} /${r.url().slice(base.length)} ${r.status()}`); });
  if (broken) await context.route("**/openapi.json", (route) => route.fulfill({ status: 503, body: "" }));

  await page.goto(new URL(viewer.path, base).href);
  if (broken) {
    seen.alert = await page.innerText("[role=alert]", patience);
  } else {
    await page.waitForSelector(viewer.ready, patience);
    if (pictures) await page.screenshot({ path: `${pictures}-${name}-${width}-${colorScheme}.png` });
    await viewer.expand(page);
    seen.answer = await viewer.execute(page);
    if (pictures) await page.screenshot({ path: `${pictures}-${name}-tried-${width}-${colorScheme}.png`, fullPage: true });
  }
  Object.assign(seen, await page.evaluate(() => ({
    title: document.title,
    lang: document.documentElement.lang,
    text: document.body.innerText,
    over: document.documentElement.scrollWidth - innerWidth,
    busy: document.querySelector("#docs").ariaBusy,
    links: Array.from(document.querySelectorAll(".docs-bar a"), (a) => a.href),
    lightness: Number(getComputedStyle(document.querySelector(".docs-bar")).backgroundColor.match(/\d+/)[0]),
  })));
  await context.close();
  return seen;
}

const all = [];
for (const window of windows) {
  for (const [name, viewer] of Object.entries(viewers)) all.push(await visit(name, viewer, window));
}
await browser.close();
process.stdout.write(JSON.stringify(all));
