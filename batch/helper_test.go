package batch_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/goquart/quart/batch"
)

// A stand is a Batch of int to int whose runs wait until they are let go. It is
// used inside of a synctest bubble.
type stand struct {
	*batch.Batch[int, int]

	mu   sync.Mutex
	runs [][]int                                            // the items of each run, as given
	then func(ctx context.Context, in []int) ([]int, error) // nil: twice each item
	gate chan struct{}                                      // each run receives one, or its context ends
}

func newStand(cfg batch.Config) *stand {
	s := &stand{gate: make(chan struct{})}
	s.Batch = batch.New(s.run, cfg)
	return s
}

func (s *stand) run(ctx context.Context, in []int) ([]int, error) {
	s.mu.Lock()
	s.runs = append(s.runs, slices.Clone(in))
	s.mu.Unlock()
	select {
	case <-s.gate:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.then != nil {
		return s.then(ctx, in)
	}
	return double(ctx, in)
}

func double(_ context.Context, in []int) ([]int, error) {
	out := make([]int, len(in))
	for i, v := range in {
		out[i] = 2 * v
	}
	return out, nil
}

// An answer is what one Do returned.
type answer struct {
	in int

	mu   sync.Mutex
	out  int
	err  error
	back bool
}

func (a *answer) get() (out int, err error, back bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.out, a.err, a.back
}

// call starts Do and waits until it is blocked or back.
func (s *stand) call(ctx context.Context, in int) *answer {
	a := &answer{in: in}
	go func() {
		out, err := s.Do(ctx, in)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.out, a.err, a.back = out, err, true
	}()
	synctest.Wait()
	return a
}

// next lets one run go on and waits for what follows.
func (s *stand) next() {
	s.gate <- struct{}{}
	synctest.Wait()
}

func (s *stand) wantRuns(t *testing.T, want ...[]int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.EqualFunc(s.runs, want, slices.Equal) {
		t.Errorf("runs = %v, want %v", s.runs, want)
	}
}

func (a *answer) want(t *testing.T, out int) {
	t.Helper()
	if got, err, back := a.get(); !back || got != out || err != nil {
		t.Errorf("Do(%d): back %v with %d, %v, want %d", a.in, back, got, err, out)
	}
}

func (a *answer) wantErr(t *testing.T, match func(error) bool) {
	t.Helper()
	if out, err, back := a.get(); !back || out != 0 || err == nil || !match(err) {
		t.Errorf("Do(%d): back %v with %d, error %v", a.in, back, out, err)
	}
}

func (a *answer) wantWaiting(t *testing.T) {
	t.Helper()
	if out, err, back := a.get(); back {
		t.Errorf("Do(%d) is back with %d, %v, want it to wait", a.in, out, err)
	}
}
