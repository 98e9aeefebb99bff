package hpack_test

import (
	"bytes"
	"errors"
	"strconv"
	"testing"

	"github.com/goquart/quart/http2/internal/hpack"
)

func discard(_, _ []byte, _ bool) error { return nil }

func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates itself")
	}
	d, e := newDecoder(4096), newEncoder(4096)
	literal := append([]byte{0x00, 0x81, 0x1f, 0x80 | byte(hpack.HuffmanLen([]byte("www.example.com")))},
		hpack.AppendHuffman(nil, []byte("www.example.com"))...)
	insert := append([]byte{0x40}, literal[1:]...)
	long := hpack.AppendHuffman([]byte{0x00, 0x81, 0x1f, 0xff, 0x9f, 0x0e}, bytes.Repeat([]byte("0"), 3120)) // 1,950 bytes
	many := bytes.Repeat(long, 50)
	large := append([]byte{0x40, 0x00, 0x7f, 0xed, 0x0d}, make([]byte, 1900)...) // two fill most of the table
	request := xEncode(t, nil, browserRequest())
	dst := make([]byte, 0, 8192)
	name, value, cookie := []byte("Content-Type"), []byte("text/html; charset=utf-8"), bytes.Repeat([]byte("a=b; "), 100)
	longName := bytes.Repeat([]byte("X-Name"), 20)
	static, dynamic, renamed, hostile := []byte{0x82, 0x87}, []byte{0xbe, 0xbf}, []byte{0x7f, 0x00, 0x01, 'x'}, []byte{0x80}
	var unique [8]byte
	count := uint64(0)
	var failed error
	check := func(err error) { failed = errors.Join(failed, err) }
	tests := []struct {
		name string
		f    func()
	}{
		{"decoder, static", func() { check(d.Decode(static, discard)) }},
		{"decoder, literal", func() { check(d.Decode(literal, discard)) }},
		{"decoder, long literal", func() { check(d.Decode(long, discard)) }},
		{"decoder, many long literals", func() { check(d.Decode(many, discard)) }}, // they share the memory of one
		{"decoder, large entries", func() { check(d.Decode(large, discard)) }},
		{"decoder, insertion", func() { check(d.Decode(insert, discard)) }},
		{"decoder, dynamic", func() { check(d.Decode(dynamic, discard)) }},
		{"decoder, name of the table, insertion", func() { check(d.Decode(renamed, discard)) }},
		{"decoder, request", func() { check(d.Decode(request, discard)) }},
		{"decoder, hostile", func() {
			if d.Decode(hostile, discard) == nil {
				t.Error("no error")
			}
		}},
		{"encoder, recurring", func() { e.AppendField(dst, []byte("vary"), value, false) }},
		{"encoder, response", func() { e.AppendResponse(dst, name, value) }},
		{"encoder, long name", func() { e.AppendResponse(dst, longName, value) }},
		{"encoder, sensitive", func() { e.AppendField(dst, []byte("x"), cookie, true) }},
		{"encoder, set-cookie", func() { e.AppendResponse(dst, []byte("Set-Cookie"), cookie) }},
		{"encoder, status", func() { e.AppendStatus(dst, 418) }},
		{"encoder, sizes", func() {
			e.SetTableSize(0)
			e.SetTableSize(4096)
			e.Begin(dst)
		}},
		{"encoder, unique and added", func() {
			count++
			b := strconv.AppendUint(unique[:0], count%1000, 10)
			e.AppendField(dst, name, b, false)
			e.AppendField(dst, name, b, false)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 300 {
				tt.f() // the tables grow
			}
			if n := testing.AllocsPerRun(500, tt.f); n != 0 {
				t.Errorf("%v allocations", n)
			}
			if failed != nil {
				t.Fatal(failed)
			}
		})
	}
}

// must is for benchmarks.
func must(t testing.TB, err error) {
	if err != nil {
		t.Helper()
		t.Fatal(err)
	}
}
