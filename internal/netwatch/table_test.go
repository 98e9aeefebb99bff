package netwatch

import (
	"math/bits"
	"reflect"
	"testing"
)

func TestTable(t *testing.T) {
	var tab table[string]
	a, b := tab.add("a"), tab.add("b")
	if a == 0 || b == 0 || a == b {
		t.Fatalf("handles %#x, %#x", a, b)
	}
	take := func(h Handle, want string, wantOK bool) {
		t.Helper()
		if got, ok := tab.take(h); got != want || ok != wantOK {
			t.Errorf("take(%#x) = %q, %v, want %q, %v", h, got, ok, want, wantOK)
		}
	}
	take(0, "", false)
	take(handle(2, 1), "", false) // beyond the end
	take(handle(0, 2), "", false) // a generation to come
	take(a, "a", true)
	take(a, "", false)
	take(handle(a.index(), a.gen()+1), "", false) // the right generation of a free slot

	c := tab.add("c")
	if c.index() != a.index() || c == a {
		t.Errorf("handle %#x after %#x: want the same slot, another generation", c, a)
	}
	take(a, "", false)
	take(c, "c", true)
	take(b, "b", true)
	if tab.used != 0 {
		t.Errorf("used = %d at the end", tab.used)
	}
	for i, s := range tab.slots {
		if s.value != "" {
			t.Errorf("slot %d keeps %q", i, s.value)
		}
	}
}

func TestTableReuse(t *testing.T) {
	var tab table[int]
	for range 1000 {
		var hs [10]Handle
		for i := range hs {
			hs[i] = tab.add(i)
		}
		for i, h := range hs {
			if v, ok := tab.take(h); !ok || v != i {
				t.Fatalf("take(%#x) = %d, %v, want %d", h, v, ok, i)
			}
		}
	}
	if n := len(tab.slots); n != 10 {
		t.Errorf("%d slots for 10 at the same time", n)
	}
}

// A generation that wraps around skips 0, which the zero Handle has.
func TestTableWrap(t *testing.T) {
	var tab table[int]
	tab.take(tab.add(0))
	tab.slots[0].gen = 1<<32 - 1
	last := tab.add(1)
	if _, ok := tab.take(last); !ok {
		t.Fatal("the last generation is not found")
	}
	if h := tab.add(2); h != handle(0, 1) {
		t.Errorf("handle %#x after the last generation", h)
	}
	if _, ok := tab.take(0); ok {
		t.Error("the zero Handle names a watch")
	}
}

// The memory that the package's documentation names.
func TestSlotSize(t *testing.T) {
	if bits.UintSize != 64 {
		t.Skip("sizes are documented for 64 bits")
	}
	if n := reflect.TypeFor[slot[Gone]]().Size(); n != 24 {
		t.Errorf("a slot takes %d bytes, documented are 24", n)
	}
}
