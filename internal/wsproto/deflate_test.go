package wsproto_test

import (
	"bytes"
	stdflate "compress/flate"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wsproto"
)

// takeover keeps the context of both sides.
var takeover = wsproto.Params{Deflate: true, ServerBits: 15, ClientBits: 15}

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const deflated = fin | rsv1 | 1 // the first byte of a compressed text

func TestInflate(t *testing.T) {
	hello := unhex(t, "f2 48 cd c9 c9 07 00") // RFC 7692, section 7.2.3.1
	final := unhex(t, "f3 48 cd c9 c9 07 00")
	tests := []struct {
		name string
		in   []byte
		want []string
	}{
		{"one block", frame(deflated, hello), []string{`text "Hello"`}},
		{"fragmented", join(frame(rsv1|1, hello[:3]), frame(fin, hello[3:])), []string{`text "Hello"`}},
		{"fragmented, pings", join(frame(rsv1|2, hello[:1]), frame(fin|9, "a"), frame(0, ""), frame(fin, hello[1:])), []string{`ping "a"`, `binary "Hello"`}},
		{"no compression", frame(deflated, unhex(t, "00 05 00 fa ff 48 65 6c 6c 6f 00")), []string{`text "Hello"`}},
		{"final block", frame(deflated, final+"\x00"), []string{`text "Hello"`}},
		{"final block, no more", frame(deflated, final), []string{`text "Hello"`}},
		{"two blocks", frame(deflated, unhex(t, "f2 48 05 00 00 00 ff ff ca c9 c9 07 00")), []string{`text "Hello"`}},
		{"empty", frame(deflated, "\x00"), []string{`text ""`}},
		{"empty, final", frame(deflated, "\x03\x00"), []string{`text ""`}},
		{"empty, fixed", frame(deflated, "\x02\x00"), []string{`text ""`}},
		{"two final blocks", frame(deflated, final+final+"\x00"), []string{`text "HelloHello"`}},
		{"final block, then others", frame(deflated, final+hello), []string{`text "HelloHello"`}},
		{"each by itself", join(frame(deflated, hello), text("plain"), frame(deflated, hello)), []string{`text "Hello"`, `text "plain"`, `text "Hello"`}},
		{"frame behind it", join(frame(deflated, hello), text("next")), []string{`text "Hello"`, `text "next"`}},
		{"not compressed", text("Hello"), []string{`text "Hello"`}},
		{"utf-8", frame(deflated, stdDeflate(t, 9, nil, "grüße")), []string{`text "grüße"`}},

		{"no bytes at all", frame(deflated, ""), []string{"error 1007 compressed data is not DEFLATE"}},
		{"cut within a block", frame(deflated, hello[:5]), []string{"error 1007 compressed data is not DEFLATE"}},
		{"cut within a stored block", frame(deflated, unhex(t, "00 15 00 ea ff 48 65")), []string{"error 1007 compressed data is not DEFLATE"}},
		{"cut within a final block", frame(deflated, unhex(t, "01 06 00 f9 ff 48 65")), []string{"error 1007 compressed data is not DEFLATE"}},
		{"garbage", frame(deflated, "\xff\xff\xff"), []string{"error 1007 compressed data is not DEFLATE"}},
		{"garbage behind a final block", frame(deflated, final+"\xff\xff"), []string{"error 1007 compressed data is not DEFLATE"}},
		{"reference before the start", frame(deflated, unhex(t, "f2 00 11 00 00")), []string{"error 1007 compressed data is not DEFLATE"}},
		{"bad utf-8", frame(deflated, stdDeflate(t, 9, nil, "a\xff")), []string{"error 1007 text is not UTF-8"}},
		{"any binary", frame(fin|rsv1|2, stdDeflate(t, 9, nil, "a\xff")), []string{`binary "a\xff"`}},
		{"rsv1 in a continuation", join(frame(rsv1|1, hello[:3]), frame(fin|rsv1, hello[3:])), []string{"error 1002 compression where there is none"}},
		{"rsv1 in a ping", frame(fin|rsv1|9, hello), []string{"error 1002 compression where there is none"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, p := range []wsproto.Params{deflating, takeover} {
				for _, sizes := range [][]int{nil, {1}, {3, 2}} {
					if got := decode(t, newDecoder(t, 0, p), tt.in, sizes...); !slices.Equal(got, tt.want) {
						t.Errorf("%+v, reads of %v:\n got %v\nwant %v", p, sizes, got, tt.want)
					}
				}
			}
		})
	}
}

// TestInflateTakeover is section 7.2.3.2 of RFC 7692, and what may come between.
func TestInflateTakeover(t *testing.T) {
	hello, again := frame(deflated, unhex(t, "f2 48 cd c9 c9 07 00")), frame(deflated, unhex(t, "f2 00 11 00 00"))
	want := []string{`text "Hello"`, `ping "a"`, `text "xxxxx"`, `text "Hello"`}
	in := join(hello, frame(fin|9, "a"), text("xxxxx"), again)
	if got := decode(t, newDecoder(t, 0, takeover), in); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got := decode(t, newDecoder(t, 0, deflating), in); got[len(got)-1] != "error 1007 compressed data is not DEFLATE" {
		t.Errorf("without takeover: got %v", got)
	}
	// A final block ends no context: its content can be referred to, within the message and later.
	final := unhex(t, "f3 48 cd c9 c9 07 00")
	got := decode(t, newDecoder(t, 0, takeover), join(frame(deflated, final+unhex(t, "f2 00 11 00 00")), again))
	if want := []string{`text "HelloHello"`, `text "Hello"`}; !slices.Equal(got, want) {
		t.Errorf("behind a final block: got %v", got)
	}
	// Several of them, each behind all of the text before: nothing is remembered twice.
	first := stdDeflate(t, 9, nil, "zero, ")
	stream, history := "", "zero, "
	for _, part := range []string{"one, ", "two, ", "three, ", "one, two, three, "} {
		var b bytes.Buffer
		w, _ := stdflate.NewWriterDict(&b, 9, []byte(history))
		io.WriteString(w, part)
		w.Close()
		stream, history = stream+b.String(), history+part
	}
	got = decode(t, newDecoder(t, 0, takeover), join(frame(deflated, first), frame(deflated, stream), frame(deflated, stdDeflate(t, 9, []byte(history), "zero, one, two, "))))
	if want := []string{`text "zero, "`, "text " + abbreviate([]byte(history[6:])), `text "zero, one, two, "`}; !slices.Equal(got, want) {
		t.Errorf("several final blocks: got %v", got)
	}
}

// TestInflateWindow: the client refers as far back as its window goes, and no
// further.
func TestInflateWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 1<<16)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for bits := uint8(8); bits <= 15; bits++ {
		w := 1 << bits
		p := takeover
		p.ClientBits = bits
		for _, cut := range []int{1, 100, w - 1, w} { // the first message is cut in two
			d := newDecoder(t, 0, p)
			got := decode(t, d, join(
				frame(fin|rsv1|2, stdDeflate(t, 9, nil, string(noise[:cut]))),
				frame(fin|rsv1|2, stdDeflate(t, 9, nil, string(noise[cut:w]))),
				frame(fin|rsv1|2, stdDeflate(t, 9, noise[:w], string(noise[:64]))),
			))
			if want := "binary " + abbreviate(noise[:64]); len(got) != 3 || got[2] != want {
				t.Errorf("bits %d, cut %d: got %v", bits, cut, got[len(got)-1])
			}
			if n := wsproto.History(d); n > w {
				t.Errorf("bits %d: a history of %d bytes", bits, n)
			}
		}
		d := newDecoder(t, 0, p)
		got := decode(t, d, join(
			frame(fin|rsv1|2, stdDeflate(t, 9, nil, string(noise[:w]))),
			frame(fin|rsv1|2, stdDeflate(t, 9, nil, string(noise[w:w+9]))),
			frame(fin|rsv1|2, stdDeflate(t, 9, noise[:min(w+9, 1<<15)], string(noise[:64]))),
		))
		if bits < 15 && (len(got) != 3 || got[2] != "error 1007 compressed data is not DEFLATE") {
			t.Errorf("bits %d: a reference behind the window: %v", bits, got[len(got)-1])
		}
	}
}

func TestInflateLimit(t *testing.T) {
	tests := []struct {
		name  string
		limit int64
		in    string
		want  string
	}{
		{"at it", 1000, strings.Repeat("a", 1000), "text 1000 bytes"},
		{"over it", 1000, strings.Repeat("a", 1001), "error 1009 inflated message over the limit"},
		{"bomb", 1 << 20, strings.Repeat("a", 24<<20), "error 1009 inflated message over the limit"},
		{"no limit", 0, strings.Repeat("a", 4<<20), "text 4194304 bytes"},
		{"small", 1, "a", `text "a"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := frame(deflated, stdDeflate(t, 9, nil, tt.in))
			var before, after runtime.MemStats
			d := newDecoder(t, tt.limit, deflating)
			runtime.ReadMemStats(&before)
			got := decode(t, d, in)
			runtime.ReadMemStats(&after)
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("got %v, want %s", got, tt.want)
			}
			if n := after.TotalAlloc - before.TotalAlloc; tt.name == "bomb" && n > 8<<20 {
				t.Errorf("%d bytes allocated", n)
			}
		})
	}
	// On the wire there is room for what compression adds, but not for more.
	noise := strings.Repeat("\xc3\xbf\xc3\xbe", 64)
	if got := decode(t, newDecoder(t, 256, deflating), frame(deflated, stdDeflate(t, -2, nil, noise))); got[0] != "text "+abbreviate([]byte(noise)) {
		t.Errorf("got %v", got)
	}
	wire := strings.Repeat("\x00\x00\x00\xff\xff", 200) + "\x00"
	if got := decode(t, newDecoder(t, 256, deflating), frame(deflated, wire)); got[0] != "error 1009 message over the limit" {
		t.Errorf("1 KB of empty blocks: got %v", got)
	}
	if got := decode(t, newDecoder(t, 1<<20, deflating), frame(deflated, strings.Repeat("\x03\x00", 1<<18))); got[0] != "error 1009 too many final blocks in a message" {
		t.Errorf("final blocks: got %v", got)
	}
}

// corpus returns payloads of many kinds and sizes.
func corpus() map[string][]byte {
	r := rand.New(rand.NewPCG(5, 6))
	noise := make([]byte, 70000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	c := map[string][]byte{"nil": nil, "zeros": make([]byte, 100000)}
	for _, n := range []int{0, 1, 2, 12, 13, 31, 32, 33, 127, 128, 129, 255, 256, 257, 511, 600, 1024, 4096, 32767, 32768, 32769, 65535, 65536, 70000} {
		c[fmt.Sprint("json ", n)] = []byte(document(n))
		c[fmt.Sprint("noise ", n)] = noise[:n]
	}
	// Far references: the same noise, a distance apart.
	for _, distance := range []int{200, 255, 256, 257, 512, 1000, 2048, 5000, 16384, 32767, 32768, 32769, 40000} {
		c[fmt.Sprint("repeat ", distance)] = slices.Concat(noise[:distance], noise[:min(distance, 300)], noise[:distance])
	}
	return c
}

func TestAppendDeflated(t *testing.T) {
	for name, payload := range corpus() {
		for _, bits := range []uint8{0, 8, 9, 10, 11, 12, 13, 14, 15} {
			if len(payload) > 5000 && bits > 8 && bits < 14 {
				continue // slow, and like the others
			}
			got := wsproto.AppendDeflated([]byte("before"), payload, bits)
			if !bytes.HasPrefix(got, []byte("before")) || len(got) == 6 {
				t.Fatalf("%s, bits %d: %.20q", name, bits, got)
			}
			window := 1 << bits
			if bits == 0 {
				window = 1 << 15
			}
			checkDeflated(t, fmt.Sprintf("%s, bits %d", name, bits), got[6:], payload, nil, window)
		}
	}
}

// checkDeflated compares what is deflated with the payload, by two inflaters, and
// makes sure that no reference goes further back than the window.
func checkDeflated(t *testing.T, name string, deflated, payload, history []byte, window int) {
	t.Helper()
	if inflated, err := stdInflate(deflated, history); err != nil || !bytes.Equal(inflated, payload) {
		t.Fatalf("%s: the standard library inflates %d bytes (%v), want %d", name, len(inflated), err, len(payload))
	}
	p := puff{out: slices.Clone(history)}
	if err := p.inflate(append(slices.Clone(deflated), "\x00\x00\xff\xff"...)); err != nil || !bytes.Equal(p.out[len(history):], payload) {
		t.Fatalf("%s: puff inflates %d bytes (%v), want %d", name, len(p.out)-len(history), err, len(payload))
	}
	if p.farthest > window {
		t.Errorf("%s: a reference goes back by %d, the window is %d", name, p.farthest, window)
	}
}

func TestDeflater(t *testing.T) {
	c := corpus()
	names := make([]string, 0, len(c))
	for name := range c {
		names = append(names, name)
	}
	slices.Sort(names)
	r := rand.New(rand.NewPCG(7, 8))
	for bits := uint8(8); bits <= 15; bits++ {
		var d wsproto.Deflater
		d.Init(bits)
		window := 1 << bits
		var history []byte
		for range 50 {
			name := names[r.IntN(len(names))]
			payload := c[name]
			if len(payload) > 3000 && r.IntN(5) > 0 {
				payload = payload[:r.IntN(3000)]
			}
			if r.IntN(10) == 0 { // a message to many
				d.Sent(payload)
			} else {
				got := d.Append(nil, payload)
				checkDeflated(t, fmt.Sprintf("%s, bits %d", name, bits), got, payload, history, window)
			}
			history = append(history, payload...)
			history = history[max(0, len(history)-window):]
		}
		d.Free()
		if got := d.Append(nil, []byte("hello")); len(got) == 0 {
			t.Error("Append after Free")
		}
	}
}

// TestDeflaterRemembers: the second message of a kind is smaller than the first, also
// when the first went to many, and in small windows.
func TestDeflaterRemembers(t *testing.T) {
	for _, n := range []int{60, 200, 1000} {
		msg := []byte(document(n))
		for bits := uint8(8); bits <= 15; bits++ {
			var d wsproto.Deflater
			d.Init(bits)
			d.Sent(msg)
			first := len(wsproto.AppendDeflated(nil, msg, bits))
			if second := len(d.Append(nil, msg)); n <= 1<<bits/2 && second > first/2 {
				t.Errorf("bits %d: %d bytes deflated to %d, then to %d", bits, n, first, second)
			}
		}
	}
}

func TestEmptyMessage(t *testing.T) {
	var d wsproto.Deflater
	d.Init(0)
	for _, got := range [][]byte{wsproto.AppendDeflated(nil, nil, 15), wsproto.AppendDeflated(nil, nil, 8), d.Append(nil, nil)} {
		if string(got) != "\x00" { // RFC 7692, section 7.2.3.6
			t.Errorf("got %x", got)
		}
	}
}
