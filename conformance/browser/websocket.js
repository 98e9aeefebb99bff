// What a page does with websockets, for websocket_test.go: an expression whose value is a line for each test, "" if it went well.
(async () => {
  const base = location.origin.replace("http", "ws");
  const mega = 1 << 20;

  const equal = (got, want, what) => {
    if (got !== want) throw new Error(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  };
  const digest = async (data) => {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data);
    // crypto.subtle is for secure pages only, and http://127.0.0.1 is one.
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return `${typeof data === "string" ? "text" : "binary"} ${bytes.length} ${hash.join(".")}`;
  };
  const noise = (n) => {
    const bytes = new Uint8Array(n);
    for (let i = 0; i < n; i += 65536) crypto.getRandomValues(bytes.subarray(i, Math.min(i + 65536, n)));
    return bytes.buffer;
  };

  const connect = (path) => new Promise((resolve, reject) => {
    const ws = new WebSocket(base + path);
    ws.binaryType = "arraybuffer";
    const inbox = [];
    const waiting = [];
    const hand = () => { while (inbox.length && waiting.length) waiting.shift()(inbox.shift()); };
    ws.onmessage = (e) => { inbox.push(e.data); hand(); };
    ws.next = () => new Promise((done) => { waiting.push(done); hand(); });
    ws.ended = new Promise((done) => { ws.onclose = (e) => { done({ code: e.code, clean: e.wasClean }); reject(new Error(`closed with ${e.code}`)); }; });
    ws.onopen = () => resolve(ws);
  });
  const echo = async (ws, message) => {
    ws.send(message);
    equal(await digest(await ws.next()), await digest(message), "echo");
  };
  const ends = async (ws, code) => {
    const end = await ws.ended;
    equal(end.code, code, "close code");
    equal(end.clean, true, "a clean end");
  };

  const tests = {
    async text() {
      const ws = await connect("/ws");
      equal(ws.extensions.split(";")[0], "permessage-deflate", "extension");
      equal(ws.protocol, "", "subprotocol");
      for (const size of [0, 1, 125, 126, 65_535, 65_536, 300_000]) await echo(ws, "x".repeat(size));
      await echo(ws, "grüße, 你好, 👋");
      ws.send("half of a \ud83d pair");
      equal(await ws.next(), "half of a \ufffd pair", "echo");
      ws.close(1000);
      await ends(ws, 1000);
    },
    async binary() {
      const ws = await connect("/ws");
      for (const size of [0, 1, 125, 126, 65_535, 65_536, 300_000]) await echo(ws, noise(size));
      await echo(ws, new Blob(["a blob"]));
      ws.close(1000);
      await ends(ws, 1000);
    },
    async "16 MiB"() {
      const ws = await connect("/ws");
      await echo(ws, "0123456789abcdef".repeat(mega));
      await echo(ws, noise(16 * mega));
      ws.close();
      await ends(ws, 1005);
    },
    async "a thousand at once"() {
      const ws = await connect("/ws");
      for (let i = 0; i < 1000; i++) ws.send(`message ${i} ${"x".repeat(i)}`);
      for (let i = 0; i < 1000; i++) equal(await ws.next(), `message ${i} ${"x".repeat(i)}`, "echo");
      ws.close(1000);
      await ends(ws, 1000);
    },
    async "close with a code"() {
      for (const code of [3000, 4001, 4999]) {
        const ws = await connect("/ws");
        ws.close(code, "bye");
        await ends(ws, code);
      }
    },
    async "over the limit"() {
      const ws = await connect("/ws/limit");
      await echo(ws, "x".repeat(mega));
      ws.send("x".repeat(mega + 1));
      await ends(ws, 1009);
    },
    async "forty at once"() {
      const sockets = await Promise.all(Array.from({ length: 40 }, () => connect("/ws")));
      await Promise.all(sockets.map((ws, i) => echo(ws, `socket ${i}`)));
      for (const ws of sockets) ws.close(1000);
      await Promise.all(sockets.map((ws) => ends(ws, 1000)));
    },
  };

  const results = {};
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test();
      results[name] = "";
    } catch (e) {
      results[name] = e.message;
    }
  }
  return results;
})()
