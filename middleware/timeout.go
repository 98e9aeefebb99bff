package middleware

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/goquart/quart"
)

// TimeoutConfig configures Timeout.
type TimeoutConfig struct {
	After time.Duration // default: 30 s; negative: no limit
	// Hard answers at the deadline whether the handler has returned or not.
	Hard bool
}

const defaultTimeout = 30 * time.Second

var errTookTooLong = &quart.HTTPError{Status: 503, Detail: "the request took too long"}

// Timeout sets a deadline on c.Context and answers 503 in the place of a handler that was over it: one that returned
// context.DeadlineExceeded, or anything after the deadline. It is cooperative: the answer comes when the handler returns, which it does soon if it
// passes c.Context on to what it waits for. The nearest deadline counts where Timeouts are nested. A request costs 10
// allocations: the contexts and their timer.
//
// A stream (Ctx.Stream, Ctx.SSE, RowsOf, EventsOf, files) or a socket that the handler leaves goes on after the deadline, with the context that it was given.
//
// With Hard the client is answered 503 at the deadline, and its connection closed, even while the handler goes on: see
// Ctx.SetHardTimeout. The handler's layers, a logger for one, then see the handler's own result, when it comes.
func Timeout(cfg TimeoutConfig) quart.Middleware {
	if cfg.After == 0 {
		cfg.After = defaultTimeout
	}
	if cfg.After < 0 {
		return func(next quart.Handler) quart.Handler { return next }
	}
	return func(next quart.Handler) quart.Handler {
		if cfg.Hard {
			return func(c *quart.Ctx) error {
				c.SetHardTimeout(cfg.After)
				err := next(c)
				return tookTooLong(c.Context(), err)
			}
		}
		return func(c *quart.Ctx) error { return withDeadline(c, cfg.After, next) }
	}
}

func withDeadline(c *quart.Ctx, after time.Duration, next quart.Handler) error {
	outer := c.Context()
	inner, cancel := context.WithCancelCause(outer)
	ctx := &deadline{Context: inner, at: time.Now().Add(after)}
	timer := time.AfterFunc(after, func() { cancel(context.DeadlineExceeded) })
	defer func() {
		ctx.off.Store(timer.Stop())
		if !quart.Streaming(c) { // whose function may have kept the context: it ends with the response
			cancel(nil)
		}
		c.SetContext(outer) // for the layers around this one
	}()
	c.SetContext(ctx)
	return tookTooLong(ctx, next(c))
}

// deadline is a context that ends at a time, unless that is called off.
type deadline struct {
	context.Context
	at  time.Time
	off atomic.Bool // called off
}

func (d *deadline) Deadline() (time.Time, bool) {
	if outer, ok := d.Context.Deadline(); d.off.Load() || ok && outer.Before(d.at) {
		return outer, ok
	}
	return d.at, true
}

func (d *deadline) Err() error {
	err := d.Context.Err()
	if err != nil && context.Cause(d.Context) == context.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return err
}

// tookTooLong replaces the result of a handler that ended beyond its deadline.
func tookTooLong(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &quart.HTTPError{Status: errTookTooLong.Status, Detail: errTookTooLong.Detail, Err: err}
	case !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return err
	case err != nil:
		return &quart.HTTPError{Status: errTookTooLong.Status, Detail: errTookTooLong.Detail, Err: err}
	}
	return errTookTooLong
}
