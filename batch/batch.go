package batch

import (
	"context"
	"math"
	"sync"
	"time"
)

// Config bounds a Batch. The zero value is ready for production.
type Config struct {
	// Max is the largest number of items given to one run. The default is 128;
	// a negative Max is no limit.
	Max int

	// Queue is how many calls may wait for their batch to begin; one more gets
	// [ErrFull]. The default is 4096; a negative Queue is no limit.
	Queue int

	// Workers is how many batches may be under way at once: run is called by
	// that many goroutines at a time. The default is 1.
	Workers int

	// Timeout is how long a batch may take, its fallback included, before run's
	// context ends with [ErrTimeout]. It is for run to obey: calls get what it
	// returns then, and fail with ErrTimeout if it failed. The default is 30 s;
	// a negative Timeout is none.
	Timeout time.Duration
}

const (
	defaultMax     = 128
	defaultQueue   = 4096
	defaultTimeout = 30 * time.Second
)

func (cfg Config) withDefaults() Config {
	cfg.Max = limit(cfg.Max, defaultMax)
	cfg.Queue = limit(cfg.Queue, defaultQueue)
	cfg.Workers = max(cfg.Workers, 1)
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	return cfg
}

func limit(n, preset int) int {
	switch {
	case n == 0:
		return preset
	case n < 0:
		return math.MaxInt
	}
	return n
}

// A Batch gathers concurrent calls of [Batch.Do] and runs them together. It is
// made by New, is safe for concurrent use, and must not be copied.
type Batch[In, Out any] struct {
	run   func(context.Context, []In) ([]Out, error)
	cfg   Config
	start time.Time // deadlines count from here
	cells sync.Pool // *call[In, Out]

	mu      sync.Mutex
	queue   queue[In, Out] // not empty only while no worker is free
	workers []*worker[In, Out]
	free    []*worker[In, Out]
	closed  bool          // Do is over
	forced  bool          // what is under way has been asked to end
	drained chan struct{} // closed when closed, and all has been answered
	stats   Stats
}

// New returns a Batch whose calls are answered by run.
//
// run gets between 1 and [Config.Max] items, in the order in which the calls
// came, and returns one result per item in the same order, or an error (see the
// package's Errors). It must not keep or reorder in. It may return the same
// slice of results each time, or in itself: results are read before the worker
// calls run again, so with [Config.Workers] above 1 each run at a time needs a
// slice of its own. It must not call Close, nor Do of the same Batch, which would
// wait for itself.
//
// The context is the batch's, not a call's; the package's Contexts tells when it
// ends. run is called by the goroutine of a lone call or by one of the Batch; a
// [runtime.Goexit] fails the calls of the batch, and in the former case ends the
// caller's goroutine as well.
func New[In, Out any](run func(ctx context.Context, in []In) ([]Out, error), cfg Config) *Batch[In, Out] {
	if run == nil {
		panic("batch: New without a function to run")
	}
	b := &Batch[In, Out]{
		run:     run,
		cfg:     cfg.withDefaults(),
		start:   time.Now(),
		drained: make(chan struct{}),
	}
	b.cells.New = func() any { return &call[In, Out]{ready: make(chan struct{}, 1)} }
	for range b.cfg.Workers {
		w := &worker[In, Out]{b: b, ctx: newRunContext()}
		w.loop = w.work
		b.workers = append(b.workers, w)
	}
	b.free = append(b.free, b.workers...)
	return b
}

// Do runs in as an item of the next batch and returns its result, or the zero
// Out and its error. The package comment tells which error is whose, and what
// the end of ctx means. In is copied; what it refers to must stay unchanged until
// Do returns and, if that is by the end of ctx, for as long as run may use it.
//
// It fails at once with [ErrFull] or [ErrClosed], or with [context.Cause] if ctx
// has ended before. An answer that is there goes before the end of ctx.
func (b *Batch[In, Out]) Do(ctx context.Context, in In) (out Out, err error) {
	if ctx.Err() != nil {
		return out, context.Cause(ctx)
	}
	b.mu.Lock()
	if err := b.refuse(); err != nil {
		b.stats.Refused++
		b.mu.Unlock()
		return out, err
	}
	b.stats.Calls++
	if last := len(b.free) - 1; last >= 0 {
		// perf: a lone call costs no switch of goroutines, BenchmarkDo/alone
		w := b.free[last]
		b.free = b.free[:last]
		w.begin(1, ctx)
		b.mu.Unlock()
		return w.alone(ctx, in)
	}
	c := b.cells.Get().(*call[In, Out])
	c.in = in
	b.queue.push(c)
	b.mu.Unlock()
	return b.wait(ctx, c)
}

// refuse tells why a call cannot be taken now. b.mu is held.
func (b *Batch[In, Out]) refuse() error {
	if b.closed {
		return ErrClosed
	}
	if len(b.free) == 0 && b.queue.len >= b.cfg.Queue {
		return ErrFull
	}
	return nil
}

func (b *Batch[In, Out]) wait(ctx context.Context, c *call[In, Out]) (out Out, err error) {
	select {
	case <-c.ready:
	case <-ctx.Done():
		if b.withdraw(c) {
			return out, context.Cause(ctx)
		}
		<-c.ready
	}
	out, err = c.out, c.err
	b.recycle(c)
	return out, err
}

// withdraw lets go of c unless it has been answered; c is not the caller's any
// more if that succeeds.
func (b *Batch[In, Out]) withdraw(c *call[In, Out]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.state.Load() == queued {
		b.queue.remove(c)
		b.stats.Withdrawn++
		b.recycle(c)
		return true
	}
	w, running := c.worker, c.running // gone, c may be another's at any moment
	if !c.state.CompareAndSwap(taken, gone) {
		return false
	}
	if !running {
		return true
	}
	if w.live--; w.live == 0 {
		w.ctx.leave()
	}
	return true
}

func (b *Batch[In, Out]) recycle(c *call[In, Out]) {
	c.reset()
	b.cells.Put(c)
}

// Stats are counts since New, and what is the case now.
type Stats struct {
	Calls     uint64 // calls of Do that were accepted
	Refused   uint64 // calls that got ErrFull or ErrClosed
	Withdrawn uint64 // calls that left before their batch began
	Batches   uint64 // batches begun; Items divided by Batches is their mean size
	Items     uint64 // items in them
	Fallbacks uint64 // batches that failed and were run again one by one
	Largest   int    // items of the largest batch
	Waiting   int    // calls that wait for their batch to begin
	Running   int    // batches under way
}

// Stats returns the current numbers.
func (b *Batch[In, Out]) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Waiting = b.queue.len
	s.Running = len(b.workers) - len(b.free)
	return s
}
