package quart

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"
)

// hardTimeout answers in the place of a handler that is over its time. The handler's goroutine keeps Ctx and RequestCtx until it
// is done; the timer writes to the connection itself, so that nothing is shared but one word.
type hardTimeout struct {
	timer  *time.Timer
	ctx    context.Context
	cancel context.CancelFunc
	state  atomic.Uint32 // 0: running, 1: the handler was in time, 2: the timer took over
}

const hardBody = `{"title":"Service Unavailable","status":503,"detail":"the request took too long"}`

var (
	hardHead = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\n" +
		"Content-Length: " + strconv.Itoa(len(hardBody)) + "\r\nConnection: close\r\n\r\n"
	hardAnswer = hardHead + hardBody
)

// SetHardTimeout answers 503 and closes the connection when the handler has not returned within d. What the handler does
// later reaches nobody: its layers, a logger for one, see its own result. It ends when c.Context is done, which the
// deadline does. Behind a listener that is not quart's, and where an earlier answer of a pipeline is unsent,
// the connection is closed without the 503. Only the first call counts; d <= 0 is none.
func (c *Ctx) SetHardTimeout(d time.Duration) {
	c.live()
	if d <= 0 || c.hard != nil {
		return
	}
	ctx, cancel := context.WithTimeout(c.Context(), d)
	c.ctx = ctx
	h := &hardTimeout{ctx: ctx, cancel: cancel}
	c.hard = h
	conn, fast, head := c.conn, c.fc.Conn(), c.fc.IsHead()
	h.timer = time.AfterFunc(d, func() {
		if !h.state.CompareAndSwap(0, 2) {
			return
		}
		if conn == nil {
			_ = fast.Close()
			return
		}
		if head {
			conn.takeOver(hardHead)
			return
		}
		conn.takeOver(hardAnswer)
	})
}

var errTookTooLong error = &HTTPError{Status: 503, Detail: "the request took too long"}

// endHard settles who answers, when the handler has returned.
func (c *Ctx) endHard() {
	h := c.hard
	h.timer.Stop()
	late := h.ctx.Err() == context.DeadlineExceeded
	h.cancel()
	if !h.state.CompareAndSwap(0, 1) {
		c.fc.SetConnectionClose() // the timer did
		return
	}
	if late { // it was about to
		c.fc.SetConnectionClose()
		c.failLast(errTookTooLong)
	}
}
