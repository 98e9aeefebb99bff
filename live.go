package quart

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
)

// live is what an EventStream and a Socket keep of the request that they come from: the Ctx is gone when they begin.
type live struct {
	app    *App
	conn   *connState // nil behind a foreign listener; on HTTP/2 that of the stream
	route  *Route
	params []string
	log    *slog.Logger
	slots  *slots // nil: none was set

	ctxMu    sync.Mutex
	ctx      context.Context
	cancel   context.CancelCauseFunc
	over     bool // a context that is asked for from now on is done
	watchers []interface{ Gone() }
}

// keep takes from c what lives on.
func (l *live) keep(c *Ctx) {
	l.app, l.conn, l.route, l.log = c.app, c.conn, c.route, c.Log()
	l.ctx, _, l.cancel = c.takeContext()
	if c.route != nil && len(c.route.paramNames) > 0 {
		l.params = make([]string, len(c.route.paramNames))
		for i, name := range c.route.paramNames {
			l.params[i] = string(c.param(name))
		}
	}
	if len(c.slots.used) > 0 {
		l.slots = new(slots)
		*l.slots, c.slots = c.slots, slots{}
	}
}

// Context is done when the connection is over: the client has left or does not read, Close was called, or the app stops. Values that
// SetContext brought to the request are there.
func (l *live) Context() context.Context {
	l.ctxMu.Lock()
	defer l.ctxMu.Unlock()
	if l.ctx != nil {
		return l.ctx
	}
	l.ctx, l.cancel = streamContext(l.app, l.conn, nil)
	if l.over {
		l.cancel(ErrClosed)
	}
	return l.ctx
}

// Notify calls w.Gone, once, in another goroutine, when the connection is over, at once if it is: what the end of Context says, for 40 bytes in place of
// 700, for a hub whose parked streams are many. Forget takes it back.
func (l *live) Notify(w interface{ Gone() }) {
	l.ctxMu.Lock()
	defer l.ctxMu.Unlock()
	if l.over {
		go w.Gone()
		return
	}
	l.watchers = append(l.watchers, w)
}

// Forget ends what Notify began. It does nothing when the connection is over.
func (l *live) Forget(w interface{ Gone() }) {
	l.ctxMu.Lock()
	defer l.ctxMu.Unlock()
	if i := slices.Index(l.watchers, w); i >= 0 {
		last := len(l.watchers) - 1
		l.watchers[i], l.watchers[last] = l.watchers[last], nil
		l.watchers = l.watchers[:last]
	}
}

// setOver ends what the end of the connection ends, and returns what cancels the context.
func (l *live) setOver() context.CancelCauseFunc {
	l.ctxMu.Lock()
	defer l.ctxMu.Unlock()
	l.over = true
	if watchers := l.watchers; len(watchers) > 0 {
		l.watchers = nil
		go func() {
			for _, w := range watchers {
				w.Gone()
			}
		}()
	}
	return l.cancel
}

// endContext ends the context, and those of the connection's request that others hold.
func (l *live) endContext() {
	if cancel := l.setOver(); cancel != nil {
		cancel(ErrClosed)
	}
	if l.conn != nil {
		l.conn.finish(ErrClosed)
	}
}

// freeContext is for the very end: a context that was not ended is.
func (l *live) freeContext() {
	if cancel := l.setOver(); cancel != nil {
		cancel(nil)
	}
}

// Param is Ctx.Param of the request.
func (l *live) Param(name string) string {
	if l.route != nil {
		for i, n := range l.route.paramNames {
			if n == name {
				return l.params[i]
			}
		}
		return string(l.route.defaultOf(name))
	}
	return ""
}

// scope makes an EventStream and a Socket a Scope.
func (l *live) scope() *slots {
	l.ctxMu.Lock()
	defer l.ctxMu.Unlock()
	if l.slots == nil {
		l.slots = new(slots)
	}
	return l.slots
}

// told reports whether err is only how a function says that it was told to end.
func told(err error) bool { return isAny(err, ErrClosed, ErrQueueFull, context.Canceled) }

var errParked = errors.New("quart: the result of EventStream.Park was not returned by the stream's function")
