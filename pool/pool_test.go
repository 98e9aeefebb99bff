package pool_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/goquart/quart/pool"
)

type film struct {
	title string
	cast  []string
}

func resetFilm(f *film) {
	f.title = ""
	clear(f.cast)
	f.cast = f.cast[:0]
}

// skipUnlessReused skips a test that relies on what was put back coming out
// again: the race detector drops some at random and quartdebug drops all.
func skipUnlessReused(t *testing.T) {
	t.Helper()
	if raceEnabled || pool.Debug {
		t.Skip("nothing is reliably reused under the race detector and quartdebug")
	}
}

// onOneP keeps the test on a single P, where a sync.Pool returns what was put
// last.
func onOneP(t *testing.T) {
	t.Helper()
	before := runtime.GOMAXPROCS(1)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

func TestPoolGetIsZeroAtFirst(t *testing.T) {
	p := pool.New(resetFilm)
	if f := p.Get(); f == nil || f.title != "" || f.cast != nil {
		t.Errorf("Get() = %+v, want a zero film", f)
	}
}

func TestPoolPutResets(t *testing.T) {
	p := pool.New(resetFilm)
	f := p.Get()
	f.title, f.cast = "Heat", append(f.cast, "Pacino", "De Niro")
	p.Put(f)
	if f.title != "" || len(f.cast) != 0 || f.cast[:1][0] != "" {
		t.Errorf("after Put the film is %+v with %q kept, want it reset", f, f.cast[:1])
	}
}

func TestPoolReuses(t *testing.T) {
	skipUnlessReused(t)
	onOneP(t)
	p := pool.New(resetFilm)
	f := p.Get()
	f.cast = make([]string, 1, 8)
	p.Put(f)
	again := p.Get()
	if again != f || cap(again.cast) != 8 {
		t.Errorf("Get() = %p with capacity %d, want %p with 8", again, cap(again.cast), f)
	}
	if other := p.Get(); other == f {
		t.Error("Get returned a value that has a holder")
	}
}

func TestPoolWithoutHook(t *testing.T) {
	p := pool.New[film](nil)
	f := p.Get()
	f.title = "Heat"
	p.Put(f)
	if f.title != "Heat" {
		t.Errorf("title = %q after Put without a hook, want it untouched", f.title)
	}
}

func TestPoolAllocs(t *testing.T) {
	skipUnlessReused(t)
	p := pool.New(resetFilm)
	p.Put(p.Get())
	got := testing.AllocsPerRun(1000, func() {
		f := p.Get()
		f.title = "Heat"
		p.Put(f)
	})
	if got != 0 {
		t.Errorf("Get and Put: %v allocs, want 0", got)
	}
}

// TestPoolConcurrent fails when two goroutines hold one value: each finds its own
// writes intact, and the race detector sees any other.
func TestPoolConcurrent(t *testing.T) {
	p := pool.New(func(n *int) { *n = 0 })
	var wg sync.WaitGroup
	for id := 1; id <= 8; id++ {
		wg.Go(func() {
			for range 500 {
				n := p.Get()
				if *n != 0 {
					t.Errorf("Get() = %d, want 0", *n)
					return
				}
				*n = id
				runtime.Gosched()
				if *n != id {
					t.Errorf("goroutine %d finds %d in the value that it holds", id, *n)
					return
				}
				p.Put(n)
			}
		})
	}
	wg.Wait()
}
