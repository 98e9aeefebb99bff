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
	cancel context.CancelCauseFunc
	answer func() // nil: the 503 waits for the handler
	state  atomic.Uint32
	over   chan struct{} // closed when the timer has answered
}

// States of a hardTimeout.
const (
	hardRuns   = iota
	hardInTime // the handler has returned
	hardLate   // the timer came first
)

const hardBody = `{"title":"Service Unavailable","status":503,"detail":"the request took too long"}`

var (
	hardHead = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\n" +
		"Content-Length: " + strconv.Itoa(len(hardBody)) + "\r\nConnection: close\r\n\r\n"
	hardAnswer = hardHead + hardBody
)

// SetHardTimeout answers 503 and closes the connection (HTTP/2: the stream) when the handler has not returned within d. What the handler does
// later reaches nobody: its layers, a logger for one, see its own result. The deadline ends c.Context, and is called off when the handler
// has left a stream or a socket: that context lives as long as the response. Contexts made of it say context.Canceled, and context.Cause of them
// context.DeadlineExceeded. Behind a listener that is
// not quart's, and where the answer to an earlier request of a pipeline is unsent, the 503 comes when the handler returns.
// Only the first call counts; d <= 0 is none.
func (c *Ctx) SetHardTimeout(d time.Duration) {
	c.live()
	if d <= 0 || c.hard != nil {
		return
	}
	ctx, cancel := context.WithCancelCause(c.Context())
	h := &hardTimeout{cancel: cancel, over: make(chan struct{})}
	c.ctx = &hardContext{ctx, time.Now().Add(d), h}
	switch {
	case c.h2 != nil:
		h.answer = overrideLate(c.h2)
	case c.conn != nil && c.conn.flags.Load()&flagUnsent == 0:
		h.answer = c.conn.answerLate(c.fc.IsHead())
	}
	h.timer = time.AfterFunc(d, h.fire)
	c.hard = h
}

func (h *hardTimeout) fire() {
	if !h.state.CompareAndSwap(hardRuns, hardLate) {
		return
	}
	h.cancel(context.DeadlineExceeded)
	if h.answer != nil {
		h.answer()
	}
	close(h.over)
}

func (conn *connState) answerLate(head bool) func() {
	return func() {
		if head {
			conn.takeOver(hardHead)
			return
		}
		conn.takeOver(hardAnswer)
	}
}

// overrideLate is what the timer does on HTTP/2, where only the stream ends.
func overrideLate(stream *http2.Stream) func() {
	return func() {
		stream.Override(503, []byte(hardBody), "Content-Type", "application/problem+json", "X-Content-Type-Options", "nosniff")
	}
}

// hardContext has a deadline that is called off when the handler leaves a stream, which may hold it.
type hardContext struct {
	context.Context
	at time.Time
	h  *hardTimeout
}

func (h *hardContext) Deadline() (time.Time, bool) {
	if outer, ok := h.Context.Deadline(); h.h.state.Load() == hardInTime || ok && outer.Before(h.at) {
		return outer, ok
	}
	return h.at, true
}

func (h *hardContext) Err() error {
	err := h.Context.Err()
	if err != nil && context.Cause(h.Context) == context.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return err
}

var errTookTooLong error = &HTTPError{Status: 503, Detail: "the request took too long"}

// endHard settles who answers, when the handler has returned.
func (c *Ctx) endHard() {
	h := c.hard
	if h.inTime() {
		if !Streaming(c) { // whose function may have kept the context: it ends with the response
			h.cancel(nil)
		}
		c.hard = nil
		return
	}
	c.closeAfter()
	if h.answer == nil {
		c.hard = nil
		c.failLast(errTookTooLong)
	}
}

// inTime reports whether the handler was. If not, it waits until the timer has answered: two must not decide over one
// connection.
func (h *hardTimeout) inTime() bool {
	if h.state.CompareAndSwap(hardRuns, hardInTime) {
		h.timer.Stop()
		return true
	}
	if h.state.Load() == hardLate {
		<-h.over
	}
	return false
}
