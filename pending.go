package quart

import (
	"fmt"
	"io"
)

// pending is a body that is written after the handler and its layers have returned: a stream, an event stream, a large file. A
// responder records it with respondLater; the last responder wins.
type pending interface {
	// send makes it the body of c's response, or takes the connection for it. It runs once, at the end of the
	// request, for HEAD as well: then only the head may be sent.
	send(c *Ctx)
	// drop frees what it holds, when another response took its place. Nothing else is called then.
	drop()
}

// respondLater ends a responder whose body is still to be made.
func (c *Ctx) respondLater(status int, contentType []byte, p pending) {
	c.fc.Response.ResetBody()
	c.start(status, contentType)
	c.pending, c.values = p, c.ctx
}

// dropPending is called by responders: what they write takes the place of a body that was to come.
func (c *Ctx) dropPending() {
	p := c.pending
	c.pending, c.values, c.filter = nil, nil, nil
	if _, ok := p.(*Socket); ok {
		c.refuseSocket()
	}
	p.drop()
}

// sendPending runs when nothing can replace the response any more.
func (c *Ctx) sendPending() {
	if bodyless(c.fc.Response.StatusCode()) || c.conn.lost() {
		c.dropPending()
		return
	}
	if status := c.fc.Response.StatusCode(); (status < 200 || status > 599) && !c.upgrades() {
		c.failLast(fmt.Errorf("quart: the handler answered with status %d", status))
		return
	}
	p := c.pending
	c.pending = nil
	p.send(c)
	c.filter = nil
}

// StreamFilter transforms a streamed body on its way out, a compressor for one. It is used by one goroutine.
type StreamFilter interface {
	io.Writer
	// Flush writes out all that was written so far: the producer called StreamWriter.Flush.
	Flush() error
	// Close ends the body and frees what the filter holds. After an error of the producer it is called as well, and what
	// it writes is lost: the client must not see a proper end.
	Close() error
}

// Streaming reports whether the response, as it stands, has a body that is still to be made: by Stream, by SSE, or a file
// too large to be held in memory. Middleware that looks at bodies leaves it alone, or uses FilterStream.
func Streaming(c *Ctx) bool {
	c.live()
	return c.pending != nil || c.fc.Response.IsBodyStream()
}

// FilterStream puts a filter in front of the body that a handler left to be streamed by Stream or as a file, for middleware, after the
// handler returned. wrap is called once, when the body begins, with where the filter writes to; never for HEAD, nor when
// another response takes the stream's place. It reports false, and does nothing, when there is no such body, or one that takes no filter: event
// streams, answers with a range, and streams that have one already.
func FilterStream(c *Ctx, wrap func(w io.Writer) StreamFilter) bool {
	c.live()
	f, ok := c.pending.(filterable)
	if !ok || c.filter != nil || !f.takesFilter() {
		return false
	}
	c.filter = wrap
	return true
}

// filterable is a pending whose send heeds c.filter.
type filterable interface{ takesFilter() bool }
