package batch_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart/batch"
)

var errLeft = errors.New("the client left")

func TestCancelBefore(t *testing.T) {
	b := batch.New(double, batch.Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errLeft)
	if _, err := b.Do(ctx, 1); err != errLeft {
		t.Errorf("err = %v, want the cause", err)
	}
	if got := b.Stats(); got != (batch.Stats{}) {
		t.Errorf("Stats = %+v", got)
	}
}

// An item that waits is withdrawn, one that is under way is let go.
func TestCancelWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{Max: 2})
		ctx, cancel := context.WithCancelCause(bg)
		lone := s.call(bg, 1)
		under, other := s.call(ctx, 2), s.call(bg, 3)
		waits, last := s.call(ctx, 4), s.call(bg, 5)
		s.next()
		lone.want(t, 2)
		cancel(errLeft)
		synctest.Wait()
		under.wantErr(t, is(errLeft))
		waits.wantErr(t, is(errLeft))
		other.wantWaiting(t)
		s.next() // goes on for the other
		other.want(t, 6)
		s.next()
		last.want(t, 10)
		s.wantRuns(t, []int{1}, []int{2, 3}, []int{5})
	})
}

// run's context ends with the last of its callers, and the next run has one
// that has not ended.
func TestCancelAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{Max: 2})
		first, cancelFirst := context.WithCancelCause(bg)
		second, cancelSecond := context.WithCancelCause(bg)
		s.call(bg, 1)
		a, b, next := s.call(first, 2), s.call(second, 3), s.call(bg, 4)
		s.next()
		cancelFirst(errLeft)
		synctest.Wait()
		a.wantErr(t, is(errLeft))
		s.wantRuns(t, []int{1}, []int{2, 3})
		cancelSecond(errLeft)
		synctest.Wait() // the run ends by its context, without next
		b.wantErr(t, is(errLeft))
		s.wantRuns(t, []int{1}, []int{2, 3}, []int{4})
		s.next()
		next.want(t, 8)
	})
}

func TestCancelAlone(t *testing.T) {
	uses := map[string]func(context.Context) error{
		"Done": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
		"derived": func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			<-ctx.Done()
			return ctx.Err()
		},
		"AfterFunc": func(ctx context.Context) error {
			ended := make(chan struct{})
			defer context.AfterFunc(ctx, func() { close(ended) })()
			<-ended
			return ctx.Err()
		},
		"Err": func(ctx context.Context) error {
			for ctx.Err() == nil {
				time.Sleep(time.Second)
			}
			<-ctx.Done()
			return ctx.Err()
		},
	}
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ended error
				b := batch.New(func(ctx context.Context, in []int) ([]int, error) {
					if in[0] == 0 {
						return in, ctx.Err()
					}
					ended = use(ctx)
					return nil, ended
				}, batch.Config{Timeout: -1})
				ctx, cancel := context.WithCancelCause(bg)
				go func() {
					time.Sleep(time.Minute)
					cancel(errLeft)
				}()
				if _, err := b.Do(ctx, 1); err != errLeft {
					t.Errorf("err = %v, want the caller's cause", err)
				}
				if ended != context.Canceled {
					t.Errorf("run's context: %v", ended)
				}
				if _, err := b.Do(bg, 0); err != nil {
					t.Errorf("the next call: %v", err)
				}
			})
		})
	}
}

// The end of the caller's context after its call is no matter of later runs.
func TestCancelAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{})
		ctx, cancel := context.WithCancel(bg)
		lone := s.call(ctx, 1)
		s.next()
		lone.want(t, 2)
		next, other := s.call(bg, 2), s.call(bg, 3)
		cancel()
		synctest.Wait()
		next.wantWaiting(t)
		s.next()
		next.want(t, 4)
		other.wantWaiting(t)
		s.next()
		other.want(t, 6)
	})
}

// A result that comes together with the end of the context is not lost.
func TestAnswerGoesFirst(t *testing.T) {
	b := batch.New(func(ctx context.Context, in []context.CancelFunc) ([]string, error) {
		out := make([]string, len(in))
		for i, cancel := range in {
			cancel()
			out[i] = "committed"
		}
		return out, nil
	}, batch.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	if out, err := b.Do(ctx, cancel); out != "committed" || err != nil {
		t.Errorf("Do = %q, %v", out, err)
	}
}

// An endingContext ends at the moment of its first Done, which waits until it may.
type endingContext struct {
	context.Context
	may <-chan struct{}
}

func (c *endingContext) Err() error { return nil }

func (c *endingContext) Done() <-chan struct{} {
	<-c.may
	return c.Context.Done()
}

// So it is for a call that waits: its answer and the end of its context are
// there at the same time, and select might take either.
func TestAnswerGoesFirstWaiting(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 30 {
		synctest.Test(t, func(t *testing.T) {
			s := newStand(batch.Config{})
			may := make(chan struct{})
			s.call(bg, 1)
			a := s.call(&endingContext{ended, may}, 2)
			s.next()
			s.next()
			close(may)
			synctest.Wait()
			a.want(t, 4)
		})
	}
}

// The end of a caller's context that comes as its run returns does not reach
// the run of another.
func TestCancelAtReturn(t *testing.T) {
	b := batch.New(func(ctx context.Context, in []context.CancelFunc) ([]error, error) {
		ctx.Done()
		if cancel := in[0]; cancel != nil {
			cancel()
			return make([]error, 1), nil
		}
		for range 10 {
			runtime.Gosched()
		}
		return []error{ctx.Err()}, nil
	}, batch.Config{})
	for range 1000 {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := b.Do(ctx, cancel); err != nil {
			t.Fatal(err)
		}
		if ended, err := b.Do(t.Context(), nil); ended != nil || err != nil {
			t.Fatalf("the next run's context: %v, %v", ended, err)
		}
	}
}

// In a fallback each run is its one caller's.
func TestCancelInFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{})
		s.then = transact
		now, cancelNow := context.WithCancelCause(bg)
		later, cancelLater := context.WithCancelCause(bg)
		s.call(bg, 1)
		a, b, bad, c, last := s.call(bg, 2), s.call(now, 3), s.call(bg, -4), s.call(later, 5), s.call(bg, 6)
		for range 3 { // lone, batch, 2
			s.next()
		}
		a.want(t, 4)
		cancelLater(errLeft) // not yet begun: it is skipped
		synctest.Wait()
		c.wantErr(t, is(errLeft))
		b.wantWaiting(t)
		cancelNow(errLeft) // under way: its run ends, and the next goes on
		synctest.Wait()
		b.wantErr(t, is(errLeft))
		s.next()
		bad.wantErr(t, is(errBad))
		s.next()
		last.want(t, 12)
		s.wantRuns(t, []int{1}, []int{2, 3, -4, 5, 6}, []int{2}, []int{3}, []int{-4}, []int{6})
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{})
		a, b, c := s.call(bg, 1), s.call(bg, 2), s.call(bg, 3)
		var closed atomic.Int32
		for range 2 {
			go func() {
				s.Close()
				closed.Add(1)
			}()
		}
		synctest.Wait()
		s.call(bg, 4).wantErr(t, is(batch.ErrClosed))
		s.next()
		if closed.Load() != 0 {
			t.Error("Close returned before the last answer")
		}
		s.next()
		a.want(t, 2)
		b.want(t, 4)
		c.want(t, 6)
		if closed.Load() != 2 {
			t.Errorf("%d of 2 calls of Close returned", closed.Load())
		}
		s.Close()
		s.wantRuns(t, []int{1}, []int{2, 3})
	})
}

func TestCloseIdle(t *testing.T) {
	b := batch.New(double, batch.Config{Workers: 3})
	b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown of a closed one: %v", err)
	}
	if _, err := b.Do(t.Context(), 1); err != batch.ErrClosed {
		t.Errorf("Do: %v", err)
	}
}

func TestShutdownDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{Max: 2, Workers: 2})
		lone, other := s.call(bg, 1), s.call(bg, 2)
		a, b, c := s.call(bg, 3), s.call(bg, 4), s.call(bg, 5)
		s.next() // of lone or other: 3 and 4 begin
		ctx, cancel := context.WithTimeoutCause(bg, time.Second, errLeft)
		defer cancel()
		start := time.Now()
		if err := s.Shutdown(ctx); err != errLeft {
			t.Errorf("Shutdown: %v, want the cause", err)
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("Shutdown took %v", got)
		}
		synctest.Wait()
		if _, err, _ := lone.get(); err == nil {
			lone, other = other, lone
		}
		other.want(t, 2*other.in)
		for _, x := range []*answer{lone, a, b, c} {
			x.wantErr(t, is(batch.ErrClosed))
		}
		if err := s.Shutdown(bg); err != nil {
			t.Errorf("the second Shutdown: %v", err)
		}
	})
}

// A fallback ends with the time given to Shutdown.
func TestShutdownInFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{})
		s.then = transact
		s.call(bg, 1)
		a, b, c := s.call(bg, 2), s.call(bg, -3), s.call(bg, 4)
		for range 3 { // lone, batch, 2
			s.next()
		}
		a.want(t, 4)
		ctx, cancel := context.WithCancel(bg)
		cancel()
		if err := s.Shutdown(ctx); err != context.Canceled {
			t.Errorf("Shutdown: %v", err)
		}
		synctest.Wait()
		b.wantErr(t, is(batch.ErrClosed))
		c.wantErr(t, is(batch.ErrClosed))
		s.wantRuns(t, []int{1}, []int{2, -3, 4}, []int{2}, []int{-3})
	})
}
