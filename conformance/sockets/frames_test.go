package sockets_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/goquart/quart/conformance/internal/contract"
)

// deflated returns the payload of a compressed message.
func deflated(data []byte) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write(data)
	_ = w.Flush()
	return string(b.Bytes()[:b.Len()-4])
}

// length is the head of a masked frame whose length is written in the form of that size.
func length(first byte, size int, n uint64) string {
	b := []byte{first, 0x80 | 126}
	if size == 8 {
		b[1]++
		b = binary.BigEndian.AppendUint64(b, n)
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	return string(append(b, 0, 0, 0, 0))
}

// TestFrames: what Autobahn does not send, on /ws/limit: 1 MiB for a message. The server ends each of these connections, most of them
// before the payload that is announced is there.
func TestFrames(t *testing.T) {
	s := contract.Start(t)
	const mega = 1 << 20
	tests := []struct {
		name, bytes string
		echo        string // a text message that comes first
		code        int
	}{
		{"length 5 in 16 bits", length(fin|opText, 2, 5) + "hello", "", 1002},
		{"length 125 in 16 bits", length(fin|opBinary, 2, 125), "", 1002},
		{"length 5 in 64 bits", length(fin|opText, 8, 5) + "hello", "", 1002},
		{"length 65535 in 64 bits", length(fin|opBinary, 8, 65535), "", 1002},
		{"length with the top bit", length(fin|opBinary, 8, 1<<63), "", 1002},
		{"length of all bits", length(fin|opBinary, 8, 1<<64-1), "", 1002},
		{"length of 63 bits", length(fin|opBinary, 8, 1<<63-1), "", 1009},
		{"length of 32 bits", length(fin|opBinary, 8, 1<<32), "", 1009},
		{"one byte more than the limit", length(fin|opBinary, 8, mega+1), "", 1009},
		{"fragments that sum up", frame(opBinary, strings.Repeat("x", mega)) + length(opContinuation, 2, 126), "", 1009},
		{"fragments whose sum overflows", frame(opBinary, "x") + length(fin|opContinuation, 8, 1<<63-1), "", 1009},

		{"no mask", "\x81\x05hello", "", 1002},
		{"no mask, empty", "\x81\x00", "", 1002},
		{"no mask, empty ping", "\x89\x00", "", 1002},
		{"no mask, close", "\x88\x02\x03\xe8", "", 1002},
		{"no mask in the second", text("hi") + "\x81\x00", "hi", 1002},
		{"HTTP request", "GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n", "", 1002},
		{"second handshake", handshake("/ws"), "", 1002},

		{"ping of 126, announced", length(fin|opPing, 2, 126), "", 1002},
		{"pong of 64 bits", length(fin|opPong, 8, 1<<20), "", 1002},
		{"close of 200", length(fin|opClose, 2, 200), "", 1002},
		{"RSV1 without the extension", frame(fin|rsv1|opText, "hi"), "", 1002},
		{"RSV1 in a later fragment", frame(opText, "h") + frame(fin|rsv1|opContinuation, "i"), "", 1002},
		{"text within text", frame(opText, "h") + frame(opBinary, "i"), "", 1002},

		{"close", closing(1000, "") + text("late") + "garbage", "", 1000},
		{"close within a message", frame(opText, "h") + closing(1001, "bye"), "", 1001},
		{"close within a character", frame(opText, "\xc3") + closing(3000, ""), "", 3000},
		{"close 1012", closing(1012, ""), "", 1012},
		{"close 1013", closing(1013, ""), "", 1013},
		{"close 1014", closing(1014, ""), "", 1014},
		{"close 1015", closing(1015, ""), "", 1002},
		{"close with a character cut", closing(1000, "abc\xc3"), "", 1007},
		{"second close", closing(4000, "first") + closing(4001, "second"), "", 4000},
		{"character cut by the end", frame(opText, "ab\xe2") + frame(fin|opContinuation, "\x82"), "", 1007},
		{"character cut by a ping", frame(opText, "\xe2") + frame(opContinuation, "\x28"), "", 1007},
		{"surrogate over a cut", frame(opText, "\xed") + frame(opContinuation, "\xa0"), "", 1007},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := dial(t, s)
			w.upgrade("/ws/limit")
			go func() { _, _ = w.Write([]byte(tt.bytes)) }()
			if tt.echo != "" {
				w.want(fin|opText, tt.echo)
			}
			w.wantClose(tt.code)
		})
	}
	echoes(t, s)
}

// TestDeflatedFrames is TestFrames for compressed messages, on /ws: 16 MiB for a message, inflated.
func TestDeflatedFrames(t *testing.T) {
	s := contract.Start(t)
	const mega = 1 << 20
	bomb := deflated(make([]byte, 500*mega))
	compressed := func(p string) string { return frame(fin|rsv1|opBinary, p) }
	tests := []struct {
		name, bytes string
		echo        string // a binary message that comes first
		code        int
	}{
		{"over the limit by one", compressed(deflated(make([]byte, 16*mega+1))), "", 1009},
		{"bomb", compressed(bomb), "", 1009},
		{"bomb in fragments", frame(rsv1|opBinary, bomb[:1000]) + frame(fin|opContinuation, bomb[1000:]), "", 1009},
		{"bomb behind a message", compressed(deflated([]byte("hi"))) + compressed(bomb), "hi", 1009},
		{"empty blocks without end", frame(rsv1|opBinary, strings.Repeat("\x00\x00\x00\xff\xff", 4*mega)), "", 1009},
		{"announced on the wire", length(fin|rsv1|opBinary, 8, 1<<32), "", 1009},
		{"noise", compressed("\xff\xff\xff\xff"), "", 1007},
		{"reserved block type", compressed("\x06"), "", 1007},
		{"stored block with a wrong length", compressed("\x00\x05\x00\x00\x00hello"), "", 1007},
		{"code lengths that sum up to too much", compressed("\x04\x00\xfe\xff\xff"), "", 1007},
		{"distance before the beginning", compressed("\x4b\x04\x41\x00"), "", 1007},
		{"distance into an earlier message that is not there", compressed("\x03\x11\x00"), "", 1007},
		{"text that is no UTF-8", frame(fin|rsv1|opText, deflated([]byte("a\xff"))), "", 1007},
		{"RSV1 in a later fragment", frame(rsv1|opText, "\xca") + frame(fin|rsv1|opContinuation, "\xc8\x04\x00"), "", 1002},
		{"RSV1 in a ping", frame(fin|rsv1|opPing, ""), "", 1002},
		{"RSV2", frame(fin|0x20|opText, ""), "", 1002},
		{"ends within a block", compressed(deflated([]byte("hello, hello"))[:4]), "", 1007},
		{"a good one first", compressed(deflated([]byte("hi"))) + compressed("\xff"), "hi", 1007},
	}
	for _, tt := range tests {
		for _, takeover := range []string{"", "; server_no_context_takeover; client_no_context_takeover"} {
			t.Run(tt.name+takeover, func(t *testing.T) {
				w := dial(t, s)
				w.upgrade("/ws", "Sec-WebSocket-Extensions: permessage-deflate"+takeover)
				go func() { _, _ = w.Write([]byte(tt.bytes)) }()
				if tt.echo != "" {
					w.want(fin|opBinary, tt.echo)
				}
				w.wantClose(tt.code)
			})
		}
	}
	echoes(t, s)
}

// TestDeflateForms: all that RFC 7692, section 7.2.3, shows as a compressed message is one.
func TestDeflateForms(t *testing.T) {
	s := contract.Start(t)
	tests := []struct {
		name    string
		frames  []string
		payload string
	}{
		{"one block", []string{frame(fin|rsv1|opText, "\xf2\x48\xcd\xc9\xc9\x07\x00")}, "Hello"},
		{"in fragments", []string{frame(rsv1|opText, "\xf2\x48\xcd"), frame(fin|opContinuation, "\xc9\xc9\x07\x00")}, "Hello"},
		{"no compression", []string{frame(fin|rsv1|opText, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00")}, "Hello"},
		{"final block", []string{frame(fin|rsv1|opText, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00")}, "Hello"},
		{"two blocks", []string{frame(fin|rsv1|opText, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")}, "Hello"},
		{"empty", []string{frame(fin|rsv1|opText, "\x00")}, ""},
		{"empty with a final block", []string{frame(fin|rsv1|opText, "\x02\x00")}, ""},
		{"as it is", []string{text("Hello")}, "Hello"},
		{"as it is, between", []string{frame(opText, "Hel"), frame(fin|opPong, "x"), frame(fin|opContinuation, "lo")}, "Hello"},
		{"empty fragments", []string{frame(rsv1|opText, ""), frame(opContinuation, "\xf2\x48\xcd\xc9\xc9\x07\x00"), frame(fin|opContinuation, "")}, "Hello"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := dial(t, s)
			w.upgrade("/ws", "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover")
			for range 3 { // the context is as it should be afterwards
				w.send(tt.frames...)
				w.want(fin|opText, tt.payload)
			}
		})
	}
	t.Run("takeover", func(t *testing.T) {
		w := dial(t, s)
		answer := w.upgrade("/ws", "Sec-WebSocket-Extensions: permessage-deflate")
		if strings.Contains(answer.Get("Sec-Websocket-Extensions"), "client_no_context_takeover") {
			t.Fatal("the server does not let its clients take their context over")
		}
		// Section 7.2.3.2: the second message refers to the first.
		for _, p := range []string{"\xf2\x48\xcd\xc9\xc9\x07\x00", "\xf2\x00\x11\x00\x00"} {
			w.send(frame(fin|rsv1|opText, p))
			w.want(fin|opText, "Hello")
		}
	})
}

// TestDeflateOfNoise: compression makes noise longer; the limit is for what it inflates to.
func TestDeflateOfNoise(t *testing.T) {
	const limit = 16 << 20
	noise := make([]byte, limit)
	rand.NewChaCha8([32]byte{}).Read(noise)
	p := deflated(noise)
	if len(p) <= limit {
		t.Fatalf("%d bytes of noise are %d", limit, len(p))
	}
	w := dial(t, contract.Start(t))
	w.upgrade("/ws", "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover")
	_, _ = w.Write([]byte(frame(fin|rsv1|opBinary, p)))
	first, got, err := w.next()
	if err != nil || first&^rsv1 != fin|opBinary {
		t.Fatalf("frame %#x of %d bytes %.80q, %v", first, len(got), got, err)
	}
	if first&rsv1 != 0 {
		if got, err = io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(got), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, noise) {
		t.Errorf("%d bytes, want the %d that were sent", len(got), len(noise))
	}
}

// TestPieces: however the bytes of a conversation are cut, it is the same.
func TestPieces(t *testing.T) {
	s := contract.Start(t)
	var script strings.Builder
	var wants [][2]any
	add := func(first byte, payload string, frames ...string) {
		script.WriteString(strings.Join(frames, ""))
		wants = append(wants, [2]any{first, payload})
	}
	long := strings.Repeat("0123456789", 20)
	add(fin|opText, "hi", text("hi"))
	add(fin|opPong, "p", frame(fin|opPing, "p"))
	add(fin|opBinary, "", frame(fin|opBinary, ""))
	add(fin|opPong, "in between", frame(opText, "fr"), frame(fin|opPing, "in between"))
	add(fin|opText, "frägmented", frame(opContinuation, "\xc3"[:0]+"\xc3"), frame(fin|opContinuation, "\xa4gmented"))
	add(fin|opText, long, text(long))
	whole := handshake("/ws") + script.String() + closing(4001, "bye")
	for _, over := range []string{"ws", "wss"} {
		for _, size := range []int{1, 2, 3, 7, 64, len(whole)} {
			t.Run(fmt.Sprint(over, " ", size), func(t *testing.T) {
				t.Parallel()
				w := dial
				if over == "wss" {
					w = dialTLS
				}
				c := w(t, s)
				go func() {
					for b := range bytesOf(whole, size) {
						_, _ = c.Write(b)
					}
				}()
				c.upgraded()
				for _, want := range wants {
					c.want(want[0].(byte), want[1].(string))
				}
				c.wantClose(4001)
			})
		}
	}
}

// bytesOf yields s in pieces of that size.
func bytesOf(s string, size int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for b := []byte(s); len(b) > 0; {
			n := min(size, len(b))
			if !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}
