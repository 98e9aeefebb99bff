package batch_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/goquart/quart/batch"
)

// doubler is a run that allocates nothing itself; it is for one worker.
func doubler() func(context.Context, []int) ([]int, error) {
	var out []int
	return func(_ context.Context, in []int) ([]int, error) {
		out = out[:0]
		for _, v := range in {
			out = append(out, 2*v)
		}
		return out, nil
	}
}

func TestAllocsAlone(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := batch.New(doubler(), batch.Config{})
	contexts := map[string]context.Context{"background": context.Background(), "cancelable": t.Context()}
	for name, ctx := range contexts {
		if n := testing.AllocsPerRun(1000, func() {
			if out, err := b.Do(ctx, 4); out != 8 || err != nil {
				t.Fatal(out, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations per Do, want 0", name, n)
		}
	}
}

// What it costs to follow a caller's context is documented.
func TestAllocsAloneDone(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := batch.New(func(ctx context.Context, in []int) ([]int, error) {
		ctx.Done()
		return in, nil
	}, batch.Config{})
	for _, tt := range []struct {
		name string
		ctx  context.Context
		max  float64
	}{
		{"background", context.Background(), 0},
		{"cancelable", t.Context(), 3},
	} {
		if n := testing.AllocsPerRun(1000, func() { _, _ = b.Do(tt.ctx, 4) }); n > tt.max {
			t.Errorf("%s: %v allocations per Do, want at most %v", tt.name, n, tt.max)
		}
	}
}

// A refused call costs nothing either: it happens when there is least to spare.
func TestAllocsRefused(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := batch.New(doubler(), batch.Config{})
	b.Close()
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := b.Do(t.Context(), 4); err != batch.ErrClosed {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per Do, want 0", n)
	}
}

// TestAllocsContended counts the mallocs of many callers: what the first round
// makes, the others use again. Some callers leave while they wait.
func TestAllocsContended(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const callers, calls = 64, 2000
	double := doubler()
	b := batch.New(func(ctx context.Context, in []int) ([]int, error) {
		runtime.Gosched() // lets the others gather
		return double(ctx, in)
	}, batch.Config{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	// leaving seems to end between the entry of Do and its wait
	leaving := &leavingContext{Context: gone}
	round := func() {
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				for j := range calls {
					if j%16 == 0 {
						if out, err := b.Do(leaving, i+j); err != nil && !errors.Is(err, context.Canceled) {
							t.Errorf("Do = %d, %v", out, err)
						}
						continue
					}
					if out, err := b.Do(t.Context(), i+j); out != 2*(i+j) || err != nil {
						t.Errorf("Do = %d, %v", out, err)
					}
				}
			})
		}
		wg.Wait()
	}
	round()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	round()
	runtime.ReadMemStats(&after)
	stats := b.Stats()
	if stats.Largest < 2 || stats.Withdrawn == 0 {
		t.Fatalf("not contended: %+v", stats)
	}
	// The goroutines of the round itself, and cells that a collection took.
	perCall := float64(after.Mallocs-before.Mallocs) / (callers * calls)
	if perCall > 0.05 {
		t.Errorf("%v allocations per Do, want about 0", perCall)
	}
	t.Logf("%d mallocs for %d calls; %+v", after.Mallocs-before.Mallocs, callers*calls, stats)
}

// A leavingContext has ended, which Err does not tell.
type leavingContext struct{ context.Context }

func (*leavingContext) Err() error { return nil }
