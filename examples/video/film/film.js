// Draws a film, frame by frame, and sends it as WebM. A frame shows its own time, so that one sees where a seek has led to.
const seconds = 30;
const rate = 15; // frames per second
const keyEvery = 2; // seconds between frames that a seek can begin at
const [width, height] = [640, 360];
const canvas = document.getElementById("canvas");
const g = canvas.getContext("2d");

function draw(t) {
  g.fillStyle = "#12333d";
  g.fillRect(0, 0, width, height);
  const ground = 288;
  g.fillStyle = "#2b5563";
  g.fillRect(0, ground, width, 2);

  // A ball that jumps once a second, over a shadow.
  const x = 60 + (520 * t) / seconds;
  const jump = Math.abs(Math.sin(Math.PI * t));
  g.fillStyle = "#0b2229";
  g.beginPath();
  g.ellipse(x, ground + 14, 30 - 12 * jump, 6, 0, 0, 2 * Math.PI);
  g.fill();
  g.fillStyle = "#6cc6dd";
  g.beginPath();
  g.ellipse(x, ground - 26 - 120 * jump, 26, 26, 0, 0, 2 * Math.PI);
  g.fill();

  // What has gone by, as a line of dots: one a second.
  for (let s = 0; s < seconds; s++) {
    g.fillStyle = s < t ? "#e9e9e6" : "#2b5563";
    g.fillRect(60 + (520 * s) / seconds, 328, 10, 6);
  }
  g.fillStyle = "#e9e9e6";
  g.font = "600 56px monospace";
  g.textAlign = "right";
  g.fillText(`${t.toFixed(1).padStart(4, "0")} s`, 580, 84);
}

async function encode() {
  const chunks = [];
  const encoder = new VideoEncoder({
    output(chunk) {
      const data = new Uint8Array(chunk.byteLength);
      chunk.copyTo(data);
      chunks.push({ time: Math.round(chunk.timestamp / 1000), key: chunk.type === "key", data });
    },
    error(e) { throw e; },
  });
  encoder.configure({ codec: "vp09.00.10.08", width, height, framerate: rate, bitrate: 70_000, latencyMode: "quality" });
  for (let i = 0; i < seconds * rate; i++) {
    draw(i / rate);
    const frame = new VideoFrame(canvas, { timestamp: (i * 1e6) / rate, duration: 1e6 / rate });
    encoder.encode(frame, { keyFrame: i % (keyEvery * rate) === 0 });
    frame.close();
    if (encoder.encodeQueueSize > 10) await new Promise((done) => setTimeout(done, 5));
  }
  await encoder.flush();
  return chunks;
}

// ---- WebM (RFC 8794, RFC 9559): elements of id, size and content ----

function uint(n, bytes) {
  bytes ??= Math.max(1, Math.ceil(Math.log2(n + 1) / 8));
  return Array.from({ length: bytes }, (_, i) => Math.floor(n / 256 ** (bytes - 1 - i)) & 255);
}
const text = (s) => Array.from(new TextEncoder().encode(s));
const float = (v) => Array.from(new Uint8Array(new Float64Array([v]).buffer).reverse());

function element(id, ...content) {
  const body = content.flatMap((c) => Array.from(c));
  const size = uint(body.length, 4);
  size[0] |= 0x10; // a size of four bytes
  return [...uint(id), ...size, ...body];
}

function webm(chunks) {
  const head = element(0x1a45dfa3,
    element(0x4286, [1]), element(0x42f7, [1]), element(0x42f2, [4]), element(0x42f3, [8]),
    element(0x4282, text("webm")), element(0x4287, [4]), element(0x4285, [2]));
  const info = element(0x1549a966,
    element(0x2ad7b1, uint(1_000_000)), element(0x4489, float(seconds * 1000)),
    element(0x4d80, text("quart")), element(0x5741, text("quart")));
  const tracks = element(0x1654ae6b, element(0xae,
    element(0xd7, [1]), element(0x73c5, [1]), element(0x83, [1]), element(0x9c, [0]), element(0x86, text("V_VP9")),
    element(0xe0, element(0xb0, uint(width)), element(0xba, uint(height)))));

  const clusters = [];
  for (const { time, key, data } of chunks) {
    if (key) clusters.push({ time, blocks: [] });
    const cluster = clusters.at(-1);
    cluster.blocks.push(element(0xa3, [0x81], uint(time - cluster.time, 2), [key ? 0x80 : 0], data));
  }
  const seekHead = (cues) => element(0x114d9b74, ...[[0x1549a966, seekSize], [0x1654ae6b, seekSize + info.length], [0x1c53bb6b, cues]]
    .map(([id, at]) => element(0x4dbb, element(0x53ab, uint(id)), element(0x53ac, uint(at, 4)))));
  let seekSize = 0;
  seekSize = seekHead(0).length;

  let at = seekSize + info.length + tracks.length;
  const points = [];
  const bodies = clusters.map(({ time, blocks }) => {
    points.push(element(0xbb, element(0xb3, uint(time)), element(0xb7, element(0xf7, [1]), element(0xf1, uint(at)))));
    const body = element(0x1f43b675, element(0xe7, uint(time)), ...blocks);
    at += body.length;
    return body;
  });
  // The index is at the end, where programs put it that write while they encode: a player asks for it with a range of its own.
  return new Uint8Array([...head, ...element(0x18538067, seekHead(at), info, tracks, ...bodies, element(0x1c53bb6b, ...points))]);
}

try {
  await fetch("/film", { method: "POST", body: webm(await encode()) });
} catch (e) {
  await fetch("/failed", { method: "POST", body: String(e) });
}
