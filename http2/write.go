package http2

import (
	"runtime"
)

// This file is the way out: frames gather in c.out, DATA by a schedule, and one goroutine at a time writes them.

// flushRounds is how many writes a handler's goroutine makes before a worker goes on with those of others.
const flushRounds = 8

// lock takes mu, and a buffer for what is to be sent.
func (c *conn) lock() {
	c.mu.Lock()
	c.needOut()
}

func (c *conn) needOut() {
	if c.outBox == nil {
		c.outBox = getBuffer(c.lastOut)
		c.out = c.outBox.b
	}
}

// await waits for the turn of s. mu is held.
func (s *Stream) await() {
	s.waiters++
	s.turn.Wait()
	s.waiters--
	s.c.needOut()
}

func (c *conn) freeOut() {
	if c.outBox != nil {
		c.outBox.b = c.out
		putBuffer(c.outBox)
	}
	c.out, c.outBox = nil, nil
}

// unlock releases mu, and does what must not be done with it held.
func (c *conn) unlock() {
	if len(c.out) == 0 && c.active == 0 && c.outBox != nil {
		c.freeOut()
	}
	if c.doomed {
		c.doomed = false
		go c.kill()
	}
	if c.spent == nil && len(c.calls) == 0 {
		c.mu.Unlock()
		return
	}
	spent, more, calls := c.spent, c.spentMore, c.calls
	c.spent, c.spentMore, c.calls = nil, nil, nil
	c.mu.Unlock()
	if spent != nil {
		c.srv.releaseCtx(spent)
	}
	for _, ctx := range more {
		c.srv.releaseCtx(ctx)
	}
	for _, call := range calls {
		call.f(call.err)
	}
}

// wantsFlush reports whether there is something to be written and nobody to do it.
func (c *conn) wantsFlush() bool {
	return !c.flushing && !c.broken && (len(c.out) > 0 || c.ready.n > 0 && c.sendWindow > 0)
}

// unlockFlush releases mu and sees to it that what was appended is written: by this goroutine, if no other does.
//
// perf: others that are about to append get their turn first, so that one write takes what many handlers answered (bench/http2, "get").
func (c *conn) unlockFlush() {
	if c.handFlush || !c.wantsFlush() {
		c.unlock()
		return
	}
	c.flushing = true
	c.unlock()
	runtime.Gosched()
	c.flush(flushRounds)
}

// unlockHand is unlockFlush for the reader, which must not wait for a write: a worker makes it.
func (c *conn) unlockHand() {
	hand := c.wantsFlush()
	if hand {
		c.flushing = true
	}
	c.unlock()
	if hand {
		c.srv.workers.submitFlush(c)
	}
}

// flush writes until nothing is left, or rounds are over. The caller has set flushing.
func (c *conn) flush(rounds int) {
	for ; ; rounds-- {
		c.lock()
		c.schedule()
		if len(c.out) == 0 || c.broken {
			break
		}
		if rounds == 0 {
			c.unlock()
			c.srv.workers.submitFlush(c)
			return
		}
		box, buf := c.outBox, c.out
		c.out, c.outBox, c.controlBytes, c.lastOut = nil, nil, 0, len(buf)
		c.writeAt.Store(max(c.srv.now(), 1))
		c.unlock()
		_, err := c.nc.Write(buf)
		c.writeAt.Store(0)
		box.b = buf
		putBuffer(box)
		if err != nil {
			c.fail()
		}
	}
	c.flushing = false
	if c.broken {
		c.out = c.out[:0]
	}
	c.quiet.Broadcast()
	c.unlock()
}

// fail ends a connection that takes nothing more.
func (c *conn) fail() {
	c.lock()
	c.broken = true
	c.unlock()
	c.kill() // wakes the reader, whose end fails the streams
}

// ---- DATA ----

// direct reports whether DATA may be appended past the schedule, which is empty. mu is held.
func (c *conn) direct() bool { return c.ready.n == 0 && len(c.out) < dataBacklog }

// appendData appends a frame of DATA. The windows have room. mu is held.
func (c *conn) appendData(s *Stream, p []byte, flags uint8) {
	c.out = append(appendFrameHeader(c.out, len(p), frameData, flags, s.id), p...)
	s.outWindow -= int64(len(p))
	c.sendWindow -= int64(len(p))
	now := c.srv.now()
	c.sent.add(now, len(p))
	c.sentAt = now
	c.updates = min(c.updates+2+len(p)/updateEvery, maxUpdates)
}

// appendNow appends as much of p as can go at once. mu is held.
func (c *conn) appendNow(s *Stream, p []byte) (n int) {
	for len(p) > 0 && c.direct() {
		m := int(min(int64(len(p)), s.outWindow, c.sendWindow, maxFrame))
		if m <= 0 {
			break
		}
		c.appendData(s, p[:m], 0)
		p, n = p[m:], n+m
	}
	return n
}

// write is Write: what cannot go at once waits in the schedule, and the goroutine with it.
func (s *Stream) write(p []byte, owner bool) (n int, err error) {
	c := s.c
	c.lock()
	for {
		if err = s.writeErr(owner); err != nil {
			break
		}
		m := c.appendNow(s, p)
		p, n = p[m:], n+m
		if len(p) == 0 {
			break
		}
		s.out = p
		c.enqueue(s)
		c.unlockFlush()
		c.lock()
		for len(s.out) > 0 && s.writeErr(owner) == nil {
			s.await()
		}
		if s.err != nil { // what was left is dropped
			continue
		}
		sent := len(p) - len(s.out)
		p, n = p[sent:], n+sent
		if s.queued {
			c.ready.remove(s)
		}
		s.out = nil
		if s.outEnd { // by CloseWrite, meanwhile
			c.endResponse(s)
		}
		if len(p) == 0 {
			break
		}
	}
	c.unlockFlush()
	return n, err
}

// enqueue puts s.out into the schedule. What a stream sends first goes before the rest of others, so that small responses do not wait for large ones. mu is held.
//
// perf: beside 100 responses of 1 MiB a small one would wait for a frame of each (bench/http2, "fair").
func (c *conn) enqueue(s *Stream) {
	s.fresh = s.progressAt == 0
	s.progressAt = max(c.srv.now(), 1)
	c.resume(s)
}

// resume puts a stream that has something to send back into the schedule, if its window allows it. mu is held.
func (c *conn) resume(s *Stream) {
	if len(s.out) > 0 && !s.queued && s.outWindow > 0 {
		c.ready.push(s)
	}
}

// schedule moves DATA from the streams to c.out: a frame of each in turn, the urgent ones first. mu is held.
func (c *conn) schedule() {
	for len(c.out) < dataBacklog && c.sendWindow > 0 && c.ready.n > 0 {
		s := c.ready.pop()
		if s.outWindow <= 0 { // a setting of the client has lowered it meanwhile
			continue
		}
		n := int(min(int64(len(s.out)), s.outWindow, c.sendWindow, maxFrame))
		last := n == len(s.out) && s.outEnd && (s.overridden || s.resp == nil || len(s.resp.Header.PeekTrailerKeys()) == 0)
		flags := uint8(0)
		if last {
			flags = flagEndStream
		}
		c.appendData(s, s.out[:n], flags)
		s.out = s.out[n:]
		s.progressAt = max(c.srv.now(), 1)
		if s.outPinned {
			c.pinned -= int64(n)
		}
		if len(s.out) > 0 {
			c.again(s)
			continue
		}
		c.drained(s, last)
	}
	c.resumeWaiting()
}

// again puts a stream back that has more to send.
func (c *conn) again(s *Stream) {
	switch {
	case s.outWindow <= 0: // until the client lifts it
	case s.sequential:
		c.ready.pushFront(s)
	default:
		c.ready.push(s)
	}
}

// drained is called when all of s.out is in c.out. mu is held.
func (c *conn) drained(s *Stream, ended bool) {
	s.out = nil
	s.turn.Broadcast()
	if !s.outEnd {
		return
	}
	if !ended {
		c.appendEnd(s)
	}
	if s.outPinned {
		c.unpin(s)
	}
	c.sentEnd(s)
}
