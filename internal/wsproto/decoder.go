package wsproto

import (
	"encoding/binary"
	"fmt"

	"github.com/goquart/quart/pool"
)

// Kind says what an [Event] is.
type Kind uint8

// None means that more input is needed, or that none is read any more, after a
// close frame.
const (
	None Kind = iota
	Message
	Ping
	Pong
	Close
)

// Event is what [Decoder.Next] found.
//
// perf: with an error beside it, it fits into the registers for results (BenchmarkNext).
type Event struct {
	Kind   Kind
	Binary bool // of a Message: binary, not text
	Code   int  // of a Close: valid, or 1005 if the frame had none
	// Data is the payload of a Message, whole, inflated, and valid UTF-8 if it is a text, or of a Ping or Pong; of a Close the reason, valid
	// UTF-8. It is borrowed: valid until the next call of Next, Space, Shrink or Free, and may be written to until then.
	Data []byte
}

// Error is what a client did wrong, with the close code and the reason to send it.
type Error struct {
	Code   int // 1002, 1007, 1009
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("wsproto: %s (%d)", e.Reason, e.Code) }

// The values of Decoder.state.
const (
	reading = iota
	closed  // by a close frame, or Free
	failed
)

// Decoder parses the frames of one client. It holds one buffer of package pool while
// something is buffered, a second one for an inflated message, and with context
// takeover the last bytes that the client compressed. The zero value has to be
// initialized by Init. It must not be copied afterwards.
//
// The buffer is laid out as
//
//	dead | message so far | dead | unread | space | slack
//	     start            end    next     len(B)        cap(B)
type Decoder struct {
	buf  *pool.Buffer
	out  *pool.Buffer // the inflated message
	hist []byte       // what the client may refer to
	err  *Error

	limit            int64
	start, end, next int
	left             int64 // bytes of the data frame in hand that have not been absorbed
	key              uint32
	params           Params

	op      Opcode // of the message in hand; 0 is none
	state   uint8
	fin     bool  // the data frame in hand is the last of its message
	deflate bool  // the message in hand is compressed
	text    uint8 // state of the message in hand, if it is a text
	large   uint8 // class of the largest message since Shrink: 1<<large bytes held it
	hint    uint8 // class of the next buffer
}

// Init prepares d for a connection. limit is the largest message in bytes, inflated;
// 0 is none. p is what the handshake negotiated.
func (d *Decoder) Init(limit int64, p Params) {
	if p.ClientBits == 0 {
		p.ClientBits = maxBits
	}
	d.Free()
	*d = Decoder{limit: limit, params: p}
}

// Next returns the next event of what is buffered. Kind None asks for more input;
// after a close frame it stays, whatever follows. The error is an *Error, and comes
// again from then on.
//
// It allocates nothing but the buffers of package pool, and, with context takeover, what the client may refer to.
func (d *Decoder) Next() (Event, error) {
	if d.state != reading {
		return Event{}, d.failure()
	}
	if d.buf == nil {
		return Event{}, nil
	}
	if d.op == 0 {
		if op, data := d.short(); op != 0 {
			return Event{Kind: Message, Binary: op == OpBinary, Data: data}, nil
		}
	}
	var h header
	for d.left == 0 || d.absorb() {
		if d.op != 0 && d.left == 0 && d.fin {
			return d.deliver()
		}
		if d.left > 0 || !d.header(&h, d.buf.B[d.next:]) {
			break
		}
		if h.op >= OpClose {
			return d.control(&h)
		}
		if data, ok := d.whole(&h); ok {
			return Event{Kind: Message, Binary: h.op == OpBinary, Data: data}, nil
		}
		d.open(&h)
	}
	return Event{}, d.failure()
}

// short delivers the message of a frame of at most 125 bytes that is all there, if no
// other message is in hand. What is not quite like that it leaves to the other ways.
//
// perf: clients' messages are short and come in bursts (BenchmarkNext/64B-burst16).
func (d *Decoder) short() (op Opcode, data []byte) {
	b := d.buf.B[d.next:]
	if len(b) < 6 || b[0]-(bitFin|byte(OpText)) > 1 || b[1]-bitMask > MaxControl {
		return 0, nil
	}
	n := int(b[1] - bitMask)
	if len(b)-6 < n || d.limit > 0 && int64(n) > d.limit {
		return 0, nil
	}
	op, data = Opcode(b[0]&0x0f), b[6:6+n:6+n]
	if !d.unmaskWhole(data, binary.LittleEndian.Uint32(b[2:]), op) {
		return 0, nil
	}
	d.next += 6 + n
	return op, data
}

// unmaskWhole unmasks a message. Text that is not UTF-8 it leaves as it was, and
// reports false.
func (d *Decoder) unmaskWhole(data []byte, key uint32, op Opcode) bool {
	if seen := unmask(data, key); op == OpText && seen&nonASCII != 0 && !validText(data) {
		unmask(data, key)
		return false
	}
	return true
}

// failure returns the error without making a nil *Error an error.
func (d *Decoder) failure() error {
	if d.err != nil {
		return d.err
	}
	return nil
}

func (d *Decoder) fail(code int, reason string) {
	d.state, d.err = failed, &Error{Code: code, Reason: reason}
}

func (d *Decoder) protocolError(reason string) { d.fail(CodeProtocolError, reason) }

// whole delivers the message of a frame that is all of it, uncompressed, and there.
// Anything else, text that is not UTF-8 included, it leaves to the slower way.
func (d *Decoder) whole(h *header) (data []byte, ok bool) {
	b := d.buf.B[d.next:]
	if !h.fin || h.deflate || h.op == OpContinuation || int64(len(b)-h.size) < h.n {
		return nil, false
	}
	size := h.size + int(h.n)
	data = b[h.size:size:size]
	if !d.unmaskWhole(data, h.key, h.op) {
		return nil, false
	}
	d.next += size
	if size > smallBuffer/2 {
		d.note(size)
	}
	return data, true
}

// open begins a data frame: the first of a message, or a continuation.
func (d *Decoder) open(h *header) {
	d.next += h.size
	if h.op != OpContinuation {
		d.op, d.deflate, d.text = h.op, h.deflate, textStart
		d.start, d.end = d.next, d.next
	}
	d.left, d.key, d.fin = h.n, h.key, h.fin
}

// absorb takes what has arrived of the data frame in hand: it unmasks it, moves it
// next to the rest of the message, and checks text. It reports whether that was
// right.
func (d *Decoder) absorb() bool {
	b := d.buf.B
	n := int(min(d.left, int64(len(b)-d.next)))
	if n == 0 {
		return true
	}
	seen := unmask(b[d.next:d.next+n], d.key)
	if d.end < d.next {
		copy(b[d.end:], b[d.next:d.next+n])
	}
	d.key = rotate(d.key, n)
	d.end, d.next, d.left = d.end+n, d.next+n, d.left-int64(n)
	if d.next == len(b) {
		d.buf.B, d.next = b[:d.end], d.end // what follows is read to where it belongs
	}
	if d.op != OpText || d.deflate || seen&nonASCII == 0 && d.text == textStart {
		return true
	}
	if d.text = advanceText(d.text, b[d.end-n:d.end]); d.text == textWrong {
		d.fail(CodeInvalidPayload, "text is not UTF-8")
		return false
	}
	return true
}

// deliver ends the message in hand.
func (d *Decoder) deliver() (Event, error) {
	d.note(d.end - d.start)
	ev := Event{Kind: Message, Binary: d.op == OpBinary, Data: d.buf.B[d.start:d.end:d.end]}
	d.op = 0
	if d.deflate {
		ev.Data = d.inflate(d.buf.B[d.start:d.end])
		if d.err == nil && !ev.Binary && !validText(ev.Data) {
			d.fail(CodeInvalidPayload, "text is not UTF-8")
		}
	} else if d.text != textStart {
		d.fail(CodeInvalidPayload, "text ends within a character")
	}
	if d.err != nil {
		return Event{}, d.err
	}
	return ev, nil
}

// control handles a control frame once it is there.
func (d *Decoder) control(h *header) (Event, error) {
	b := d.buf.B[d.next:]
	size := h.size + int(h.n)
	if len(b) < size {
		return Event{}, nil
	}
	data := b[h.size:size:size]
	unmask(data, h.key)
	d.next += size
	switch h.op {
	case OpPing:
		return Event{Kind: Ping, Data: data}, nil
	case OpPong:
		return Event{Kind: Pong, Data: data}, nil
	}
	return d.close(data)
}

// close reads the payload of a close frame (RFC 6455, section 5.5.1).
func (d *Decoder) close(data []byte) (Event, error) {
	ev := Event{Kind: Close, Code: CodeNoStatus}
	if len(data) == 1 {
		d.protocolError("close frame with half a code")
	}
	if len(data) >= 2 {
		ev.Code = int(data[0])<<8 | int(data[1])
		switch {
		case !ValidCloseCode(ev.Code):
			d.protocolError("close code that must not be sent")
		case !validText(data[2:]):
			d.fail(CodeInvalidPayload, "close reason is not UTF-8")
		default:
			ev.Data = data[2:]
		}
	}
	if d.err != nil {
		return Event{}, d.err
	}
	d.state = closed
	return ev, nil
}
