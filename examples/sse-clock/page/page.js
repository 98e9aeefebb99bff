// The page of the clock: what an EventSource hears, and how its connection is.
const by = (id) => document.getElementById(id);
const shown = 10; // rows of the table
let connections = 0;

const states = {
  live: { text: "Connected", className: "good live" },
  lost: { text: "Connection lost. The browser tries again …", className: "warn" },
  over: { text: "The server ended the clock for good. Reload to try again.", className: "bad" },
};

function show(state) {
  by("state").className = states[state].className;
  by("state-text").textContent = states[state].text;
  by("time").classList.toggle("lost", state !== "live");
  if (state !== "live") by("streams").textContent = "–"; // nobody knows
}

const clock = new EventSource("/clock");

clock.addEventListener("open", () => {
  connections++;
  by("reconnects").textContent = connections - 1;
  show("live");
});

// A closed source stays closed: the answer was not 200 with an event stream. Otherwise the browser reconnects by itself.
clock.addEventListener("error", () => show(clock.readyState === EventSource.CLOSED ? "over" : "lost"));

clock.addEventListener("message", (event) => {
  const sent = new Date(event.data);
  const time = sent.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  by("time").dateTime = event.data;
  by("time").title = event.data;
  by("time").textContent = time;
  by("date").textContent = sent.toLocaleDateString(undefined, { dateStyle: "full" });
  by("id").textContent = event.lastEventId;
  addRow(event.lastEventId, time, event.data);
});

clock.addEventListener("streams", (event) => {
  by("streams").textContent = event.data;
});

function addRow(id, time, exact) {
  by("none")?.remove();
  const row = document.createElement("tr");
  for (const [text, className] of [[id, "num"], [time, ""], [connections, "num"]]) {
    const cell = document.createElement("td");
    cell.className = className;
    cell.textContent = text;
    row.append(cell);
  }
  row.cells[1].title = exact;
  const rows = by("events");
  rows.prepend(row);
  while (rows.rows.length > shown) rows.lastElementChild.remove();
}
