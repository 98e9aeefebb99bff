package wsproto_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/goquart/quart/internal/wsproto"
)

// plain is a connection without extensions, deflating one with permessage-deflate.
var (
	plain     = wsproto.Params{}
	deflating = wsproto.Params{Deflate: true, ServerBits: 15, ClientBits: 15, ServerNoTakeover: true, ClientNoTakeover: true}
)

func TestDecoder(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 5000)
	tests := []struct {
		name string
		in   []byte
		want []string
	}{
		{"text", text("hello"), []string{`text "hello"`}},
		{"binary", binaryF("\x00\xff"), []string{`binary "\x00\xff"`}},
		{"empty", join(text(""), binaryF("")), []string{`text ""`, `binary ""`}},
		{"utf-8", text("grüße, 世界 🎬"), []string{`text "grüße, 世界 🎬"`}},
		{"125", text(long[:125]), []string{"text " + abbreviate([]byte(long[:125]))}},
		{"126", text(long[:126]), []string{"text " + abbreviate([]byte(long[:126]))}},
		{"65535", text(long[:65535]), []string{"text " + abbreviate([]byte(long[:65535]))}},
		{"65536", text(long[:65536]), []string{"text " + abbreviate([]byte(long[:65536]))}},
		{
			"burst", join(text("a"), binaryF("b"), frame(fin|9, "c"), text(long), text("d")),
			[]string{`text "a"`, `binary "b"`, `ping "c"`, "text " + abbreviate([]byte(long)), `text "d"`},
		},
		{"ping", frame(fin|9, "\xff\x00"), []string{`ping "\xff\x00"`}},
		{"ping of 125", frame(fin|9, long[:125]), []string{"ping " + abbreviate([]byte(long[:125]))}},
		{"pong", frame(fin|10, ""), []string{`pong ""`}},
		{"fragments", join(frame(1, "ab"), frame(0, "cd"), frame(fin, "ef")), []string{`text "abcdef"`}},
		{"empty fragments", join(frame(2, ""), frame(0, ""), frame(fin, "")), []string{`binary ""`}},
		{
			"fragments and pings", join(frame(1, "ab"), frame(fin|9, "1"), frame(0, "cd"), frame(fin|10, "2"), frame(fin, "ef"), text("g")),
			[]string{`ping "1"`, `pong "2"`, `text "abcdef"`, `text "g"`},
		},
		{
			"character over fragments", join(frame(1, "\xf0"), frame(0, "\x9f"), frame(0, ""), frame(fin|9, ""), frame(0, "\x8e"), frame(fin, "\xac")),
			[]string{`ping ""`, `text "🎬"`},
		},
		{"large fragments", join(frame(2, long), frame(0, long), frame(fin, long)), []string{"binary " + abbreviate([]byte(long+long+long))}},

		{"close", frame(fin|8, ""), []string{`close 1005 ""`}},
		{"close with code", frame(fin|8, "\x03\xe8"), []string{`close 1000 ""`}},
		{"close with reason", frame(fin|8, "\x0f\xa0bye ü"), []string{`close 4000 "bye ü"`}},
		{"close within fragments", join(frame(1, "ab"), frame(fin|8, "\x03\xe9")), []string{`close 1001 ""`}},
		{"close with half a code", frame(fin|8, "\x03"), []string{"error 1002 close frame with half a code"}},
		{"close reason no utf-8", frame(fin|8, "\x03\xe8\xff"), []string{"error 1007 close reason is not UTF-8"}},
		{"close reason of 124", frame(fin|8, "\x03\xe8"+long[:124]), []string{"error 1002 control frame over 125 bytes"}},

		{"unmasked", []byte("\x81\x00"), []string{"error 1002 frame without a mask"}},
		{"unmasked ping", []byte("\x89\x00"), []string{"error 1002 frame without a mask"}},
		{"rsv1", frame(fin|rsv1|1, "a"), []string{"error 1002 compression where there is none"}},
		{"rsv2", frame(fin|0x20|1, "a"), []string{"error 1002 reserved bit set"}},
		{"rsv3", frame(fin|0x10|2, "a"), []string{"error 1002 reserved bit set"}},
		{"rsv1 ping", frame(fin|rsv1|9, "a"), []string{"error 1002 compression where there is none"}},
		{"fragmented ping", frame(9, "a"), []string{"error 1002 fragmented control frame"}},
		{"fragmented close", frame(8, "\x03\xe8"), []string{"error 1002 fragmented control frame"}},
		{"ping of 126", frame(fin|9, long[:126]), []string{"error 1002 control frame over 125 bytes"}},
		{"continuation of nothing", frame(0, "a"), []string{"error 1002 continuation of nothing"}},
		{"last continuation of nothing", join(text("a"), frame(fin, "a")), []string{`text "a"`, "error 1002 continuation of nothing"}},
		{"text within text", join(frame(1, "a"), frame(fin|1, "b")), []string{"error 1002 new message within a fragmented one"}},
		{"binary within empty text", join(frame(1, ""), frame(2, "b")), []string{"error 1002 new message within a fragmented one"}},
		{"7 bits in 16", []byte("\x81\xfe\x00\x7d"), []string{"error 1002 payload length in a wrong form"}},
		{"16 bits in 64", []byte("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff"), []string{"error 1002 payload length in a wrong form"}},
		{"top bit", []byte("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04"), []string{"error 1002 payload length in a wrong form"}},
		{"all bits", []byte("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04"), []string{"error 1002 payload length in a wrong form"}},

		{"bad utf-8", text("a\xff"), []string{"error 1007 text is not UTF-8"}},
		{"cut utf-8", text("a\xc3"), []string{"error 1007 text ends within a character"}},
		{"cut utf-8, fragmented", join(frame(1, "a\xc3"), frame(fin, "")), []string{"error 1007 text ends within a character"}},
		{"bad utf-8 over fragments", join(frame(1, "\xf4"), frame(0, "\x90")), []string{"error 1007 text is not UTF-8"}},
		{"surrogate", text("\xed\xa0\x80"), []string{"error 1007 text is not UTF-8"}},
		{"overlong", text("\xc0\xaf"), []string{"error 1007 text is not UTF-8"}},
		{"good, then bad", join(text("a"), frame(fin|0x20|1, "b"), text("c")), []string{`text "a"`, "error 1002 reserved bit set"}},
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		tests = append(tests, struct {
			name string
			in   []byte
			want []string
		}{"opcode " + string(rune('a'+op)), frame(fin|op, ""), []string{"error 1002 reserved opcode"}})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, sizes := range [][]int{nil, {1}, {2}, {3, 1}, {7}, {100, 1}, {4096}, {5000, 3}} {
				if len(tt.in) > 10000 && len(sizes) > 0 && sizes[0] < 7 {
					continue
				}
				got := decode(t, newDecoder(t, 0, plain), tt.in, sizes...)
				if !slices.Equal(got, tt.want) {
					t.Errorf("reads of %v:\n got %v\nwant %v", sizes, got, tt.want)
				}
			}
		})
	}
}

// TestDecoderSize keeps a Decoder small: one sits in every idle socket.
func TestDecoderSize(t *testing.T) {
	if n := unsafe.Sizeof(wsproto.Decoder{}); n > 128 {
		t.Errorf("a Decoder has %d bytes", n)
	}
}

// TestFailFast finds out with which byte the decoder fails.
func TestFailFast(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := []struct {
		name  string
		in    []byte
		limit int64
		at    int // bytes until the error
	}{
		{"bad utf-8 in the midst of a frame", text("abc\xf4\x90" + long), 0, 8 + 5},
		{"bad utf-8 after a character that was cut", join(frame(1, "\xe2"), frame(0, "a"+long)), 0, 7 + 8 + 1},
		{"surrogate", text("\xed\xa0\x80"), 0, 6 + 2},
		{"second byte", text("\xe0\x80\x80"), 0, 6 + 2},
		{"no start", text("\xc1\x80"), 0, 6 + 1},
		{"over the limit", text(long), 299, 4},
		{"ping over 125", frame(fin|9, long), 0, 2},
		{"mask", []byte{fin | 1, 126, 1, 0}, 0, 2},
		{"limit over fragments", join(frame(1, "abc"), frame(0, "de"), frame(0, "f")), 5, 9 + 8 + 2},
		{"limit over fragments, declared", join(frame(1, "abc"), frame(0, long)), 5, 9 + 4},
		{"huge", binary.BigEndian.AppendUint64([]byte{fin | 2, 0xff}, 1<<40), 1 << 20, 10},
		{"top bit", binary.BigEndian.AppendUint64([]byte{fin | 2, 0xff}, 1<<63), 0, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDecoder(t, tt.limit, plain)
			for i := range tt.in {
				put(d, tt.in[i:i+1])
				_, err := d.Next()
				if (err != nil) != (i+1 >= tt.at) {
					t.Fatalf("after %d bytes: %v, want the error after %d", i+1, err, tt.at)
				}
			}
		})
	}
}

func TestCloseCodes(t *testing.T) {
	valid := func(code int) bool {
		return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
	}
	for code := range 1 << 16 {
		if wsproto.ValidCloseCode(code) != valid(code) {
			t.Fatalf("ValidCloseCode(%d) = %v", code, !valid(code))
		}
		if code > 6000 && code%5000 > 2 {
			continue
		}
		d := newDecoder(t, 0, plain)
		put(d, frame(fin|8, string([]byte{byte(code >> 8), byte(code)})))
		e, err := d.Next()
		if valid(code) && (err != nil || e.Code != code) || !valid(code) && err == nil {
			t.Errorf("close %d: %v %v", code, e, err)
		}
	}
	if wsproto.ValidCloseCode(-1) || wsproto.ValidCloseCode(1<<16+1000) {
		t.Error("a code outside of 16 bits is valid")
	}
}

// TestAfterEnd: neither after a close frame nor after an error anything is parsed.
func TestAfterEnd(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first []byte
		fails bool
	}{{"close", frame(fin|8, ""), false}, {"error", frame(fin|3, ""), true}} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDecoder(t, 0, plain)
			put(d, join(tt.first, text("behind")))
			_, first := d.Next()
			if (first != nil) != tt.fails {
				t.Fatal(first)
			}
			for range 3 {
				if d.More() {
					t.Error("More after the end")
				}
				e, err := d.Next()
				if e.Kind != wsproto.None || err != first {
					t.Errorf("Next after the end: %v %v", e, err)
				}
				if !d.Idle() {
					t.Error("not idle after the end")
				}
				if n := len(d.Space()); n == 0 {
					t.Error("no space to drop what still comes")
				}
				put(d, text("dropped"))
				d.Shrink()
			}
		})
	}
}

func TestLimit(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		want string
	}{
		{"at it", text("12345"), `text "12345"`},
		{"over it", text("123456"), "error 1009 message over the limit"},
		{"fragments at it", join(frame(2, "123"), frame(0, "45"), frame(fin, "")), `binary "12345"`},
		{"fragments over it", join(frame(2, "123"), frame(0, "45"), frame(fin, "6")), "error 1009 message over the limit"},
		{"each by itself", join(text("12345"), text("12345")), `text "12345"`},
		{"not for pings", frame(fin|9, "123456"), `ping "123456"`},
	}
	for _, tt := range tests {
		got := decode(t, newDecoder(t, 5, plain), tt.in)
		if got[len(got)-1] != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestDeclaredLength: what a frame declares and does not send costs nothing.
func TestDeclaredLength(t *testing.T) {
	for _, n := range []uint64{1 << 20, 1 << 40, 1<<63 - 1} {
		d := newDecoder(t, 0, plain)
		put(d, append(binary.BigEndian.AppendUint64([]byte{fin | 2, 0xff}, n), "abcd0123456789"...))
		if e, err := d.Next(); err != nil || e.Kind != wsproto.None {
			t.Fatal(e, err)
		}
		total := 0
		for range 200 {
			s := d.Space()
			if len(s) > 8*(total+8<<10) && len(s) > 1<<20 {
				t.Fatalf("%d bytes of space after %d", len(s), total)
			}
			s = s[:min(len(s), 10<<10)]
			clear(s)
			d.Added(len(s))
			total += len(s)
			if e, err := d.Next(); err != nil || e.Kind == wsproto.None != (uint64(total+14) < n) {
				t.Fatal(e, err)
			} else if e.Kind != wsproto.None {
				break
			}
		}
	}
}

func TestBufferIsGivenBack(t *testing.T) {
	d := newDecoder(t, 0, plain)
	if !d.Idle() {
		t.Error("a new decoder is not idle")
	}
	put(d, join(text("a"), frame(fin|9, "b"))[:9])
	d.Next()
	if d.Idle() {
		t.Error("idle with half a ping")
	}
	d.Shrink() // keeps what is there
	put(d, join(text("a"), frame(fin|9, "b"))[9:])
	if e, _ := d.Next(); event(e) != `ping "b"` {
		t.Errorf("got %s", event(e))
	}
	if !d.Idle() {
		t.Error("not idle when all was read")
	}
	d.Shrink()
	if wsproto.Holds(d) {
		t.Error("an idle decoder holds a buffer")
	}
	decode(t, d, join(frame(1, "ab"), frame(0, "")))
	if d.Idle() || !wsproto.Holds(d) {
		t.Error("a half read message was given back")
	}
	decode(t, d, frame(fin, ""))
	if wsproto.Holds(d) {
		t.Error("an idle decoder holds a buffer")
	}
	decode(t, d, frame(1, ""))
	if d.Idle() || wsproto.Holds(d) {
		t.Error("a message without bytes needs no buffer, and is not idle")
	}
	if got := decode(t, d, frame(fin, "x")); got[0] != `text "x"` {
		t.Error(got)
	}
	put(d, text("a"))
	d.Free()
	if wsproto.Holds(d) {
		t.Error("Free left a buffer")
	}
	put(d, text("a"))
	if e, err := d.Next(); e.Kind != wsproto.None || err != nil {
		t.Errorf("after Free: %s, %v", event(e), err)
	}
	d.Free()
	d.Init(0, plain)
	if got := decode(t, d, text("a")); len(got) != 1 {
		t.Errorf("after Init: %v", got)
	}
}

// TestSpaceRemembers: who sent a large message gets as much space for the next one,
// up to 128 KiB, and less and less if there is none.
func TestSpaceRemembers(t *testing.T) {
	for _, n := range []int{100, 3000, 20000, 64 << 10, 1 << 20} {
		for _, in := range [][]byte{text(strings.Repeat("x", n)), join(frame(1, strings.Repeat("x", n/2)), frame(fin, strings.Repeat("x", n-n/2)))} {
			d := newDecoder(t, 0, plain)
			for range 4 { // from the second on it is there at once
				decode(t, d, in)
			}
			want := max(4<<10, min(n+14, 128<<10)) - 64
			if got := len(d.Space()); got < want {
				t.Errorf("space for %d bytes behind a message of %d", got, n)
			}
			for range 20 {
				d.Shrink()
				put(d, text("x"))
				d.Next()
			}
			if d.Shrink(); wsproto.Hint(d) > 4<<10 {
				t.Errorf("a hint of %d behind small messages", wsproto.Hint(d))
			}
		}
	}
}

// TestSpace: an idle decoder offers a whole buffer, also after a burst that ended at
// the end of the last one.
func TestSpace(t *testing.T) {
	d := newDecoder(t, 0, plain)
	for range 300 {
		if n := len(d.Space()); n < 4000 {
			t.Fatalf("space of %d bytes", n)
		}
		put(d, join(text("0123456789"), text("0123456789"), text("0123456789")))
		if got := drain(t, d); len(got) != 3 {
			t.Fatal(got)
		}
	}
}

// TestWork: the bytes moved grow in proportion to the bytes that arrive.
func TestWork(t *testing.T) {
	d := newDecoder(t, 0, plain)
	const n = 1 << 18
	one, empty := frame(0, "x"), frame(0, "")
	in := frame(2, "x")
	for range n {
		in = append(append(in, one...), empty...)
	}
	in = append(in, frame(fin, "x")...)
	for _, sizes := range [][]int{nil, {1000}, {17}} {
		if got := decode(t, d, in, sizes...); len(got) != 1 || !strings.HasPrefix(got[0], "binary 262146 bytes") {
			t.Errorf("got %v", got)
		}
	}
}

func TestMessagesDoNotAlias(t *testing.T) {
	d := newDecoder(t, 0, plain)
	put(d, join(text("abc"), frame(fin|9, "ping"), text("long"+strings.Repeat("x", 200)), frame(1, "frag"), frame(fin, "ments"), text("last")))
	for i, want := range []string{"abc", "ping", "long", "fragments", "last"} {
		e, err := d.Next()
		if err != nil || !strings.HasPrefix(string(e.Data), want) {
			t.Fatalf("event %d: got %q, %v: an append wrote into the next frame", i, e.Data, err)
		}
		_ = append(e.Data, "XXXXXXXXXXXX"...)
	}
}
