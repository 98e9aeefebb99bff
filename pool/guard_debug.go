//go:build quartdebug

package pool

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"weak"
)

// Debug reports whether the program was built with the tag quartdebug.
const Debug = true

// A Guard is described in guard.go, as are its methods.
type Guard struct{ life atomic.Pointer[life] }

// Acquired panics when the object has a holder.
func (g *Guard) Acquired() { g.acquired(1) }

// Released panics when the object was released before.
func (g *Guard) Released() { g.released(1) }

// Check panics when the object was released.
func (g *Guard) Check(what string) {
	if l := g.life.Load(); l != nil && l.released != nil {
		panic(l.report("use of a released " + what))
	}
}

// acquired is Acquired for a caller that is skip frames away from the place to
// be named.
func (g *Guard) acquired(skip int) {
	was := g.life.Load()
	if was != nil && was.released == nil {
		panic(was.report("acquire of an object that has a holder"))
	}
	if !g.life.CompareAndSwap(was, &life{acquired: callers(skip + 1)}) {
		panic("pool: acquire of an object that another goroutine acquires or releases")
	}
}

// released is Released, with skip as in acquired.
func (g *Guard) released(skip int) {
	was := g.life.Load()
	now := &life{released: callers(skip + 1)}
	if was != nil {
		if was.released != nil {
			panic(was.report("second release of an object"))
		}
		now.acquired = was.acquired
	}
	if !g.life.CompareAndSwap(was, now) {
		panic("pool: release of an object that another goroutine acquires or releases")
	}
}

// ledger remembers the life of each value that a Pool handed out, for as long as
// the value is in memory.
type ledger[T any] struct {
	mu    sync.Mutex
	lives map[weak.Pointer[T]]life
}

// acquire returns a new value and enters it.
func (l *ledger[T]) acquire() *T {
	// The padding gives each value an address of its own: T may be of size 0,
	// or so small that several share a block.
	box := new(struct {
		value T
		_     [16]byte
	})
	x := &box.value
	key := weak.Make(x)
	runtime.AddCleanup(x, l.forget, key)

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lives == nil {
		l.lives = make(map[weak.Pointer[T]]life)
	}
	l.lives[key] = life{acquired: callers(2)}
	return x
}

// release marks x as released, or panics when it is not the caller's to release.
func (l *ledger[T]) release(x *T) {
	key := weak.Make(x)
	l.mu.Lock()
	defer l.mu.Unlock()
	was, known := l.lives[key]
	if !known {
		panic(fmt.Sprintf("pool: Put of a %s that did not come from this pool", reflect.TypeFor[*T]()))
	}
	if was.released != nil {
		panic(was.report(fmt.Sprintf("second Put of a %s", reflect.TypeFor[*T]())))
	}
	was.released = callers(2)
	l.lives[key] = was
}

// forget drops what is known of a value that was garbage collected.
func (l *ledger[T]) forget(key weak.Pointer[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.lives, key)
}

// poison overwrites b to its capacity.
func poison(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = Poison
	}
}

// A life is where an object was acquired and released. A published life does not
// change.
type life struct{ acquired, released *stack }

// report returns the message of a panic: the misuse and both places on the first
// line, then the stacks.
func (l *life) report(misuse string) string {
	var b strings.Builder
	b.WriteString("pool: ")
	b.WriteString(misuse)
	separator := "; "
	if l.acquired != nil {
		b.WriteString(separator + "acquired at " + l.acquired.place())
		separator = ", "
	}
	if l.released != nil {
		b.WriteString(separator + "released at " + l.released.place())
	}
	if l.acquired != nil {
		b.WriteString("\nacquired by:\n" + l.acquired.String())
	}
	if l.released != nil {
		b.WriteString("\nreleased by:\n" + l.released.String())
	}
	return b.String()
}

// A stack is the innermost calls at some moment.
type stack struct {
	pcs [8]uintptr
	n   int
}

// callers returns the stack of the function that called it, less its innermost
// skip frames.
func callers(skip int) *stack {
	s := new(stack)
	s.n = runtime.Callers(skip+2, s.pcs[:])
	return s
}

// place returns the file:line of the innermost call.
func (s *stack) place() string {
	frame, _ := runtime.CallersFrames(s.pcs[:s.n]).Next()
	return fmt.Sprintf("%s:%d", frame.File, frame.Line)
}

// String returns a line for each function and an indented one for its place, as
// panics print them.
func (s *stack) String() string {
	var b strings.Builder
	frames := runtime.CallersFrames(s.pcs[:s.n])
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		fmt.Fprintf(&b, "%s\n\t%s:%d\n", frame.Function, frame.File, frame.Line)
	}
	return b.String()
}
