package quart

import "sync/atomic"

// Scope is a *Ctx, a *StreamWriter, an *EventStream or a *Socket: what a Key's values belong to. Values set on a Ctx
// move on with the stream that it becomes.
type Scope interface{ scope() *slots }

// Key names a value of type T that belongs to one request. (Flask: an attribute of g.)
// Set and Get allocate nothing once a pooled Ctx has held a T before.
type Key[T any] struct {
	index int
	name  *string
}

var keyCount atomic.Int32

// NewKey makes a key. Call it at package level only: keys are never freed, and every pooled
// Ctx grows by one slot for each. The name is for Must's panic.
func NewKey[T any](name string) Key[T] {
	return Key[T]{index: int(keyCount.Add(1)) - 1, name: &name}
}

// slots holds the values of one Scope, by Key.index. The cells stay when a Ctx is pooled;
// what they hold is zeroed.
type slots struct {
	cells []cell
	used  []int32 // the indexes to clear
}

type cell interface{ clear() }

type box[T any] struct {
	value T
	set   bool
}

func (b *box[T]) clear() { *b = box[T]{} }

// Set stores v until the request, or the stream it becomes, is over.
func (k Key[T]) Set(s Scope, v T) {
	sl := s.scope()
	for k.index >= len(sl.cells) {
		sl.cells = append(sl.cells, nil)
	}
	b, _ := sl.cells[k.index].(*box[T])
	if b == nil {
		b = new(box[T])
		sl.cells[k.index] = b
	}
	if !b.set {
		sl.used = append(sl.used, int32(k.index))
	}
	b.value, b.set = v, true
}

// Get returns the value and whether one was set.
func (k Key[T]) Get(s Scope) (T, bool) {
	if sl := s.scope(); k.index < len(sl.cells) {
		if b, _ := sl.cells[k.index].(*box[T]); b != nil {
			return b.value, b.set
		}
	}
	var zero T
	return zero, false
}

// Must returns the value and panics when none was set: a middleware is missing.
func (k Key[T]) Must(s Scope) T {
	v, ok := k.Get(s)
	if !ok {
		panic("quart: no value for key " + *k.name)
	}
	return v
}

func (s *slots) reset() {
	for _, i := range s.used {
		s.cells[i].clear()
	}
	s.used = s.used[:0]
}
