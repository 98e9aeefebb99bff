package wsproto_test

import (
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wsproto"
	"github.com/goquart/quart/pool"
)

// TestAllocs is the promise of no allocations.
func TestAllocs(t *testing.T) {
	if raceEnabled || pool.Debug {
		t.Skip("pools allocate under the race detector and the tag quartdebug")
	}
	doc := []byte(document(1 << 10))
	deflatedDoc := frame(deflated, string(wsproto.AppendDeflated(nil, doc, 15)))
	read := func(p wsproto.Params, in []byte, events int) func() {
		d := newDecoder(t, 1<<20, p)
		return func() {
			put(d, in)
			for range events {
				if e, err := d.Next(); err != nil || e.Kind == wsproto.None {
					t.Fatal(e, err)
				}
			}
			d.Shrink()
		}
	}
	dst, key := make([]byte, 0, 4<<10), []byte("dGhlIHNhbXBsZSBub25jZQ==")
	offers := [][]byte{[]byte("permessage-deflate; client_max_window_bits"), []byte("x; y=1")}
	tests := []struct {
		name string
		f    func()
	}{
		{"64 bytes", read(plain, text(strings.Repeat("x", 64)), 1)},
		{"utf-8", read(plain, text(strings.Repeat("ü", 64)), 1)},
		{"burst", read(plain, []byte(strings.Repeat(string(text("hello, world")), 16)), 16)},
		{"ping", read(plain, frame(fin|9, "hello"), 1)},
		{"fragments", read(plain, join(frame(1, "a"), frame(fin|9, "b"), frame(fin, "c")), 2)},
		{"inflate 1 KiB", read(deflating, deflatedDoc, 1)},
		{"inflate 1 KiB, takeover", read(takeover, deflatedDoc, 1)},
		{"deflate 1 KiB", func() { dst = wsproto.AppendDeflated(dst[:0], doc, 15) }},
		{"deflate 1 KiB, small window", func() { dst = wsproto.AppendDeflated(dst[:0], doc, 9) }},
		{"frame", func() { dst = wsproto.AppendFrame(dst[:0], wsproto.OpText, doc) }},
		{"close frame", func() { dst = wsproto.AppendClose(dst[:0], 4000, "bye\xff") }},
		{"accept", func() { dst = wsproto.AppendAccept(dst[:0], key) }},
		{"negotiate", func() {
			p, err := wsproto.Negotiate(offers, true)
			if err != nil {
				t.Fatal(err)
			}
			dst = wsproto.AppendExtension(dst[:0], p)
		}},
	}
	for _, tt := range tests {
		for range 10 {
			tt.f() // fills the pools
		}
		if n := testing.AllocsPerRun(200, tt.f); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}
