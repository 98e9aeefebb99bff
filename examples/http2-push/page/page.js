// The page: how it came, and what its event streams bring. It is no module: browsers fetch those in a way of their own, for which "preload" is no hint.
"use strict";

const by = (id) => document.getElementById(id);
const protocols = { "h2": "HTTP/2", "h3": "HTTP/3", "http/1.1": "HTTP/1.1", "http/1.0": "HTTP/1.0" };

function element(tag, className, text) {
  const e = document.createElement(tag);
  e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function drawing(tag, attributes) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  return e;
}

// ---- the streams ----

const samples = 60; // of a line
const highest = 2.8; // metres
const buoys = [];

class Buoy {
  constructor(number) {
    this.number = number;
    this.heights = [];
    this.connection = "";
    this.card = element("li", "card buoy waits");
    const row = element("div", "row between");
    this.output = element("output", "", "waits");
    row.append(element("h3", "", "Buoy " + number), this.output);
    const line = drawing("svg", { viewBox: `0 0 ${samples - 1} 40`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.line = drawing("polyline", { points: "" });
    line.append(this.line);
    this.card.append(row, line);
    by("buoys").append(this.card);
    this.source = new EventSource("/buoys/" + number);
    this.source.addEventListener("past", (event) => {
      const { connection, heights } = JSON.parse(event.data);
      this.heights = heights;
      this.show("live", connection);
    });
    this.source.addEventListener("message", (event) => {
      this.heights.push(Number(event.data));
      if (this.heights.length > samples) this.heights.shift();
      this.draw();
    });
    this.source.addEventListener("error", () => this.show("lost", ""));
  }

  show(state, connection) {
    this.card.className = "card buoy " + state;
    this.connection = connection;
    if (state === "lost") this.output.textContent = "lost";
    else this.draw();
    sum();
  }

  draw() {
    this.output.textContent = this.heights.at(-1).toFixed(2) + " m";
    this.line.setAttribute("points", this.heights.map((h, i) => `${i},${(40 - 40 * h / highest).toFixed(1)}`).join(" "));
  }

  close() {
    this.source.close();
    this.card.remove();
  }
}

// sum says how many streams are live, and over how many connections.
function sum() {
  const connections = new Set(buoys.map((b) => b.connection).filter(Boolean));
  const live = buoys.filter((b) => b.connection).length;
  const lost = buoys.filter((b) => b.card.classList.contains("lost")).length;
  by("live").textContent = live;
  by("connections").textContent = connections.size;
  by("waiting").textContent = buoys.length - live - lost;
  if (lost > 0) state("warn", "Connection lost. The browser tries again …");
  else if (live === 0) state("muted", "Connecting …");
  else if (live < buoys.length) state("warn", `${live} of ${buoys.length} streams are live, over ${many(connections.size, "connection")}. The others wait until one ends.`);
  else state("good live", `All ${live} streams are live, over ${many(connections.size, "connection")}.`);
}

function state(className, text) {
  by("state").className = className;
  if (by("state-text").textContent !== text) by("state-text").textContent = text;
}

const many = (n, what) => n + " " + what + (n === 1 ? "" : "s");

function open(n) {
  while (buoys.length > n) buoys.pop().close();
  while (buoys.length < n) buoys.push(new Buoy(buoys.length + 1));
  sum();
}

by("choices").addEventListener("change", (event) => open(Number(event.target.value)));

// ---- how the page came ----

function showResources() {
  const [page] = performance.getEntriesByType("navigation");
  by("protocol").textContent = protocols[page.nextHopProtocol] ?? page.nextHopProtocol;
  const files = performance.getEntriesByType("resource").filter((r) => !r.name.includes("/buoys/"));
  const hinted = new Set(files.filter((r) => r.initiatorType === "early-hints").map((r) => r.name));
  const end = Math.max(page.responseEnd, ...files.map((r) => r.responseEnd));
  const rows = [row(page, "/", "you", end)];
  const seen = new Set();
  for (const r of files) {
    if (seen.has(r.name)) continue; // what was hinted comes twice: from the network, and for the page
    seen.add(r.name);
    rows.push(row(r, new URL(r.name).pathname, hinted.has(r.name) ? "103 Early Hints" : "the page", end));
  }
  by("resources").replaceChildren(...rows);
  const early = page.firstInterimResponseStart;
  by("hints").textContent = early > 0
    ? `The 103 came after ${early.toFixed(0)} ms, the page's first byte after ${page.finalResponseHeadersStart.toFixed(0)} ms.` +
      (hinted.size > 0 ? " What was hinted was fetched in between, and waited for the page." : "")
    : `The page's first byte came after ${page.responseStart.toFixed(0)} ms.`;
}

function row(r, name, why, end) {
  const tr = element("tr", "");
  const kept = r.transferSize === 0 && r.entryType === "resource" && why === "the page";
  const head = element("th", "");
  head.scope = "row";
  head.append(element("code", "", name));
  const bar = drawing("svg", { class: "span", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" });
  const from = 100 * r.startTime / end, to = 100 * r.responseEnd / end;
  bar.append(drawing("rect", { x: from, y: 0, width: Math.max(to - from, 1), height: 8 }));
  const when = element("td", "wide rest");
  when.append(bar);
  tr.append(head, element("td", "over", kept ? "–" : protocols[r.nextHopProtocol] ?? r.nextHopProtocol),
    element("td", "", kept ? "it was kept" : why), when, element("td", "num", r.responseEnd.toFixed(0) + " ms"));
  return tr;
}

addEventListener("load", () => {
  setTimeout(showResources, 100); // the icon's entry comes late
  open(Number(by("choices").querySelector(":checked").value)); // a reload may keep the choice
});
