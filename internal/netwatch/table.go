package netwatch

import "math"

// A table holds the watches. A handle is the index of a slot and the generation of its content: the kernel may still
// hold events of watches that ended, also of descriptors that carry another connection now, and a handle of an older
// generation finds nothing.
//
// Slots are reused, so that the table is as long as there were watches at the same time. It has no lock of its own.
type table[T any] struct {
	slots []slot[T]
	free  uint32 // 1 + index of the first free slot, 0 for none
	used  int
}

type slot[T any] struct {
	value T
	gen   uint32 // never 0, so that no handle is
	next  uint32 // of the free list; taken in a slot in use
}

const taken = math.MaxUint32

func handle(index, gen uint32) Handle { return Handle(gen)<<32 | Handle(index) }

func (h Handle) index() uint32 { return uint32(h) }
func (h Handle) gen() uint32   { return uint32(h >> 32) }

func (t *table[T]) add(value T) Handle {
	t.used++
	if t.free == 0 {
		t.slots = append(t.slots, slot[T]{value: value, gen: 1, next: taken})
		return handle(uint32(len(t.slots)-1), 1)
	}
	i := t.free - 1
	s := &t.slots[i]
	t.free = s.next
	s.value, s.next = value, taken
	return handle(i, s.gen)
}

// take removes what h names and returns it.
func (t *table[T]) take(h Handle) (value T, ok bool) {
	i := h.index()
	if uint64(i) >= uint64(len(t.slots)) {
		return value, false
	}
	s := &t.slots[i]
	if s.gen != h.gen() || s.next != taken {
		return value, false
	}
	var zero T
	value, s.value = s.value, zero
	s.gen = max(s.gen+1, 1) // a stale event would have to outlive four billion watches of one slot
	s.next, t.free = t.free, i+1
	t.used--
	return value, true
}
