package http2

import (
	"io"
	"os"
	"time"
)

// This file is the body of requests, and the flow control of what clients send (RFC 9113, section 5.2).

func (c *conn) onData(f *frame) error {
	n := int64(len(f.payload))
	if f.stream&1 == 0 || c.idle(f.stream) {
		return connError(ProtocolError, "DATA on stream %d", f.stream)
	}
	if !f.unpad() {
		return connError(ProtocolError, "bad padding")
	}
	end := f.has(flagEndStream)
	if len(f.payload) == 0 && !end && c.empty.over(c.srv.now(), maxEmptyFrames) {
		return connError(EnhanceYourCalm, "too many empty frames")
	}
	c.lock()
	defer c.unlockHand()
	if c.recvWindow -= n; c.recvWindow < 0 {
		return connError(FlowControlError, "DATA beyond the connection's window")
	}
	s := c.streams[f.stream]
	if s == nil {
		c.giveBack(n)
		if c.buried(f.stream) {
			return nil
		}
		return connError(StreamClosed, "DATA on stream %d, which is closed", f.stream)
	}
	if code := c.checkData(s, f, n); code != NoError {
		c.giveBack(n)
		return c.streamError(s, code)
	}
	s.inWindow -= n
	s.inSeen += int64(len(f.payload))
	c.credit(s, n-int64(len(f.payload))) // padding is nobody's to read
	if !c.keep(s, f.payload) {
		return nil
	}
	if end {
		return c.bodyEnd(s)
	}
	s.turn.Broadcast()
	return nil
}

// checkData returns what a frame of DATA with n bytes does wrong. mu is held.
func (c *conn) checkData(s *Stream, f *frame, n int64) ErrCode {
	switch {
	case s.state.remoteEnd:
		return StreamClosed
	case n > s.inWindow:
		return FlowControlError
	case s.declared >= 0 && s.inSeen+int64(len(f.payload)) > s.declared:
		return ProtocolError
	}
	return NoError
}

// keep stores bytes for who reads the body. It reports false when the stream has ended for their number. mu is held.
func (c *conn) keep(s *Stream, p []byte) bool {
	gathering := s.gathers()
	switch {
	case len(p) == 0:
		return true
	case gathering && s.inSeen > int64(c.srv.cfg.MaxRequestBodySize):
		c.credit(s, int64(len(p)))
		c.answerInstead(s, 413, "Request Entity Too Large")
		return false
	case gathering && c.buffered+int64(len(p)) > c.bufferLimit():
		c.credit(s, int64(len(p)))
		c.dropCtx(s)
		c.resetStream(s, RefusedStream)
		return false
	case s.unwanted || !gathering && (s.state.localEnd && !s.running || s.overridden):
		c.credit(s, int64(len(p))) // the response is complete: nobody will read it
		return true
	}
	s.store(p)
	if gathering {
		s.waitingSince = max(c.srv.now(), 1)
		c.buffered += int64(len(p))
		s.kept += int64(len(p))
		c.credit(s, int64(len(p)))
	}
	return true
}

// bufferLimit bounds the bodies that are gathered for one client.
func (c *conn) bufferLimit() int64 {
	return max(4*int64(c.srv.cfg.ConnWindow), 2*int64(c.srv.cfg.MaxRequestBodySize))
}

// gathers reports whether the handler of s waits for the whole body.
func (s *Stream) gathers() bool {
	return s.hasBody && !s.running && !s.overridden && !s.c.srv.cfg.StreamRequestBody
}

// store appends to s.in.
func (s *Stream) store(p []byte) {
	if s.inRead > 0 && s.inRead == len(s.in) {
		s.in, s.inRead = s.in[:0], 0
	}
	if s.inBox != nil && s.inRead > 0 && len(s.in)+len(p) > cap(s.in) {
		s.in = s.in[:copy(s.in, s.in[s.inRead:])]
		s.inRead = 0
	}
	if s.inBox == nil || len(s.in)+len(p) > cap(s.in) {
		box := getBuffer(max(len(s.in)+len(p), 2*len(s.in)))
		s.in = append(box.b, s.in...)
		s.freeBox()
		s.inBox = box
	}
	s.in = append(s.in, p...)
}

func (s *Stream) freeBox() {
	if s.inBox != nil {
		putBuffer(s.inBox)
		s.inBox = nil
	}
}

// freeIn gives the buffer back.
func (s *Stream) freeIn() {
	if s.inBox != nil {
		s.inBox.b = s.in
		s.freeBox()
	}
	s.in, s.inRead = nil, 0
}

// gather begins to wait for a whole body. mu is held.
func (c *conn) gather(s *Stream) error {
	if s.declared > int64(c.srv.cfg.MaxRequestBodySize) {
		c.answerInstead(s, 413, "Request Entity Too Large")
		return nil
	}
	if s.expects {
		c.appendInfo(s, 100, nil)
	}
	s.waitingSince = max(c.srv.now(), 1)
	return nil
}

// bodyEnd acts on END_STREAM. mu is held.
func (c *conn) bodyEnd(s *Stream) error {
	if s.declared >= 0 && s.inSeen != s.declared && !s.state.localEnd { // a client may stop when it sees the answer
		return c.streamError(s, ProtocolError)
	}
	gathered := s.gathers()
	s.state.remoteEnd = true
	s.turn.Broadcast()
	for _, f := range s.left {
		c.calls = append(c.calls, endCall{func(error) { f() }, nil})
	}
	s.left = nil
	if s.state.localEnd {
		c.close(s)
		return nil
	}
	if gathered {
		s.gathered, s.waitingSince = true, 0
		s.joinTrailers(s.trailers)
		s.ctx.Request.SetBodyRaw(s.in)
		s.ctx.Request.Header.SetContentLength(len(s.in))
		c.start(s)
	}
	return nil
}

// discardBody forgets what nobody will read of the body, and gives it back to the connection's window. mu is held.
func (c *conn) discardBody(s *Stream) {
	if s.hasBody && !c.srv.cfg.StreamRequestBody {
		c.buffered -= s.kept
		s.kept = 0
		if !s.running { // else the handler has it
			s.freeIn()
		}
		return
	}
	if left := int64(len(s.in) - s.inRead); left > 0 {
		c.giveBack(left)
	}
	s.freeIn()
}

// credit lets the client send n more bytes on the stream and the connection. The client is told when it is worth a frame. mu is held.
func (c *conn) credit(s *Stream, n int64) {
	c.giveBack(n)
	if s.state.remoteEnd || s.state.reset {
		return
	}
	s.unacked += n
	if s.unacked >= int64(c.srv.cfg.StreamWindow)/2 {
		c.out = appendWindowUpdate(c.out, s.id, uint32(s.unacked))
		s.inWindow += s.unacked
		s.unacked = 0
	}
}

// giveBack is credit for the connection alone. mu is held.
func (c *conn) giveBack(n int64) {
	c.unacked += n
	if c.unacked >= int64(c.srv.cfg.ConnWindow)/2 || c.unacked > 0 && c.unacked >= c.recvWindow { // or the client would wait for what others do not read
		c.out = appendWindowUpdate(c.out, 0, uint32(c.unacked))
		c.recvWindow += c.unacked
		c.unacked = 0
	}
}

// read is Read of the body. The first one tells a client that waits for it to go on (Expect: 100-continue).
func (s *Stream) read(p []byte, owner bool) (int, error) {
	c := s.c
	c.lock()
	if s.freed || owner && !s.taken {
		c.unlock()
		return 0, ErrClosed
	}
	for s.inRead == len(s.in) {
		if err := s.readErr(); err != nil || len(p) == 0 {
			c.unlock()
			return 0, err
		}
		if s.expects && !s.continued && !s.headSent {
			s.continued = true
			c.appendInfo(s, 100, nil)
			c.unlockFlush()
			c.lock()
			continue
		}
		s.wait()
	}
	n := copy(p, s.in[s.inRead:])
	s.inRead += n
	if s.inRead == len(s.in) {
		s.freeIn()
	}
	if !s.gathered { // else it was given back as it came
		c.credit(s, int64(n))
	}
	c.unlockFlush()
	return n, nil
}

// readErr is why nothing more comes. mu is held.
func (s *Stream) readErr() error {
	switch {
	case s.err != nil:
		return s.err
	case s.readClosed:
		return os.ErrDeadlineExceeded
	case s.overridden || s.over || s.unwanted:
		return ErrClosed
	case s.state.remoteEnd:
		return io.EOF
	case s.state.closed():
		return ErrClosed
	}
	return nil
}

// wait waits for the client. What that takes is counted. mu is held.
func (s *Stream) wait() {
	if s.taken {
		s.await()
		return
	}
	srv := s.c.srv
	if s.waitingSince == 0 {
		s.waitingSince = max(srv.now(), 1)
	}
	s.await()
	s.waited += srv.now() - s.waitingSince
	s.waitingSince = 0
}

// late reports whether the wait for a part of the body that is under way has taken too long. mu is held.
func (s *Stream) late(now int64) bool {
	if s.waitingSince == 0 {
		return false
	}
	wait := time.Duration(now-s.waitingSince) * time.Millisecond
	limit := s.c.srv.cfg.BodyReadTimeout
	return limit > 0 && wait > limit || s.bodyTimeout > 0 && wait+time.Duration(s.waited)*time.Millisecond > s.bodyTimeout
}
