package http2_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/http2"
)

// An attack is what one client does, or some, to make the server work or hold more than it should. The server is a process of its own: its memory,
// its CPU time and its answers to a second client are measured meanwhile.
type attack struct {
	name string
	// run attacks until the connection ends, or it has had enough.
	run func(a *attacker)
	// want is how the server may end the connection: by a GOAWAY with one of these codes. Without any the end may come without a word, to a client
	// that does not read.
	want []http2.ErrCode
	// stays: the server need not end the connection, it does not suffer.
	stays bool
	// streamed: the victim streams request bodies.
	streamed bool
	// memory is by how many MiB the victim may grow; 0 is 24.
	memory int
}

var calm = []http2.ErrCode{http2.EnhanceYourCalm}

// enough is how many frames an attacker sends at most.
const enough = 300_000

func TestAttacks(t *testing.T) {
	for _, list := range [][]attack{resetAttacks, blockAttacks, frameAttacks, holdAttacks} {
		for _, tt := range list {
			t.Run(tt.name, func(t *testing.T) { tt.test(t) })
		}
	}
}

// ---- streams that are opened and reset ----

// perStream repeats a request and what follows it.
func perStream(path string, body bool, follow func(id uint32) []byte) func(a *attacker) {
	return func(a *attacker) {
		end := endStream
		if body {
			end = 0
		}
		a.flood(enough, func(i int) []byte {
			id := uint32(2*i + 1)
			return append(headers(id, end, plainRequest(path)), follow(id)...)
		})
	}
}

// plainRequest is the block of a GET that needs no table.
func plainRequest(path string) []byte {
	return slices.Concat([]byte{0x82, 0x86, 0x04, byte(len(path))}, []byte(path), []byte{0x01, 0x01, 'a'})
}

var resetAttacks = []attack{
	{name: "rapid reset", want: calm, run: perStream("/wait", false, func(id uint32) []byte { return rstStream(id, http2.Cancel) })},
	{name: "rapid reset of quick answers", want: calm, run: perStream("/", false, func(id uint32) []byte { return rstStream(id, http2.Cancel) })},
	{name: "made you reset: window overflow", want: calm, run: perStream("/wait", false, func(id uint32) []byte {
		return windowUpdate(id, biggestWindow)
	})},
	{name: "made you reset: window update of 0", want: calm, run: perStream("/wait", false, func(id uint32) []byte { return windowUpdate(id, 0) })},
	{name: "made you reset: DATA on half-closed", want: calm, run: perStream("/wait", false, func(id uint32) []byte {
		return frame(typeData, 0, id, 'x')
	})},
	{name: "made you reset: HEADERS on half-closed", want: calm, run: perStream("/wait", false, func(id uint32) []byte {
		return headers(id, endStream, plainRequest("/"))
	})},
	{name: "made you reset: PRIORITY of four bytes", want: calm, run: perStream("/wait", false, func(id uint32) []byte {
		return frame(typePriority, 0, id, 0, 0, 0, 0)
	})},
	{name: "made you reset: PRIORITY on itself", want: calm, run: perStream("/wait", false, func(id uint32) []byte {
		return frame(typePriority, 0, id, append(u32(id), 1)...)
	})},
	{name: "made you reset: body over its length", want: calm, streamed: true, run: func(a *attacker) {
		block := append([]byte{0x83, 0x86, 0x84, 0x01, 0x01, 'a'}, "\x0f\x0d\x011"...) // content-length: 1
		a.flood(enough, func(i int) []byte {
			id := uint32(2*i + 1)
			return append(headers(id, 0, block), frame(typeData, 0, id, 'x', 'y')...)
		})
	}},
	{name: "made you reset: trailers without an end", want: calm, streamed: true, run: perStream("/wait", true, func(id uint32) []byte {
		return headers(id, 0, []byte{0x00, 0x01, 'x', 0x01, 'y'})
	})},
	{name: "malformed requests", want: calm, run: func(a *attacker) {
		a.flood(enough, func(i int) []byte { return headers(uint32(2*i+1), endStream, []byte{0x82, 0x86}) })
	}},
	{name: "rapid reset, again and again", want: calm, run: func(a *attacker) {
		flood := perStream("/wait", false, func(id uint32) []byte { return rstStream(id, http2.Cancel) })
		for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
			again := newAttacker(a.t, a.addr)
			flood(again)
			again.rest(patience)
			_ = again.nc.Close()
			a.sent += again.sent
		}
		flood(a)
	}},
	{name: "RST_STREAM of one closed stream", want: calm, run: func(a *attacker) {
		a.send(headers(1, endStream, plainRequest("/")))
		a.flood(enough, func(int) []byte { return rstStream(1, http2.Cancel) })
	}},
	{name: "streams over the limit", want: calm, run: func(a *attacker) {
		a.flood(enough, func(i int) []byte { return headers(uint32(2*i+1), 0, plainRequest("/wait")) })
		if raceEnabled {
			return
		}
		a.rest(patience)
		if a.count(typeRSTStream) == 0 {
			a.t.Error("no stream was refused")
		}
	}},
}

// ---- header blocks ----

var blockAttacks = []attack{
	{name: "CONTINUATION flood", want: calm, run: continuations(bytes.Repeat([]byte("\x00\x01x\x01y"), 3000))},
	{name: "CONTINUATION flood of small frames", want: calm, run: continuations([]byte("\x00\x01x\x01y"))},
	{name: "CONTINUATION flood of empty frames", want: calm, run: continuations(nil)},
	{name: "CONTINUATION flood after empty HEADERS", want: calm, run: func(a *attacker) {
		a.send(frame(typeHeaders, endStream, 1))
		a.flood(enough, func(int) []byte { return frame(typeContinuation, 0, 1) })
	}},
	{name: "HPACK bomb of a large field", stays: true, run: func(a *attacker) {
		large := slices.Concat([]byte{0x40, 0x01, 'x', 0x7f, 0x81, 0x1e}, []byte(strings.Repeat("a", 127+0xf01))) // 3,968 bytes, into the table
		a.send(headers(1, endStream, append(plainRequest("/"), large...)))
		bomb := append(plainRequest("/"), bytes.Repeat([]byte{0xbe}, 16_000)...) // 62 MiB
		a.flood(2000, func(i int) []byte { return headers(uint32(2*i+3), endStream, bomb) })
	}},
	{name: "HPACK bomb of small fields", stays: true, run: func(a *attacker) {
		bomb := append(plainRequest("/"), bytes.Repeat([]byte{0x90}, 16_000)...) // accept-encoding: gzip, deflate
		a.flood(2000, func(i int) []byte { return headers(uint32(2*i+1), endStream, bomb) })
	}},
	{name: "HPACK bomb of cookies", stays: true, run: func(a *attacker) {
		a.send(headers(1, endStream, append(plainRequest("/"), "\x60\x01="...))) // cookie: =
		bomb := append(plainRequest("/"), bytes.Repeat([]byte{0xbe}, 16_000)...)
		a.flood(2000, func(i int) []byte { return headers(uint32(2*i+3), endStream, bomb) })
	}},
	{name: "Huffman bomb", stays: true, run: func(a *attacker) {
		value := bytes.Repeat([]byte{0x00}, 16_000) // '0' in five bits: 25,600 bytes
		bomb := slices.Concat(plainRequest("/"), []byte{0x00, 0x01, 'x', 0xff, 0x81, 0x7c}, value)
		a.flood(2000, func(i int) []byte { return headers(uint32(2*i+1), endStream, bomb) })
	}},
	{name: "table size updates in a block", want: []http2.ErrCode{http2.CompressionError, http2.EnhanceYourCalm}, stays: true, run: func(a *attacker) {
		bomb := append(bytes.Repeat([]byte{0x20, 0x3f, 0xe1, 0x1f}, 4000), plainRequest("/")...)
		a.flood(2000, func(i int) []byte { return headers(uint32(2*i+1), endStream, bomb) })
	}},
	{name: "table size updates in each block", want: calm, stays: true, run: func(a *attacker) {
		block := slices.Concat([]byte{0x20, 0x3f, 0xe1, 0x1f}, plainRequest("/"), []byte{0x40, 0x01, 'x', 0x01, 'y'})
		a.flood(20_000, func(i int) []byte { return headers(uint32(2*i+1), endStream, block) })
	}},
	{name: "tables that are filled anew", want: calm, stays: true, run: func(a *attacker) {
		block := append(plainRequest("/"), bytes.Repeat([]byte("\x40\x01x\x01y"), 95)...)
		a.flood(20_000, func(i int) []byte { return headers(uint32(2*i+1), endStream, block) })
	}},
}

func continuations(piece []byte) func(a *attacker) {
	return func(a *attacker) {
		a.send(frame(typeHeaders, endStream, 1, plainRequest("/")...))
		a.flood(enough, func(int) []byte { return frame(typeContinuation, 0, 1, piece...) })
	}
}

// ---- frames that carry nothing ----

// repeat floods with one frame, after others.
func repeat(before, f []byte) func(a *attacker) {
	return func(a *attacker) {
		a.send(before)
		a.flood(enough, func(int) []byte { return f })
	}
}

// deafly is run by a client that never reads.
func deafly(run func(a *attacker)) func(a *attacker) {
	return func(a *attacker) {
		a.deaf()
		run(a)
		a.untilClosed()
	}
}

var (
	openPost = headers(1, 0, append([]byte{0x83}, plainRequest("/wait")[1:]...))
	openWait = headers(1, endStream, plainRequest("/wait"))
	aPing    = frame(typePing, 0, 0, make([]byte, 8)...)
	manySets = settings(slices.Repeat([]uint32{setInitialWindow, 1 << 20, setInitialWindow, 0, setHeaderTable, 0, setHeaderTable, 4096}, 600)...)
)

var frameAttacks = []attack{
	{name: "empty DATA", want: calm, run: repeat(openPost, frame(typeData, 0, 1))},
	{name: "empty DATA, streamed", want: calm, streamed: true, run: repeat(openPost, frame(typeData, 0, 1))},
	{name: "DATA of padding alone", want: calm, run: repeat(openPost, frame(typeData, padded, 1, append([]byte{255}, make([]byte, 255)...)...))},
	{name: "SETTINGS", want: calm, run: repeat(nil, settings(setInitialWindow, 1<<20))},
	{name: "SETTINGS, empty", want: calm, run: repeat(nil, settings())},
	{name: "SETTINGS, as many as fit", want: calm, run: repeat(nil, manySets)},
	{name: "SETTINGS with all streams open", want: calm, run: func(a *attacker) {
		for i := range 250 {
			a.send(headers(uint32(2*i+1), endStream, plainRequest("/wait")))
		}
		a.flood(enough, func(i int) []byte { return settings(setInitialWindow, uint32(i%2)<<16) })
	}},
	{name: "SETTINGS, the peer never reads", run: deafly(repeat(nil, settings()))},
	{name: "PING", want: calm, run: repeat(nil, aPing)},
	{name: "PING, the peer never reads", run: deafly(repeat(nil, aPing))},
	{name: "PING acknowledgements", want: calm, run: repeat(nil, frame(typePing, ack, 0, make([]byte, 8)...))},
	{name: "PRIORITY", want: calm, run: repeat(nil, frame(typePriority, 0, 7, 0, 0, 0, 1, 1))},
	{name: "PRIORITY of many streams", want: calm, run: func(a *attacker) {
		a.flood(enough, func(i int) []byte { return frame(typePriority, 0, uint32(2*i+1), 0, 0, 0, 0, 1) })
	}},
	{name: "PRIORITY_UPDATE", want: calm, run: func(a *attacker) {
		a.send(openWait)
		a.flood(enough, func(i int) []byte { return frame(typePriorityUpdate, 0, 0, 0, 0, 0, 1, 'u', '=', '0'+byte(i%8)) })
	}},
	{name: "PRIORITY_UPDATE of many streams", want: calm, run: func(a *attacker) {
		a.flood(enough, func(i int) []byte { return frame(typePriorityUpdate, 0, 0, append(u32(uint32(2*i+1)), "u=1"...)...) })
	}},
	{name: "WINDOW_UPDATE of 1", want: calm, run: repeat(nil, windowUpdate(0, 1))},
	{name: "WINDOW_UPDATE of 1 for a stream", want: calm, run: repeat(openWait, windowUpdate(1, 1))},
	{name: "WINDOW_UPDATE of a closed stream", want: calm, run: repeat(headers(1, endStream, plainRequest("/")), windowUpdate(1, 1))},
	{name: "WINDOW_UPDATE to the overflow", want: codes(http2.FlowControlError), run: repeat(nil, windowUpdate(0, biggestWindow))},
	{name: "unknown frames", want: calm, run: repeat(nil, frame(typeUnknown, 0, 0))},
	{name: "unknown frames of 16 KiB", want: calm, stays: true, run: repeat(nil, frame(typeUnknown, 0, 0, make([]byte, frameLimit)...))},
	{name: "GOAWAY", want: codes(http2.NoError, http2.EnhanceYourCalm), run: repeat(nil, frame(typeGoAway, 0, 0, make([]byte, 8)...))},
	{name: "garbage", want: codes(http2.FrameSizeError, http2.ProtocolError), run: repeat(nil, bytes.Repeat([]byte{0xff}, 1000))},
}

// ---- what is held ----

var holdAttacks = []attack{
	{name: "a window of 0 and 250 responses of 1 MiB", stays: true, memory: 100, run: func(a *attacker) {
		a.send(settings(setInitialWindow, 0))
		a.flood(250, func(i int) []byte { return headers(uint32(2*i+1), endStream, plainRequest("/big")) })
		a.rest(6 * time.Second) // streams are reset, and the next ones get their turn
	}},
	{name: "slow reader of 250 responses of 1 MiB", memory: 100, run: deafly(func(a *attacker) {
		a.send(settings(setInitialWindow, biggestWindow), windowUpdate(0, 1<<30))
		a.flood(250, func(i int) []byte { return headers(uint32(2*i+1), endStream, plainRequest("/big")) })
	})},
	{name: "slow reader of streamed responses", memory: 80, run: deafly(func(a *attacker) {
		a.send(settings(setInitialWindow, biggestWindow), windowUpdate(0, 1<<30))
		a.flood(250, func(i int) []byte { return headers(uint32(2*i+1), endStream, plainRequest("/endless")) })
	})},
	{name: "250 bodies that do not end", want: calm, stays: true, memory: 64, run: func(a *attacker) {
		for i := range 250 {
			a.send(headers(uint32(2*i+1), 0, append([]byte{0x83}, plainRequest("/")[1:]...)))
		}
		a.flood(64<<4, func(i int) []byte { return frame(typeData, 0, uint32(2*(i%250)+1), make([]byte, frameLimit)...) })
		a.rest(time.Second)
	}},
	{name: "bodies of 4 MiB, again and again", stays: true, memory: 64, run: func(a *attacker) {
		a.uploads(40, 4<<20)
	}},
	{name: "250 bodies that nobody reads", stays: true, streamed: true, memory: 64, run: func(a *attacker) {
		for i := range 250 {
			a.send(headers(uint32(2*i+1), 0, append([]byte{0x83}, plainRequest("/wait")[1:]...)))
		}
		for i := range 60 { // the connection's window
			a.send(frame(typeData, 0, uint32(2*i+1), make([]byte, frameLimit)...))
		}
		a.rest(time.Second)
	}},
	{name: "a preface that does not end", run: func(a *attacker) {
		a.crowd(500, []byte(clientPreface[:20]))
	}},
	{name: "no preface", run: func(a *attacker) {
		a.crowd(500, nil)
	}},
	{name: "a block that does not end", run: func(a *attacker) {
		a.crowd(500, slices.Concat([]byte(clientPreface), settings(), frame(typeHeaders, 0, 1, make([]byte, 0)...)))
	}},
	{name: "frames without their payload", stays: true, memory: 64, run: func(a *attacker) {
		a.crowd(500, slices.Concat([]byte(clientPreface), settings(), frame(typeUnknown, 0, 0, make([]byte, frameLimit)...)[:frameHeader+1]))
	}},
}
