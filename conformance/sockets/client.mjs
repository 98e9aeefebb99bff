// Talks to the server whose websocket URL is given, as the ws package does it, and prints a line for each test: "ok NAME", or "not ok NAME: WHY".
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import WebSocket from "ws";

const base = process.argv[2];
const mega = 1 << 20;
const patience = 120_000;

// Compression: what is offered besides permessage-deflate. A threshold of 0 compresses every message.
const deflates = {
  plain: false,
  deflate: { threshold: 0 },
  "deflate without takeover": { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
  "deflate with small windows": { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
};

function equal(got, want, what) {
  if (got !== want) throw new Error(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

const digest = (data) => `${data.length} bytes ${createHash("sha256").update(data).digest("hex")}`;

// connect opens a socket, and takes the messages that come.
async function connect(path, perMessageDeflate = false, options = {}) {
  const ws = new WebSocket(base + path, { perMessageDeflate, rejectUnauthorized: false, handshakeTimeout: 10_000, maxPayload: 0, ...options });
  ws.inbox = [];
  ws.waiting = [];
  const hand = () => {
    while (ws.inbox.length && ws.waiting.length) ws.waiting.shift()(ws.inbox.shift());
  };
  ws.on("message", (data, binary) => { ws.inbox.push({ data, binary }); hand(); });
  ws.next = () => new Promise((resolve) => { ws.waiting.push(resolve); hand(); });
  ws.ended = new Promise((resolve) => ws.on("close", (code, reason) => resolve({ code, reason: String(reason) })));
  await once(ws, "open");
  return ws;
}

async function echo(ws, message, binary) {
  const sent = Buffer.from(message);
  ws.send(message, { binary });
  const got = await ws.next();
  equal(got.binary, binary, "binary");
  equal(digest(got.data), digest(sent), "echo");
}

async function leave(ws) {
  ws.close(1000);
  equal((await ws.ended).code, 1000, "close code");
}

const tests = {};

for (const [name, deflate] of Object.entries(deflates)) {
  tests[`${name}, echo`] = async () => {
    const ws = await connect("/ws", deflate);
    equal(ws.extensions, deflate ? "permessage-deflate" : "", "extension");
    for (const size of [0, 1, 125, 126, 127, 65_535, 65_536, 300_000]) {
      await echo(ws, "x".repeat(size), false);
      await echo(ws, randomBytes(size), true);
    }
    await echo(ws, "grüße, 你好, 👋", false);
    await leave(ws);
  };
  tests[`${name}, 16 MiB`] = async () => {
    const ws = await connect("/ws", deflate);
    await echo(ws, "0123456789abcdef".repeat(mega), false);
    await echo(ws, randomBytes(16 * mega), true);
    await leave(ws);
  };
  tests[`${name}, fragments`] = async () => {
    const ws = await connect("/ws", deflate);
    for (const binary of [false, true]) {
      const parts = ["frag", "", "ments ", "of ".repeat(5000), "one message"];
      parts.forEach((part, i) => ws.send(part, { binary, fin: i === parts.length - 1 }));
      const got = await ws.next();
      equal(got.binary, binary, "binary");
      equal(String(got.data), parts.join(""), "echo");
    }
    await leave(ws);
  };
  tests[`${name}, a thousand at once`] = async () => {
    const ws = await connect("/ws", deflate);
    for (let i = 0; i < 1000; i++) ws.send(`message ${i} ${"x".repeat(i)}`);
    for (let i = 0; i < 1000; i++) equal(String((await ws.next()).data), `message ${i} ${"x".repeat(i)}`, "echo");
    await leave(ws);
  };
}

tests["ping"] = async () => {
  const ws = await connect("/ws");
  for (const data of ["", "are you there?", "x".repeat(125)]) {
    ws.ping(data);
    const [pong] = await once(ws, "pong");
    equal(String(pong), data, "pong");
  }
  await leave(ws);
};

for (const code of [1000, 1001, 1011, 3000, 4001, 4999]) {
  tests[`close with ${code}`] = async () => {
    const ws = await connect("/ws");
    ws.close(code, "bye");
    equal((await ws.ended).code, code, "close code");
  };
}

tests["close without a code"] = async () => {
  const ws = await connect("/ws");
  ws.close();
  const { code } = await ws.ended;
  if (code !== 1005 && code !== 1000) throw new Error(`close code ${code}`);
};

const bad = {
  "no UTF-8": [1007, (ws) => ws.send(Buffer.from("a\xff", "latin1"), { binary: false })],
  "no UTF-8 in fragments": [1007, (ws) => { ws.send(Buffer.from([0xe2]), { binary: false, fin: false }); ws.send(Buffer.from([0x28]), { fin: true }); }],
  "over the limit": [1009, (ws) => ws.send(Buffer.alloc(mega + 1))],
  "over the limit in fragments": [1009, (ws) => { for (let i = 0; i < 20; i++) ws.send(Buffer.alloc(mega >> 4), { fin: false }); }],
};
for (const [name, [code, send]] of Object.entries(bad)) {
  tests[name] = async () => {
    const ws = await connect("/ws/limit");
    await echo(ws, "x".repeat(mega), false);
    send(ws);
    equal((await ws.ended).code, code, "close code");
  };
}

tests["foreign origin"] = async () => {
  const ws = new WebSocket(base + "/ws", { origin: "https://evil.example", rejectUnauthorized: false });
  ws.on("error", () => {});
  const [, response] = await once(ws, "unexpected-response");
  equal(response.statusCode, 403, "status");
  ws.terminate();
};

for (const [name, test] of Object.entries(tests)) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error("it takes too long")), patience); });
  try {
    await Promise.race([test(), late]);
    console.log(`ok ${name}`);
  } catch (e) {
    console.log(`not ok ${name}: ${e.message}`);
  }
  clearTimeout(timer);
}
process.exit(0); // with sockets that a failed test has left open
