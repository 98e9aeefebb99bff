"""Talks to the server whose URL is given, frame by frame as the h2 package makes them, and prints a line for each test:
"ok NAME", or "not ok NAME: WHY".
"""

import os
import socket
import ssl
import struct
import sys
import zlib
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

URL = urlsplit(sys.argv[1])
PATIENCE = 20  # seconds without a byte
KILO = 1 << 10
MEGA = 1 << 20
Setting = h2.settings.SettingCodes

TESTS = []


def test(function):
    TESTS.append((function.__name__.replace("_", " "), function))
    return function


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: {got!r:.120}, want {want!r:.120}")


class Stream:
    """What has come on a stream."""

    def __init__(self):
        self.interim = []
        self.headers = None
        self.data = b""
        self.trailers = None
        self.ended = False
        self.reset = None

    @property
    def status(self):
        return self.headers and int(self.headers[":status"])


class Client:
    """A connection. Its windows are updated where a test does so, or as the data comes, with credit."""

    def __init__(self, settings=None, credit=True):
        sock = socket.create_connection((URL.hostname, URL.port), PATIENCE)
        if URL.scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            sock = context.wrap_socket(sock)
            equal(sock.selected_alpn_protocol(), "h2", "ALPN")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.credit = credit
        self.streams = {}
        self.pongs = []
        self.acknowledged = 0
        self.settled = False
        self.goaway = None
        self.frames = []  # the lengths of what DATA frames held
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.local_settings = h2.settings.Settings(client=True, initial_values={
            Setting.ENABLE_PUSH: 0, Setting.MAX_CONCURRENT_STREAMS: 100, Setting.MAX_HEADER_LIST_SIZE: 65536, **(settings or {})})
        self.h2.initiate_connection()
        self.flush()
        self.until(lambda: self.settled and self.acknowledged == 1, "settings")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None and self.goaway is None:
            self.ping()  # whatever a test did, the connection is still good
        self.sock.close()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def read(self):
        data = self.sock.recv(65536)
        if not data:
            raise AssertionError(f"the connection is closed; GOAWAY: {self.goaway}")
        for event in self.h2.receive_data(data):
            self.take(event)
        self.flush()

    def take(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.InformationalResponseReceived):
            stream.interim.append(dict(event.headers))
        elif isinstance(event, h2.events.ResponseReceived):
            stream.headers = dict(event.headers)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            stream.data += event.data
            self.frames.append(len(event.data))
            if self.credit and event.flow_controlled_length:
                self.h2.increment_flow_control_window(event.flow_controlled_length)
                try:
                    self.h2.increment_flow_control_window(event.flow_controlled_length, event.stream_id)
                except h2.exceptions.StreamClosedError:
                    pass  # that was all of it
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = event.error_code
        elif isinstance(event, h2.events.PingAckReceived):
            self.pongs.append(event.ping_data)
        elif isinstance(event, h2.events.SettingsAcknowledged):
            self.acknowledged += 1
        elif isinstance(event, h2.events.RemoteSettingsChanged):
            self.settled = True
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code

    def until(self, ready, what):
        while not ready():
            try:
                self.read()
            except TimeoutError:
                raise AssertionError(f"no {what} within {PATIENCE} s") from None

    def request(self, method, path, *fields, end=True):
        number = self.h2.get_next_available_stream_id()
        self.streams[number] = Stream()
        self.h2.send_headers(number, [
            (":method", method), (":path", path), (":scheme", URL.scheme), (":authority", URL.netloc), *fields], end_stream=end)
        self.flush()
        return number

    def send(self, number, data, end=True, pad=None):
        """Sends data as far and as fast as the windows let it."""
        extra = 0 if pad is None else pad + 1
        while True:
            room = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size) - extra
            if room <= 0 and data:
                self.read()
                continue
            part, data = data[:room], data[room:]
            self.h2.send_data(number, part, end_stream=end and not data, pad_length=pad)
            self.flush()
            if not data:
                return

    def answer(self, number):
        stream = self.streams[number]
        self.until(lambda: stream.ended or stream.reset is not None, f"end of stream {number}")
        return stream

    def get(self, path, *fields):
        return self.answer(self.request("GET", path, *fields))

    def fine(self):
        """Wants the connection to work still."""
        stream = self.get("/plaintext")
        equal((stream.status, stream.data), (200, b"Hello, World!"), "another request")

    def ping(self):
        data = os.urandom(8)
        self.h2.ping(data)
        self.flush()
        self.until(lambda: data in self.pongs, "PING's acknowledgement")

    def settings(self, values):
        want = self.acknowledged + 1
        self.h2.update_settings(values)
        self.flush()
        self.until(lambda: self.acknowledged == want, "SETTINGS's acknowledgement")

    def credits(self, n, number=None):
        self.h2.increment_flow_control_window(n, number)
        self.flush()


@test
def requests_one_by_one():
    with Client() as c:
        for i in range(50):
            stream = c.get(f"/users/user-{i}")
            equal((stream.status, stream.data), (200, b"user-%d" % i), "answer")
            equal(stream.headers["content-type"], "text/plain; charset=utf-8", "type")


@test
def requests_at_once():
    with Client() as c:
        numbers = [c.request("GET", f"/users/user-{i}") for i in range(100)]
        for i, number in enumerate(numbers):
            equal(c.answer(number).data, b"user-%d" % i, "answer")


@test
def a_cookie_in_pieces():
    with Client() as c:
        equal(c.get("/plaintext", ("cookie", "a=1"), ("cookie", "b=2")).status, 200, "status")


@test
def trailers():
    with Client() as c:
        stream = c.get("/trailers", ("te", "trailers"))
        equal(stream.data, b"line 0\nline 1\nline 2\n", "data")
        equal(list(stream.trailers), ["x-checksum"], "trailers")


@test
def trailers_of_a_request():
    with Client() as c:
        number = c.request("POST", "/echo", ("trailer", "x-check"), end=False)
        c.send(number, b"hello", end=False)
        c.h2.send_headers(number, [("x-check", "1")], end_stream=True)
        c.flush()
        equal(c.answer(number).data, b"hello", "echo")


@test
def hints():
    with Client() as c:
        stream = c.get("/hints")
        equal([(h[":status"], h["link"]) for h in stream.interim], [("103", "</style.css>; rel=preload; as=style")], "interim answers")
        equal(stream.status, 200, "status")


@test
def a_body_with_padding():
    with Client() as c:
        for pad in [0, 1, 100, 255]:
            body = os.urandom(200_000)
            number = c.request("POST", "/echo", end=False)
            c.send(number, body, pad=pad)
            equal(c.answer(number).data, body, f"echo with {pad} bytes of padding")


@test
def padding_counts_against_the_windows_and_comes_back():
    with Client() as c:
        # 3 MiB of padding for 12 KiB of body: without credit for it, the connection's window is used up.
        number = c.request("POST", "/echo", end=False)
        body = os.urandom(12 * KILO)
        for i in range(len(body)):
            c.send(number, body[i:i + 1], end=i == len(body) - 1, pad=254)
        equal(c.answer(number).data, body, "echo")


@test
def a_body_in_small_frames():
    with Client() as c:
        body = os.urandom(3000)
        number = c.request("POST", "/echo", end=False)
        for i in range(0, len(body), 3):
            c.send(number, body[i:i + 3], end=False)
        c.send(number, b"")
        equal(c.answer(number).data, body, "echo")


@test
def a_body_that_waits_for_100():
    with Client() as c:
        number = c.request("POST", "/echo", ("expect", "100-continue"), end=False)
        stream = c.streams[number]
        c.until(lambda: stream.interim or stream.headers, "100")
        equal([h[":status"] for h in stream.interim], ["100"], "interim answers")
        c.send(number, b"hello")
        equal(c.answer(number).data, b"hello", "echo")


@test
def a_body_over_the_limit():
    with Client() as c:
        number = c.request("POST", "/echo", ("content-length", str(5 * MEGA)), end=False)
        stream = c.answer(number)
        equal(stream.status, 413, "status")
        c.fine()


@test
def a_body_over_the_limit_without_a_length():
    with Client() as c:
        number = c.request("POST", "/echo", end=False)
        stream = c.streams[number]
        sent = 0
        while not stream.headers and sent < 5 * MEGA:
            room = min(c.h2.local_flow_control_window(number), c.h2.max_outbound_frame_size)
            if room <= 0:
                c.read()
                continue
            c.h2.send_data(number, bytes(room))
            sent += room
            c.flush()
        equal(c.answer(number).status, 413, "status")
        c.fine()


@test
def a_window_of_one_byte_at_a_time():
    with Client({Setting.INITIAL_WINDOW_SIZE: 0}, credit=False) as c:
        number = c.request("GET", "/users/ada-lovelace")
        stream = c.streams[number]
        c.until(lambda: stream.headers, "head")
        for i in range(len("ada-lovelace")):
            c.ping()
            equal(len(stream.data), i, "bytes so far")
            c.credits(1, number)
            c.until(lambda: len(stream.data) > i, "byte")
        equal(c.answer(number).data, b"ada-lovelace", "data")
        equal(max(c.frames), 1, "largest frame")


@test
def a_window_of_the_connection_that_is_used_up():
    with Client({Setting.INITIAL_WINDOW_SIZE: MEGA}, credit=False) as c:
        numbers = [c.request("GET", "/stream?n=16&size=16384") for _ in range(4)]
        c.until(lambda: sum(len(c.streams[n].data) for n in numbers) == 65535, "data as far as the window goes")
        c.ping()
        equal(sum(c.frames), 65535, "bytes so far")
        small = c.request("HEAD", "/plaintext")  # needs no window
        equal(c.answer(small).status, 200, "status")
        for _ in range(40):
            c.credits(32 * KILO)
        for n in numbers:
            equal(len(c.answer(n).data), 16 * 16384, "bytes")


@test
def a_window_that_shrinks_below_zero():
    with Client(credit=False) as c:
        number = c.request("GET", "/stream?n=64&size=1024")
        stream = c.streams[number]
        c.until(lambda: len(stream.data) == 65535, "data as far as the window goes")
        c.settings({Setting.INITIAL_WINDOW_SIZE: 100})  # the stream's is -65,435 now
        c.credits(MEGA)
        c.credits(65435, number)
        c.ping()
        equal(len(stream.data), 65535, "bytes while the window is 0")
        c.credits(1, number)
        equal(len(c.answer(number).data), 65536, "bytes")
        other = c.request("GET", "/stream?n=1&size=1000")
        c.until(lambda: len(c.streams[other].data) == 100, "data as far as the new window goes")
        c.settings({Setting.INITIAL_WINDOW_SIZE: 950})
        c.until(lambda: len(c.streams[other].data) == 950, "data as far as the larger window goes")
        c.credits(50, other)
        equal(len(c.answer(other).data), 1000, "bytes")


@test
def a_window_of_two_gigabytes():
    with Client({Setting.INITIAL_WINDOW_SIZE: 2**31 - 1}, credit=False) as c:
        c.credits(2**31 - 1 - 65535)
        equal(len(c.get("/stream?n=64&size=65536").data), 4 * MEGA, "bytes")


@test
def frames_as_large_as_allowed():
    with Client({Setting.MAX_FRAME_SIZE: 65536, Setting.INITIAL_WINDOW_SIZE: MEGA}) as c:
        c.credits(MEGA)
        equal(len(c.get("/stream?n=16&size=65536").data), MEGA, "bytes")
        if max(c.frames) > 65536:
            raise AssertionError(f"a frame of {max(c.frames)} bytes")


@test
def a_table_of_no_bytes_in_the_middle():
    with Client() as c:
        for size in [4096, 0, 100, 4096, 0, 65536]:
            c.settings({Setting.HEADER_TABLE_SIZE: size})
            for i in range(20):
                stream = c.get(f"/header?v=value-{i % 3}")
                equal((stream.status, stream.headers["x-echo"]), (204, f"value-{i % 3}"), "answer")


@test
def tables_that_overflow():
    with Client() as c:
        for i in range(300):
            stream = c.get(f"/header?v={i:0200}", ("x-number", f"{i:0300}"))
            equal(stream.headers["x-echo"], f"{i:0200}", "answer")


@test
def a_reset_request():
    with Client() as c:
        for code in [h2.errors.ErrorCodes.CANCEL, h2.errors.ErrorCodes.NO_ERROR, 0xDEAD]:
            number = c.request("GET", "/slow?ms=60000")
            c.ping()
            c.h2.reset_stream(number, code)
            c.flush()
            c.fine()


@test
def a_reset_in_the_middle_of_a_body():
    with Client() as c:
        number = c.request("POST", "/echo", end=False)
        c.send(number, b"half of it", end=False)
        c.h2.reset_stream(number)
        c.flush()
        c.fine()


@test
def a_reset_in_the_middle_of_an_answer():
    with Client() as c:
        number = c.request("GET", "/stream?n=1000000&size=1000")
        c.until(lambda: len(c.streams[number].data) > 100_000, "data")
        c.h2.reset_stream(number)
        c.flush()
        c.fine()


@test
def a_stream_that_fails():
    with Client() as c:
        stream = c.get("/fail")
        equal((stream.data, stream.reset), (b"the first chunk\n", h2.errors.ErrorCodes.INTERNAL_ERROR), "data and reset")
        c.fine()


@test
def pings():
    with Client() as c:
        for _ in range(100):
            c.ping()


@test
def a_goodbye():
    with Client() as c:
        number = c.request("GET", "/slow?ms=100")
        c.h2.close_connection()
        frame = c.h2.data_to_send()
        c.sock.sendall(frame)
        # The h2 package takes nothing more, but what was asked for comes, and the server closes behind it.
        got = b""
        try:
            while data := c.sock.recv(65536):
                got += data
        except TimeoutError:
            raise AssertionError(f"the connection is still open; answered: {b'slow' in got}") from None
        equal(b"slow" in got, True, "answered")
        c.goaway = 0


# Websockets over streams, RFC 8441, with frames by hand.


def frame(opcode, data, final=True):
    mask = os.urandom(4)
    head = bytes([final << 7 | opcode])
    if len(data) < 126:
        head += bytes([0x80 | len(data)])
    elif len(data) < 65536:
        head += struct.pack("!BH", 0x80 | 126, len(data))
    else:
        head += struct.pack("!BQ", 0x80 | 127, len(data))
    key = int.from_bytes((mask * (len(data) // 4 + 1))[:len(data)], "big")
    return head + mask + (int.from_bytes(data, "big") ^ key).to_bytes(len(data), "big")


class Socket:
    """A websocket over a stream of a client."""

    def __init__(self, client, path="/ws", *fields):
        self.client = client
        self.taken = 0
        self.inflater = zlib.decompressobj(-15)
        self.number = client.request("CONNECT", path, *self.protocol(), *fields, end=False)
        self.stream = client.streams[self.number]
        client.until(lambda: self.stream.headers or self.stream.reset is not None, "answer to CONNECT")

    @staticmethod
    def protocol():
        return [(":protocol", "websocket"), ("sec-websocket-version", "13")]

    def send(self, *frame_args):
        self.client.send(self.number, frame(*frame_args), end=False)

    def bytes(self, n):
        self.client.until(lambda: len(self.stream.data) >= self.taken + n or self.stream.ended or self.stream.reset is not None, "frame")
        part = self.stream.data[self.taken:self.taken + n]
        self.taken += n
        equal(len(part), n, "bytes of a frame")
        return part

    def receive(self):
        first, second = self.bytes(2)
        size = second & 0x7F
        if second & 0x80:
            raise AssertionError("a masked frame")
        if size == 126:
            size = struct.unpack("!H", self.bytes(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self.bytes(8))[0]
        data = self.bytes(size)
        if first & 0x40:
            data = self.inflater.decompress(data + b"\x00\x00\xff\xff")
        return first & 0x0F, data

    def echo(self, opcode, data):
        self.send(opcode, data)
        equal(self.receive(), (opcode, data), "echo")

    def end(self):
        self.send(8, struct.pack("!H", 1000))
        equal(self.receive(), (8, struct.pack("!H", 1000)), "answer to a close frame")
        if self.stream.reset is None:
            self.client.h2.end_stream(self.number)
            self.client.flush()
        stream = self.client.answer(self.number)
        if stream.reset not in (None, h2.errors.ErrorCodes.NO_ERROR):
            raise AssertionError(f"the stream ends with {stream.reset!r}")


TEXT, BINARY, PING, PONG = 1, 2, 9, 10


@test
def websocket_extended_connect_is_offered():
    with Client() as c:
        equal(c.h2.remote_settings.get(Setting.ENABLE_CONNECT_PROTOCOL), 1, "SETTINGS_ENABLE_CONNECT_PROTOCOL")


@test
def websocket_echo():
    with Client() as c:
        ws = Socket(c)
        equal(ws.stream.status, 200, "status")
        for name in ["connection", "upgrade", "sec-websocket-accept", "transfer-encoding", "content-length"]:
            equal(ws.stream.headers.get(name), None, name)
        for size in [0, 1, 125, 126, 65535, 65536, 300_000, 2 * MEGA]:
            ws.echo(BINARY, os.urandom(size))
        ws.echo(TEXT, "grüße, 你好, 👋".encode())
        ws.end()


@test
def websocket_fragments_and_pings():
    with Client() as c:
        ws = Socket(c)
        ws.send(TEXT, b"one ", False)
        ws.send(PING, b"still there?")
        equal(ws.receive(), (PONG, b"still there?"), "pong")
        ws.send(0, b"message")
        equal(ws.receive(), (TEXT, b"one message"), "echo")
        ws.end()


@test
def websocket_a_frame_in_many_data_frames():
    with Client() as c:
        ws = Socket(c)
        for byte in frame(TEXT, b"byte by byte"):
            c.send(ws.number, bytes([byte]), end=False)
        equal(ws.receive(), (TEXT, b"byte by byte"), "echo")
        c.send(ws.number, frame(TEXT, b"two in") + frame(TEXT, b"one"), end=False, pad=200)
        equal(ws.receive(), (TEXT, b"two in"), "echo")
        equal(ws.receive(), (TEXT, b"one"), "echo")
        ws.end()


@test
def websocket_many_beside_requests():
    with Client() as c:
        sockets = [Socket(c) for _ in range(50)]
        for i, ws in enumerate(sockets):
            ws.send(TEXT, b"socket %d" % i)
        c.fine()
        for i, ws in enumerate(sockets):
            equal(ws.receive(), (TEXT, b"socket %d" % i), "echo")
        for ws in sockets:
            ws.end()
        c.fine()


@test
def websocket_through_small_windows():
    with Client({Setting.INITIAL_WINDOW_SIZE: 1000}) as c:
        ws = Socket(c)
        ws.echo(BINARY, os.urandom(100_000))
        ws.end()


@test
def websocket_over_the_limit():
    with Client() as c:
        ws = Socket(c, "/ws/limit")
        ws.echo(BINARY, os.urandom(MEGA))
        ws.send(BINARY, os.urandom(MEGA + 1))
        opcode, data = ws.receive()
        equal((opcode, data[:2]), (8, struct.pack("!H", 1009)), "close frame")
        c.fine()


@test
def websocket_compressed():
    with Client() as c:
        ws = Socket(c, "/ws", ("sec-websocket-extensions", "permessage-deflate"))
        equal(ws.stream.headers.get("sec-websocket-extensions", "").split(";")[0], "permessage-deflate", "extension")
        ws.echo(TEXT, b"not compressed, as a client may do")
        ws.echo(TEXT, b"what the server may compress " * 1000)
        ws.end()


@test
def websocket_that_is_reset():
    with Client() as c:
        ws = Socket(c)
        ws.echo(TEXT, b"hello")
        c.h2.reset_stream(ws.number, h2.errors.ErrorCodes.CANCEL)
        c.flush()
        c.fine()


@test
def websocket_that_ends_without_a_close_frame():
    with Client() as c:
        ws = Socket(c)
        ws.echo(TEXT, b"hello")
        c.h2.end_stream(ws.number)
        c.flush()
        c.answer(ws.number)
        c.fine()


@test
def websocket_of_a_foreign_origin():
    with Client() as c:
        ws = Socket(c, "/ws", ("origin", "https://evil.example"))
        equal(ws.stream.status, 403, "status")
        c.fine()


@test
def websocket_of_its_own_origin():
    with Client() as c:
        ws = Socket(c, "/ws", ("origin", f"{URL.scheme}://{URL.netloc}"))
        ws.echo(TEXT, b"hello")
        ws.end()


@test
def websocket_where_there_is_none():
    with Client() as c:
        ws = Socket(c, "/nowhere")
        equal(ws.stream.status, 404, "status")
        ws = Socket(c, "/plaintext")
        if not 400 <= ws.stream.status < 500:
            raise AssertionError(f"status {ws.stream.status}")
        c.fine()


@test
def websocket_another_protocol():
    with Client() as c:
        number = c.request("CONNECT", "/ws", (":protocol", "connect-udp"), end=False)
        stream = c.streams[number]
        c.until(lambda: stream.headers or stream.reset is not None, "answer")
        if stream.reset is None and not 400 <= stream.status < 600:
            raise AssertionError(f"status {stream.status}")
        c.fine()


def main():
    wanted = sys.argv[2:]
    for name, function in TESTS:
        if wanted and not any(w in name for w in wanted):
            continue
        try:
            function()
            print("ok", name, flush=True)
        except Exception as e:
            print(f"not ok {name}: {type(e).__name__} {e}".replace("\n", " "), flush=True)


main()
