package quart

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/goquart/quart/http2"
)

// hardTimeout answers in the place of a handler that is over its time. The handler's goroutine keeps Ctx and RequestCtx until it
// is done; the timer writes to the connection itself, so that nothing is shared but one word.
type hardTimeout struct {
	timer  *time.Timer
	ctx    context.Context
	cancel context.CancelFunc
	state  atomic.Uint32 // 0: running, 1: the handler was in time, 2: the timer took over
	taken  chan struct{} // closed when the timer has answered
}

const hardBody = `{"title":"Service Unavailable","status":503,"detail":"the request took too long"}`

var (
	hardHead = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\n" +
		"Content-Length: " + strconv.Itoa(len(hardBody)) + "\r\nConnection: close\r\n\r\n"
	hardAnswer = hardHead + hardBody
)

// SetHardTimeout answers 503 and closes the connection (HTTP/2: the stream) when the handler has not returned within d. What the handler does
// later reaches nobody: its layers, a logger for one, see its own result. The deadline ends c.Context. Behind a listener that is
// not quart's, and where the answer to an earlier request of a pipeline is unsent, the 503 comes when the handler returns.
// Only the first call counts; d <= 0 is none.
func (c *Ctx) SetHardTimeout(d time.Duration) {
	c.live()
	if d <= 0 || c.hard != nil {
		return
	}
	ctx, cancel := context.WithTimeout(c.Context(), d)
	c.ctx = ctx
	h := &hardTimeout{ctx: ctx, cancel: cancel, taken: make(chan struct{})}
	c.hard = h
	if c.h2 != nil {
		h.timer = time.AfterFunc(d, h.override(c.h2))
		return
	}
	if c.conn == nil || c.conn.flags.Load()&flagUnsent != 0 {
		return
	}
	conn, answer := c.conn, hardAnswer
	if c.fc.IsHead() {
		answer = hardHead
	}
	h.timer = time.AfterFunc(d, func() {
		if h.state.CompareAndSwap(0, 2) {
			conn.takeOver(answer)
			close(h.taken)
		}
	})
}

// override is what the timer does on HTTP/2, where only the stream ends.
func (h *hardTimeout) override(stream *http2.Stream) func() {
	return func() {
		if h.state.CompareAndSwap(0, 2) {
			stream.Override(503, []byte(hardBody), "Content-Type", "application/problem+json", "X-Content-Type-Options", "nosniff")
			close(h.taken)
		}
	}
}

var errTookTooLong error = &HTTPError{Status: 503, Detail: "the request took too long"}

// endHard settles who answers, when the handler has returned.
func (c *Ctx) endHard() {
	late := c.hard.ctx.Err() == context.DeadlineExceeded
	if !c.hard.stop() {
		c.closeAfter() // the timer did
		return
	}
	c.hard = nil
	if late { // it was about to
		c.closeAfter()
		c.failLast(errTookTooLong)
	}
}

// stop reports whether the handler was in time. If not, it waits until the timer has answered: two must not decide over one
// connection.
func (h *hardTimeout) stop() bool {
	if h.timer != nil {
		h.timer.Stop()
	}
	h.cancel()
	if h.state.CompareAndSwap(0, 1) {
		return true
	}
	if h.state.Load() == 2 {
		<-h.taken
	}
	return false
}
