// Drives the browser for the Go tests: a call per line of standard input, as JSON, is answered by a line of standard output. Calls run at the
// same time, in the order of their arrival for each page.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.argv[2],
  headless: true,
  args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run", "--force-color-profile=srgb"],
});

const pages = new Map();
const last = new Map(); // the latest call of each page

const calls = {
  // open makes a page, in the window of another one or, for "", in a new one with nothing stored.
  async open(name, beside) {
    const context = beside ? pages.get(beside).page.context() : await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", locale: "en-GB", timezoneId: "UTC", ignoreHTTPSErrors: true });
    const page = await context.newPage();
    const errors = [];
    page.on("console", (m) => { if (m.type() === "error") errors.push(m.text()); });
    page.on("pageerror", (e) => errors.push(String(e)));
    pages.set(name, { page, errors, alone: !beside });
  },
  async goto(name, url) {
    await page(name).goto(url);
  },
  async evaluate(name, expression) {
    return await page(name).evaluate(expression);
  },
  async until(name, expression, timeout) {
    // Not by waitForFunction, whose eval a page's policy forbids.
    const end = Date.now() + timeout;
    let why = "it is false";
    while (Date.now() < end) {
      try {
        if (await page(name).evaluate(expression)) return;
      } catch (e) {
        why = e.message; // what it asks for is not there yet, or the page is on its way to another
      }
      await new Promise((done) => setTimeout(done, 20));
    }
    throw new Error(why);
  },
  async click(name, selector) {
    await page(name).click(selector);
  },
  // fill puts text into a field, press presses a key with the focus there: "Enter", "Shift+Tab".
  async fill(name, selector, text) {
    await page(name).fill(selector, text);
  },
  async press(name, selector, key) {
    await page(name).press(selector, key);
  },
  // offline takes the network away from all pages of the window, open websockets included, or gives it back.
  async offline(name, yes) {
    await page(name).context().setOffline(yes);
  },
  async choose(name, selector, files) {
    await page(name).setInputFiles(selector, files);
  },
  // throttle limits what the page sends and receives, in bytes a second.
  async throttle(name, rate) {
    const session = await page(name).context().newCDPSession(page(name));
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: rate, uploadThroughput: rate });
  },
  // look changes the size of the window, and the colours that the person prefers.
  async look(name, width, height, colorScheme) {
    await page(name).setViewportSize({ width, height });
    await page(name).emulateMedia({ colorScheme });
  },
  async screenshot(name, path) {
    await page(name).screenshot({ path, fullPage: true });
  },
  errors(name) {
    return pages.get(name).errors;
  },
  async close(name) {
    const { page, alone } = pages.get(name);
    pages.delete(name);
    await (alone ? page.context() : page).close();
  },
};

const page = (name) => pages.get(name).page;

async function answer({ id, call, page, args }) {
  try {
    return { id, value: (await calls[call](page, ...(args ?? []))) ?? null };
  } catch (e) {
    return { id, error: String(e.message ?? e) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const before = last.get(request.page) ?? Promise.resolve();
  last.set(request.page, before.then(async () => {
    process.stdout.write(JSON.stringify(await answer(request)) + "\n");
  }));
}
await browser.close();
