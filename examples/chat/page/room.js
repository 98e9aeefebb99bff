// A room as this page has it: what was said, who is there, what is on its way. All that others have written is put into text nodes, never into HTML.
const mostShown = 500; // messages
const together = 5 * 60_000; // ms within which messages of one person stand under one name
const patience = 2_500; // ms in which who has left may come back without a word about it

// element makes an element of text, or of other elements.
export function element(name, className, ...content) {
  const e = document.createElement(name);
  if (className) e.className = className;
  e.append(...content); // strings become text nodes
  return e;
}

// face is the first letter of a name, in a colour that is always the same for it.
export function face(name) {
  let hash = 0;
  for (const c of name) hash = (hash * 31 + c.codePointAt(0)) >>> 0;
  const [first] = name.normalize("NFC");
  const e = element("span", `face c${hash % 6}`, first.toLocaleUpperCase());
  e.setAttribute("aria-hidden", "true");
  return e;
}

function timeOf(at) {
  const date = new Date(at);
  if (Number.isNaN(date.valueOf())) return element("time", "");
  const today = date.toDateString() === new Date().toDateString();
  const e = element("time", "", date.toLocaleString(undefined, { dateStyle: today ? undefined : "short", timeStyle: "short" }));
  e.dateTime = date.toISOString();
  e.title = date.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  return e;
}

export class Room {
  // changed is called when the list of people or the number of unread messages is another.
  constructor(name, changed) {
    this.name = name;
    this.changed = changed;
    this.last = ""; // the id to go on from
    this.seen = new Set(); // ids and keys of what is shown
    this.present = new Set();
    this.leaving = new Map(); // timers, by name
    this.pending = new Map(); // messages that nobody has confirmed, by key
    this.joined = false;
    this.fresh = true; // what comes is from before this page
    this.unread = 0;
    this.none = element("div", "empty", element("h2", "", "Nothing has been said"), element("p", "muted", "Say something: it is kept for an hour, for those who come later."));
    this.list = element("div", "");
    this.outgoing = element("div", "");
    this.log = element("div", "log", this.none, this.list, this.outgoing);
    this.log.setAttribute("role", "log");
    this.log.setAttribute("aria-label", `Messages in ${name}`);
    this.log.setAttribute("aria-busy", "true"); // the history is not read out
    this.log.tabIndex = 0;
    this.atEnd = true;
    this.log.addEventListener("scroll", () => { this.atEnd = this.isAtEnd(); this.changed(); });
  }

  isAtEnd() { return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 48; }

  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
    this.atEnd = true;
  }

  // keepEnd does what changes the list, and stays at its end if that is where the reader is.
  keepEnd(change) {
    const atEnd = this.atEnd;
    change();
    if (atEnd) this.toEnd();
  }

  // welcome is the first envelope after a join.
  welcome({ id, recovered, present }) {
    const resumed = this.last.includes("-"); // else there was nothing in the room
    if (resumed && !recovered) this.notice("The connection was lost for too long, or the server began anew: messages may be missing here.", "gap");
    this.last = id || this.last;
    this.present = new Set(present);
    for (const timer of this.leaving.values()) clearTimeout(timer);
    this.leaving.clear();
    this.changed();
  }

  // take shows a message, unless it is there. It reports whether it was new.
  take(id, message) {
    this.last = id;
    const key = message.key && `${message.from}\n${message.key}`;
    const known = this.seen.has(id) || (key && this.seen.has(key));
    this.remember(id);
    if (key) this.remember(key);
    this.settle(message.key);
    if (!known) this.keepEnd(() => this.append(message));
    return !known;
  }

  remember(s) {
    this.seen.add(s);
    if (this.seen.size > 4 * mostShown) this.seen.delete(this.seen.values().next().value); // the oldest
  }

  append(message) {
    const { from, text, at } = message;
    const before = this.latest;
    const more = before && before.node === this.list.lastElementChild && before.from === from && new Date(at) - new Date(before.at) < together;
    const node = this.render(from, text, at, more);
    this.list.append(node);
    this.latest = { from, at, node };
    this.none.hidden = true;
    while (this.list.childElementCount > mostShown) this.list.firstElementChild.remove();
    this.list.firstElementChild.classList.remove("more");
  }

  render(from, text, at, more) {
    const who = element("p", "who", element("b", "", element("bdi", "", from)), timeOf(at));
    const body = element("p", "text", text);
    body.dir = "auto";
    return element("article", more ? "msg more" : "msg", face(from), who, body);
  }

  notice(text, className) {
    const node = element("p", "notice", element("span", "", text));
    if (className) node.classList.add(className);
    this.keepEnd(() => this.list.append(node));
  }

  // begins is called when all is there that was said before.
  begins() {
    this.joined = true;
    this.fresh = false;
    this.log.removeAttribute("aria-busy");
  }

  // disconnected is called when nothing arrives any more, until the room is joined again.
  disconnected() {
    this.joined = false;
    for (const message of this.pending.values()) {
      clearTimeout(message.timer);
      if (!message.failed && !message.accepted) this.say(message, "Waits for the connection …");
    }
  }

  // ---- who is there ----

  joins(name) {
    const back = this.leaving.get(name);
    clearTimeout(back);
    this.leaving.delete(name);
    if (!back && !this.present.has(name)) this.noticeAbout(name, "joined");
    this.present.add(name);
    this.changed();
  }

  leaves(name) {
    if (!this.present.delete(name)) return;
    this.leaving.set(name, setTimeout(() => {
      this.leaving.delete(name);
      this.noticeAbout(name, "left");
    }, patience));
    this.changed();
  }

  noticeAbout(name, what) {
    const node = element("p", "notice", element("bdi", "", name), ` ${what}`);
    this.keepEnd(() => this.list.append(node));
  }

  // ---- what is on its way ----

  // add shows a message that is to be sent. resend is called when the reader wants it to be tried again.
  add(key, from, text, resend) {
    const at = new Date().toISOString();
    const node = this.render(from, text, at, false);
    node.classList.add("sending");
    const fate = element("p", "fate", "Sending …");
    node.append(fate);
    this.pending.set(key, { key, from, text, at, node, fate, resend });
    this.none.hidden = true;
    this.outgoing.append(node);
    this.toEnd();
  }

  // accepted notes that a message will come as those of others do.
  accepted(key) {
    const message = this.pending.get(key);
    if (!message) return; // it has come already
    clearTimeout(message.timer);
    message.accepted = true;
    this.say(message);
  }

  // adopt shows an accepted message that does not come any more, as the room's history is lost.
  adopt(message) {
    this.settle(message.key);
    this.keepEnd(() => this.append({ from: message.from, text: message.text, at: message.at }));
  }

  // settle forgets a message that has arrived.
  settle(key) {
    const message = this.pending.get(key);
    if (!message) return;
    this.pending.delete(key);
    clearTimeout(message.timer);
    this.keepEnd(() => message.node.remove());
  }

  // fail says why a message is not sent, and offers to try again.
  fail(key, why) {
    const message = this.pending.get(key);
    if (!message || message.accepted) return;
    clearTimeout(message.timer);
    message.failed = true;
    const again = element("button", "link small", "Try again");
    again.type = "button";
    again.addEventListener("click", () => {
      message.failed = false;
      this.say(message, "Sending …");
      message.resend(message);
    });
    const drop = element("button", "link small", "Discard");
    drop.type = "button";
    drop.addEventListener("click", () => this.settle(key));
    this.say(message, why, again, drop);
    message.fate.classList.add("error");
  }

  say(message, ...content) {
    message.fate.className = "fate";
    this.keepEnd(() => message.fate.replaceChildren(...content));
  }
}
