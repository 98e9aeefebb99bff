package bytesconv_test

import (
	"bytes"
	"strings"
	"testing"
	"unsafe"

	"github.com/goquart/quart/internal/bytesconv"
)

var (
	sinkString string
	sinkBytes  []byte
)

func TestString(t *testing.T) {
	for _, in := range [][]byte{nil, {}, []byte("a"), []byte("héllo\x00\xff")} {
		if got := bytesconv.String(in); got != string(in) {
			t.Errorf("String(%q) = %q", in, got)
		}
	}
	b := []byte("shared")
	s := bytesconv.String(b)
	b[0] = 'S'
	if s != "Shared" {
		t.Errorf("String copied its argument: %q", s)
	}
}

func TestBytes(t *testing.T) {
	for _, in := range []string{"", "a", "héllo\x00\xff"} {
		if got := bytesconv.Bytes(in); string(got) != in {
			t.Errorf("Bytes(%q) = %q", in, got)
		}
	}
	if bytesconv.Bytes("") != nil {
		t.Error(`Bytes("") is not nil`)
	}
	s := strings.Clone("shared")
	b := bytesconv.Bytes(s)
	if unsafe.SliceData(b) != unsafe.StringData(s) {
		t.Error("Bytes copied its argument")
	}
	if cap(b) != len(s) {
		t.Errorf("cap %d, want %d: an append would write behind the string", cap(b), len(s))
	}
	if grown := append(b, '!'); s != "shared" || !bytes.Equal(grown, []byte("shared!")) {
		t.Errorf("append wrote into the string: %q, %q", s, grown)
	}
}

func TestAllocs(t *testing.T) {
	b := bytes.Repeat([]byte("x"), 100)
	s := strings.Repeat("x", 100)
	if n := testing.AllocsPerRun(100, func() {
		sinkString = bytesconv.String(b)
		sinkBytes = bytesconv.Bytes(s)
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestFuncPointer(t *testing.T) {
	make := func(n int) func() int { return func() int { return n } }
	one, two := make(1), make(1)
	if bytesconv.FuncPointer(one) == bytesconv.FuncPointer(two) {
		t.Error("two closures have one pointer")
	}
	if same := one; bytesconv.FuncPointer(same) != bytesconv.FuncPointer(one) {
		t.Error("a copy of a function value has another pointer")
	}
}
