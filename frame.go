package quart

import (
	"context"
	"encoding/base64"
	"sync"

	"github.com/goquart/quart/internal/wire"
)

// Live is a connection that frames can be posted to at any time: an *EventStream. It is all that a hub needs.
type Live interface {
	// Context is done when the connection is over.
	Context() context.Context
	// Post queues a frame and never blocks. Errors: ErrQueueFull, after which the connection is closed, and ErrClosed.
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
	event   Event
	data    []byte
	binary  bool
	sseOnce sync.Once
	sse     []byte // the event as a chunk
}

// NewFrame makes a frame of a copy of m.Data. id is the event's on event streams; one that browsers would not keep
// (see Event.ID) is left out. Binary data is sent in base64 to event streams.
func NewFrame(id string, m Message) *Frame {
	if !wire.ValidEventID(id) {
		id = ""
	}
	return &Frame{event: Event{ID: id}, data: append([]byte(nil), m.Data...), binary: m.Binary}
}

// Frame makes a frame of e, for event streams; a socket gets its Data as text. The error is that of EventStream.Send for an event
// that cannot be sent.
func (e Event) Frame() (*Frame, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	return &Frame{event: e, data: []byte(e.Data)}, nil
}

// chunk returns the event with the framing of a chunk around it.
func (f *Frame) chunk() []byte {
	f.sseOnce.Do(func() {
		e := f.event
		if e.Data = string(f.data); f.binary {
			e.Data = base64.StdEncoding.EncodeToString(f.data)
		}
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
