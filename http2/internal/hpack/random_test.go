package hpack_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	xhpack "golang.org/x/net/http2/hpack"
)

// xEncode appends to dst what x/net's encoder makes of the fields, as the first block of a connection.
func xEncode(t testing.TB, dst []byte, fields []field) []byte {
	t.Helper()
	var b bytes.Buffer
	e := xhpack.NewEncoder(&b)
	for _, f := range fields {
		if err := e.WriteField(xhpack.HeaderField{Name: f.name, Value: f.value, Sensitive: f.sensitive}); err != nil {
			t.Fatal(err)
		}
	}
	return append(dst, b.Bytes()...)
}

var someNames = []string{
	":status", ":path", "content-type", "date", "x-request-id", "set-cookie", "authorization", "etag", "a", "", "vary", "x-" + string(make([]byte, 70)),
}

// someField draws fields that recur, with others between them.
func someField(r *rand.Rand) field {
	f := field{name: someNames[r.IntN(len(someNames))], sensitive: r.IntN(20) == 0}
	switch r.IntN(5) {
	case 0:
		f.value = fmt.Sprint(r.Uint64())
	case 1:
		b := make([]byte, r.IntN(300))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.value = string(b)
	case 2:
		f.value = string(bytes.Repeat([]byte("v"), r.IntN(3)*r.IntN(2500)))
	default:
		f.value = fmt.Sprintf("value %d", r.IntN(10))
	}
	return f
}

// neverIndexed says what the encoder marks as sensitive.
func neverIndexed(f field) field {
	f.sensitive = f.sensitive || f.name == "set-cookie" || f.name == "authorization"
	return f
}

// TestRandomEncoder: x/net and our own decoder read what the encoder writes.
func TestRandomEncoder(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		e, d, x := newEncoder(4096), newDecoder(4096), newOracle(4096)
		for range 40 {
			for range max(0, r.IntN(10)-7) {
				e.SetTableSize(uint32(r.IntN(6000)))
			}
			block, want := e.Begin(nil), []field(nil)
			for range r.IntN(12) {
				f := someField(r)
				if r.IntN(2) == 0 {
					block = e.AppendField(block, []byte(f.name), []byte(f.value), f.sensitive)
				} else {
					f.sensitive = false
					block = e.AppendResponse(block, bytes.ToUpper([]byte(f.name)), []byte(f.value))
				}
				want = append(want, neverIndexed(f))
			}
			got, err := x.decode(block)
			if err != nil {
				t.Fatalf("seed %d: x/net: %v", seed, err)
			}
			sameFields(t, fmt.Sprintf("seed %d: x/net", seed), got, want)
			sameFields(t, fmt.Sprintf("seed %d", seed), mustDecode(t, d, block), want)
		}
	}
}

// TestRandomDecoder: the decoder reads what x/net's encoder writes.
func TestRandomDecoder(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		d, b := newDecoder(8192), bytes.Buffer{}
		e := xhpack.NewEncoder(&b)
		e.SetMaxDynamicTableSizeLimit(8192)
		for range 60 {
			b.Reset()
			for range max(0, r.IntN(12)-9) {
				e.SetMaxDynamicTableSize(uint32(r.IntN(9000)))
			}
			var want []field
			for range 1 + r.IntN(12) {
				f := someField(r)
				if err := e.WriteField(xhpack.HeaderField{Name: f.name, Value: f.value, Sensitive: f.sensitive}); err != nil {
					t.Fatal(err)
				}
				want = append(want, f)
			}
			sameFields(t, fmt.Sprintf("seed %d", seed), mustDecode(t, d, bytes.Clone(b.Bytes())), want)
		}
		if held := d.Bytes(); held > 8192+256*12 {
			t.Errorf("seed %d: %d bytes held", seed, held)
		}
	}
}
