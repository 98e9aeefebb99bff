// The page of the fruit: what anybody picks, as the server says it.
const by = (id) => document.getElementById(id);
const buttons = Array.from(document.querySelectorAll("[data-fruit]"));
const nameOf = (fruit) => fruit[0].toUpperCase() + fruit.slice(1);
let socket;
let tries = 0;
let newest = -1; // the number of the latest pick that was shown

function connect() {
  socket = new WebSocket(new URL("/picks", location.href.replace(/^http/, "ws")));
  socket.addEventListener("message", (event) => {
    tries = 0;
    showState("good live", "Connected");
    show(JSON.parse(event.data));
  });
  socket.addEventListener("close", () => {
    showState("warn", "Connection lost, trying again …");
    newest = -1; // another server may count from the beginning
    const wait = Math.min(5_000, 250 * 2 ** tries++);
    setTimeout(connect, wait / 2 + Math.random() * wait / 2); // not all pages at once
  });
}

function showState(className, text) {
  const live = text === "Connected";
  by("state").className = className;
  by("state-text").textContent = text;
  by("shown").classList.toggle("lost", !live);
  for (const button of buttons) button.disabled = !live;
}

function show({ counts, latest }) {
  const total = counts.reduce((sum, { picks }) => sum + picks, 0);
  const most = Math.max(1, ...counts.map(({ picks }) => picks));
  by("total").textContent = total === 1 ? "1 pick" : `${total} picks`;
  for (const { fruit, picks } of counts) {
    const row = document.getElementById(`row-${fruit}`) ?? addRow(fruit);
    row.querySelector("rect").setAttribute("width", String(100 * picks / most));
    row.cells[2].textContent = String(picks);
  }
  by("none").hidden = latest.length > 0;
  by("latest").replaceChildren(...latest.map(item));
  if (newest >= 0) for (const { number, fruit } of latest) if (number > newest) flash(fruit);
  newest = latest[0]?.number ?? 0;
}

const ns = "http://www.w3.org/2000/svg";

function addRow(fruit) {
  const row = by("tally").insertRow();
  row.id = `row-${fruit}`;
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = nameOf(fruit);
  const bar = document.createElementNS(ns, "svg");
  for (const [name, value] of [["class", "bar"], ["viewBox", "0 0 100 8"], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) bar.setAttribute(name, value);
  const rect = document.createElementNS(ns, "rect");
  rect.setAttribute("height", "8");
  bar.append(rect);
  row.append(head);
  row.insertCell().append(bar);
  row.cells[1].className = "rest";
  row.insertCell().className = "num";
  return row;
}

function item({ fruit, at }) {
  const li = document.createElement("li");
  const img = document.createElement("img");
  [img.src, img.alt, img.width, img.height] = [`/${fruit}.svg`, "", 24, 24];
  const date = new Date(at);
  const time = document.createElement("time");
  time.className = "num";
  time.dateTime = at;
  time.title = date.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  time.textContent = date.toLocaleTimeString();
  li.append(img, nameOf(fruit), time);
  return li;
}

function flash(fruit) {
  const button = buttons.find((b) => b.dataset.fruit === fruit);
  if (!button) return;
  button.classList.remove("picked");
  void button.offsetWidth; // the animation begins anew
  button.classList.add("picked");
  clearTimeout(button.timer);
  button.timer = setTimeout(() => button.classList.remove("picked"), 600);
}

by("fruits").addEventListener("click", (event) => {
  const fruit = event.target.closest("button")?.dataset.fruit;
  if (fruit && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ fruit }));
});

connect();
