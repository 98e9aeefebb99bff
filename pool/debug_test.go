//go:build quartdebug

package pool_test

import (
	"bytes"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/goquart/quart/pool"
)

// here returns the file:line of its caller, less back lines.
func here(back int) string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", file, line-back)
}

// panicOf returns the message with which f panics, or "".
func panicOf(f func()) (message string) {
	defer func() {
		if r := recover(); r != nil {
			message = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

// wantFirstLine compares the message up to its stacks.
func wantFirstLine(t *testing.T, message, want string) {
	t.Helper()
	if first, _, _ := strings.Cut(message, "\n"); first != want {
		t.Errorf("panic = %q,\nwant    %q", first, want)
	}
}

func TestDebugPoolNeverReuses(t *testing.T) {
	p := pool.New(resetFilm)
	seen := make(map[*film]bool) // keeps all in memory: no address can return
	for range 100 {
		f := p.Get()
		if seen[f] {
			t.Fatal("Get returned a released value")
		}
		seen[f] = true
		p.Put(f)
	}
}

func TestDebugPoolSecondPut(t *testing.T) {
	resets := 0
	p := pool.New(func(*film) { resets++ })
	f := p.Get()
	acquired := here(1)
	p.Put(f)
	released := here(1)

	got := panicOf(func() { p.Put(f) })
	wantFirstLine(t, got, "pool: second Put of a *pool_test.film; acquired at "+acquired+", released at "+released)
	if resets != 1 {
		t.Errorf("the hook ran %d times, want 1", resets)
	}
}

func TestDebugPoolForeignPut(t *testing.T) {
	p, other := pool.New(resetFilm), pool.New(resetFilm)
	want := "pool: Put of a *pool_test.film that did not come from this pool"
	for name, f := range map[string]*film{"literal": {}, "other pool": other.Get(), "nil": nil} {
		t.Run(name, func(t *testing.T) {
			wantFirstLine(t, panicOf(func() { p.Put(f) }), want)
		})
	}
}

// TestDebugPoolTellsEmptyValuesApart uses types whose values could share an
// address or a block.
func TestDebugPoolTellsEmptyValuesApart(t *testing.T) {
	empty := pool.New[struct{}](nil)
	a, b := empty.Get(), empty.Get()
	empty.Put(a)
	empty.Put(b)

	tiny := pool.New[byte](nil)
	c, d := tiny.Get(), tiny.Get()
	tiny.Put(c)
	tiny.Put(d)
	if got := panicOf(func() { tiny.Put(c) }); !strings.Contains(got, "second Put of a *uint8") {
		t.Errorf("panic = %q", got)
	}
}

// TestDebugPoolForgets fails when bookkeeping keeps values, or itself, in memory.
func TestDebugPoolForgets(t *testing.T) {
	p := pool.New(resetFilm)
	for i := range 100 {
		if f := p.Get(); i%2 == 0 {
			p.Put(f)
		}
	}
	for range 1000 {
		if runtime.GC(); pool.Known(p) == 0 {
			return
		}
		runtime.Gosched() // cleanups run on a goroutine of their own
	}
	t.Errorf("%d of 100 values are still known", pool.Known(p))
}

func TestDebugBufferIsPoisoned(t *testing.T) {
	for _, n := range []int{0, 4096, pool.MaxBuffer + 1} {
		b := pool.GetBuffer(n)
		b.WriteString("secret")
		kept := b.B
		whole := b.B[:cap(b.B)]
		pool.PutBuffer(b)
		if want := strings.Repeat("\xdb", 6); string(kept) != want || string(b.B) != want {
			t.Errorf("after PutBuffer the slice reads %q and B reads %q", kept, b.B)
		}
		if bytes.Count(whole, []byte{pool.Poison}) != len(whole) {
			t.Errorf("the buffer of %d bytes is not poisoned to its capacity", n)
		}
		if again := pool.GetBuffer(n); again == b {
			t.Error("GetBuffer returned a released buffer")
		}
	}
}

func TestDebugBufferUseAfterRelease(t *testing.T) {
	b := pool.GetBuffer(0)
	acquired := here(1)
	pool.PutBuffer(b)
	released := here(1)
	places := "; acquired at " + acquired + ", released at " + released

	uses := map[string]func(){
		"Write":       func() { b.Write(nil) },
		"WriteString": func() { b.WriteString("") },
		"WriteByte":   func() { b.WriteByte(0) },
		"Reset":       b.Reset,
		"Len":         func() { b.Len() },
	}
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			wantFirstLine(t, panicOf(use), "pool: use of a released Buffer"+places)
		})
	}
	t.Run("PutBuffer", func(t *testing.T) {
		wantFirstLine(t, panicOf(func() { pool.PutBuffer(b) }), "pool: second release of an object"+places)
	})
}

func TestDebugBufferFromLiteral(t *testing.T) {
	b := &pool.Buffer{}
	b.WriteString("never acquired")
	pool.PutBuffer(b)
	released := here(1)
	wantFirstLine(t, panicOf(b.Reset), "pool: use of a released Buffer; released at "+released)
}

func TestDebugGuard(t *testing.T) {
	var g pool.Guard
	if got := panicOf(func() { g.Check("Ctx") }); got != "" {
		t.Fatalf("Check of a Guard without history panics: %s", got)
	}
	g.Acquired()
	acquired := here(1)
	if got := panicOf(func() { g.Check("Ctx") }); got != "" {
		t.Fatalf("Check while held panics: %s", got)
	}
	wantFirstLine(t, panicOf(g.Acquired), "pool: acquire of an object that has a holder; acquired at "+acquired)

	g.Released()
	places := "; acquired at " + acquired + ", released at " + here(1)
	wantFirstLine(t, panicOf(func() { g.Check("Ctx") }), "pool: use of a released Ctx"+places)
	wantFirstLine(t, panicOf(g.Released), "pool: second release of an object"+places)

	g.Acquired()
	if got := panicOf(func() { g.Check("Ctx") }); got != "" {
		t.Errorf("Check after a second Acquired panics: %s", got)
	}
}

// TestDebugGuardStacks wants to see who called the function that acquired, since
// that function is the same for all.
func TestDebugGuardStacks(t *testing.T) {
	var g pool.Guard
	serveForTest(&g)
	got := panicOf(func() { g.Check("Ctx") })
	want := regexp.MustCompile(`(?s)\nacquired by:\n\S+acquireForTest\n\t\S+debug_test.go:\d+\n\S+serveForTest\n` +
		`.*\nreleased by:\n\S+serveForTest\n\t\S+debug_test.go:\d+\n`)
	if !want.MatchString(got) {
		t.Errorf("panic = %s\nwant it to match %s", got, want)
	}
}

func serveForTest(g *pool.Guard) {
	acquireForTest(g)
	g.Released()
}

func acquireForTest(g *pool.Guard) { g.Acquired() }

// TestDebugGuardConcurrent uses a Guard from a goroutine that outlives the holder,
// which is the mistake that it is there for.
func TestDebugGuardConcurrent(t *testing.T) {
	var g pool.Guard
	g.Acquired()
	var wg sync.WaitGroup
	late := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			panicOf(func() { g.Check("Ctx") }) // either side of Released
			<-late
			if panicOf(func() { g.Check("Ctx") }) == "" {
				t.Error("a late Check did not panic")
			}
		})
	}
	g.Released()
	close(late)
	wg.Wait()
}
