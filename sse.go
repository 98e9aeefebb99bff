package quart

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
)

// SSEConfig holds the options of event streams. Its zero value is production-ready; negative is off.
type SSEConfig struct {
	// Retry is how long a client waits before it comes back, told at the start: 3 s, give or take a quarter at random, so that
	// the clients of a server that restarts do not come at once.
	Retry time.Duration
	// KeepAlive is 15 s: after so long without an event a comment keeps proxies from closing the connection. Behind a listener that is not
	// quart's there is none.
	KeepAlive time.Duration
	// Queue is how many posted frames may wait for a slow client: 64. When they have waited for 100 ms, or are 64 times as many, one more
	// closes the stream.
	Queue int
}

const (
	defaultRetry     = 3 * time.Second
	defaultKeepAlive = 15 * time.Second
	defaultQueue     = 64
)

func (c SSEConfig) withDefaults() SSEConfig {
	orDefault(&c.Retry, defaultRetry)
	orDefault(&c.KeepAlive, defaultKeepAlive)
	orDefault(&c.Queue, defaultQueue)
	return c
}

// Event is one server-sent event.
type Event struct {
	// ID is what a client sends back as Last-Event-ID when it reconnects: at most 1,024 bytes of printable ASCII, which
	// is what all clients keep. "" sends none, and the client goes on with the one before.
	ID   string
	Name string // the event's type, without line breaks; "" is "message"
	Data string // lines arrive with LF between them, whatever ended them
	// Retry, if positive, changes how long the client waits before it reconnects. It counts in milliseconds.
	Retry time.Duration
	// Comment goes in front, ignored by clients. An event with a Comment and neither Name nor Data is not dispatched, but its ID counts; neither is one
	// with nothing but Retry.
	Comment string
}

func (e *Event) check() error {
	if !wire.ValidEventID(e.ID) {
		return fmt.Errorf("quart: event id %.40q is not printable ASCII of at most %d bytes", e.ID, wire.MaxEventID)
	}
	if !wire.ValidEventName(e.Name) {
		return fmt.Errorf("quart: event name %.40q has a line break", e.Name)
	}
	return nil
}

// append appends an event that check has passed.
func (e *Event) append(b []byte) []byte {
	if e.Comment != "" {
		b = wire.AppendComment(b, e.Comment)
	}
	if e.Name == "" && e.Data == "" && (e.Comment != "" || e.Retry > 0 && e.ID == "") {
		if e.ID == "" {
			return wire.AppendRetry(b, e.Retry)
		}
		b = append(append(append(b, "id: "...), e.ID...), '\n')
		if e.Retry > 0 {
			return wire.AppendRetry(b, e.Retry)
		}
		return append(b, '\n')
	}
	b, _ = wire.AppendEvent(b, e.ID, e.Name, e.Data, e.Retry)
	return b
}

var (
	ctEventStream = []byte("text/event-stream")
	sseOffers     = []string{"text/event-stream"}

	errNotEventStream error = &HTTPError{Status: 406, Detail: "this resource is an event stream"}
)

// SSE answers with a stream of server-sent events (WHATWG HTML, "Server-sent events") that f sends, after the handler and all middleware
// have returned: c is gone then. Typed keys, parameters and the context move on with the stream.
//
// f has a goroutine of its own. When it returns nil, or the app stops, the stream ends properly and browsers come back after their
// retry time; to keep one from that, answer its next request with 204. An error or a panic of f is logged and cuts the stream. A request
// whose Accept excludes text/event-stream is answered 406; HEAD gets the head alone. Answers to HTTP/1.0, for old proxies, end
// with the connection. The connection serves no other request afterwards.
func (c *Ctx) SSE(f func(s *EventStream) error) error {
	c.live()
	if accept := c.fc.Request.Header.Peek("Accept"); len(accept) > 0 && wire.MediaType(accept, sseOffers) < 0 {
		return errNotEventStream
	}
	c.respondLater(c.streamStatus(), ctEventStream, &EventStream{run: f})
	h := &c.fc.Response.Header
	if len(h.Peek("Cache-Control")) == 0 {
		h.Set("Cache-Control", "no-cache, no-transform")
	}
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	return nil
}

// SSE registers h for GET: Get with Ctx.SSE.
func (r *router) SSE(pattern string, h func(s *EventStream) error) *Route {
	if h == nil {
		panic("quart: SSE with a nil handler (" + callSite() + ")")
	}
	route := r.Get(pattern, func(c *Ctx) error { return c.SSE(h) })
	route.sse = true
	return route
}

// EventStream is an open stream of server-sent events. Its methods are safe for concurrent use. It lives until its function has
// returned, or, parked, until the client leaves or Close is called; from then on they return ErrClosed.
//
// The first event is written at once. Events that follow within 2 ms gather, and are sent together by a goroutine that all
// streams share: a burst costs a few writes, whatever its length. 0 allocations for each event.
type EventStream struct {
	outbox
	lastID string
	run    func(*EventStream) error
}

// drop has nothing to free. An EventStream takes no filter: compressed events would be late, and secrets beside what a client sends
// could be guessed.
func (s *EventStream) drop() {}

// send is the last act with c.
func (s *EventStream) send(c *Ctx) {
	if c.fc.IsHead() {
		c.fc.Response.SetBodyStream(strings.NewReader(""), -1)
		return
	}
	s.keep(c)
	s.lastID = string(c.fc.Request.Header.Peek("Last-Event-ID"))
	if c.h2 != nil {
		s.sendStream(c)
		return
	}
	if s.conn == nil {
		s.init(s, nil, s.app.cfg.SSE.Queue, CloseSlow)
		c.fc.Response.SetBodyStream(&eventBody{s}, -1)
		return
	}
	s.conn.own(s)
	out := &connOutlet{conn: s.conn, chunks: c.fc.Request.Header.IsHTTP11()}
	s.init(s, out, s.app.cfg.SSE.Queue, CloseSlow)
	framing := "Connection: close\r\n"
	if out.chunks {
		framing = "Transfer-Encoding: chunked\r\nConnection: close\r\n"
	}
	buf := s.tail(smallBuffer)
	buf.B = appendHead(buf.B, &c.fc.Response, framing)
	c.fc.HijackSetNoResponse(true)
	c.fc.Hijack(s.start)
}

// start is the hijack handler: the stream takes the connection, and fasthttp's part, with its buffers, ends.
func (s *EventStream) start(net.Conn) {
	var deadline uint64
	if k := s.app.cfg.SSE.KeepAlive; k > 0 {
		deadline = s.conn.table.deadline(milliseconds(k))
	}
	s.conn.park(deadline)
	s.conn.watch()
	switch {
	case !s.app.tasks.join():
		s.mu.Lock()
		s.running = false
		s.mu.Unlock()
		s.close(false)
		return
	case s.conn.gone():
		s.gone()
	case s.conn.table.leaving.Load():
		s.leave()
	}
	s.begin()
	go s.main()
}

// begin puts what comes first behind the head. It is sent with the first event, if that comes soon.
func (s *EventStream) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if retry := s.app.cfg.SSE.Retry; retry > 0 {
		retry += time.Duration((rand.Float64() - 0.5) / 2 * float64(retry))
		s.append(&Event{Retry: retry})
	} else {
		s.append(&Event{Comment: "begin"})
	}
	s.gather()
}

// main is the goroutine of the function.
func (s *EventStream) main() {
	defer s.app.tasks.running.Done()
	err := errGoexit
	defer func() {
		if err != errParked {
			s.over(err)
			return
		}
		s.parked()
	}()
	err = s.call()
}

// parked goes on without the goroutine.
func (s *EventStream) parked() {
	s.mu.Lock()
	s.running = false
	ended := s.err != nil && !s.ending
	s.ending = s.ending || ended
	s.mu.Unlock()
	if ended {
		s.end()
	}
}

// call runs the function, recovered.
func (s *EventStream) call() (err error) {
	defer func() {
		s.run = nil
		if v := recover(); v != nil {
			err = recovered(v)
		}
	}()
	return s.run(s)
}

// over ends the stream of a function that has returned.
func (s *EventStream) over(err error) {
	told := told(err)
	s.mu.Lock()
	s.running = false
	if s.err == nil {
		s.err, s.clean = ErrClosed, err == nil
	} else if told {
		err = nil // it was told to end
	} else if err != nil {
		s.clean = false
	}
	ended := !s.ending
	s.ending = true
	broken := s.broken
	s.mu.Unlock()
	if err != nil && !broken && !s.conn.gone() {
		s.app.errs.Add(1)
		logStreamError(s.log, s.route, "an event stream failed", err)
	}
	if ended {
		s.end()
	}
}

// ---- what users call ----

// LastEventID returns the ID of the last event that the client has seen, "" when it comes for the first time. It is what the client says:
// not to be trusted.
func (s *EventStream) LastEventID() string { return s.lastID }

// Send sends e. It returns when e is written, or will be within 2 ms; while a slow client leaves no room it waits, at most Config.WriteTimeout.
// Errors: ErrClosed when the stream is over, now and ever after; another for an event that cannot be sent (see Event), which is dropped.
func (s *EventStream) Send(e Event) error {
	if err := e.check(); err != nil {
		return err
	}
	s.mu.Lock()
	if err := s.room(); err != nil {
		s.release()
		return err
	}
	s.place(&e)
	return s.sent()
}

// SendJSON sends an event whose data is v in JSON, encoded by Config.JSON.
func (s *EventStream) SendJSON(name string, v any) error { return s.sendJSON("", name, v) }

func (s *EventStream) sendJSON(id, name string, v any) error {
	if err := (&Event{ID: id, Name: name}).check(); err != nil {
		return err
	}
	buf := pool.GetBuffer(512)
	defer pool.PutBuffer(buf)
	data, err := s.app.cfg.JSON.Append(buf.B, v)
	if err != nil {
		return err
	}
	buf.B = data
	s.mu.Lock()
	if err := s.room(); err != nil {
		s.release()
		return err
	}
	if len(s.queue) > 0 {
		s.place(&Event{ID: id, Name: name, Data: string(data)})
		return s.sent()
	}
	start := s.open()
	s.buf.B, _ = wire.AppendEventBytes(s.buf.B, id, name, data, 0)
	s.shut(start)
	return s.sent()
}

// Tick ranges over the ticks of a clock, the first one after d, until the stream is over.
func (s *EventStream) Tick(d time.Duration) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		done := s.Context().Done()
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-t.C:
				if !yield(now) {
					return
				}
			}
		}
	}
}

// Close ends the stream properly: its context is done, and when its function returns, or at once if it is parked, what was
// sent is written and the connection closed. Browsers reconnect.
func (s *EventStream) Close() { s.close(true) }

// Park keeps the stream open when its function returns, for Post and Send by others, without a goroutine: return its result.
func (s *EventStream) Park() error { return errParked }

// ---- as the owner of a connection: called by other goroutines, and must not block ----

func (s *EventStream) gone() {
	s.conn.kill() // a write that hangs fails now
	s.close(false)
}

func (s *EventStream) leave() { s.close(true) }

// close takes no more events and ends the context. The end itself is the function's goroutine's, or, parked, a new one's.
func (s *EventStream) close(clean bool) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err, s.clean = ErrClosed, clean
	ended := !s.running && !s.ending
	s.ending = s.ending || ended
	s.wakeWaiters()
	s.mu.Unlock()
	s.endContext()
	if ended {
		go s.end()
	}
}
