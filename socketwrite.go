package quart

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goquart/quart/internal/bytesconv"
	"github.com/goquart/quart/internal/wsproto"
	"github.com/goquart/quart/pool"
)

var errSocketText = errors.New("quart: a text message is not UTF-8")

// Write sends m. It copies m.Data. It returns when the message is written, or handed to the goroutine that writes already, or gathers with others (see Socket);
// while a slow client leaves no room it waits, at most Config.WriteTimeout. Errors: ErrClosed when the socket is over, now and ever
// after; another for text that is not UTF-8, which is not sent. 0 allocations.
func (s *Socket) Write(m Message) error {
	if m.Binary {
		return s.write(wsproto.OpBinary, m.Data)
	}
	if !utf8.Valid(m.Data) {
		return errSocketText
	}
	return s.write(wsproto.OpText, m.Data)
}

// WriteText is Write of a text message.
func (s *Socket) WriteText(text string) error {
	if !utf8.ValidString(text) {
		return errSocketText
	}
	return s.write(wsproto.OpText, bytesconv.Bytes(text))
}

// WriteJSON is Write of a text message: v in JSON, encoded by Config.JSON.
func (s *Socket) WriteJSON(v any) error {
	buf := pool.GetBuffer(512)
	defer pool.PutBuffer(buf)
	data, err := s.app.cfg.JSON.Append(buf.B, v)
	if err != nil {
		return err
	}
	buf.B = data
	return s.Write(Message{Data: data})
}

// Ping sends a ping with up to 125 bytes of data. Nothing needs to call it: see SocketConfig.Ping. What answers it counts as a sign
// of life only.
func (s *Socket) Ping(data []byte) error {
	if len(data) > 125 {
		return fmt.Errorf("quart: a ping of %d bytes: 125 are the most", len(data))
	}
	return s.write(wsproto.OpPing, data)
}

func (s *Socket) write(op wsproto.Opcode, data []byte) error {
	if s.params.Deflate && len(data) >= s.from && op != wsproto.OpPing {
		return s.writeDeflated(op, data)
	}
	s.mu.Lock()
	if err := s.room(); err != nil {
		s.release()
		return err
	}
	if len(data) >= largeFrame && !s.writing && !s.pending() {
		return s.writeLarge(op, data)
	}
	s.put(op, false, data)
	return s.sent()
}

// largeFrame is the size from which on a message is not copied, when it can be written at once.
const largeFrame = 16 << 10

// writeLarge writes a message from where it lies, waits for the client if it must, and releases mu. Nobody may be writing, nothing pending.
func (s *Socket) writeLarge(op wsproto.Opcode, data []byte) error {
	s.writing = true
	s.mu.Unlock()
	head := pool.GetBuffer(frameRoom)
	head.B = wsproto.AppendHeader(head.B, op, false, len(data))
	err := s.out.writeTwo(head.B, data)
	pool.PutBuffer(head)
	s.mu.Lock()
	s.wrote = now()
	if err != nil {
		s.breakOff()
	}
	return s.written()
}

// frameRoom is for the head of a frame.
const frameRoom = 14

// writeDeflated compresses data if that helps.
func (s *Socket) writeDeflated(op wsproto.Opcode, data []byte) error {
	buf := pool.GetBuffer(len(data) + frameRoom)
	defer pool.PutBuffer(buf)
	if s.deflater == nil {
		buf.B = wsproto.AppendDeflated(buf.B, data, s.params.ServerBits)
		if len(buf.B) < len(data) {
			return s.writeFrame(op, true, buf.B)
		}
		return s.writeFrame(op, false, data)
	}
	s.mu.Lock() // messages are compressed in the order in which they leave
	if err := s.room(); err != nil {
		s.release()
		return err
	}
	buf.B = s.deflater.Append(buf.B, data)
	s.put(op, true, buf.B)
	return s.sent()
}

func (s *Socket) writeFrame(op wsproto.Opcode, compressed bool, payload []byte) error {
	s.mu.Lock()
	if err := s.room(); err != nil {
		s.release()
		return err
	}
	s.put(op, compressed, payload)
	return s.sent()
}

// put puts a frame behind what is pending. mu is held.
//
// perf: not inlined, its frame is not part of the stack of a write, which keeps a socket's at 2 KiB (bench/sockets, "idle").
//
//go:noinline
func (s *Socket) put(op wsproto.Opcode, compressed bool, payload []byte) {
	if len(s.queue) > 0 {
		s.oweRaw(append(wsproto.AppendHeader(nil, op, compressed, len(payload)), payload...))
		return
	}
	buf := s.tail(len(payload) + frameRoom)
	buf.B = append(wsproto.AppendHeader(buf.B, op, compressed, len(payload)), payload...)
}

// sent decides who writes what was appended, and releases mu.
//
// perf: 16 messages that arrive together are answered by one write: a sixth of the time for each (bench/sockets, "burst").
func (s *Socket) sent() error {
	if s.writing {
		s.mu.Unlock()
		return nil
	}
	if s.burst.Load() && s.bufLen() < fullBuffer {
		if !s.gathering {
			s.gather()
		}
		s.mu.Unlock()
		return nil
	}
	return s.sendNow()
}

// Dropped returns how many posted frames were lost because the client was slow and Overflow says so.
func (s *Socket) Dropped() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Subprotocol is what was negotiated, "" for none.
func (s *Socket) Subprotocol() string { return s.protocol }
