package batch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart/batch"
)

// A ticket says what run shall do with it. It is unique, so that an answer that
// is another's shows.
type ticket struct {
	id   int
	kind int
}

const (
	fine = iota
	single1
	whole
	panics
	exits
	down
	short
	kinds
)

type ticketError struct{ id int }

func (e ticketError) Error() string { return fmt.Sprint("ticket ", e.id) }

// stormRun does what the worst ticket of the batch asks for.
func stormRun(ctx context.Context, in []ticket) ([]string, error) {
	worst := slices.MaxFunc(in, func(a, b ticket) int { return a.kind - b.kind })
	for range rand.IntN(4) {
		runtime.Gosched()
	}
	switch worst.kind {
	case whole:
		return nil, ticketError{worst.id}
	case panics:
		panic(worst)
	case exits:
		if len(in) > 1 { // alone it would end the test's own goroutine
			runtime.Goexit()
		}
	case down:
		return nil, batch.All(ticketError{worst.id})
	case short:
		return make([]string, len(in)+1), nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var errs batch.Errors
	out := make([]string, len(in))
	for i, t := range in {
		out[i] = fmt.Sprint("answer ", t.id)
		if t.kind == single1 {
			if errs == nil {
				errs = make(batch.Errors, len(in))
			}
			errs[i] = ticketError{t.id}
		}
	}
	clear(in) // nobody may rely on it afterwards
	return out, errs
}

// plausible checks what a ticket got: its own result, its own error, or one
// that concerns all of its batch.
func plausible(t ticket, left bool, out string, err error) bool {
	if err == nil {
		return out == fmt.Sprint("answer ", t.id) && (t.kind == fine || t.kind == exits)
	}
	if out != "" {
		return false
	}
	if own, ok := errors.AsType[ticketError](err); ok {
		return own.id == t.id || err.Error() == own.Error() && isAll(err)
	}
	if _, ok := errors.AsType[*batch.PanicError](err); ok {
		return true
	}
	if errors.Is(err, errLeft) {
		return left
	}
	switch err.Error() {
	case "batch: run called runtime.Goexit":
		return true
	case batch.ErrFull.Error(), batch.ErrClosed.Error():
		return true
	}
	var results, items int
	n, _ := fmt.Sscanf(err.Error(), "batch: run returned %d results for %d items", &results, &items)
	return n == 2 && results == items+1
}

// isAll tells an error that All has wrapped from a bare one.
func isAll(err error) bool { return errors.Unwrap(err) != nil }

func TestStorm(t *testing.T) {
	for _, cfg := range []batch.Config{
		{},
		{Workers: 3, Max: 5},
		{Queue: 40, Max: 9, Timeout: -1},
	} {
		t.Run(fmt.Sprintf("%+v", cfg), func(t *testing.T) { storm(t, cfg) })
	}
}

func storm(t *testing.T, cfg batch.Config) {
	before := runtime.NumGoroutine()
	b := batch.New(stormRun, cfg)
	callers, calls := 48, 600
	if testing.Short() {
		calls = 100
	}
	var ids, answered, failed atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range calls {
				tk := ticket{id: int(ids.Add(1)), kind: fine}
				if rand.IntN(50) == 0 {
					tk.kind = rand.IntN(kinds)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				leaves := rand.IntN(4) == 0
				var left sync.WaitGroup
				if leaves {
					left.Go(func() {
						for range rand.IntN(20) {
							runtime.Gosched()
						}
						cancel(errLeft)
					})
				}
				out, err := b.Do(ctx, tk)
				if !plausible(tk, leaves, out, err) {
					t.Errorf("%+v (leaves %v) got %q, %v", tk, leaves, out, err)
				}
				if answered.Add(1); err != nil {
					failed.Add(1)
				}
				left.Wait()
				cancel(nil)
			}
		})
	}
	wg.Wait()
	b.Close()
	s := b.Stats()
	if got := s.Calls + s.Refused; got > uint64(callers*calls) {
		t.Errorf("%d calls counted, %d made", got, callers*calls)
	}
	if s.Items+s.Withdrawn != s.Calls || s.Waiting != 0 || s.Running != 0 {
		t.Errorf("Stats = %+v: each call is an item or withdrawn", s)
	}
	if got := answered.Load(); got != int64(callers*calls) {
		t.Errorf("%d of %d answered", got, callers*calls)
	}
	wantGoroutines(t, before)
	t.Logf("%d failed; %+v", failed.Load(), s)
}

// wantGoroutines waits until no more goroutines are left than before.
func wantGoroutines(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before,
				stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// TestStormClose closes in the middle: every call is answered or refused.
func TestStormClose(t *testing.T) {
	for round := range 50 {
		before := runtime.NumGoroutine()
		b := batch.New(stormRun, batch.Config{Workers: 1 + round%3, Max: 4})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				for j := 0; ; j++ {
					tk := ticket{id: i<<20 + j}
					out, err := b.Do(t.Context(), tk)
					if err == batch.ErrClosed {
						return
					}
					closed := errors.Is(err, batch.ErrClosed)
					if !closed && !plausible(tk, false, out, err) {
						t.Errorf("%+v got %q, %v", tk, out, err)
					}
				}
			})
		}
		wg.Go(func() {
			for b.Stats().Batches < 20 {
				runtime.Gosched()
			}
			if round%2 == 0 {
				cancel()
			}
			_ = b.Shutdown(ctx)
		})
		wg.Wait()
		cancel()
		b.Close()
		if s := b.Stats(); s.Waiting != 0 || s.Running != 0 {
			t.Errorf("Stats = %+v", s)
		}
		wantGoroutines(t, before)
	}
}
