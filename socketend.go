package quart

import (
	"github.com/goquart/quart/internal/wsproto"
)

// How a socket ends, and what others than its users call.

// Close closes the connection with 1000, behind what was written. It does not wait; Read returns ErrClosed.
func (s *Socket) Close() { s.CloseWith(1000, "") }

// CloseWith closes the connection with a code and a reason, cut to 123 bytes. Codes that may not be sent (RFC 6455, section 7.4) become 1011, 1005 sends none. The
// frame goes out behind what was written. The connection is closed when the client has taken it and the function has returned, or when a second
// is over; where the function has returned at once, Config.WriteTimeout bounds what is still to be written.
func (s *Socket) CloseWith(code int, reason string) { s.closeWith(code, reason, ErrClosed) }

// closeWith sends a close frame, once. cause is what Read returns from now on.
func (s *Socket) closeWith(code int, reason string, cause error) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err, s.clean, s.cause = ErrClosed, true, cause
	s.closing.Store(true)
	if code != 1005 && !wsproto.ValidCloseCode(code) {
		code = 1011
	}
	s.owe(wsproto.AppendClose(nil, code, reason))
	s.wakeWaiters()
	s.wakeIn(closeWait)
	if s.writing {
		s.mu.Unlock()
	} else {
		s.writing = true
		s.tryFlush()
	}
	s.endContext()
	s.in.interrupt()
}

// ---- as a speaker ----

func (s *Socket) encoded(f *Frame) []byte {
	if s.params.Deflate && s.deflater == nil && len(f.data) >= s.from && len(f.data) <= 1<<s.params.ServerBits {
		if z := f.deflated(); z != nil {
			return z
		}
	}
	return f.message()
}

// tooSlow closes a socket whose queue is full: what waits is lost, the close frame may still fit.
func (s *Socket) tooSlow() {
	s.mu.Lock()
	if s.err == nil {
		rest := s.rest
		s.rest = piece{}
		s.free()
		s.rest = rest // a frame that is half sent
	}
	s.mu.Unlock()
	s.closeWith(1013, "too slow", &CloseError{Code: 1013, Reason: "too slow"})
}

// onAlarm sends the ping that is due, and ends what takes too long.
func (s *Socket) onAlarm() {
	if s.err != nil { // closed a while ago
		go s.giveUp(s.writing)
		return
	}
	if s.silence > 0 && s.waiting.Load() && s.clock()-s.heard.Load() > s.silence.Milliseconds() {
		go s.closeWith(1001, "no sign of life", &CloseError{Code: 1006, Reason: "no sign of life"})
		return
	}
	if !s.writing {
		s.put(wsproto.OpPing, false, nil)
	}
	s.wakeIn(s.ping)
}

// giveUp closes the connection of a function that does not return, or of a client that does not take what is written.
func (s *Socket) giveUp(hangs bool) {
	if hangs {
		s.cut()
		return
	}
	s.hangUp()
}

// onBreak ends a Read that waits.
func (s *Socket) onBreak() { s.in.interrupt() }

func (s *Socket) onEnd() {
	s.in.interrupt()
	s.readMu.Lock()
	if s.readErr == nil {
		s.readErr = ErrClosed
	}
	s.dec.Free()
	if s.deflater != nil {
		s.deflater.Free()
	}
	gone := s.eof
	s.readMu.Unlock()
	if s.conn != nil && !gone {
		s.conn.linger() // the close frame must not be lost to a reset
	}
}

// ---- as the owner of a connection ----

// gone is called when the client has closed its side, and ends the context. What it sent before is still to be read.
func (s *Socket) gone() { s.setOver() }

func (s *Socket) leave() { s.CloseWith(1001, "the server is stopping") }
