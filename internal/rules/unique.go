package rules

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"reflect"
	"sync"
	"time"
)

// DetailRepeated is what Value says of a list that uniqueItems refuses.
const DetailRepeated = "must not repeat an item"

func uniqueTest(t reflect.Type) (test, error) {
	if !isList(t) {
		return nil, errNotFor(t, "slices and arrays")
	}
	if why := incomparable(t.Elem()); why != "" {
		return nil, fmt.Errorf("does not fit %s: %s cannot be compared", typeName(t), why)
	}
	return when(DetailRepeated, unique), nil
}

// incomparable returns what in t cannot be compared by content, "" for nothing.
func incomparable(t reflect.Type) string { return incomparableIn(t, false, nil) }

// incomparableIn knows whether t is in a field that is not exported, where no method of a time can be called, and the types around it: one
// that holds itself may hold a circle.
func incomparableIn(t reflect.Type, hidden bool, around []reflect.Type) string {
	if t == timeType {
		if hidden {
			return "a time.Time that is not exported"
		}
		return ""
	}
	for _, outer := range around {
		if outer == t {
			return typeName(t) + ", which holds itself,"
		}
	}
	around = append(around, t)
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return incomparableIn(t.Elem(), hidden, around)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if why := incomparableIn(f.Type, hidden || !f.IsExported() && !f.Anonymous, around); why != "" {
				return why
			}
		}
	case reflect.Map, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return typeName(t)
	}
	return ""
}

const (
	fewItems  = 8       // up to here each is compared with each
	keptSlots = 1 << 16 // of an idle table: 512 KiB
)

// table finds equal items by their hashes. A slot has the upper half of a hash, and the index of its item plus 1 as the lower.
type table struct{ slots []uint64 }

var (
	tables = sync.Pool{New: func() any { return new(table) }}
	seed   = maphash.MakeSeed() // so that nobody can send items of one hash
)

// unique reports whether no two elements are equal, in a time that grows as the list does.
func unique(list reflect.Value) bool {
	n := list.Len()
	if n <= fewItems {
		return uniqueFew(list, n)
	}
	size := 1 << bits.Len(uint(2*n-1))
	t := tables.Get().(*table)
	if cap(t.slots) < size {
		t.slots = make([]uint64, size)
	}
	ok := uniqueHashed(list, n, t.slots[:size])
	if cap(t.slots) > keptSlots {
		t.slots = nil
	}
	tables.Put(t)
	return ok
}

func uniqueFew(list reflect.Value, n int) bool {
	for i := 1; i < n; i++ {
		item := list.Index(i)
		for j := range i {
			if equal(list.Index(j), item) {
				return false
			}
		}
	}
	return true
}

// uniqueHashed uses slots, at least twice as many as items and a power of 2, as an open hash table.
func uniqueHashed(list reflect.Value, n int, slots []uint64) bool {
	clear(slots)
	var h maphash.Hash
	h.SetSeed(seed)
	for i := range n {
		item := list.Index(i)
		h.Reset()
		hash(&h, item)
		sum := h.Sum64()
		upper := sum &^ math.MaxUint32
		at := int(sum) & (len(slots) - 1)
		for ; slots[at] != 0; at = (at + 1) & (len(slots) - 1) {
			if slot := slots[at]; slot&^math.MaxUint32 == upper && equal(list.Index(int(slot&math.MaxUint32)-1), item) {
				return false
			}
		}
		slots[at] = upper | uint64(i+1)
	}
	return true
}

// equal compares by content, as JSON Schema does: pointers by what they point to, 0 with -0, times as instants. NaN is
// equal to itself, lest many of them take quadratic time.
func equal(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.String:
		return a.String() == b.String()
	case reflect.Bool:
		return a.Bool() == b.Bool()
	case reflect.Float32, reflect.Float64:
		x, y := a.Float(), b.Float()
		return x == y || x != x && y != y
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() && b.IsNil()
		}
		return equal(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.IsNil() != b.IsNil() {
			return false
		}
		return equalItems(a, b)
	case reflect.Array:
		return equalItems(a, b)
	case reflect.Struct:
		return equalStructs(a, b)
	}
	if a.CanInt() {
		return a.Int() == b.Int()
	}
	return a.Uint() == b.Uint()
}

func equalItems(a, b reflect.Value) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		if !equal(a.Index(i), b.Index(i)) {
			return false
		}
	}
	return true
}

func equalStructs(a, b reflect.Value) bool {
	if a.Type() == timeType {
		return timeOf(a).Equal(timeOf(b))
	}
	for i := range a.NumField() {
		if !equal(a.Field(i), b.Field(i)) {
			return false
		}
	}
	return true
}

// timeOf allocates only where v is not in a variable, such as an array that was passed by value.
func timeOf(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

// hash writes what equal compares. Lengths go first: without them ["a","bc"] and ["ab","c"] were the same.
func hash(h *maphash.Hash, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		s := v.String()
		hashUint(h, uint64(len(s)))
		_, _ = h.WriteString(s)
	case reflect.Bool:
		hashUint(h, uint64(index(v.Bool())))
	case reflect.Float32, reflect.Float64:
		hashFloat(h, v.Float())
	case reflect.Pointer:
		hashUint(h, uint64(index(v.IsNil())))
		if !v.IsNil() {
			hash(h, v.Elem())
		}
	case reflect.Slice:
		hashUint(h, uint64(index(v.IsNil())))
		hashItems(h, v)
	case reflect.Array:
		hashItems(h, v)
	case reflect.Struct:
		hashStruct(h, v)
	default:
		if v.CanInt() {
			hashUint(h, uint64(v.Int()))
			return
		}
		hashUint(h, v.Uint())
	}
}

func hashItems(h *maphash.Hash, v reflect.Value) {
	n := v.Len()
	hashUint(h, uint64(n))
	for i := range n {
		hash(h, v.Index(i))
	}
}

func hashStruct(h *maphash.Hash, v reflect.Value) {
	if v.Type() == timeType {
		t := timeOf(v)
		hashUint(h, uint64(t.Unix()))
		hashUint(h, uint64(t.Nanosecond()))
		return
	}
	for i := range v.NumField() {
		hash(h, v.Field(i))
	}
}

func hashFloat(h *maphash.Hash, f float64) {
	switch {
	case f == 0:
		f = 0 // not -0
	case f != f:
		f = math.NaN()
	}
	hashUint(h, math.Float64bits(f))
}

func hashUint(h *maphash.Hash, n uint64) {
	var b [8]byte
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
	_, _ = h.Write(b[:])
}
