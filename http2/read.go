package http2

import (
	"encoding/binary"

	"github.com/valyala/fasthttp"
)

// frame acts on a frame from the client. Its errors end the connection.
func (c *conn) frame(f *frame) error {
	if c.block.stream != 0 && (f.typ != frameContinuation || f.stream != c.block.stream) {
		return connError(ProtocolError, "a block of header fields was interrupted")
	}
	switch f.typ {
	case frameData:
		return c.onData(f)
	case frameHeaders:
		return c.onHeaders(f)
	case frameContinuation:
		return c.onContinuation(f)
	case frameRSTStream:
		return c.onRSTStream(f)
	case framePushPromise:
		return connError(ProtocolError, "a client cannot push")
	}
	if f.typ == frameWindowUpdate {
		return c.onWindowUpdate(f)
	}
	if c.control.over(c.srv.now(), maxControlFrames) {
		return errFlood
	}
	switch f.typ {
	case frameSettings:
		return c.onSettings(f)
	case framePing:
		return c.onPing(f)
	case framePriority:
		return c.onPriority(f)
	case framePriorityUpdate:
		return c.onPriorityUpdate(f)
	case frameGoAway:
		return c.onGoAway(f)
	}
	return nil // unknown types are ignored (section 4.1)
}

var errFlood error = &ConnError{Code: EnhanceYourCalm, Reason: "too many frames that carry nothing"}

// ---- header blocks ----

// headerBlock is a block of header fields that spans frames.
type headerBlock struct {
	stream uint32 // 0: none
	flags  uint8
	frames int
	self   bool // it says that the stream depends on itself
	data   []byte
}

func (c *conn) onHeaders(f *frame) error {
	if f.stream&1 == 0 {
		return connError(ProtocolError, "HEADERS on stream %d", f.stream)
	}
	if !f.unpad() {
		return connError(ProtocolError, "bad padding")
	}
	self := false
	if f.has(flagPriority) {
		if len(f.payload) < 5 {
			return connError(FrameSizeError, "HEADERS without room for its priority")
		}
		self = binary.BigEndian.Uint32(f.payload)&maxStreamID == f.stream
		f.payload = f.payload[5:]
	}
	if f.has(flagEndHeaders) {
		return c.onBlock(f.stream, f.flags, self, f.payload)
	}
	c.block = headerBlock{stream: f.stream, flags: f.flags, self: self, data: append(c.block.data[:0], f.payload...)}
	c.due.Store(c.srv.after(c.srv.cfg.PrefaceTimeout))
	return nil
}

func (c *conn) onContinuation(f *frame) error {
	b := &c.block
	if b.stream == 0 {
		return connError(ProtocolError, "CONTINUATION without HEADERS")
	}
	b.frames++
	if b.frames > maxContinuations || len(b.data)+len(f.payload) > 4*min(c.srv.cfg.MaxHeaderListSize, 1<<20) {
		return connError(EnhanceYourCalm, "a block of header fields is too large")
	}
	if len(f.payload) == 0 && c.empty.over(c.srv.now(), maxEmptyFrames) {
		return connError(EnhanceYourCalm, "too many empty frames")
	}
	b.data = append(b.data, f.payload...)
	if !f.has(flagEndHeaders) {
		return nil
	}
	stream, data := b.stream, b.data
	b.stream, b.data = 0, nil // large ones are rare
	c.due.Store(0)
	return c.onBlock(stream, b.flags, b.self, data)
}

// onBlock acts on a whole block: a request, or trailers. Every block is decoded, also one that is refused: the table must stay in step.
func (c *conn) onBlock(id uint32, flags uint8, self bool, data []byte) error {
	end := flags&flagEndStream != 0
	if id <= c.lastID {
		return c.onTrailers(id, end, data)
	}
	c.lock()
	final := c.leaving >= left
	full := c.active-c.pushed >= c.srv.cfg.MaxConcurrentStreams
	c.lastID = id
	c.mu.Unlock()
	switch {
	case final:
		return c.skip(data)
	case full:
		return c.refuse(id, data)
	}
	s, err := c.newRequest(id, end, data)
	if err != nil {
		return err
	}
	if self {
		s.malformed = true
	}
	return c.open(s, end)
}

// skip decodes a block that nobody wants.
func (c *conn) skip(data []byte) error {
	if err := c.dec.Decode(data, ignoreField); err != errMalformed && err != nil {
		return connError(CompressionError, "%v", err)
	}
	return nil
}

func ignoreField(_, _ []byte, _ bool) error { return errMalformed }

// refuse answers a stream over the limit.
func (c *conn) refuse(id uint32, data []byte) error {
	if err := c.skip(data); err != nil {
		return err
	}
	if c.refused.over(c.srv.now(), maxRefused) {
		return connError(EnhanceYourCalm, "too many streams over the limit")
	}
	c.lock()
	c.refuseID(id, RefusedStream)
	c.unlockHand()
	return c.backlog()
}

// open makes s a stream of the connection and lets its handler run, or answers in its place.
func (c *conn) open(s *Stream, end bool) error {
	refusal := c.srv.refusal(s)
	c.lock()
	defer c.unlockHand()
	c.add(s)
	s.state.remoteEnd = end
	c.applyEarly(s)
	switch {
	case s.malformed:
		if c.countReset() {
			return connError(EnhanceYourCalm, "too many malformed requests")
		}
		c.dropCtx(s)
		c.resetStream(s, ProtocolError)
	case s.tooLarge:
		c.answerInstead(s, 431, "Request Header Fields Too Large")
	case refusal != 0:
		c.answerInstead(s, refusal, fasthttp.StatusMessage(refusal))
	case s.hasBody && !c.srv.cfg.StreamRequestBody:
		return c.gather(s)
	default:
		c.start(s)
	}
	return nil
}

// start lets the handler of s run soon. mu is held.
func (c *conn) start(s *Stream) {
	s.running = true
	c.batch = append(c.batch, s)
}

// dispatchBatch hands what was read to the pool. mu is held.
func (c *conn) dispatchBatch() {
	if len(c.batch) == 0 {
		return
	}
	if c.srv.cfg.Inline != nil {
		c.batch = c.runInline(c.batch)
	}
	c.srv.workers.submit(c.batch)
	clear(c.batch)
	c.batch = c.batch[:0]
}

// runInline runs the handlers that may run here, and returns the others. mu is held, but not meanwhile.
func (c *conn) runInline(batch []*Stream) []*Stream {
	rest := batch[:0]
	c.handFlush = true
	for _, s := range batch {
		if s.hasBody || s.protocol != "" || c.crowded() {
			rest = append(rest, s)
			continue
		}
		c.mu.Unlock()
		if c.srv.cfg.Inline(s.ctx) {
			c.handle(s)
		} else {
			rest = append(rest, s)
		}
		c.lock()
	}
	c.handFlush = false
	return rest
}

// ---- small frames ----

func (c *conn) onRSTStream(f *frame) error {
	if len(f.payload) != 4 {
		return connError(FrameSizeError, "RST_STREAM of %d bytes", len(f.payload))
	}
	code := ErrCode(binary.BigEndian.Uint32(f.payload))
	c.lock()
	defer c.unlockHand()
	if f.stream == 0 || c.idle(f.stream) {
		return connError(ProtocolError, "RST_STREAM on stream %d", f.stream)
	}
	s := c.streams[f.stream]
	if c.countReset() {
		return connError(EnhanceYourCalm, "too many streams are reset")
	}
	if s != nil {
		c.cut(s, &StreamError{ID: s.id, Code: code, Remote: true})
	}
	return nil
}

// idle reports whether the stream was never opened. For one of ours, of an even id, mu is held.
func (c *conn) idle(id uint32) bool {
	if id&1 == 0 {
		return id > c.pushID
	}
	return id > c.lastID
}

func (c *conn) onPing(f *frame) error {
	switch {
	case f.stream != 0:
		return connError(ProtocolError, "PING on stream %d", f.stream)
	case len(f.payload) != 8:
		return connError(FrameSizeError, "PING of %d bytes", len(f.payload))
	}
	c.lock()
	defer c.unlockHand()
	if !f.has(flagAck) {
		c.out = appendPing(c.out, flagAck, f.payload)
		return c.controlled(frameHeaderLen + 8)
	}
	switch [8]byte(f.payload) {
	case alivePing:
		c.pingAt = 0
	case leavePing:
		if c.leaving == asked {
			c.goAway()
		}
	}
	return nil
}

func (c *conn) onGoAway(f *frame) error {
	switch {
	case f.stream != 0:
		return connError(ProtocolError, "GOAWAY on stream %d", f.stream)
	case len(f.payload) < 8:
		return connError(FrameSizeError, "GOAWAY of %d bytes", len(f.payload))
	}
	c.lock()
	c.peerPush = false
	c.goAway() // the client is about to close: when it has its answers, so are we
	c.unlockHand()
	return nil
}

// controlled counts bytes that the client made us send. mu is held.
func (c *conn) controlled(n int) error {
	c.controlBytes += n
	if c.controlBytes > maxControlBacklog {
		c.broken, c.doomed = true, true // it does not read: not even a GOAWAY would arrive
		return connError(EnhanceYourCalm, "the client does not read")
	}
	return nil
}

func (c *conn) backlog() error {
	c.lock()
	defer c.mu.Unlock()
	return c.controlled(0)
}
