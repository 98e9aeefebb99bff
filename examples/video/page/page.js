// The page of the video: buttons that jump, and what the server was asked for.
const by = (id) => document.getElementById(id);
const video = by("video");

by("jumps").hidden = false;
for (const button of document.querySelectorAll("[data-at]")) {
  button.addEventListener("click", () => {
    video.preload = "auto"; // who jumps wants to see more than one frame
    if (Number.isFinite(video.duration)) video.currentTime = video.duration * button.dataset.at;
  });
}

// The columns: what of a request, how, and what stands for nothing.
const columns = [
  ["number", "wide num", ""],
  ["range", "num left", "all"],
  ["status", "num", ""],
  ["contentRange", "num left", "–"],
];

function row(request) {
  const row = document.createElement("tr");
  for (const [key, className, otherwise] of columns) {
    const cell = document.createElement("td");
    cell.className = className;
    cell.textContent = String(request[key]).replace(/^bytes[ =]/, "") || otherwise;
    row.append(cell);
  }
  return row;
}

async function refresh() {
  try {
    const requests = await (await fetch("/requests")).json();
    if (requests.length > 0) by("requests").replaceChildren(...requests.map(row));
    by("stale").textContent = "";
  } catch {
    by("stale").textContent = "The server does not answer. The list is that of before.";
  }
}

// The player asks at these moments. Several come at once: one look after them is enough.
let due;
for (const type of ["loadedmetadata", "progress", "seeked", "stalled", "error"]) {
  video.addEventListener(type, () => {
    clearTimeout(due);
    due = setTimeout(refresh, 200);
  });
}
const failed = () => { by("failed").hidden = video.error === null; };
video.addEventListener("error", failed);
failed(); // it may have been earlier than this module
refresh();
