package quart

import (
	"github.com/goquart/quart/internal/wire"
)

// How events get into the outbox of a stream. Methods are called with mu held unless they say otherwise.

// place puts an event behind what is pending.
func (s *EventStream) place(e *Event) {
	if len(s.queue) == 0 {
		s.append(e)
		return
	}
	b := e.append([]byte(emptyChunk))
	if b = closeChunk(b, 0); !s.out.chunked() {
		b = b[chunkRoom : len(b)-2]
	}
	s.oweRaw(b)
}

// open begins an event in the buffer.
func (s *EventStream) open() (start int) {
	buf := s.tail(smallBuffer)
	start = len(buf.B)
	if s.out.chunked() {
		buf.B = append(buf.B, emptyChunk...)
	}
	return start
}

// shut ends it.
func (s *EventStream) shut(start int) {
	if s.out.chunked() {
		s.buf.B = closeChunk(s.buf.B, start)
	}
}

func (s *EventStream) append(e *Event) {
	start := s.open()
	s.buf.B = e.append(s.buf.B)
	s.shut(start)
}

// sent decides who writes an event that was appended, and releases mu.
func (s *EventStream) sent() error {
	if s.writing || s.gathering && s.bufLen() < fullBuffer && !s.first() {
		s.mu.Unlock()
		return nil
	}
	if since(s.wrote) < gatherTime && s.bufLen() < fullBuffer {
		s.gather()
		s.mu.Unlock()
		return nil
	}
	return s.sendNow()
}

// first reports that nothing was written yet: the head waits for the first event.
func (s *EventStream) first() bool { return s.wrote == 0 }

// ---- as a speaker ----

func (s *EventStream) encoded(f *Frame) []byte {
	if s.out.chunked() {
		return f.chunk()
	}
	return f.bare()
}

func (s *EventStream) tooSlow() { s.close(false) }

// onAlarm appends a comment when nothing was written for so long, and sets the time of the next one.
func (s *EventStream) onAlarm() {
	if s.err != nil {
		return
	}
	every := s.app.cfg.SSE.KeepAlive
	left := every - since(s.wrote)
	if left <= 0 {
		left = every
		if !s.writing && !s.pending() {
			start := s.open()
			s.buf.B = wire.AppendComment(s.buf.B, "")
			s.shut(start)
		}
	}
	s.wake(left)
}

func (s *EventStream) onBreak() {}

func (s *EventStream) onEnd() {}
