package batch

import "context"

// Close ends the Batch: later calls of Do get [ErrClosed], those that wait or
// are under way are answered, and Close returns when all are. Only
// [Config.Timeout] limits how long that takes. It may be called again.
func (b *Batch[In, Out]) Close() { _ = b.Shutdown(context.Background()) }

// Shutdown is Close with a limit. It returns nil when all calls are answered.
// When ctx ends before, calls that wait get [ErrClosed], run's context ends with
// that cause, and Shutdown returns [context.Cause] of ctx at once: calls under
// way get their answer when run returns.
func (b *Batch[In, Out]) Shutdown(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.drain()
	b.mu.Unlock()

	select {
	case <-b.drained:
		return nil
	case <-ctx.Done():
	}
	if b.force() {
		return nil
	}
	return context.Cause(ctx)
}

// drain tells those who wait in Shutdown when all is over. b.mu is held.
func (b *Batch[In, Out]) drain() {
	if !b.closed || len(b.free) < len(b.workers) {
		return
	}
	select {
	case <-b.drained:
		return
	default:
	}
	for _, w := range b.workers {
		if w.armed {
			w.timer.Stop() // one that fires now finds nothing to do
		}
	}
	close(b.drained)
}

// force ends what can be ended, and reports whether nothing was left.
func (b *Batch[In, Out]) force() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.free) == len(b.workers) {
		return true
	}
	b.forced = true
	for b.queue.len > 0 {
		c := b.queue.head
		b.queue.remove(c)
		c.err = ErrClosed
		c.state.Store(done)
		c.ready <- struct{}{}
	}
	for _, w := range b.workers {
		if w.busy {
			w.ctx.cancel(ErrClosed)
		}
	}
	return false
}
