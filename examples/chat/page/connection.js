// A websocket that comes back: after a wait that grows to ten seconds, part of it by chance, so that the pages of a server that went away do not
// all return at once.
const shortest = 250; // ms
const longest = 10_000;

export class Connection {
  // on has opened(), which may send; received(message); state(name, seconds), of "connecting", "live" and "lost"; and refused(reason), after
  // which nothing more comes.
  constructor(path, on) {
    this.url = new URL(path, location.href);
    this.url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.on = on;
    this.tries = 0;
    this.closed = false;
    this.waits = { handleEvent: () => this.retry() };
    window.addEventListener("online", this.waits);
    document.addEventListener("visibilitychange", this.waits); // timers of hidden pages are slow
    this.offline = () => this.drop(); // else nobody notices until the system gives up, minutes later
    window.addEventListener("offline", this.offline);
    this.connect();
  }

  connect() {
    this.on.state("connecting");
    const socket = new WebSocket(this.url);
    this.socket = socket;
    const current = (f) => (event) => { if (this.socket === socket) f(event); };
    socket.addEventListener("open", current(() => {
      this.since = performance.now();
      this.on.state("live");
      this.on.opened();
    }));
    socket.addEventListener("message", current((event) => {
      this.tries = 0;
      this.on.received(JSON.parse(event.data));
    }));
    socket.addEventListener("close", current((event) => {
      if (event.code === 1008) { // the server does not want what this page says: it would not the next time
        this.close();
        this.on.refused(event.reason);
        return;
      }
      this.lost();
    }));
  }

  // send reports whether there is a connection to send over.
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  // drop gives up a connection that is silent, and makes another one.
  drop() {
    if (!this.socket) return;
    this.socket.close();
    this.lost();
  }

  lost() {
    this.socket = null;
    if (performance.now() - this.since > longest) this.tries = 0;
    const base = Math.min(longest, shortest * 2 ** this.tries++);
    const wait = base / 2 + Math.random() * base / 2;
    this.timer = setTimeout(() => this.connect(), wait);
    this.on.state("lost", wait / 1000);
  }

  // retry does not wait any longer.
  retry() {
    if (this.closed || this.socket || document.hidden) return;
    clearTimeout(this.timer);
    this.connect();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    window.removeEventListener("online", this.waits);
    document.removeEventListener("visibilitychange", this.waits);
    window.removeEventListener("offline", this.offline);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }
}
