// Uploads with a progress bar, one file after the other. Without this module the form works as forms do.
const form = document.getElementById("form");
const input = document.getElementById("file");
const list = document.getElementById("list");
const template = document.getElementById("transfer");
const waiting = [];
let busy = false;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  document.getElementById("error")?.remove();
  document.getElementById("transfers").hidden = false;
  waiting.push(...Array.from(input.files, makeTransfer));
  form.reset();
  if (!busy) work();
});

async function work() {
  busy = true;
  while (waiting.length > 0) await waiting.shift().run();
  busy = false;
}

function makeTransfer(file) {
  const item = template.content.firstElementChild.cloneNode(true);
  const part = (name) => item.querySelector(name);
  const bar = part("progress");
  const button = part(".cancel");
  const request = new XMLHttpRequest();
  let cancelled = false;
  part(".name").textContent = file.name;
  part(".amount").textContent = size(file.size);
  bar.setAttribute("aria-label", `Progress of ${file.name}`);
  list.append(item);

  function show(text, className = "muted") {
    part(".state").textContent = text;
    part(".state").className = `small state ${className}`;
  }

  // end is called once, whatever comes of the transfer.
  function end(text, className) {
    show(text, className);
    button.remove();
    if (className !== "good") bar.remove();
    document.getElementById("said").textContent = `${file.name}: ${text}`;
  }

  button.addEventListener("click", () => {
    cancelled = true;
    if (request.readyState === XMLHttpRequest.UNSENT) end("Cancelled.");
    else request.abort();
  });
  show("Waiting …");

  async function run() {
    if (cancelled) return;
    const body = new FormData();
    body.append("file", file);
    await new Promise((resolve) => {
      request.upload.addEventListener("progress", (event) => {
        bar.value = event.loaded / event.total;
        show(bar.value < 1 ? `${Math.floor(bar.value * 100)} % of ${size(event.total)}` : "100 %, being checked …");
      });
      request.addEventListener("abort", () => end("Cancelled."));
      request.addEventListener("error", () => end("The connection was lost.", "bad"));
      request.addEventListener("load", () => finish(request));
      request.addEventListener("loadend", resolve);
      request.open("POST", form.action);
      request.setRequestHeader("Accept", "application/json");
      request.send(body);
      show("0 %");
    });
    await refresh();
  }

  function finish({ status, responseText }) {
    if (status === 201) {
      const [got] = JSON.parse(responseText);
      bar.value = 1;
      end(`Received: ${size(got.size)}, SHA-256 ${got.sha256}`, "good");
      return;
    }
    end(reason(status, responseText), "bad");
  }

  return { run };
}

// reason is what the server said in its problem (RFC 9457).
function reason(status, text) {
  const titles = { 408: "Too slow", 413: "Too large", 415: "Not taken" };
  let detail = "";
  try {
    detail = JSON.parse(text).detail ?? "";
  } catch {
    // an answer of something in between
  }
  return `${titles[status] ?? "Not uploaded"} (${status})${detail && ": "}${detail}.`;
}

// refresh takes the list of received files from a fresh page.
async function refresh() {
  try {
    const text = await (await fetch("/")).text();
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("received");
    document.getElementById("received").replaceWith(fresh);
  } catch {
    // the next one will
  }
}

function size(n) {
  if (n < 1024) return n === 1 ? "1 byte" : `${n} bytes`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (n /= 1024; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return `${n.toFixed(1).replace(/\.0$/, "")} ${units[i]}`;
}
