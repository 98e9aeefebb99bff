package wsproto_test

import (
	"bytes"
	stdflate "compress/flate"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wsproto"
)

// fuzzParams are the connections that FuzzDecoder knows.
var fuzzParams = []wsproto.Params{
	plain, deflating, takeover,
	{Deflate: true, ServerBits: 8, ClientBits: 8},
	{Deflate: true, ServerBits: 15, ClientBits: 10},
}

// FuzzDecoder: the same bytes are the same events, however they are cut, and these are
// within the limit.
func FuzzDecoder(f *testing.F) {
	hello := "\xf2\x48\xcd\xc9\xc9\x07\x00"
	for _, in := range [][]byte{
		join(text("hello"), binaryF("\x00\xff"), frame(fin|9, "a"), frame(fin|10, ""), frame(fin|8, "\x03\xe8bye")),
		join(frame(1, "\xf0"), frame(0, "\x9f"), frame(fin|9, "x"), frame(0, "\x8e"), frame(fin, "\xac")),
		join(frame(deflated, hello), frame(rsv1|1, hello[:3]), frame(fin, hello[3:]), frame(deflated, "\xf2\x00\x11\x00\x00")),
		join(frame(deflated, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), frame(deflated, "\x00"), frame(deflated, "")),
		join(frame(2, strings.Repeat("x", 200)), frame(fin, strings.Repeat("y", 200))),
		text(strings.Repeat("ü", 300)),
		[]byte("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04"),
		[]byte("\x82\xff\x00\x00\x00\x00\x10\x00\x00\x00\x01\x02\x03\x04abc"),
	} {
		for p := range fuzzParams {
			f.Add(in, uint16(300), uint8(p), []byte{1, 7, 30})
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, limit uint16, params uint8, cuts []byte) {
		p := fuzzParams[int(params)%len(fuzzParams)]
		want := fuzzDecode(t, newDecoder(t, int64(limit), p), in, int(limit), nil)
		for _, cuts := range [][]byte{cuts, {1}} {
			if got := fuzzDecode(t, newDecoder(t, int64(limit), p), in, int(limit), cuts); !slices.Equal(got, want) {
				t.Errorf("cut by %v:\n got %q\nwant %q", cuts, got, want)
			}
		}
	})
}

// fuzzDecode returns the events of in, read in pieces, and checks what holds for all.
func fuzzDecode(t *testing.T, d *wsproto.Decoder, in []byte, limit int, cuts []byte) (events []string) {
	for i := 0; len(in) > 0; i++ {
		n := len(in)
		if len(cuts) > 0 {
			n = min(n, 1+int(cuts[i%len(cuts)]))
		}
		space := d.Space()
		if len(space) == 0 {
			t.Fatal("no space")
		}
		n = copy(space, in[:min(n, len(in))])
		d.Added(n)
		in = in[n:]
		for more := d.More(); ; more = d.More() {
			e, err := d.Next()
			if more != (e.Kind != wsproto.None) && (err == nil || e.Kind != wsproto.None) {
				t.Fatalf("More %v, Next %s", more, event(e))
			}
			if limit > 0 && len(e.Data) > max(limit, 125) || e.Kind != wsproto.Message && len(e.Data) > 125 {
				t.Fatalf("%d bytes with a limit of %d", len(e.Data), limit)
			}
			if err != nil {
				return append(events, err.Error())
			}
			if e.Kind == wsproto.None {
				break
			}
			events = append(events, event(e))
			if e.Kind == wsproto.Close {
				return events
			}
			clear(e.Data) // allowed
		}
		if d.Shrink(); d.Idle() && wsproto.Holds(d) {
			t.Fatal("an idle decoder holds a buffer")
		}
	}
	return events
}

func FuzzNegotiate(f *testing.F) {
	for _, s := range []string{
		"permessage-deflate; client_max_window_bits", "permessage-deflate; server_max_window_bits=10, permessage-deflate",
		`x; a="b\c", permessage-deflate; client_max_window_bits="9"; server_no_context_takeover`, ",;=\"\\", "",
	} {
		f.Add(s, "", false)
		f.Add("x; y=1", s, true)
	}
	f.Fuzz(func(t *testing.T, a, b string, takeover bool) {
		p, err := wsproto.Negotiate([][]byte{[]byte(a), []byte(b)}, takeover)
		if err != nil || !p.Deflate {
			if p != (wsproto.Params{}) {
				t.Fatalf("%+v, %v", p, err)
			}
			return
		}
		joined, err := wsproto.Negotiate([][]byte{[]byte(a + "," + b)}, takeover)
		if err != nil || joined != p {
			t.Errorf("two fields give %+v, one gives %+v, %v", p, joined, err)
		}
		if p.ServerBits < 8 || p.ServerBits > 15 || p.ClientBits < 8 || p.ClientBits > 15 || !takeover && !(p.ServerNoTakeover && p.ClientNoTakeover) {
			t.Errorf("%+v", p)
		}
		// The answer is an offer that is answered the same way.
		answer := wsproto.AppendExtension(nil, p)
		again, err := wsproto.Negotiate([][]byte{answer}, takeover)
		if err != nil || string(wsproto.AppendExtension(nil, again)) != string(answer) {
			t.Errorf("%s is answered with %+v, %v", answer, again, err)
		}
	})
}

// FuzzInflate compares with the standard library, in both directions and with
// context.
func FuzzInflate(f *testing.F) {
	f.Add([]byte("hello, hello, hello"), []byte("hello"), uint8(8), uint8(1), true)
	f.Add([]byte(document(3000)), []byte(document(500)), uint8(9), uint8(9), false)
	f.Add(bytes.Repeat([]byte("a"), 5000), []byte{}, uint8(15), uint8(6), true)
	f.Fuzz(func(t *testing.T, a, b []byte, bits, level uint8, context bool) {
		bits = 8 + bits%8
		a, b = a[:min(len(a), 4<<10)], b[:min(len(b), 4<<10)]
		fuzzDeflate(t, a, b, bits)
		fuzzInflate(t, a, b, bits, int(level%12)-2, context)
		fuzzGarbage(t, a)
	})
}

// fuzzDeflate: what is compressed here, the others can read.
func fuzzDeflate(t *testing.T, a, b []byte, bits uint8) {
	checkDeflated(t, "alone", wsproto.AppendDeflated(nil, a, bits), a, nil, 1<<bits)
	var d wsproto.Deflater
	d.Init(bits)
	var history []byte
	for i, m := range [][]byte{a, b, a, b} {
		got := d.Append(nil, m)
		if i < 3 {
			checkDeflated(t, "with context", got, m, history, 1<<bits)
		}
		history = append(history, m...)
		history = history[max(0, len(history)-1<<bits):]
	}
}

// fuzzInflate: what the standard library compresses can be read here.
func fuzzInflate(t *testing.T, a, b []byte, bits uint8, level int, context bool) {
	p := wsproto.Params{Deflate: true, ClientBits: bits, ClientNoTakeover: !context}
	d := newDecoder(t, int64(max(len(a), len(b), 1)), p)
	var history []byte
	for _, m := range [][]byte{a, b, a} {
		wire := stdDeflate(t, level, history, string(m))
		if own, err := stdInflate([]byte(wire), history); err != nil || !bytes.Equal(own, m) {
			return // behind a dictionary it may store a byte of that as one of the message
		}
		got := decode(t, d, join(frame(rsv1|2, wire[:len(wire)/2]), frame(fin, wire[len(wire)/2:])))
		if len(got) != 1 || got[0] != "binary "+abbreviate(m) {
			t.Fatalf("level %d: got %v, want %s", level, got, abbreviate(m))
		}
		if context {
			history = append(history, m...)
			history = history[max(0, len(history)-1<<bits):]
		}
	}
}

// fuzzGarbage: bytes that are DEFLATE by accident, or nearly, are read as the
// standard library reads them.
func fuzzGarbage(t *testing.T, in []byte) {
	var want []byte
	src := bytes.NewReader(append(slices.Clone(in), "\x00\x00\xff\xff\x01\x00\x00\xff\xff"...))
	var err error
	for restarts := 0; err == nil && src.Len() > 0; restarts++ {
		if restarts > 0 && src.Len() <= 9 {
			if src.Len() < 9 {
				err = io.ErrUnexpectedEOF
			}
			break
		}
		var out []byte
		out, err = io.ReadAll(stdflate.NewReaderDict(src, want))
		want = append(want, out...)
		if len(want) > 1<<20 || restarts > 16 {
			return
		}
	}
	d := newDecoder(t, 0, deflating)
	got := decode(t, d, frame(fin|rsv1|2, string(in)))
	if err != nil && strings.HasPrefix(got[0], "error") || err == nil && got[0] == "binary "+abbreviate(want) {
		return
	}
	t.Errorf("%x: got %v, the standard library %s, %v", in, got, abbreviate(want), err)
}
