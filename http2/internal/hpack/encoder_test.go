package hpack_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestEncoderPolicy names the first bytes of what a field becomes, each time it is sent.
func TestEncoderPolicy(t *testing.T) {
	tests := []struct {
		name  string
		field field
		want  []string // one byte each, then the rest is not looked at
	}{
		{"static", field{":status", "404", false}, []string{"8d", "8d", "8d"}},
		{"static, empty value", field{"etag", "", false}, []string{"a2", "a2"}},
		{"static name", field{"content-type", "text/html", false}, []string{"0f10", "5f", "be", "be"}},
		{"other status", field{":status", "418", false}, []string{"08", "48", "be"}},
		{"unknown name", field{"x-a", "b", false}, []string{"00", "40", "be"}},
		{"empty name", field{"", "", false}, []string{"000000", "400000", "be"}},
		{"sensitive", field{"x-a", "b", true}, []string{"10", "10", "10"}},
		{"sensitive, static", field{":method", "GET", true}, []string{"12", "12", "12"}},
		{"set-cookie", field{"set-cookie", "a=b", false}, []string{"1f28", "1f28", "1f28"}},
		{"authorization", field{"authorization", "Basic x", false}, []string{"1f08", "1f08", "1f08"}},
		{"authorization, empty", field{"authorization", "", false}, []string{"1f0800", "1f0800"}},
		{"proxy-authorization", field{"proxy-authorization", "Basic x", false}, []string{"1f22", "1f22"}},
		{"half of the table", field{"x-a", strings.Repeat("~", 2048-35), false}, []string{"00", "40", "be"}},
		{"more than half", field{"x-a", strings.Repeat("~", 2048-34), false}, []string{"00", "00", "00"}},
		{"Huffman not shorter", field{"vary", "~~", false}, []string{"0f2c027e7e", "7b027e7e", "be"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEncoder(4096)
			for i, want := range tt.want {
				got := e.AppendField(nil, []byte(tt.field.name), []byte(tt.field.value), tt.field.sensitive)
				if begin := unhex(t, want); !bytes.HasPrefix(got, begin) || begin[0] >= 0x80 && len(got) != 1 {
					t.Errorf("sent for the %d. time: %x, want %s", i+1, got, want)
				}
			}
		})
	}
}

// TestEncoderNames: a name that only the table has is sent as its index.
func TestEncoderNames(t *testing.T) {
	e := newEncoder(4096)
	for range 2 {
		e.AppendField(nil, []byte("x-long-name"), []byte("1"), false)
	}
	for _, tt := range []struct {
		sensitive bool
		want      string
	}{{false, "0f2f 01 32"}, {true, "1f2f 01 32"}} {
		if got := e.AppendField(nil, []byte("x-long-name"), []byte("2"), tt.sensitive); !bytes.Equal(got, unhex(t, tt.want)) {
			t.Errorf("%x, want %s", got, tt.want)
		}
	}
}

func TestAppendStatus(t *testing.T) {
	e, d := newEncoder(4096), newDecoder(4096)
	for _, status := range []int{100, 103, 200, 201, 204, 206, 302, 304, 400, 404, 418, 500, 503, 599} {
		static := map[int]bool{200: true, 204: true, 206: true, 304: true, 400: true, 404: true, 500: true}[status]
		for i := range 3 {
			block := e.AppendStatus(e.Begin(nil), status)
			sameFields(t, "status", mustDecode(t, d, block), pairs(":status", fmt.Sprint(status)))
			if (static || i == 2) != (len(block) == 1) {
				t.Errorf("status %d, sent for the %d. time: %x", status, i+1, block)
			}
		}
	}
}

// TestAppendResponse lowers ASCII letters, and nothing else, in names of every length.
func TestAppendResponse(t *testing.T) {
	e, d := newEncoder(4096), newDecoder(4096)
	check := func(name string) {
		t.Helper()
		want := []byte(name)
		for i, c := range want {
			if 'A' <= c && c <= 'Z' {
				want[i] += 'a' - 'A'
			}
		}
		in := []byte(name)
		sameFields(t, name, mustDecode(t, d, e.AppendResponse(nil, in, []byte("v"))), pairs(string(want), "v"))
		if string(in) != name {
			t.Errorf("the caller's %q became %q", name, in)
		}
	}
	for c := range 256 {
		check(strings.Repeat(string([]byte{byte(c)}), 9))
	}
	for n := range 140 {
		check(strings.Repeat("X-Name", n)[:n])
	}
}

func TestSetTableSize(t *testing.T) {
	tests := []struct {
		name  string
		bound uint32
		sizes []uint32
		want  string
	}{
		{"nothing changed", 4096, nil, ""},
		{"the same", 4096, []uint32{4096}, ""},
		{"more than our bound", 4096, []uint32{65536}, ""},
		{"our bound is lower", 1024, nil, "3f e1 07"},
		{"our bound is lower, theirs too", 1024, []uint32{2048}, "3f e1 07"},
		{"our bound is higher", 65536, nil, ""},
		{"both higher", 16384, []uint32{65536}, "3f e1 7f"},
		{"less", 4096, []uint32{1024}, "3f e1 07"},
		{"less and less", 4096, []uint32{2048, 1024}, "3f e1 07"},
		{"less and back", 4096, []uint32{0, 4096}, "20 3f e1 1f"},
		{"smallest and last", 4096, []uint32{100, 10, 2048, 1024}, "2a 3f e1 07"},
		{"none", 4096, []uint32{0}, "20"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEncoder(tt.bound)
			for _, n := range tt.sizes {
				e.SetTableSize(n)
			}
			if got := e.Begin(nil); !bytes.Equal(got, unhex(t, tt.want)) {
				t.Errorf("begins with %x, want %s", got, tt.want)
			}
			if got := e.Begin(nil); len(got) > 0 {
				t.Errorf("the next block begins with %x", got)
			}
		})
	}
}

// TestSetTableSizeForgets: a table that was empty in between has nothing, although its size is as before.
func TestSetTableSizeForgets(t *testing.T) {
	e, d := newEncoder(4096), newDecoder(4096)
	send := func() []byte {
		block := e.AppendField(e.Begin(nil), []byte("a"), []byte("b"), false)
		sameFields(t, "field", mustDecode(t, d, block), pairs("a", "b"))
		return block
	}
	send()
	send()
	if got := send(); !bytes.Equal(got, []byte{0xbe}) {
		t.Fatalf("recurring: %x", got)
	}
	e.SetTableSize(0)
	e.SetTableSize(4096)
	if got := send(); len(got) < 5 {
		t.Errorf("after the table was empty: %x", got)
	}
	if got := send(); !bytes.Equal(got, []byte{0xbe}) {
		t.Errorf("recurring again: %x", got)
	}
}

// TestEncoderUnique: fields that occur once, however many, evict nothing.
func TestEncoderUnique(t *testing.T) {
	e := newEncoder(4096)
	for range 2 {
		e.AppendResponse(nil, []byte("Server"), []byte("quart"))
	}
	for i := range 10_000 {
		e.AppendResponse(nil, []byte("ETag"), fmt.Append(nil, "unique ", i))
	}
	if got := e.AppendResponse(nil, []byte("Server"), []byte("quart")); len(got) != 1 {
		t.Errorf("the recurring field became %x", got)
	}
}

// TestEncoderDate: with a date that changes once per second, the others are literals only when the table has been gone round once.
func TestEncoderDate(t *testing.T) {
	e, d := newEncoder(4096), newDecoder(4096)
	sum, literals := 0, 0
	const seconds, each = 600, 20
	for s := range seconds {
		for range each {
			want := pairs(":status", "200", "date", fmt.Sprintf("Mon, 21 Oct 2013 20:%02d:%02d GMT", s/60, s%60), "content-type", "text/html")
			block := e.AppendStatus(e.Begin(nil), 200)
			block = e.AppendResponse(block, []byte("Date"), []byte(want[1].value))
			before := len(block)
			block = e.AppendResponse(block, []byte("Content-Type"), []byte("text/html"))
			if len(block)-before > 2 {
				literals++
			}
			sum += len(block)
			sameFields(t, "block", mustDecode(t, d, block), want)
		}
	}
	if literals > 1+seconds/50 {
		t.Errorf("content-type was a literal %d times", literals)
	}
	if mean := float64(sum) / seconds / each; mean > 6 {
		t.Errorf("%.1f bytes per block", mean)
	}
}

// TestEncoderFull goes round a table full of small entries, whose numbers wrap in what the encoder remembers.
func TestEncoderFull(t *testing.T) {
	e, d := newEncoder(4096), newDecoder(4096)
	var want []field
	for i := range 70_000 {
		f := field{name: "n", value: fmt.Sprint(i % 130)}
		if i > 60_000 {
			f.value = fmt.Sprint(i / 10 % 130)
		}
		block := e.AppendField(nil, []byte(f.name), []byte(f.value), false)
		block = e.AppendField(block, []byte(f.name), []byte(f.value), false)
		want = append(want[:0], f, f)
		if got := mustDecode(t, d, block); !slices.Equal(got, want) {
			t.Fatalf("%d: %v, want %v", i, got, want)
		}
	}
}
