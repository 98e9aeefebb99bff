package batch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart/batch"
)

var (
	errBad  = errors.New("bad item")
	errDown = errors.New("down")
)

func isBad(v int) bool { return v < 0 }

// transact fails as a whole when one item is bad.
func transact(ctx context.Context, in []int) ([]int, error) {
	if slices.ContainsFunc(in, isBad) {
		return nil, errBad
	}
	return double(ctx, in)
}

func single(_ context.Context, in []int) ([]int, error) {
	var errs batch.Errors
	out := make([]int, len(in))
	for i, v := range in {
		out[i] = 2 * v
		if isBad(v) {
			if errs == nil {
				errs = make(batch.Errors, len(in))
			}
			errs[i] = fmt.Errorf("item %d: %w", v, errBad)
		}
	}
	return out, errs
}

// TestErrors gives a lone 1 and then a batch of the items to run.
func TestErrors(t *testing.T) {
	onlyBad := func(v int, err error) bool { return errors.Is(err, errBad) == isBad(v) && (err != nil) == isBad(v) }
	tests := []struct {
		name  string
		run   func(context.Context, []int) ([]int, error)
		items []int
		runs  [][]int // after the lone one
		ok    func(v int, err error) bool
	}{
		{"single errors", single, []int{2, -3, 4}, [][]int{{2, -3, 4}}, onlyBad},
		{"single errors, one item", single, []int{-3}, [][]int{{-3}}, onlyBad},
		{"single errors, none", single, []int{2, 3}, [][]int{{2, 3}}, onlyBad},
		{
			"wrapped single errors", func(ctx context.Context, in []int) ([]int, error) {
				out, err := single(ctx, in)
				return out, fmt.Errorf("store: %w", err)
			},
			[]int{2, -3},
			[][]int{{2, -3}},
			onlyBad,
		},
		{
			"no results needed when all failed", func(_ context.Context, in []int) ([]int, error) {
				if len(in) == 1 {
					return in, nil
				}
				return nil, batch.Errors{errBad, errBad}
			},
			[]int{-2, -3},
			[][]int{{-2, -3}},
			onlyBad,
		},
		{"a fallback", transact, []int{2, -3, 4, -5}, [][]int{{2, -3, 4, -5}, {2}, {-3}, {4}, {-5}}, onlyBad},
		{"no fallback of one item", transact, []int{-3}, [][]int{{-3}}, onlyBad},
		{
			"a fallback uses the items as they came", func(ctx context.Context, in []int) ([]int, error) {
				out, err := transact(ctx, in)
				clear(in)
				return out, err
			},
			[]int{2, -3, 4},
			[][]int{{2, -3, 4}, {2}, {-3}, {4}},
			onlyBad,
		},
		{
			"a fallback with Errors", func(ctx context.Context, in []int) ([]int, error) {
				if len(in) > 1 {
					return nil, errDown
				}
				return single(ctx, in)
			},
			[]int{2, -3},
			[][]int{{2, -3}, {2}, {-3}},
			onlyBad,
		},
		{
			"an error of all", func(_ context.Context, in []int) ([]int, error) {
				if len(in) == 1 {
					return in, nil
				}
				return nil, fmt.Errorf("store: %w", batch.All(errDown))
			},
			[]int{2, -3},
			[][]int{{2, -3}},
			func(_ int, err error) bool { return errors.Is(err, errDown) && err.Error() == "store: down" },
		},
		{
			"too few results", func(_ context.Context, in []int) ([]int, error) { return in[:1], nil },
			[]int{2, 3},
			[][]int{{2, 3}},
			func(_ int, err error) bool {
				return err != nil && err.Error() == "batch: run returned 1 results for 2 items"
			},
		},
		{
			"too many results", func(_ context.Context, in []int) ([]int, error) { return slices.Repeat(in, len(in)), nil },
			[]int{2, 3},
			[][]int{{2, 3}},
			func(_ int, err error) bool {
				return err != nil && err.Error() == "batch: run returned 4 results for 2 items"
			},
		},
		{
			"too few errors", func(_ context.Context, in []int) ([]int, error) {
				if len(in) == 1 {
					return in, nil
				}
				return in, batch.Errors{errBad}
			},
			[]int{2, 3},
			[][]int{{2, 3}},
			func(_ int, err error) bool {
				return err != nil && err.Error() == "batch: run returned 1 errors for 2 items"
			},
		},
		{
			"no results though one succeeded", func(_ context.Context, in []int) ([]int, error) {
				if len(in) == 1 {
					return in, nil
				}
				return nil, batch.Errors{errBad, nil}
			},
			[]int{2, 3},
			[][]int{{2, 3}},
			func(_ int, err error) bool {
				return err != nil && err.Error() == "batch: run returned 0 results for 2 items"
			},
		},
		{
			"a panic", func(_ context.Context, in []int) ([]int, error) {
				if len(in) > 1 {
					panic("secret of one")
				}
				return in, nil
			},
			[]int{2, 3},
			[][]int{{2, 3}},
			func(_ int, err error) bool {
				p, ok := errors.AsType[*batch.PanicError](err)
				return ok && p.Value == "secret of one" && bytes.Contains(p.Stack, []byte("error_test.go"))
			},
		},
		{
			"a panic in a fallback", func(ctx context.Context, in []int) ([]int, error) {
				if len(in) == 1 && isBad(in[0]) {
					panic(errBad)
				}
				return transact(ctx, in)
			},
			[]int{2, -3, 4},
			[][]int{{2, -3, 4}, {2}, {-3}, {4}},
			func(v int, err error) bool {
				_, ok := errors.AsType[*batch.PanicError](err)
				return ok == isBad(v) && (err != nil) == isBad(v)
			},
		},
		{
			"Goexit", func(_ context.Context, in []int) ([]int, error) {
				if len(in) > 1 {
					runtime.Goexit()
				}
				return in, nil
			},
			[]int{2, 3},
			[][]int{{2, 3}},
			func(_ int, err error) bool { return err != nil && strings.Contains(err.Error(), "Goexit") },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(batch.Config{})
				s.then = tt.run
				s.call(bg, 1)
				var answers []*answer
				for _, v := range tt.items {
					answers = append(answers, s.call(bg, v))
				}
				s.next()
				for range tt.runs {
					s.next()
				}
				s.wantRuns(t, append([][]int{{1}}, tt.runs...)...)
				for _, a := range answers {
					out, err, back := a.get()
					if !back || !tt.ok(a.in, err) {
						t.Errorf("Do(%d): back %v with %v", a.in, back, err)
					}
					if err == nil && out != 2*a.in || err != nil && out != 0 {
						t.Errorf("Do(%d) = %d, %v", a.in, out, err)
					}
				}
				fallbacks := uint64(0)
				if len(tt.runs) > 1 {
					fallbacks = 1
				}
				if got := s.Stats(); got.Fallbacks != fallbacks || got.Batches != 2 || got.Running != 0 {
					t.Errorf("Stats = %+v", got)
				}

				s.then = nil // and it goes on
				last := s.call(bg, 7)
				s.next()
				last.want(t, 14)
			})
		})
	}
}

func TestPanicAlone(t *testing.T) {
	b := batch.New(func(_ context.Context, in []int) ([]int, error) {
		return in[:in[0]], nil // out of range for most
	}, batch.Config{})
	_, err := b.Do(t.Context(), 99)
	p, ok := errors.AsType[*batch.PanicError](err)
	if !ok || !strings.Contains(p.Error(), "runtime error: slice bounds out of range") {
		t.Fatalf("err = %v", err)
	}
	if out, err := b.Do(t.Context(), 1); out != 1 || err != nil {
		t.Errorf("after a panic: %d, %v", out, err)
	}
}

// The goroutine that ends is the caller's own, and the batch goes on.
func TestGoexitAlone(t *testing.T) {
	b := batch.New(func(_ context.Context, in []int) ([]int, error) {
		if in[0] == 0 {
			runtime.Goexit()
		}
		return in, nil
	}, batch.Config{})
	ended, came := make(chan struct{}), false
	go func() {
		defer close(ended)
		_, _ = b.Do(context.Background(), 0)
		came = true
	}()
	<-ended
	if came {
		t.Error("Do returned from runtime.Goexit")
	}
	if out, err := b.Do(t.Context(), 1); out != 1 || err != nil {
		t.Errorf("after Goexit: %d, %v", out, err)
	}
}

func TestPanicErrorText(t *testing.T) {
	p := &batch.PanicError{Value: errors.New("password=hunter2"), Stack: []byte("stack of run")}
	if got, want := p.Error(), "batch: run panicked with a value of type *errors.errorString"; got != want {
		t.Errorf("Error = %q, want %q", got, want)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "err", p)
	for _, want := range []string{"err.panic=", "hunter2", "stack of run"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log.String())
		}
	}
}

// The time of a fallback counts: what is left of the batch gets ErrTimeout.
func TestTimeoutInFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{Timeout: time.Second})
		s.then = transact
		s.call(bg, 1)
		good, bad, hangs, rest := s.call(bg, 2), s.call(bg, -3), s.call(bg, 4), s.call(bg, 5)
		for range 4 { // lone, batch, 2, -3
			s.next()
		}
		good.want(t, 4)
		bad.wantErr(t, is(errBad))
		hangs.wantWaiting(t)
		time.Sleep(time.Second)
		synctest.Wait()
		hangs.wantErr(t, is(batch.ErrTimeout))
		rest.wantErr(t, is(batch.ErrTimeout))
		s.wantRuns(t, []int{1}, []int{2, -3, 4, 5}, []int{2}, []int{-3}, []int{4})
	})
}

// An error of a run whose context has ended leads to no fallback.
func TestNoFallbackAfterEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(batch.Config{Timeout: time.Second})
		s.call(bg, 1)
		second, third := s.call(bg, 2), s.call(bg, 3)
		s.next()
		time.Sleep(time.Second)
		synctest.Wait()
		second.wantErr(t, is(batch.ErrTimeout))
		third.wantErr(t, is(batch.ErrTimeout))
		s.wantRuns(t, []int{1}, []int{2, 3})
		if got := s.Stats().Fallbacks; got != 0 {
			t.Errorf("Fallbacks = %d, want 0", got)
		}

		s.then = transact // the end of that batch is no matter of the next
		lone, good, bad := s.call(bg, 4), s.call(bg, 5), s.call(bg, -6)
		for range 4 {
			s.next()
		}
		lone.want(t, 8)
		good.want(t, 10)
		bad.wantErr(t, is(errBad))
	})
}
