package batch_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/goquart/quart/batch"
)

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

var bg = context.Background()

func TestGather(t *testing.T) {
	tests := []struct {
		name  string
		cfg   batch.Config
		calls int
		want  [][]int
	}{
		{"a lone call is run at once", batch.Config{}, 1, [][]int{{0}}},
		{"the others gather while it is under way", batch.Config{}, 5, [][]int{{0}, {1, 2, 3, 4}}},
		{"Max cuts", batch.Config{Max: 3}, 6, [][]int{{0}, {1, 2, 3}, {4, 5}}},
		{"Max of 1", batch.Config{Max: 1}, 3, [][]int{{0}, {1}, {2}}},
		{"no Max", batch.Config{Max: -1}, 300, [][]int{{0}, upTo(1, 300)}},
		{"the default of Max", batch.Config{}, 131, [][]int{{0}, upTo(1, 129), {129, 130}}},
		{"two at once", batch.Config{Workers: 2}, 5, [][]int{{0}, {1}, {2, 3, 4}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(tt.cfg)
				var answers []*answer
				for i := range tt.calls {
					answers = append(answers, s.call(bg, i))
				}
				for range tt.want {
					s.next()
				}
				s.wantRuns(t, tt.want...)
				for i, a := range answers {
					a.want(t, 2*i)
				}
				largest := 0
				for _, run := range tt.want {
					largest = max(largest, len(run))
				}
				want := batch.Stats{
					Calls: uint64(tt.calls), Batches: uint64(len(tt.want)),
					Items: uint64(tt.calls), Largest: largest,
				}
				if got := s.Stats(); got != want {
					t.Errorf("Stats = %+v, want %+v", got, want)
				}
			})
		})
	}
}

func upTo(from, to int) (out []int) {
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// A call leaves when its own run returns, however many have gathered: it serves
// nobody else, and without calls there is no goroutine.
func TestLoneCallLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{})
		first := s.call(bg, 1)
		second, third := s.call(bg, 2), s.call(bg, 3)
		s.next()
		first.want(t, 2)
		second.wantWaiting(t)
		third.wantWaiting(t)
		s.next()
		second.want(t, 4)
		third.want(t, 6)
		s.wantRuns(t, []int{1}, []int{2, 3})
	}) // synctest fails when a goroutine is left: there was no Close
}

func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{Queue: 2})
		ctx, cancel := context.WithCancel(bg)
		s.call(bg, 1)
		s.call(ctx, 2)
		third := s.call(bg, 3)
		s.call(bg, 4).wantErr(t, is(batch.ErrFull))
		if got := s.Stats(); got.Waiting != 2 || got.Running != 1 || got.Refused != 1 || got.Calls != 3 {
			t.Errorf("Stats = %+v", got)
		}
		cancel() // makes room
		synctest.Wait()
		fifth := s.call(bg, 5)
		s.call(bg, 6).wantErr(t, is(batch.ErrFull))
		s.next()
		s.next()
		third.want(t, 6)
		fifth.want(t, 10)
		s.wantRuns(t, []int{1}, []int{3, 5})
	})
}

func TestStatusCodes(t *testing.T) {
	for err, want := range map[error]int{
		batch.ErrFull: 503, batch.ErrClosed: 503, batch.ErrTimeout: 503, &batch.PanicError{}: 500,
	} {
		if got := err.(interface{ StatusCode() int }).StatusCode(); got != want {
			t.Errorf("%v: status %d, want %d", err, got, want)
		}
	}
}

func TestNewPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New(nil) did not panic")
		}
	}()
	batch.New[int, int](nil, batch.Config{})
}

// in may be returned as the results, and the slice of results used again.
func TestReusedResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{})
		s.then = func(_ context.Context, in []int) ([]int, error) {
			for i := range in {
				in[i] *= 3
			}
			return in, nil
		}
		var answers []*answer
		for i := range 6 {
			answers = append(answers, s.call(bg, i))
		}
		s.next()
		s.next()
		for i, a := range answers {
			a.want(t, 3*i)
		}
	})
}

func TestTimeout(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  time.Duration
		want time.Duration // 0: none
	}{
		{"given", time.Second, time.Second},
		{"the default", 0, 30 * time.Second},
		{"none", -1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(batch.Config{Timeout: tt.cfg})
				started := time.Now()
				lone := s.call(bg, 1)
				if tt.want == 0 {
					time.Sleep(time.Hour)
					lone.wantWaiting(t)
					s.next()
					lone.want(t, 2)
					return
				}
				second, third := s.call(bg, 2), s.call(bg, 3)
				for i, answers := range [][]*answer{{lone}, {second, third}} {
					time.Sleep(tt.want - time.Nanosecond)
					synctest.Wait()
					answers[0].wantWaiting(t)
					time.Sleep(time.Nanosecond)
					synctest.Wait()
					for _, a := range answers {
						a.wantErr(t, is(batch.ErrTimeout))
						a.wantErr(t, is(context.DeadlineExceeded))
						a.wantErr(t, func(err error) bool { return !errors.Is(err, context.Canceled) })
					}
					if got := time.Since(started); got != time.Duration(i+1)*tt.want {
						t.Errorf("ended after %v", got)
					}
				}
				time.Sleep(10 * tt.want) // the timer rests, and wakes up again
				again := s.call(bg, 4)
				time.Sleep(tt.want)
				synctest.Wait()
				again.wantErr(t, is(batch.ErrTimeout))
				fine := s.call(bg, 5)
				s.next()
				fine.want(t, 10)
				s.wantRuns(t, []int{1}, []int{2, 3}, []int{4}, []int{5})
			})
		})
	}
}

// The time of a batch counts from its own begin, not from that of one before.
func TestTimeoutFromBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{Timeout: time.Second})
		first := s.call(bg, 1)
		time.Sleep(600 * time.Millisecond)
		s.next()
		first.want(t, 2)
		for range 3 {
			started := time.Now()
			next := s.call(bg, 2)
			time.Sleep(time.Second - time.Nanosecond)
			synctest.Wait()
			next.wantWaiting(t)
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			next.wantErr(t, is(batch.ErrTimeout))
			if got := time.Since(started); got != time.Second {
				t.Errorf("ended after %v", got)
			}
			time.Sleep(300 * time.Millisecond)
		}
	})
}

// What a driver says of its own about the end of the context stays readable.
func TestTimeoutKeepsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("conn closed")
		b := batch.New(func(ctx context.Context, _ []int) ([]int, error) {
			<-ctx.Done()
			if context.Cause(ctx) != batch.ErrTimeout {
				t.Errorf("cause = %v", context.Cause(ctx))
			}
			return nil, broken
		}, batch.Config{Timeout: time.Second})
		_, err := b.Do(bg, 1)
		if !errors.Is(err, batch.ErrTimeout) || !errors.Is(err, broken) {
			t.Errorf("err = %v", err)
		}
		b = batch.New(func(ctx context.Context, _ []int) ([]int, error) {
			<-ctx.Done()
			return nil, fmt.Errorf("query: %w", context.Cause(ctx))
		}, batch.Config{Timeout: time.Second})
		if _, err := b.Do(bg, 1); !errors.Is(err, batch.ErrTimeout) || err.Error() != "query: "+batch.ErrTimeout.Error() {
			t.Errorf("the cause is told again: %v", err)
		}
	})
}

// A run that does not look at its context and succeeds has succeeded.
func TestLateSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batch.New(func(ctx context.Context, in []int) ([]int, error) {
			time.Sleep(2 * time.Second)
			return double(ctx, in)
		}, batch.Config{Timeout: time.Second})
		for range 2 {
			if out, err := b.Do(bg, 4); out != 8 || err != nil {
				t.Errorf("Do = %d, %v", out, err)
			}
		}
	})
}

func TestValuesAndDeadline(t *testing.T) {
	type key struct{}
	b := batch.New(func(ctx context.Context, in []int) ([]int, error) {
		if v := ctx.Value(key{}); v != nil {
			t.Errorf("run sees the value %v of a caller", v)
		}
		if d, ok := ctx.Deadline(); ok {
			t.Errorf("run's context has the deadline %v", d)
		}
		return in, nil
	}, batch.Config{})
	if _, err := b.Do(context.WithValue(t.Context(), key{}, "secret"), 1); err != nil {
		t.Error(err)
	}
}

func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{Max: 4})
		ctx, cancel := context.WithCancel(bg)
		for i := range 12 {
			c := bg
			if i == 1 || i == 5 || i == 11 { // head, middle and tail of the queue
				c = ctx
			}
			s.call(c, i)
		}
		cancel()
		synctest.Wait()
		for range 3 {
			s.next()
		}
		s.call(bg, 12)
		s.next()
		s.wantRuns(t, []int{0}, []int{2, 3, 4, 6}, []int{7, 8, 9, 10}, []int{12})
		if got := s.Stats().Withdrawn; got != 3 {
			t.Errorf("Withdrawn = %d, want 3", got)
		}
	})
}

// An idle Batch keeps nothing of its callers alive.
func TestKeepsNothing(t *testing.T) {
	b := batch.New(func(_ context.Context, in []*[64]byte) ([]*[64]byte, error) {
		runtime.Gosched()
		return slices.Clone(in), nil
	}, batch.Config{})
	var (
		mu   sync.Mutex
		refs []weak.Pointer[[64]byte]
		wg   sync.WaitGroup
	)
	for range 100 {
		wg.Go(func() {
			in := new([64]byte)
			mu.Lock()
			refs = append(refs, weak.Make(in))
			mu.Unlock()
			if out, err := b.Do(t.Context(), in); out != in || err != nil {
				t.Errorf("Do = %p, %v, want %p", out, err, in)
			}
		})
	}
	wg.Wait()
	runtime.GC() // one only: the second would empty the pool of cells
	for i, ref := range refs {
		if ref.Value() != nil {
			t.Fatalf("item %d of %d is still there; %+v", i, len(refs), b.Stats())
		}
	}
	runtime.KeepAlive(b)
}

func TestErrorsText(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	errs := batch.Errors{nil, first, nil, second}
	if got, want := errs.Error(), "batch: 2 of 4 items failed, the first with: first"; got != want {
		t.Errorf("Error = %q, want %q", got, want)
	}
	if got := errs.Unwrap(); !slices.Equal(got, []error{first, second}) {
		t.Errorf("Unwrap = %v", got)
	}
	if got, want := (batch.Errors{}).Error(), "batch: no item failed"; got != want {
		t.Errorf("Error = %q, want %q", got, want)
	}
	if batch.All(nil) != nil {
		t.Error("All(nil) is not nil")
	}
	if all := batch.All(first); all.Error() != "first" || !errors.Is(all, first) {
		t.Errorf("All = %v", all)
	}
}
