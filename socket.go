package quart

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goquart/quart/internal/wsproto"
)

// SocketConfig holds the options of websockets. Its zero value is production-ready; negative is off, no limit.
// In Ctx.Upgrade, zero fields are those of Config.Socket.
type SocketConfig struct {
	// Origins are the pages' origins that may connect besides those of the request's own host: "https://example.com", with a port if it
	// is not the scheme's (one without a scheme panics); "https://*.example.com" is all hosts below it; "*" is any, for sockets that trust no cookie. Requests without an
	// Origin come from no browser and are let in. Others get 403.
	Origins []string
	// Subprotocols are what the server speaks, best first: the first that the client offers, too, is taken. Without one in common
	// the socket has none, and browsers close it.
	Subprotocols []string
	ReadLimit    int64 // 1 MiB for a message, inflated (close code 1009)
	// Compress negotiates permessage-deflate (RFC 7692). It costs CPU, and secrets beside what a client sends can be guessed from sizes.
	Compress bool
	// CompressFrom is the size from which on messages are compressed: 512 bytes. Negative compresses all.
	CompressFrom int
	// ContextTakeover compresses a message with the help of the ones before, for up to 64 KiB more memory for each socket that uses it, and
	// frames that are posted go out as they are.
	ContextTakeover bool
	// Queue is how many posted frames may wait for a slow client: 64. More may for a moment: a client is slow when they have waited for 100 ms, or are 64
	// times as many.
	Queue    int
	Overflow Overflow      // what happens to one more
	Ping     time.Duration // 25 s between pings, to the precision of half a second
	// Silence is how long a client may send nothing, not even a pong, while Read waits: 60 s. It is checked with each ping.
	Silence time.Duration
}

const (
	defaultSocketLimit  = 1 << 20
	defaultCompressFrom = 512
	defaultPing         = 25 * time.Second
	defaultSilence      = 60 * time.Second
	// closeWait is how long a socket that was closed may take to say so, and its function to return.
	closeWait = time.Second
)

func (c SocketConfig) withDefaults() SocketConfig {
	orDefault(&c.ReadLimit, defaultSocketLimit)
	orDefault(&c.CompressFrom, defaultCompressFrom)
	orDefault(&c.Queue, defaultQueue)
	orDefault(&c.Ping, defaultPing)
	orDefault(&c.Silence, defaultSilence)
	return c
}

// Overflow says what happens when a frame is posted to a client whose queue is full.
type Overflow uint8

const (
	CloseSlow  Overflow = iota // the connection is closed, a socket with 1013
	DropOldest                 // the frame that waits longest is lost
	DropNewest                 // the posted frame is lost
)

func (o Overflow) String() string {
	switch o {
	case CloseSlow:
		return "close slow"
	case DropOldest:
		return "drop oldest"
	case DropNewest:
		return "drop newest"
	}
	return "Overflow(" + strconv.Itoa(int(o)) + ")"
}

// CloseError is how a websocket ended. Returned by a socket's function it is the code and reason that are sent, unless it came from the client.
type CloseError struct {
	Code   int    // RFC 6455, section 7.4; 1005 when the client gave none, 1006 when the connection broke
	Reason string // at most 123 bytes of UTF-8
}

func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("quart: websocket closed with %d", e.Code)
	}
	return fmt.Sprintf("quart: websocket closed with %d: %s", e.Code, e.Reason)
}

// Socket is an open websocket (RFC 6455). One goroutine reads; all other methods are safe for concurrent use. It lives until its function
// has returned, or Close is called, or the client leaves; from then on its methods fail with ErrClosed.
//
// What is written while further messages have arrived already, as when a client sends many at once and each is answered, leaves
// in one piece before the next wait for the client, and within 2 ms at the latest. Pings are sent, and answered, by the socket, the latter by Read: a
// function that only writes calls Discard first.
type Socket struct {
	outbox
	in       inlet
	run      func(*Socket) error
	protocol string
	params   wsproto.Params
	deflater *wsproto.Deflater // with context takeover
	from     int               // bytes that are compressed
	ping     time.Duration
	silence  time.Duration

	closing atomic.Bool  // closeWith was called
	burst   atomic.Bool  // further messages have arrived
	waiting atomic.Bool  // Read waits for the client
	heard   atomic.Int64 // when it last sent something, or the wait began: in ms of the table, of Unix without one
	timer   *time.Timer  // behind a foreign listener; guarded by outbox.mu

	readMu  sync.Mutex
	dec     wsproto.Decoder
	ponged  bool  // a pong waits in the outbox
	eof     bool  // the client has closed its side
	readErr error // what ended reading

	cause error // what Read returns after a close of ours; guarded by outbox.mu
}

// ---- reading ----

// Read returns the next message. It waits without a buffer. Data is borrowed until the next Read. One goroutine reads at a time.
//
// Errors, now and ever after: *CloseError when the client closed the connection, broke the protocol (with the code that the client got), or was lost or
// silent (1006); ErrClosed after Close and when the app stops. Return it as it is. 0 allocations.
func (s *Socket) Read() (Message, error) {
	s.readMu.Lock()
	defer s.readMu.Unlock()
	for s.readErr == nil {
		m, ok := s.next()
		if ok {
			return m, nil
		}
		if s.readErr == nil {
			s.await()
		}
	}
	return Message{}, s.readErr
}

// next returns the next message that has arrived, and sees to what is no message. Without one either more input is needed, or readErr says why
// there is none.
//
// perf: not inlined, so that a wait needs little stack (bench/sockets, "idle").
//
//go:noinline
func (s *Socket) next() (m Message, ok bool) {
	for s.readErr == nil {
		if s.closing.Load() {
			s.readErr = s.closedByUs()
			break
		}
		ev, err := s.dec.Next()
		if err != nil {
			s.violated(err)
			break
		}
		switch ev.Kind {
		case wsproto.None:
			return m, false
		case wsproto.Message:
			if more := s.dec.More(); more != s.burst.Load() {
				s.burst.Store(more)
			}
			return Message{Data: ev.Data, Binary: ev.Binary}, true
		case wsproto.Ping:
			s.pong(ev.Data)
		case wsproto.Close:
			s.closedByPeer(ev.Code, string(ev.Data))
		}
	}
	return m, false
}

// await sends what waits for the end of a burst, and waits for the client.
func (s *Socket) await() {
	if s.burst.Load() || s.ponged {
		s.burst.Store(false)
		s.ponged = false
		s.flushNow()
	}
	s.heard.Store(s.clock())
	s.waiting.Store(true)
	err := s.in.fill(&s.dec)
	s.waiting.Store(false)
	if err != nil {
		s.lostPeer()
	}
}

func (s *Socket) flushNow() {
	s.mu.Lock()
	if s.writing || s.broken || !s.pending() {
		s.mu.Unlock()
		return
	}
	s.writing = true
	s.flush()
	s.release()
}

// clock is in ms. The connection's is coarse and costs nothing.
func (s *Socket) clock() int64 {
	if s.conn == nil {
		return time.Now().UnixMilli()
	}
	return int64(s.conn.table.now.Load())
}

// pong answers a ping. While the client does not read it waits, and so does the client's next ping.
func (s *Socket) pong(data []byte) {
	s.mu.Lock()
	if s.room() != nil {
		s.release()
		return
	}
	s.put(wsproto.OpPong, false, data)
	s.ponged = true
	if s.bufLen() >= fullBuffer && !s.writing {
		_ = s.sendNow()
		return
	}
	if !s.gathering {
		s.gather()
	}
	s.mu.Unlock()
}

// violated ends a socket whose client broke the protocol.
func (s *Socket) violated(err error) {
	end := &CloseError{Code: 1002, Reason: err.Error()}
	var e *wsproto.Error
	if errors.As(err, &e) {
		end = &CloseError{Code: e.Code, Reason: e.Reason}
	}
	s.readErr = end
	s.closeWith(end.Code, end.Reason, end)
}

// closedByPeer answers a close frame with its own code.
func (s *Socket) closedByPeer(code int, reason string) {
	s.readErr = &CloseError{Code: code, Reason: reason}
	s.closeWith(code, "", s.readErr)
}

// closedByUs is what Read returns after a close of ours.
func (s *Socket) closedByUs() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// lostPeer ends a socket whose connection broke, or whose wait was interrupted.
func (s *Socket) lostPeer() {
	s.mu.Lock()
	s.readErr = s.cause
	if s.cause == nil {
		s.readErr = &CloseError{Code: 1006}
		s.cause, s.eof = s.readErr, true
		if s.err == nil {
			s.err, s.clean = ErrClosed, true
		}
		s.wakeWaiters()
	}
	s.mu.Unlock()
	s.endContext()
}

// ReadText returns the next message as a string of its own. A binary message is an error, and ends the connection with 1003.
func (s *Socket) ReadText() (string, error) {
	m, err := s.Read()
	if err != nil {
		return "", err
	}
	if m.Binary {
		return "", &CloseError{Code: 1003, Reason: "text is expected"}
	}
	return string(m.Data), nil
}

// ReadJSON decodes the next message into v, by the rules of Ctx.Bind for a JSON body: with Config.JSON, at most 64 levels deep, and checked by v's method Validate and
// Config.Validator. Errors besides those of Read: an *HTTPError of status 400 or 422, after which the next message can be read; returned by the
// socket's function it closes with 1007 or 1008 and its Detail, or what is wrong with the first field.
func (s *Socket) ReadJSON(v any) error {
	m, err := s.Read()
	if err != nil {
		return err
	}
	return s.app.readMessage(m.Data, v)
}

// Messages ranges over the messages. It ends silently when the client left in an orderly way (1000, 1001, or no code) and after Close; any other end is
// the last pair's error.
func (s *Socket) Messages() iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			m, err := s.Read()
			if err == nil {
				if !yield(m, nil) {
					return
				}
				continue
			}
			if !orderly(err) {
				yield(Message{}, err)
			}
			return
		}
	}
}

// Discard reads and drops messages from now on, in a goroutine that lives as long as the socket: for a function that only writes. Without it
// nobody sees the client's close frame, and its pongs, until the function reads; the end of the connection is seen by Context in any case.
func (s *Socket) Discard() {
	go func() {
		for {
			if _, err := s.Read(); err != nil {
				return
			}
		}
	}()
}

// orderly reports whether a socket's end is nobody's fault.
func orderly(err error) bool {
	var e *CloseError
	if errors.As(err, &e) {
		return e.Code == 1000 || e.Code == 1001 || e.Code == 1005
	}
	return isAny(err, ErrClosed)
}
