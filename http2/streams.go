package http2

import (
	"time"

	"github.com/valyala/fasthttp"
)

// This file is the life of streams (RFC 9113, section 5.1). All functions are called with c.mu held.
//
// A stream counts as active from its head on until it is closed and nobody works on it: a client that resets what it asked for cannot make us run more handlers than it may have streams. It leaves
// c.streams when it is closed: from there on frames for it are late ones.

// add makes s a stream of the connection.
func (c *conn) add(s *Stream) {
	s.turn.L = &c.mu
	s.inWindow = int64(c.srv.cfg.StreamWindow)
	s.outWindow = c.peerWindow
	c.streams[s.id] = s
	c.active++
	if s.pushed {
		c.pushed++
	}
	c.busy.Store(int32(c.active))
}

// close takes s out of the connection, after its last frame or a reset.
func (c *conn) close(s *Stream) {
	if c.streams[s.id] != s {
		return
	}
	delete(c.streams, s.id)
	if s.pushed {
		c.pushing--
	}
	c.settle(s)
}

// settle lets s go when it is closed and nobody works on it.
func (c *conn) settle(s *Stream) {
	if s.freed || s.running || !s.state.closed() {
		return
	}
	s.freed = true
	c.discardBody(s)
	c.active--
	if s.pushed {
		c.pushed--
	}
	if c.active == 0 {
		c.readAt.Store(c.srv.now()) // IdleTimeout begins. Before busy, which the sweeper looks at first
	}
	c.busy.Store(int32(c.active))
	stopTimer(s.readTimer)
	stopTimer(s.writeTimer)
	if s.hijack == nil && !s.shared && s.waiters == 0 {
		c.srv.recycle(s)
	}
	c.endIfDone()
}

// cut ends s before its time: by the client's reset, the end of the connection, or ours.
func (c *conn) cut(s *Stream, why error) {
	if s.state.closed() {
		return
	}
	s.state.reset = true
	s.err = why
	c.dropOut(s)
	c.discardBody(s)
	c.callEnded(s, why)
	if s.turn.L != nil {
		s.turn.Broadcast()
	}
	c.close(s)
}

// resetStream sends RST_STREAM.
func (c *conn) resetStream(s *Stream, code ErrCode) {
	if s.freed || s.state.closed() {
		return
	}
	c.refuseID(s.id, code)
	c.srv.resets.Add(1)
	c.cut(s, &StreamError{ID: s.id, Code: code})
}

// refuseID sends RST_STREAM and remembers it: frames that are on their way are no mistake of the client.
func (c *conn) refuseID(id uint32, code ErrCode) {
	c.out = appendRSTStream(c.out, id, code)
	c.controlBytes += frameHeaderLen + 4
	c.tombs[c.tombAt] = id
	c.tombAt = (c.tombAt + 1) % maxTombstones
}

// buried reports whether we have reset the stream lately.
func (c *conn) buried(id uint32) bool {
	for _, t := range c.tombs {
		if t == id {
			return true
		}
	}
	return false
}

// countReset counts a stream that ends by a reset that is the client's doing, its own or one that it made us send. It reports whether these were too many.
func (c *conn) countReset() bool { return c.resets.over(c.srv.now(), maxResets) }

// streamError resets a stream whose client broke the rules.
func (c *conn) streamError(s *Stream, code ErrCode) error {
	if c.countReset() {
		return connError(EnhanceYourCalm, "too many stream errors")
	}
	c.resetStream(s, code)
	return nil
}

// endResponse marks the end of the response behind what is in s.out.
func (c *conn) endResponse(s *Stream) {
	if s.state.closed() || s.state.localEnd {
		return
	}
	s.outEnd = true
	if len(s.out) == 0 {
		c.finish(s)
	}
}

// finish ends the response.
func (c *conn) finish(s *Stream) {
	c.appendEnd(s)
	c.sentEnd(s)
}

// appendEnd appends END_STREAM, by trailers or an empty frame.
func (c *conn) appendEnd(s *Stream) {
	if !c.appendTrailers(s) {
		c.out = appendFrameHeader(c.out, 0, frameData, flagEndStream, s.id)
	}
}

// sentEnd is called when END_STREAM is in c.out.
func (c *conn) sentEnd(s *Stream) {
	s.state.localEnd = true
	if s.err == nil {
		c.callEnded(s, nil)
	}
	if s.state.remoteEnd {
		c.close(s)
	} else if !s.running {
		c.refuseRest(s)
	}
}

// refuseRest is for a client that goes on sending a body which nobody reads, though the response is complete: it is told to stop (section 8.1), but not at once. Some clients lose an answer that
// comes together with a reset.
func (c *conn) refuseRest(s *Stream) {
	switch {
	case s.state.closed():
	case s.taken: // it was closed on purpose
		c.endRest(s)
	case s.answeredAt == 0:
		s.answeredAt = max(c.srv.now(), 1)
	}
}

// endRest is the end of that patience.
func (c *conn) endRest(s *Stream) {
	c.refuseID(s.id, NoError)
	s.state.reset = true
	s.turn.Broadcast()
	c.close(s)
}

// release is called when the handler, or who hijacked s, is done with it.
func (c *conn) release(s *Stream) {
	s.running = false
	switch {
	case s.state.closed():
		c.settle(s)
	case s.state.localEnd:
		c.refuseRest(s)
	}
}

// callEnded calls what OnEnd was given, once nobody holds mu.
func (c *conn) callEnded(s *Stream, err error) {
	for _, f := range s.ended {
		c.calls = append(c.calls, endCall{f, err})
	}
	clear(s.ended)
	s.ended = s.ended[:0]
}

// dropOut forgets what is unsent, and wakes who waits for it.
func (c *conn) dropOut(s *Stream) {
	if s.queued {
		c.ready.remove(s)
	}
	if s.outPinned {
		c.unpin(s)
	}
	s.out = nil
}

// dropCtx lets the RequestCtx of a stream go whose handler does not run.
func (c *conn) dropCtx(s *Stream) {
	switch {
	case s.ctx == nil:
		return
	case c.spent == nil:
		c.spent = s.ctx
	default:
		c.spentMore = append(c.spentMore, s.ctx)
	}
	s.ctx = nil
}

// ---- outside of connections ----

func stopTimer(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}

// newStream takes a stream from the pool. Its ctx is ready for a request.
func (srv *Server) newStream(c *conn, id uint32) *Stream {
	s, _ := srv.streams.Get().(*Stream)
	if s == nil {
		s = new(Stream)
	}
	s.c, s.id, s.declared, s.freed = c, id, -1, false
	s.urgency = defaultUrgency
	s.body.s, s.secure.Stream = s, s
	s.ctx = srv.acquireCtx()
	if c.tls != nil {
		s.ctx.Init2(&s.secure, srv.cfg.Logger, false)
	} else {
		s.ctx.Init2(s, srv.cfg.Logger, false)
	}
	s.ctx.Response.Header.SetNoDefaultContentType(srv.cfg.NoDefaultContentType)
	return s
}

// recycle gives s back to the pool.
func (srv *Server) recycle(s *Stream) {
	ended := s.ended[:0]
	*s = Stream{ended: ended, c: s.c, freed: true} // so that late calls fail
	srv.streams.Put(s)
}

func (srv *Server) acquireCtx() *fasthttp.RequestCtx {
	if ctx, ok := srv.ctxs.Get().(*fasthttp.RequestCtx); ok {
		return ctx
	}
	return new(fasthttp.RequestCtx)
}

// keepBody is the largest response buffer that stays with a RequestCtx.
const keepBody = 64 << 10

// releaseCtx runs closers of the user's: mu is not held.
func (srv *Server) releaseCtx(ctx *fasthttp.RequestCtx) {
	if ctx.LastTimeoutErrorResponse() != nil {
		return // a handler that was given up may still use it
	}
	if !ctx.Response.IsBodyStream() && cap(ctx.Response.Body()) > keepBody {
		ctx.Response.SwapBody(nil)
	}
	ctx.ResetUserValues()
	ctx.Request.Reset()
	ctx.Response.Reset()
	ctx.Hijack(nil)
	ctx.HijackSetNoResponse(false)
	ctx.SetRemoteAddr(nil)
	srv.ctxs.Put(ctx)
}
