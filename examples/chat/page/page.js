// The page of the chat: a name, rooms, and one connection for all of them.
import { Connection } from "./connection.js";
import { Room, element, face } from "./room.js";

const by = (id) => document.getElementById(id);
const rooms = new Map(); // by name
const answerWithin = 15_000; // ms; the server gives a message 10 s
let current; // the room that is shown
let connection;
let name = "";

// ---- what is remembered; a browser may forbid that ----

function stored(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function store(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch { /* then it is for this visit only */ }
}

// ---- the connection ----

const states = {
  connecting: { text: () => "Connecting …", className: "muted" },
  live: { text: () => "Connected", className: "good live" },
  lost: { text: (seconds) => `Connection lost, next try in ${Math.max(1, Math.round(seconds))} s`, className: "warn" },
};
let tried = false; // since the connection was there last

function showState(state, seconds) {
  if (state === "live") tried = false;
  if (state === "lost") {
    tried = true;
    for (const room of rooms.values()) room.disconnected();
    drawPeople();
  }
  const lost = state === "lost" || (state === "connecting" && tried);
  by("state").hidden = false;
  by("state").parentElement.classList.toggle("lost", lost);
  by("state-of").className = lost ? "warn" : states[state].className;
  by("state-text").textContent = lost && state === "connecting" ? "Connection lost, trying again …" : states[state].text(seconds);
  by("retry").hidden = state !== "lost";
}

function opened() {
  connection.send({ name });
  for (const room of rooms.values()) join(room);
}

function join(room) {
  connection?.send({ do: "join", room: room.name, since: room.last });
}

function received(message) {
  if (message.do) {
    answered(message);
    return;
  }
  const room = rooms.get(message.topic);
  if (!room) return; // left in the meantime
  if (message.present) room.welcome(message);
  else if (message.join !== undefined) room.joins(message.join);
  else if (message.leave !== undefined) room.leaves(message.leave);
  else if (message.data) said(room, message);
}

function said(room, message) {
  const isNew = room.take(message.id, message.data);
  if (!isNew || room.fresh || message.data.from === name) return;
  if (room !== current || document.hidden || !room.atEnd) {
    room.unread++;
    drawRooms();
  }
}

function answered({ do: what, room: roomName, key, error }) {
  const room = rooms.get(roomName);
  if (!room) return;
  if (what === "say") {
    if (error) room.fail(key, error);
    else room.accepted(key);
  } else if (what === "join" && error) {
    forget(room);
    showError("join", error);
  } else if (what === "join") {
    // All that was missed has come before: what is still pending has not arrived.
    room.begins();
    drawPeople();
    for (const message of [...room.pending.values()]) {
      if (message.accepted) room.adopt(message);
      else if (!message.failed) transmit(room, message);
    }
  }
}

// transmit sends a pending message. One that gets no answer means that the connection is dead, though nobody has said so.
function transmit(room, message) {
  clearTimeout(message.timer);
  if (!room.joined || !connection.send({ do: "say", room: room.name, text: message.text, key: message.key })) {
    room.say(message, "Waits for the connection …");
    return;
  }
  room.say(message, "Sending …");
  message.timer = setTimeout(() => connection?.drop(), answerWithin);
}

// ---- what is shown ----

// itemOf is a room's line in the list. It stays the same element: the focus may be on it.
function itemOf(room) {
  if (!room.item) {
    const badge = element("span", "unread");
    const link = element("a", "", element("span", "", room.name), badge);
    link.href = `#${room.name}`;
    room.item = { node: element("li", "", link), link, badge };
    by("rooms").append(room.item.node);
  }
  return room.item;
}

function drawRooms() {
  let unread = 0;
  for (const room of rooms.values()) {
    const { link, badge } = itemOf(room);
    if (room === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    badge.hidden = room.unread === 0;
    badge.replaceChildren(room.unread > 99 ? "99+" : String(room.unread), element("span", "hidden", " unread"));
    unread += room.unread;
  }
  document.title = (unread > 0 ? `(${unread}) ` : "") + (current ? `${current.name} – Chat` : "Chat");
}

function drawPeople() {
  by("people").hidden = !current;
  if (!current) return;
  const names = [...current.present].sort((a, b) => a.localeCompare(b));
  by("people-name").textContent = current.joined ? `Here: ${names.length}` : "Here";
  by("present").classList.toggle("away", !current.joined);
  by("present").replaceChildren(...names.map((who) => element("li", "", face(who), element("bdi", "", who), who === name ? element("span", "muted", "(you)") : "")));
}

// read is what the reader has seen: all of the room that is shown, if its end is.
function read() {
  const shown = current && !document.hidden && current.atEnd;
  if (shown && current.unread > 0) {
    current.unread = 0;
    drawRooms();
  }
  by("newer").hidden = !current || current.atEnd || current.unread === 0;
}

function show(room) {
  current = room;
  by("room").hidden = !room;
  by("leave").hidden = !room;
  by("nowhere").hidden = Boolean(room);
  if (room) {
    by("room-name").textContent = room.name;
    by("text-label").textContent = `Message to ${room.name}`;
    by("logs").replaceChildren(room.log);
    room.toEnd();
    room.unread = 0;
  }
  drawRooms();
  drawPeople();
  read();
}

function showError(field, text) {
  by(`${field}-error`).hidden = !text;
  by(`${field}-error`).textContent = text;
  const input = by(field === "name" ? "name" : "join-name");
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

// ---- rooms ----

// roomName makes what somebody has typed the name of a room: "Old films" is old-films.
const roomName = (text) => text.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 24).replace(/^-+|-+$/g, "");

function enter(roomName) {
  let room = rooms.get(roomName);
  if (!room) {
    room = new Room(roomName, () => {
      if (room !== current) return;
      drawPeople();
      read();
    });
    rooms.set(roomName, room);
    store("chat.rooms", [...rooms.keys()].join(" "));
    join(room);
  }
  return room;
}

function forget(room) {
  room.disconnected();
  rooms.delete(room.name);
  room.item?.node.remove();
  store("chat.rooms", [...rooms.keys()].join(" "));
  if (room === current) go(rooms.keys().next().value ?? "");
  else drawRooms();
}

// go makes a room the one that is shown, by the address: a link to it is the same.
function go(roomName) {
  const hash = roomName && `#${roomName}`;
  if (location.hash === hash) arrive();
  else location.hash = hash;
}

function arrive() {
  const wanted = roomName(location.hash.slice(1).replace(/%20/g, " "));
  show(wanted ? enter(wanted) : rooms.values().next().value);
}

// ---- what the reader does ----

function begin() {
  by("enter").hidden = true;
  by("chat").hidden = false;
  by("me").textContent = name;
  by("rename").hidden = false;
  connection?.close();
  connection = undefined;
  for (const room of rooms.values()) room.disconnected();
  const firstRoom = location.hash.length > 1 ? "" : "lobby"; // a link to a room leads there alone
  for (const known of (stored("chat.rooms") || firstRoom).split(" ").map(roomName).filter(Boolean).slice(0, 20)) enter(known);
  arrive();
  connection = new Connection("/talk", { opened, received, state: showState, refused });
  by("text").focus();
}

function refused(reason) {
  askName(reason || "The server refuses to talk.");
}

function askName(error) {
  connection?.close();
  connection = undefined;
  for (const id of ["chat", "state", "retry", "rename"]) by(id).hidden = true;
  by("enter").hidden = false;
  by("name").value = name;
  showError("name", error);
  by("name").focus();
}

by("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  name = by("name").value.trim().replace(/ +/g, " ");
  if (!name) {
    showError("name", "A name has at least one visible character.");
    return;
  }
  store("chat.name", name);
  showError("name", "");
  begin();
});

by("join").addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = roomName(by("join-name").value);
  if (!wanted) {
    showError("join", "A room's name needs a letter or a digit.");
    return;
  }
  showError("join", "");
  by("join-name").value = "";
  go(wanted);
});

by("leave").addEventListener("click", () => {
  connection?.send({ do: "leave", room: current.name });
  forget(current);
  if (!current) by("join-name").focus();
});

const random = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");

by("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = by("text").value.trim();
  if (!text) return;
  const room = current;
  const key = random();
  room.add(key, name, text, (message) => transmit(room, message));
  transmit(room, room.pending.get(key));
  by("text").value = "";
  by("left").hidden = true;
  by("text").focus();
});

by("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  by("say").requestSubmit();
});

by("text").addEventListener("input", () => {
  const left = by("text").maxLength - by("text").value.length;
  by("left").hidden = left > 200;
  by("left").textContent = `${left} characters left`;
});

by("retry").addEventListener("click", () => connection?.retry());
by("rename").addEventListener("click", () => askName(""));
by("newer").addEventListener("click", () => { current.toEnd(); read(); });
document.addEventListener("visibilitychange", read);
window.addEventListener("hashchange", () => { if (connection) arrive(); });
window.addEventListener("resize", () => { if (current?.atEnd) current.toEnd(); });

name = stored("chat.name");
if (name) begin();
else askName("");
