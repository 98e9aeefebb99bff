package batch

import (
	"context"
	"sync"
)

// A runContext is the context of one run after another, until it ends: a
// context per run would be three allocations per batch.
//
// For a call that is run alone it ends with the caller's context too. To follow
// that costs allocations, so it begins with the first use of Done. All that waits
// for a context or derives one from it asks for Done first, and Err looks at the
// caller's itself.
type runContext struct {
	context.Context // without values; ended by cancel
	cancel          context.CancelCauseFunc
	leave           func() // cancel(errGone), made once

	mu     sync.Mutex      // run may use its context from several goroutines
	caller context.Context // of a call that is run alone, else nil
	stop   func() bool     // ends following caller
}

func newRunContext() *runContext {
	c := new(runContext)
	c.Context, c.cancel = context.WithCancelCause(context.Background())
	c.leave = func() { c.cancel(errGone) }
	return c
}

// Done implements context.Context.
func (c *runContext) Done() <-chan struct{} {
	c.mu.Lock()
	if c.caller != nil && c.stop == nil && c.caller.Done() != nil {
		c.stop = context.AfterFunc(c.caller, c.leave)
	}
	c.mu.Unlock()
	return c.Context.Done()
}

// Err implements context.Context.
func (c *runContext) Err() error {
	c.mu.Lock()
	caller := c.caller
	c.mu.Unlock()
	if caller != nil && caller.Err() != nil {
		c.leave()
	}
	return c.Context.Err()
}

// follow makes the context end with caller's until unfollow.
func (c *runContext) follow(caller context.Context) {
	c.mu.Lock()
	c.caller = caller
	c.mu.Unlock()
}

// unfollow reports whether the context is still good: one that has ended, or is
// about to, is not.
func (c *runContext) unfollow() bool {
	c.mu.Lock()
	stop := c.stop
	c.caller, c.stop = nil, nil
	c.mu.Unlock()
	return stop == nil || stop()
}

// cause is why the context has ended, nil if it has not.
func (c *runContext) cause() error { return context.Cause(c.Context) }
