package quart

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/internal/wsproto"
)

// Live is a connection that frames can be posted to at any time: an *EventStream or a *Socket. It is all that a hub needs.
type Live interface {
	// Context is done when the connection is over.
	Context() context.Context
	// Post queues a frame and never blocks. Errors: ErrQueueFull, after which the connection is closed, ErrClosed, and ErrDropped, which is the loss of
	// a frame and nothing else.
	Post(f *Frame) error
	// Close ends the connection properly. It does not wait for that.
	Close()
}

// Message is a websocket message.
type Message struct {
	Data   []byte // borrowed until the next Read
	Binary bool
}

// Frame is one message, encoded once for any number of sockets and event streams. It is immutable and safe for concurrent use.
type Frame struct {
	event  Event
	data   []byte
	binary bool
	raw    []byte // for one connection: the bytes as they are

	sseOnce, wsOnce, zOnce sync.Once

	sse []byte // the event as a chunk
	ws  []byte // the message as a websocket frame
	z   []byte // the same compressed, nil if that does not help
}

// NewFrame makes a frame of a copy of m.Data. id is the event's on event streams; one that browsers would not keep
// (see Event.ID) is left out. Binary data is sent in base64 to event
// streams; text that is not UTF-8 is made so.
func NewFrame(id string, m Message) *Frame {
	if !wire.ValidEventID(id) {
		id = ""
	}
	data := append([]byte(nil), m.Data...)
	if !m.Binary && !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	return &Frame{event: Event{ID: id}, data: data, binary: m.Binary}
}

// Frame makes a frame of e, for event streams; a socket gets its Data as text. The error is that of EventStream.Send for an event
// that cannot be sent.
func (e Event) Frame() (*Frame, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	e.Data = strings.ToValidUTF8(e.Data, "\uFFFD")
	return &Frame{event: e, data: []byte(e.Data)}, nil
}

// Message returns what a socket gets, for a Live outside of this package. Data is the frame's own: it must not be changed.
func (f *Frame) Message() Message { return Message{Data: f.data, Binary: f.binary} }

// Event returns what an event stream gets, for a Live outside of this package.
func (f *Frame) Event() Event {
	e := f.event
	if e.Data = string(f.data); f.binary {
		e.Data = base64.StdEncoding.EncodeToString(f.data)
	}
	return e
}

// chunk returns the event with the framing of a chunk around it.
func (f *Frame) chunk() []byte {
	f.sseOnce.Do(func() {
		e := f.Event()
		b := append(make([]byte, 0, len(e.Data)+len(e.ID)+64), emptyChunk...)
		f.sse = closeChunk(e.append(b), 0)
	})
	return f.sse
}

// bare is the event without the framing.
func (f *Frame) bare() []byte {
	b := f.chunk()
	return b[chunkRoom : len(b)-2]
}

// message returns the frame of a websocket.
func (f *Frame) message() []byte {
	f.wsOnce.Do(func() { f.ws = wsproto.AppendFrame(nil, f.opcode(), f.data) })
	return f.ws
}

// deflated is message for a socket with permessage-deflate, compressed without context; nil if that makes it no smaller.
func (f *Frame) deflated() []byte {
	f.zOnce.Do(func() {
		z := wsproto.AppendDeflated(nil, f.data, 15)
		if len(z) < len(f.data) {
			f.z = append(wsproto.AppendHeader(make([]byte, 0, len(z)+frameRoom), f.opcode(), true, len(z)), z...)
		}
	})
	return f.z
}

func (f *Frame) opcode() wsproto.Opcode {
	if f.binary {
		return wsproto.OpBinary
	}
	return wsproto.OpText
}

// ---- chunks (RFC 9112, section 7.1) ----

// emptyChunk is the head of a chunk whose size is not known yet.
const (
	emptyChunk = "00000000\r\n"
	chunkRoom  = len(emptyChunk)
)

// closeChunk writes the size of a chunk that began at start with emptyChunk, and appends its end.
func closeChunk(b []byte, start int) []byte {
	const hex = "0123456789abcdef"
	n := len(b) - start - chunkRoom
	for i := start + chunkRoom - 3; n > 0; i-- {
		b[i] = hex[n&15]
		n >>= 4
	}
	return append(b, "\r\n"...)
}
