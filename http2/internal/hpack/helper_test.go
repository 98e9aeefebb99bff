package hpack_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goquart/quart/http2/internal/hpack"
	xhpack "golang.org/x/net/http2/hpack"
)

// A field is one header field, in the form in which tests compare them.
type field struct {
	name, value string
	sensitive   bool
}

func (f field) String() string {
	return fmt.Sprintf("{%.40q: %.40q (%d bytes) %v}", f.name, f.value, len(f.value), f.sensitive)
}

func pairs(nv ...string) []field {
	var out []field
	for i := 0; i < len(nv); i += 2 {
		out = append(out, field{name: nv[i], value: nv[i+1]})
	}
	return out
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newDecoder(limit uint32) *hpack.Decoder {
	d := new(hpack.Decoder)
	d.Init(limit)
	return d
}

func newEncoder(bound uint32) *hpack.Encoder {
	e := new(hpack.Encoder)
	e.Init(bound)
	return e
}

// decode returns the fields of the block up to an error.
func decode(d *hpack.Decoder, block []byte) (fields []field, err error) {
	err = d.Decode(block, func(name, value []byte, sensitive bool) error {
		fields = append(fields, field{string(name), string(value), sensitive})
		return nil
	})
	return fields, err
}

func mustDecode(t testing.TB, d *hpack.Decoder, block []byte) []field {
	t.Helper()
	fields, err := decode(d, block)
	if err != nil {
		t.Fatalf("Decode(%x): %v", block, err)
	}
	return fields
}

// dynamicTable returns the entries of d's dynamic table, newest first, and their size.
func dynamicTable(d *hpack.Decoder) (entries []field, size int) {
	for i := 62; ; i++ {
		index := []byte{0x80 | byte(i)}
		if i >= 127 {
			index = []byte{0xff, byte(i-127)&0x7f | 0x80, byte((i - 127) >> 7)}
		}
		got, err := decode(d, index)
		if err != nil {
			return entries, size
		}
		entries = append(entries, got...)
		size += len(got[0].name) + len(got[0].value) + 32
	}
}

func sameFields(t testing.TB, what string, got, want []field) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// oracle is the decoder of golang.org/x/net, brought to what the RFC says where the two differ.
type oracle struct{ *xhpack.Decoder }

// newOracle returns one whose table begins with 4,096 bytes, and may get limit.
func newOracle(limit uint32) oracle {
	d := xhpack.NewDecoder(4096, nil)
	d.SetAllowedMaxDynamicTableSize(limit)
	return oracle{d}
}

// decode hands over each of at most two size updates at the beginning as a block of its own, because x/net refuses a second one in a block
// while the table has entries, which RFC 7541, section 4.2 allows.
func (o oracle) decode(block []byte) (fields []field, err error) {
	for range 2 {
		n := updateLen(block)
		if n == 0 {
			break
		}
		if _, err := o.DecodeFull(block[:n]); err != nil {
			return nil, err
		}
		block = block[n:]
	}
	o.SetEmitFunc(func(f xhpack.HeaderField) { fields = append(fields, field{f.Name, f.Value, f.Sensitive}) })
	_, err = o.Write(block)
	return fields, errors.Join(err, o.Close())
}

// updateLen returns the length of the size update that block begins with, or 0.
func updateLen(block []byte) int {
	if len(block) == 0 || block[0]&0xe0 != 0x20 {
		return 0
	}
	if block[0]&0x1f != 0x1f {
		return 1
	}
	for i, c := range block[1:] {
		if c < 0x80 {
			return i + 2
		}
	}
	return len(block)
}
