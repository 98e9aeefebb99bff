package pool

import "sync"

// A Pool keeps idle values of type T for their next use. It is a [sync.Pool]
// with a type and a reset hook: idle values may vanish at any garbage
// collection, and there is no limit to their number.
//
// Pools are made by [New]; the zero value is not usable. A Pool is safe for
// concurrent use and must not be copied.
type Pool[T any] struct {
	ledger ledger[T] // of size 0 without the tag quartdebug
	idle   sync.Pool
	reset  func(*T)
}

// New returns an empty Pool. Each [Pool.Put] calls reset, if it is not nil, to
// drop what the value refers to; memory that is worth keeping may stay in it.
func New[T any](reset func(*T)) *Pool[T] {
	p := &Pool[T]{reset: reset}
	p.idle.New = func() any { return new(T) }
	return p
}

// Get returns an idle value as the reset hook left it, or else a new zero T. The
// caller holds it until it calls [Pool.Put]; a value that is never put back is
// left to the garbage collector.
//
// It does not allocate while an idle value is at hand. With the tag quartdebug
// it always returns a new one.
func (p *Pool[T]) Get() *T {
	if Debug {
		return p.ledger.acquire()
	}
	return p.idle.Get().(*T) // perf: small enough to be inlined, BenchmarkPool
}

// Put calls the reset hook with x and makes x available to [Pool.Get]. x must be
// held by the caller, not nil, and must not be used afterwards.
//
// It does not allocate. With the tag quartdebug it panics when x was put back
// before or did not come from this pool, and drops x.
func (p *Pool[T]) Put(x *T) {
	if Debug {
		p.ledger.release(x)
	}
	if p.reset != nil {
		p.reset(x)
	}
	if Debug {
		return
	}
	p.idle.Put(x)
}
