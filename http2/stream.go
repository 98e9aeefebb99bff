package http2

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Stream is one request with its response. It is what RequestCtx.Conn returns to the handler, and a net.Conn for who hijacks it.
//
// It is valid until the handler has returned and its response is written; a hijacked one until Close, and after it all calls fail.
type Stream struct {
	c      *conn
	id     uint32
	ctx    *fasthttp.RequestCtx // nil once the response is written, or the stream hijacked
	body   requestBody
	secure secureStream

	// Set by the reader before the handler runs.
	protocol    string
	declared    int64 // content-length, -1 without
	hasBody     bool
	expects     bool // Expect: 100-continue
	isHead      bool
	malformed   bool
	tooLarge    bool // the head: answered 431 without the handler
	pushed      bool // by us
	bodyTimeout time.Duration

	// Set by the handler, for after it.
	handling bool // it runs
	hijack   func(*Stream)
	pushes   []string
	resp     *fasthttp.Response // what is sent, once the handler has returned

	// The rest is guarded by c.mu.
	turn         sync.Cond // body arrived, room to write, reset
	state        streamState
	err          error // why it ended before its time
	running      bool  // the handler, or who hijacked it, has the stream
	headSent     bool
	overridden   bool // Override answered
	continued    bool // 100 was sent
	ended        []func(error)
	left         []func() // of OnPeerClose
	unwanted     bool     // nobody reads the body
	freed        bool
	over         bool // the handler has returned
	shared       bool // somebody may hold it for ever: it is not used again
	waiters      int  // in turn.Wait
	taken        bool // hijacked
	readClosed   bool // by a deadline
	writeClosed  bool
	readTimer    *time.Timer
	writeTimer   *time.Timer
	waitingSince int64 // of a read of the body, in coarse ms; 0 for none
	waited       int64 // in earlier reads

	in       []byte // of the body, unread from inRead on
	inBox    *buffer
	gathered bool // in is the body of ctx
	inRead   int
	inSeen   int64 // bytes of the body that came
	kept     int64 // of these, in c.buffered
	inWindow int64 // what the client may still send
	unacked  int64 // read, and not given back to the windows
	trailers []field

	out        []byte // what is to be sent, of the response's body or of a writer that waits
	outPinned  bool   // out is a whole body, of ctx
	outEnd     bool   // nothing follows out
	answeredAt int64  // when the response was complete while the client sends on, in coarse ms
	outWindow  int64
	progressAt int64 // when out last moved, in coarse ms
	queued     bool  // in c.ready
	next       *Stream
	urgency    uint8
	level      uint8 // of the queue that it is in
	fresh      bool  // nothing of its body was sent
	sequential bool  // RFC 9218: not incremental, and the client said so
}

type streamState struct {
	remoteEnd bool // END_STREAM was received
	localEnd  bool // END_STREAM was sent, or is in c.out
	reset     bool // by whomever
}

func (s streamState) closed() bool { return s.reset || s.remoteEnd && s.localEnd }

// field is a copy of a header field.
type field struct{ name, value []byte }

// secureStream is a stream over TLS: fasthttp takes a connection with these methods for one.
type secureStream struct{ *Stream }

// Handshake does nothing: it is over.
func (s *secureStream) Handshake() error { return nil }

// ConnectionState is that of the connection.
func (s *secureStream) ConnectionState() tls.ConnectionState { return s.c.tls.ConnectionState() }

// StreamOf returns the stream by which ctx came, nil when it is not one of HTTP/2.
func StreamOf(ctx *fasthttp.RequestCtx) *Stream {
	switch c := ctx.Conn().(type) {
	case *Stream:
		return c
	case *secureStream:
		return c.Stream
	}
	return nil
}

// ID returns the stream's identifier: odd, or even if it was pushed.
func (s *Stream) ID() uint32 { return s.id }

// Protocol returns the :protocol of an extended CONNECT (RFC 8441), "websocket" for one, else "". Such a request looks like a GET; a handler accepts it by a status
// of 200 and Hijack.
func (s *Stream) Protocol() string { return s.protocol }

// OnEnd calls f once, in another goroutine or before OnEnd returns, when the response is written (nil), or the stream or its connection ended before that: a *StreamError, a
// *ConnError, ErrClosed. f must not block.
func (s *Stream) OnEnd(f func(err error)) {
	c := s.c
	c.lock()
	if s.freed || s.state.reset || s.err != nil || s.state.localEnd {
		err := s.err
		c.mu.Unlock()
		f(err)
		return
	}
	s.ended = append(s.ended, f)
	c.mu.Unlock()
}

// OnPeerClose calls f once when the client has left: as OnEnd for the end before its time, and, on a stream of extended CONNECT, when the client has ended its side.
func (s *Stream) OnPeerClose(f func()) {
	once := sync.OnceFunc(f)
	ended := func(err error) {
		if err != nil {
			once()
		}
	}
	c := s.c
	c.lock()
	switch {
	case s.freed || s.state.reset || s.err != nil:
		c.calls = append(c.calls, endCall{ended, s.err})
	case s.protocol != "" && s.state.remoteEnd:
		c.calls = append(c.calls, endCall{func(error) { once() }, nil})
	default: // also when the response is written: the client may still leave
		s.ended = append(s.ended, ended)
		if s.protocol != "" {
			s.left = append(s.left, once)
		}
	}
	c.unlock()
}

// DiscardBody says that nobody will read what the client still sends: reads fail with ErrClosed.
func (s *Stream) DiscardBody() {
	c := s.c
	c.lock()
	if !s.freed && !s.gathered {
		s.unwanted = true
		c.discardBody(s)
		s.turn.Broadcast()
	}
	c.unlockHand()
}

// Err returns why the stream ended before its time, nil while it has not.
func (s *Stream) Err() error {
	s.c.lock()
	defer s.c.mu.Unlock()
	return s.err
}

// SetBodyTimeout limits the time that all reads of the request's body wait for the client, together; d <= 0 is no limit, which is the default. Then they
// fail with os.ErrDeadlineExceeded.
func (s *Stream) SetBodyTimeout(d time.Duration) { s.bodyTimeout = d }

// Reset ends the stream at once: what is unsent is dropped, and its reads and writes fail. It may be called by any goroutine while the stream is valid.
func (s *Stream) Reset(code ErrCode) {
	s.c.lock()
	s.c.resetStream(s, code)
	s.c.unlockHand()
}

// Override answers in the place of a handler that still runs: its own response is dropped. It reports false when a part of that was sent. The strings of fields are
// name and value, in turn.
func (s *Stream) Override(status int, body []byte, fields ...string) bool {
	c := s.c
	c.lock()
	if s.headSent || s.overridden || s.state.closed() {
		c.mu.Unlock()
		return false
	}
	s.overridden = true
	c.appendOverride(s, status, body, fields)
	s.turn.Broadcast() // reads of the body fail
	c.unlockHand()
	return true
}

// Hijack sends the head of the response when the handler has returned, and then calls f in its goroutine, whose stream it is from there on: a net.Conn that
// reads the rest of the request's body and writes that of the response. The RequestCtx is gone then. f may return before it closes the stream. It is called also
// when the client has left meanwhile. A nil f takes an earlier call back.
func (s *Stream) Hijack(f func(s *Stream)) { s.hijack = f }

// Hijacked reports whether Hijack was called.
func (s *Stream) Hijacked() bool { return s.hijack != nil }

// Read reads the request's body: for who hijacked the stream, else it fails with ErrClosed. Its end is io.EOF.
func (s *Stream) Read(p []byte) (int, error) { return s.read(p, true) }

// Write sends p as DATA and returns when all of it is taken. It copies p. One goroutine writes at a time. It is for who hijacked the stream, else it fails with ErrClosed, as do
// TryWrite and CloseWrite.
func (s *Stream) Write(p []byte) (int, error) { return s.write(p, true) }

// TryWrite sends as much of p as the client's windows and the connection take without waiting.
func (s *Stream) TryWrite(p []byte) (int, error) {
	c := s.c
	c.lock()
	if err := s.writeErr(true); err != nil {
		c.unlock()
		return 0, err
	}
	n := c.appendNow(s, p)
	c.unlockHand()
	return n, nil
}

// CloseWrite ends the response; the request's body can still be read.
func (s *Stream) CloseWrite() error {
	c := s.c
	c.lock()
	if err := s.writeErr(true); err != nil {
		c.unlock()
		return err
	}
	c.endResponse(s)
	c.unlockHand()
	return nil
}

// Close ends the response and gives up the stream, for who hijacked it. What the client still sends is refused. A Write that waits for the client meanwhile fails, and the stream
// is reset. In a handler Close resets it, too, as the way to hang up.
func (s *Stream) Close() error {
	c := s.c
	c.lock()
	switch {
	case s.freed || !s.running:
	case !s.taken:
		c.resetStream(s, Cancel)
	case len(s.out) > 0 && !s.overridden: // of a Write, whose rest will not be sent
		c.resetStream(s, Cancel)
		c.release(s)
	default:
		c.endResponse(s)
		c.release(s)
	}
	c.unlockHand()
	return nil
}

// LocalAddr is that of the connection.
func (s *Stream) LocalAddr() net.Addr { return s.c.nc.LocalAddr() }

// RemoteAddr is that of the connection.
func (s *Stream) RemoteAddr() net.Addr { return s.c.nc.RemoteAddr() }

// SetDeadline sets both deadlines, for who hijacked the stream.
func (s *Stream) SetDeadline(t time.Time) error {
	_ = s.SetReadDeadline(t)
	return s.SetWriteDeadline(t)
}

// SetReadDeadline makes reads fail with os.ErrDeadlineExceeded from t on; the zero time is none.
func (s *Stream) SetReadDeadline(t time.Time) error {
	s.setDeadline(t, &s.readClosed, &s.readTimer)
	return nil
}

// SetWriteDeadline makes writes fail with os.ErrDeadlineExceeded from t on; the zero time is none.
func (s *Stream) SetWriteDeadline(t time.Time) error {
	s.setDeadline(t, &s.writeClosed, &s.writeTimer)
	return nil
}

func (s *Stream) setDeadline(t time.Time, closed *bool, timer **time.Timer) {
	c := s.c
	c.lock()
	defer c.mu.Unlock()
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	d := time.Until(t)
	*closed = !t.IsZero() && d <= 0
	if *closed {
		s.turn.Broadcast()
		return
	}
	if t.IsZero() {
		return
	}
	var mine *time.Timer
	mine = time.AfterFunc(d, func() {
		c.lock()
		defer c.mu.Unlock()
		if *timer == mine {
			*closed = true
			s.turn.Broadcast()
		}
	})
	*timer = mine
}

// writeErr is why nothing more can be written, by who hijacked the stream if owner is set. c.mu is held.
func (s *Stream) writeErr(owner bool) error {
	switch {
	case owner && !s.taken:
		return ErrClosed
	case s.err != nil:
		return s.err
	case s.writeClosed:
		return os.ErrDeadlineExceeded
	case s.freed || s.state.closed() || s.state.localEnd || s.overridden:
		return ErrClosed
	}
	return nil
}

// requestBody is the body as RequestCtx has it.
type requestBody struct{ s *Stream }

// Read implements io.Reader.
func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.s.read(p, false)
	if err == io.EOF {
		b.s.addTrailers()
	}
	return n, err
}
