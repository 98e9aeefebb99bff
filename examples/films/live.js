// New reviews as they come: the stream says that there are some, and the page itself, loaded again, says how they look. Without this module
// the page shows them at its next load.
const reviews = document.getElementById("live-reviews");
const state = document.getElementById("live");
const every = 1000; // ms; at most one load in that time
let loading = false;
let again = false;

const states = {
  live: { text: "Live: new reviews appear by themselves", className: "good live" },
  lost: { text: "Connection lost, trying again: new reviews do not appear", className: "warn" },
  over: { text: "Connection lost: reload to see new reviews", className: "bad" },
};

function show(name) {
  state.hidden = false;
  state.className = "small " + states[name].className;
  state.lastElementChild.textContent = states[name].text;
}

async function load() {
  again = true;
  if (loading) return;
  loading = true;
  while (again) {
    again = false;
    try {
      const response = await fetch(location.pathname, { headers: { Accept: "text/html" } });
      if (response.ok) replace(new DOMParser().parseFromString(await response.text(), "text/html"));
    } catch { /* the stream notices, too */ }
    await new Promise((resolve) => setTimeout(resolve, every));
  }
  loading = false;
}

function replace(page) {
  const fresh = page.getElementById("live-reviews");
  if (!fresh) return;
  for (const time of fresh.querySelectorAll("time[datetime]")) {
    time.title = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  }
  reviews.replaceChildren(...fresh.children);
}

const source = new EventSource(reviews.dataset.stream);
source.addEventListener("open", () => {
  show("live");
  load(); // what came since the page was made, or while the connection was lost
});
// A closed source stays closed: the answer was no event stream. Otherwise the browser tries again by itself.
source.addEventListener("error", () => {
  show(source.readyState === EventSource.CLOSED ? "over" : "lost");
});
source.addEventListener("message", load);
