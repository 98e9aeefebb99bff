package wsproto_test

import (
	"bytes"
	stdflate "compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/goquart/quart/internal/wsproto"
)

// The first byte of a frame.
const (
	fin  = 0x80
	rsv1 = 0x40
)

// frame returns a client's frame: b0 is its first byte, the mask is fixed.
func frame(b0 byte, payload string) []byte {
	return maskedFrame(b0, payload, [4]byte{0x37, 0xfa, 0x21, 0x3d})
}

func maskedFrame(b0 byte, payload string, key [4]byte) []byte {
	b := []byte{b0}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, key[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i&3])
	}
	return b
}

func text(s string) []byte    { return frame(fin|1, s) }
func binaryF(s string) []byte { return frame(fin|2, s) }

// join puts frames into one stream.
func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

// newDecoder returns a decoder that is freed at the end of the test.
func newDecoder(t testing.TB, limit int64, p wsproto.Params) *wsproto.Decoder {
	d := new(wsproto.Decoder)
	d.Init(limit, p)
	t.Cleanup(d.Free)
	return d
}

// put copies as much of in to the decoder as it has space for, and returns the rest.
func put(d *wsproto.Decoder, in []byte) []byte {
	n := copy(d.Space(), in)
	d.Added(n)
	return in[n:]
}

// event is a wsproto.Event that can be compared.
func event(e wsproto.Event) string {
	switch e.Kind {
	case wsproto.Message:
		if e.Binary {
			return "binary " + abbreviate(e.Data)
		}
		return "text " + abbreviate(e.Data)
	case wsproto.Ping:
		return "ping " + abbreviate(e.Data)
	case wsproto.Pong:
		return "pong " + abbreviate(e.Data)
	case wsproto.Close:
		return fmt.Sprintf("close %d %q", e.Code, e.Data)
	}
	return "none"
}

func abbreviate(b []byte) string {
	if len(b) > 200 {
		return fmt.Sprintf("%d bytes %q...%q", len(b), b[:20], b[len(b)-20:])
	}
	return fmt.Sprintf("%q", b)
}

// drain returns the events that are buffered. An error is the last of them.
func drain(t testing.TB, d *wsproto.Decoder) (events []string) {
	t.Helper()
	for {
		more := d.More()
		e, err := d.Next()
		if more && err == nil && e.Kind == wsproto.None {
			t.Fatal("More promised an event and Next has none")
		}
		if !more && e.Kind != wsproto.None {
			t.Fatalf("More promised nothing and Next has %s", event(e))
		}
		if err != nil {
			return append(events, fmt.Sprint("error ", err.(*wsproto.Error).Code, " ", err.(*wsproto.Error).Reason))
		}
		if e.Kind == wsproto.None {
			return events
		}
		events = append(events, event(e))
		if e.Kind == wsproto.Close {
			return events
		}
	}
}

// decode returns the events of in, which arrives in reads of the given sizes, taken
// in turn; 0 is as much as fits.
func decode(t testing.TB, d *wsproto.Decoder, in []byte, sizes ...int) (events []string) {
	t.Helper()
	for i := 0; len(in) > 0; i++ {
		n := len(in)
		if len(sizes) > 0 && sizes[i%len(sizes)] > 0 {
			n = min(n, sizes[i%len(sizes)])
		}
		for part := in[:n]; len(part) > 0; {
			part = put(d, part)
			got := drain(t, d)
			events = append(events, got...)
			if len(got) > 0 && (len(got[len(got)-1]) > 5 && (got[len(got)-1][:5] == "error" || got[len(got)-1][:5] == "close")) {
				return events
			}
			d.Shrink()
		}
		in = in[n:]
	}
	return events
}

var stdWriters sync.Map // by level

// stdDeflate is the standard library's compressor: one message, by itself or behind
// dict, without the tail.
func stdDeflate(t testing.TB, level int, dict []byte, parts ...string) string {
	t.Helper()
	var b bytes.Buffer
	var w *stdflate.Writer
	var err error
	if len(dict) > 0 {
		w, err = stdflate.NewWriterDict(&b, level, dict)
	} else {
		pool, _ := stdWriters.LoadOrStore(level, new(sync.Pool)) // one is over 600 KiB
		defer func() { pool.(*sync.Pool).Put(w) }()
		if w, _ = pool.(*sync.Pool).Get().(*stdflate.Writer); w != nil {
			w.Reset(&b)
		} else {
			w, err = stdflate.NewWriter(&b, level)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		io.WriteString(w, p)
		w.Flush()
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\x00\x00\xff\xff")))
}

// stdInflate is the standard library's decompressor.
func stdInflate(deflated, dict []byte) ([]byte, error) {
	r := io.MultiReader(bytes.NewReader(deflated), bytes.NewReader([]byte("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	return io.ReadAll(stdflate.NewReaderDict(r, dict))
}
