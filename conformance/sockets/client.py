"""Talks to the server whose websocket URL is given, as the websockets package does it, and prints a line for each test:
"ok NAME", or "not ok NAME: WHY".
"""

import asyncio
import os
import ssl
import sys

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory as Deflate

BASE = sys.argv[1]
MEGA = 1 << 20
PATIENCE = 120

# What is offered. The package compresses every message then.
EXTENSIONS = {
    "plain": [],
    "deflate": [Deflate()],
    "deflate without takeover": [Deflate(server_no_context_takeover=True, client_no_context_takeover=True)],
    "deflate with small windows": [Deflate(server_max_window_bits=9, client_max_window_bits=9)],
}

TESTS = []


def test(name, function, *args):
    TESTS.append((name, function, args))


def connect(path, extensions=(), **options):
    if BASE.startswith("wss:"):
        options["ssl"] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        options["ssl"].check_hostname = False
        options["ssl"].verify_mode = ssl.CERT_NONE
    return websockets.connect(BASE + path, compression=None, extensions=extensions, max_size=None, **options)


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: {got!r:.80}, want {want!r:.80}")


async def echo_one(ws, message):
    await ws.send(message)
    equal(await ws.recv(), message, "echo")


async def echo(extensions):
    async with connect("/ws", extensions) as ws:
        equal(len(ws.extensions), len(extensions), "extensions")
        for size in [0, 1, 125, 126, 127, 65_535, 65_536, 300_000]:
            await echo_one(ws, "x" * size)
            await echo_one(ws, os.urandom(size))
        await echo_one(ws, "grüße, 你好, 👋")
    equal(ws.close_code, 1000, "close code")


async def large(extensions):
    async with connect("/ws", extensions) as ws:
        await echo_one(ws, "0123456789abcdef" * MEGA)
        await echo_one(ws, os.urandom(16 * MEGA))


async def fragments(extensions):
    async with connect("/ws", extensions) as ws:
        parts = ["frag", "", "ments ", "of " * 5000, "one message"]
        await ws.send(parts)
        equal(await ws.recv(), "".join(parts), "echo")
        await ws.send([part.encode() for part in parts])
        equal(await ws.recv(), "".join(parts).encode(), "echo")


async def thousand(extensions):
    async with connect("/ws", extensions) as ws:
        messages = [f"message {i} " + "x" * i for i in range(1000)]

        async def send():
            for message in messages:
                await ws.send(message)

        sending = asyncio.ensure_future(send())
        for message in messages:
            equal(await ws.recv(), message, "echo")
        await sending


async def ping():
    async with connect("/ws") as ws:
        for data in [b"", b"are you there?", b"x" * 125]:
            await (await ws.ping(data))


async def close(code):
    ws = await connect("/ws")
    await ws.close(code, "bye")
    equal(ws.close_code, code, "close code")


async def fails(code, send):
    ws = await connect("/ws/limit")
    await echo_one(ws, "x" * MEGA)
    await send(ws)
    try:
        message = await ws.recv()
    except websockets.ConnectionClosed:
        equal(ws.close_code, code, "close code")
        return
    raise AssertionError(f"a message: {message!r:.80}")


async def no_text(ws):
    await ws.write_frame(True, 1, b"a\xff")


async def no_text_in_fragments(ws):
    await ws.write_frame(False, 1, b"\xe2")
    await ws.write_frame(True, 0, b"\x28")


async def too_long(ws):
    await ws.send(bytes(MEGA + 1))


async def too_long_in_fragments(ws):
    await ws.write_frame(False, 2, bytes(MEGA))
    await ws.write_frame(False, 0, b"x")


async def foreign_origin():
    try:
        await connect("/ws", origin="https://evil.example")
    except websockets.InvalidStatusCode as e:
        equal(e.status_code, 403, "status")
        return
    raise AssertionError("connected")


for name, extensions in EXTENSIONS.items():
    test(f"{name}, echo", echo, extensions)
    test(f"{name}, 16 MiB", large, extensions)
    test(f"{name}, fragments", fragments, extensions)
    test(f"{name}, a thousand at once", thousand, extensions)
test("ping", ping)
for code in [1000, 1001, 1011, 3000, 4001, 4999]:
    test(f"close with {code}", close, code)
test("no UTF-8", fails, 1007, no_text)
test("no UTF-8 in fragments", fails, 1007, no_text_in_fragments)
test("over the limit", fails, 1009, too_long)
test("over the limit in fragments", fails, 1009, too_long_in_fragments)
test("foreign origin", foreign_origin)


async def main():
    for name, function, args in TESTS:
        try:
            await asyncio.wait_for(function(*args), PATIENCE)
            print("ok", name, flush=True)
        except BaseException as e:
            print(f"not ok {name}: {type(e).__name__} {e}", flush=True)


asyncio.run(main())
