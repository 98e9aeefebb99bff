package batch

import (
	"context"
	"errors"
	"runtime/debug"
	"time"
)

// A worker is the place of one batch under way. It belongs to the goroutine of
// a lone call or to one of its own, from begin to release.
type worker[In, Out any] struct {
	b     *Batch[In, Out]
	loop  func() // work, as a value: go w.loop() does not allocate
	calls []*call[In, Out]
	in    []In

	// Guarded by Batch.mu.
	ctx      *runContext
	busy     bool
	live     int           // calls of the run under way that have not gone
	deadline time.Duration // of the batch, since Batch.start
	late     bool          // the deadline has passed
	timer    *time.Timer
	armed    bool // timer will call tick
}

// begin starts a batch of n items; caller is that of a lone call, or nil. b.mu
// is held.
func (w *worker[In, Out]) begin(n int, caller context.Context) {
	s := &w.b.stats
	s.Batches++
	s.Items += uint64(n)
	s.Largest = max(s.Largest, n)
	w.busy, w.live, w.late = true, n, false
	w.renew()
	if caller != nil {
		w.ctx.follow(caller)
	}
	if w.b.cfg.Timeout > 0 {
		w.deadline = time.Since(w.b.start) + w.b.cfg.Timeout
		w.arm(w.b.cfg.Timeout)
	}
}

// renew replaces a context that has ended. b.mu is held.
func (w *worker[In, Out]) renew() {
	if w.ctx.cause() != nil {
		w.ctx = newRunContext()
	}
}

// arm lets tick be called. A timer that is under way already stays: tick looks
// at the deadline and sets it again.
//
// perf: one timer per Timeout instead of two changes per batch, BenchmarkDo/alone
func (w *worker[In, Out]) arm(in time.Duration) {
	switch {
	case w.armed:
	case w.timer == nil:
		w.timer = time.AfterFunc(in, w.tick)
	default:
		w.timer.Reset(in)
	}
	w.armed = true
}

func (w *worker[In, Out]) tick() {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	w.armed = false
	if !w.busy {
		return
	}
	if left := w.deadline - time.Since(w.b.start); left > 0 {
		w.arm(left)
		return
	}
	w.late = true
	w.ctx.cancel(ErrTimeout)
}

// alone runs one item in the goroutine of its caller.
func (w *worker[In, Out]) alone(ctx context.Context, in In) (out Out, err error) {
	defer w.release() // also when run panics or ends the goroutine
	w.in = append(w.in, in)
	results, each, err := w.try()
	if err == nil && each != nil {
		err = each[0]
	}
	if err == nil {
		return results[0], nil
	}
	if _, panicked := errors.AsType[*PanicError](err); !panicked && ctx.Err() != nil {
		return out, context.Cause(ctx)
	}
	return out, err
}

// release ends a lone call's batch. Those who gathered meanwhile are left to a
// goroutine of their own.
func (w *worker[In, Out]) release() {
	w.drop()
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	if !w.ctx.unfollow() {
		w.ctx = newRunContext()
	}
	if w.b.queue.len > 0 {
		go w.loop()
		return
	}
	w.rest()
}

// rest makes the worker free. b.mu is held.
func (w *worker[In, Out]) rest() {
	w.busy = false
	w.b.free = append(w.b.free, w)
	w.b.drain()
}

// drop forgets the items and calls and keeps their memory.
func (w *worker[In, Out]) drop() {
	clear(w.in)
	clear(w.calls)
	w.in, w.calls = w.in[:0], w.calls[:0]
}

// work runs batches until nobody waits.
func (w *worker[In, Out]) work() {
	exited := true
	defer func() {
		if exited {
			w.failRest(errExited)
			go w.loop()
		}
	}()
	for w.take() {
		w.serve()
	}
	exited = false
}

// take begins the next batch; false if there is none.
func (w *worker[In, Out]) take() bool {
	w.drop()
	b := w.b
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(b.queue.len, b.cfg.Max)
	if n == 0 {
		w.rest()
		return false
	}
	for range n {
		c := b.queue.head
		b.queue.remove(c)
		c.worker, c.running = w, true
		c.state.Store(taken)
		w.calls = append(w.calls, c)
		w.in = append(w.in, c.in)
	}
	w.begin(n, nil)
	return true
}

// serve runs the batch and answers its calls.
func (w *worker[In, Out]) serve() {
	results, each, err := w.try()
	if err != nil && len(w.calls) > 1 && !concernsAll(err) && w.split() {
		w.oneByOne()
		return
	}
	if err != nil {
		w.failRest(err)
		return
	}
	for i := range w.calls {
		if each != nil && each[i] != nil {
			w.fail(i, each[i])
			continue
		}
		w.answer(i, results[i], nil)
	}
}

// split prepares the calls to be run alone, unless the batch has to end.
func (w *worker[In, Out]) split() bool {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	if w.ctx.cause() != nil {
		return false
	}
	w.b.stats.Fallbacks++
	for _, c := range w.calls {
		c.running = false
	}
	return true
}

func (w *worker[In, Out]) oneByOne() {
	clear(w.in)
	for i, c := range w.calls {
		err := w.step(c)
		if err != nil {
			w.fail(i, err) // a gone call: its cell is put back
			continue
		}
		w.in = append(w.in[:0], c.in) // the original: run may have changed its own
		results, each, err := w.try()
		if err == nil && each != nil {
			err = each[0]
		}
		if err != nil {
			w.fail(i, err)
			continue
		}
		w.answer(i, results[0], nil)
	}
}

// step begins the run of c alone, or tells why there is none.
func (w *worker[In, Out]) step(c *call[In, Out]) error {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	switch {
	case c.state.Load() == gone:
		return errGone
	case w.b.forced:
		return ErrClosed
	case w.late:
		return ErrTimeout
	}
	w.renew() // the caller before may have left during its run
	w.live, c.running = 1, true
	return nil
}

func (w *worker[In, Out]) fail(i int, err error) {
	var none Out
	w.answer(i, none, err)
}

// failRest answers all calls that have got no answer yet.
func (w *worker[In, Out]) failRest(err error) {
	for i, c := range w.calls {
		if c != nil {
			w.fail(i, err)
		}
	}
}

// answer gives call i its result, or puts its cell back if nobody waits.
func (w *worker[In, Out]) answer(i int, out Out, err error) {
	c := w.calls[i]
	w.calls[i] = nil
	c.out, c.err = out, err
	if c.state.CompareAndSwap(taken, done) {
		c.ready <- struct{}{}
		return
	}
	w.b.recycle(c)
}

// try runs the items. Without err there is a result for each item whose entry
// in each is nil; each is nil when all succeeded.
func (w *worker[In, Out]) try() (results []Out, each Errors, err error) {
	results, err = w.call()
	if err == nil && len(results) == len(w.in) {
		return results, nil, nil
	}
	each, err = settle(err, len(results), len(w.in))
	if err == nil {
		return results, each, nil
	}
	if cause := w.ctx.cause(); cause != nil && !concernsAll(err) {
		err = interrupt(cause, err)
	}
	return nil, nil, err
}

// call contains a panic of run.
func (w *worker[In, Out]) call() (results []Out, err error) {
	defer func() {
		if v := recover(); v != nil {
			results, err = nil, &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return w.b.run(w.ctx, w.in)
}

// settle reads what run returned: the errors of single items, or that of all.
func settle(err error, results, items int) (Errors, error) {
	each, single := errors.AsType[Errors](err)
	switch {
	case err != nil && !single:
		return nil, err
	case len(each) != 0 && len(each) != items:
		return nil, lengthError{"errors", len(each), items}
	case results == items:
		return each, nil
	case results == 0 && len(each) != 0 && len(each.Unwrap()) == items:
		return each, nil
	}
	return nil, lengthError{"results", results, items}
}
