package quart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
)

// SSEConfig holds the options of event streams. Its zero value is production-ready; negative is off.
type SSEConfig struct {
	// Retry is how long a client waits before it comes back, told at the start: 3 s, give or take a quarter at random, so that
	// the clients of a server that restarts do not come at once.
	Retry     time.Duration
	KeepAlive time.Duration // 15 s without an event: a comment keeps proxies from closing the connection
	Queue     int           // 64 posted frames that wait for a slow client; one more closes the stream
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
	// Comment goes in front, ignored by clients. An event with nothing but Comment and Retry is not dispatched.
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
	if e.ID == "" && e.Name == "" && e.Data == "" && (e.Comment != "" || e.Retry > 0) {
		return wire.AppendRetry(b, e.Retry)
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
	c.respondLater(c.fc.Response.StatusCode(), ctEventStream, &EventStream{run: f})
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
	return r.Get(pattern, func(c *Ctx) error { return c.SSE(h) })
}

// EventStream is an open stream of server-sent events. Its methods are safe for concurrent use. It lives until its function has
// returned, or, parked, until the client leaves or Close is called; from then on they return ErrClosed.
//
// The first event is written at once. Events that follow within 2 ms gather, and are sent together by a goroutine that all
// streams share: a burst costs a few writes, whatever its length. 0 allocations for each event.
type EventStream struct {
	app    *App
	conn   *connState // nil behind a foreign listener
	out    outlet
	route  *Route
	params []string
	lastID string
	log    *slog.Logger
	slots  slots
	run    func(*EventStream) error
	beat   atomic.Bool // a keep-alive is due

	ctxMu     sync.Mutex
	ctx, base context.Context
	cancel    context.CancelCauseFunc

	mu        sync.Mutex
	turn      sync.Cond    // writing has ended
	buf       *pool.Buffer // events to be written, first
	queue     []*Frame     // posted ones behind them
	posted    int          // frames in buf
	rest      *pool.Buffer // of a write that was not taken whole
	restFrom  int
	wrote     time.Time // the last write
	running   bool      // the function runs
	writing   bool      // a goroutine writes what is pending
	draining  bool      // and waits for the client
	gathering bool      // the flusher will
	ending    bool      // a goroutine is at the end
	broken    bool      // the connection takes no more
	clean     bool      // how to end
	err       error     // why no more events are taken
}

// outlet is where an event stream's bytes go: the one thing that differs between transports. One goroutine writes at a time.
type outlet interface {
	chunked() bool // events are wrapped in chunks
	// write returns when p was taken; it is bounded by Config.WriteTimeout.
	write(p []byte) error
	// try is write that does not wait. It returns what was taken, and false where that cannot be done.
	try(p []byte) (n int, ok bool, err error)
	// close ends the stream, properly or so that the client can tell.
	close(clean bool)
}

const (
	gatherTime  = 2 * time.Millisecond
	gatherBytes = 4 << 10  // of posted frames that are copied to the buffer
	fullBuffer  = 16 << 10 // Send writes by itself, or waits
)

// takesFilter: compressed events would be late, and secrets beside what a client sends could be guessed.
func (s *EventStream) drop() {}

// send is the last act with c.
func (s *EventStream) send(c *Ctx) {
	if c.fc.IsHead() {
		c.fc.Response.SetBodyStream(strings.NewReader(""), -1)
		return
	}
	s.app, s.conn, s.route, s.log = c.app, c.conn, c.route, c.Log()
	s.ctx, s.base, s.cancel = c.takeContext()
	s.lastID = string(c.fc.Request.Header.Peek("Last-Event-ID"))
	if c.route != nil && len(c.route.paramNames) > 0 {
		s.params = make([]string, len(c.route.paramNames))
		for i, name := range c.route.paramNames {
			s.params[i] = string(c.param(name))
		}
	}
	if len(c.slots.used) > 0 {
		s.slots, c.slots = c.slots, slots{}
	}
	s.turn.L = &s.mu
	s.running = true
	s.buf = pool.GetBuffer(512)
	if s.conn == nil {
		c.fc.Response.SetBodyStream(&eventBody{s}, -1)
		return
	}
	out := &connOutlet{conn: s.conn, chunks: c.fc.Request.Header.IsHTTP11()}
	s.out = out
	framing := "Connection: close\r\n"
	if out.chunks {
		framing = "Transfer-Encoding: chunked\r\nConnection: close\r\n"
	}
	s.buf.B = appendHead(s.buf.B, &c.fc.Response, framing)
	c.fc.HijackSetNoResponse(true)
	c.fc.Hijack(s.start)
}

// start is the hijack handler: the stream takes the connection, and fasthttp's part, with its buffers, ends.
func (s *EventStream) start(net.Conn) {
	var deadline uint64
	if k := s.app.cfg.SSE.KeepAlive; k > 0 {
		deadline = s.conn.table.deadline(milliseconds(k))
	}
	s.conn.park(s, deadline)
	s.conn.watch()
	switch {
	case !s.app.tasks.join():
		s.running = false
		s.close(ErrClosed, false)
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
	if err := s.call(); err != errParked {
		s.over(err)
		return
	}
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

var errParked = errors.New("quart: the result of EventStream.Park was not returned by the stream's function")

// over ends the stream of a function that has returned.
func (s *EventStream) over(err error) {
	s.mu.Lock()
	s.running = false
	if s.err == nil {
		s.err, s.clean = ErrClosed, err == nil
	} else if errors.Is(err, ErrClosed) || errors.Is(err, ErrQueueFull) || errors.Is(err, context.Canceled) {
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

// end writes what is pending and gives up the connection. It runs once, when the function has returned.
func (s *EventStream) end() {
	s.mu.Lock()
	for s.writing {
		s.turn.Wait()
	}
	s.writing = true
	s.flush()
	clean := s.clean && !s.broken
	s.broken = true
	s.free()
	s.mu.Unlock()
	s.out.close(clean)
	s.ctxMu.Lock()
	cancel := s.cancel
	s.ctxMu.Unlock()
	if cancel != nil {
		cancel(nil)
	}
}

// ---- what users call ----

// Context is done when the stream is over: the client has left or does not read, Close was called, or the app stops. Values that SetContext
// brought to the request are there.
func (s *EventStream) Context() context.Context {
	s.ctxMu.Lock()
	defer s.ctxMu.Unlock()
	if s.ctx != nil {
		return s.ctx
	}
	s.base, s.cancel = streamContext(s.app, s.conn)
	s.ctx = s.base
	s.mu.Lock()
	if s.err != nil {
		s.cancel(ErrClosed)
	}
	s.mu.Unlock()
	return s.ctx
}

// Param is Ctx.Param of the request.
func (s *EventStream) Param(name string) string {
	if s.route != nil {
		for i, n := range s.route.paramNames {
			if n == name {
				return s.params[i]
			}
		}
		return string(s.route.defaultOf(name))
	}
	return ""
}

// LastEventID returns the ID of the last event that the client has seen, "" when it comes for the first time. It is what the client says:
// not to be trusted.
func (s *EventStream) LastEventID() string { return s.lastID }

// scope makes an EventStream a Scope.
func (s *EventStream) scope() *slots { return &s.slots }

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
	s.append(&e)
	return s.sent()
}

// SendJSON sends an event whose data is v in JSON, encoded by Config.JSON.
func (s *EventStream) SendJSON(name string, v any) error {
	if !wire.ValidEventName(name) {
		return (&Event{Name: name}).check()
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
	start := s.open()
	s.buf.B, _ = wire.AppendEventBytes(s.buf.B, "", name, data, 0)
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

// Post queues a frame for the client and never blocks. When SSEConfig.Queue frames wait already, the stream is closed and the error is
// ErrQueueFull: the client reconnects and says what it saw last. After the end it is ErrClosed.
func (s *EventStream) Post(f *Frame) error {
	s.mu.Lock()
	if s.full() && !s.writing { // they only gather
		s.writing = true
		s.tryFlush()
		s.mu.Lock()
	}
	if s.err != nil {
		defer s.mu.Unlock()
		return s.err
	}
	if s.full() {
		s.mu.Unlock()
		s.close(ErrQueueFull, false)
		return ErrQueueFull
	}
	if len(s.queue) == 0 && s.bufLen() < gatherBytes {
		s.appendFrame(f)
		s.posted++
	} else {
		s.queue = append(s.queue, f)
	}
	if s.writing || s.gathering {
		s.mu.Unlock()
		return nil
	}
	if time.Since(s.wrote) < gatherTime {
		s.gather()
		s.mu.Unlock()
		return nil
	}
	s.writing = true
	s.tryFlush()
	return nil
}

// Close ends the stream properly: its context is done, and when its function returns, or at once if it is parked, what was
// sent is written and the connection closed. Browsers reconnect.
func (s *EventStream) Close() { s.close(ErrClosed, true) }

// Park keeps the stream open when its function returns, for Post and Send by others, without a goroutine: return its result.
func (s *EventStream) Park() error { return errParked }

// ---- the owner's side: called by other goroutines, and must not block ----

func (s *EventStream) gone() {
	s.conn.kill() // a write that hangs fails now
	s.close(ErrClosed, false)
}

func (s *EventStream) leave() { s.close(ErrClosed, true) }

func (s *EventStream) idle(uint64) {
	s.beat.Store(true)
	s.app.flusher.add(s)
}

// close takes no more events and ends the context. The end itself is the function's goroutine's, or, parked, a new one's.
func (s *EventStream) close(err error, clean bool) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err, s.clean = err, clean
	ended := !s.running && !s.ending
	s.ending = s.ending || ended
	s.turn.Broadcast()
	s.mu.Unlock()
	s.ctxMu.Lock()
	cancel := s.cancel
	s.ctxMu.Unlock()
	if cancel != nil {
		cancel(ErrClosed)
	}
	if s.conn != nil {
		s.conn.finish(ErrClosed)
	}
	if ended {
		go s.end()
	}
}

// ---- pending events; mu is held ----

// full reports whether too many frames wait. A write that does not wait for the client is short: it is given some slack.
func (s *EventStream) full() bool {
	most := s.app.cfg.SSE.Queue
	if s.writing && !s.draining {
		most *= 4
	}
	return most > 0 && s.posted+len(s.queue) >= most
}

func (s *EventStream) bufLen() int {
	if s.buf == nil {
		return 0
	}
	return len(s.buf.B)
}

// room waits while a slow client leaves none.
func (s *EventStream) room() error {
	for s.err == nil && s.writing && (s.bufLen() >= fullBuffer || len(s.queue) > 0) {
		s.turn.Wait() // what was posted earlier goes first
	}
	if s.err == nil && len(s.queue) > 0 {
		s.writing = true
		s.flush()
	}
	return s.err
}

// open begins an event in the buffer.
func (s *EventStream) open() (start int) {
	if s.buf == nil {
		s.buf = pool.GetBuffer(512)
	}
	start = len(s.buf.B)
	if s.out.chunked() {
		s.buf.B = append(s.buf.B, emptyChunk...)
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

func (s *EventStream) appendFrame(f *Frame) {
	if s.buf == nil {
		s.buf = pool.GetBuffer(512)
	}
	s.buf.B = append(s.buf.B, s.bytesOf(f)...)
}

func (s *EventStream) bytesOf(f *Frame) []byte {
	if s.out.chunked() {
		return f.chunk()
	}
	return f.bare()
}

func (s *EventStream) gather() {
	s.gathering = true
	s.app.flusher.add(s)
}

// sent decides who writes an event that was appended, and releases mu.
func (s *EventStream) sent() error {
	if s.writing || s.gathering && s.bufLen() < fullBuffer && !s.first() {
		s.mu.Unlock()
		return nil
	}
	if time.Since(s.wrote) < gatherTime && s.bufLen() < fullBuffer {
		s.gather()
		s.mu.Unlock()
		return nil
	}
	s.writing = true
	s.flush()
	err := s.err
	s.release()
	return err
}

// first reports that nothing was written yet: the head waits for the first event.
func (s *EventStream) first() bool { return s.wrote.IsZero() }

// take returns what is to be written next, nil for nothing.
func (s *EventStream) take() *pool.Buffer {
	if b := s.buf; b != nil {
		s.buf, s.posted = nil, 0
		return b
	}
	if len(s.queue) == 0 {
		return nil
	}
	b := pool.GetBuffer(fullBuffer)
	n := 0
	for n < len(s.queue) && (n == 0 || len(b.B) < fullBuffer) {
		b.B = append(b.B, s.bytesOf(s.queue[n])...)
		n++
	}
	if s.queue = s.queue[n:]; len(s.queue) == 0 {
		s.queue = nil
	}
	return b
}

// flush writes until nothing is pending, and waits for the client. The caller has set writing.
func (s *EventStream) flush() {
	for !s.broken {
		b, from := s.rest, s.restFrom
		s.rest, s.restFrom = nil, 0
		if b == nil {
			b = s.take()
		}
		if b == nil {
			break
		}
		s.mu.Unlock()
		err := s.out.write(b.B[from:])
		pool.PutBuffer(b)
		s.mu.Lock()
		s.wrote = time.Now()
		if err != nil {
			s.breakOff()
		}
	}
	s.writing, s.draining = false, false
	s.turn.Broadcast()
}

// tryFlush is flush that does not wait: what the client does not take at once is left to a goroutine. It releases mu.
func (s *EventStream) tryFlush() {
	for !s.broken {
		b := s.take()
		if b == nil {
			break
		}
		s.mu.Unlock()
		n, ok, err := s.out.try(b.B)
		s.mu.Lock()
		s.wrote = time.Now()
		if err != nil {
			pool.PutBuffer(b)
			s.breakOff()
			break
		}
		if n < len(b.B) || !ok {
			s.rest, s.restFrom, s.draining = b, n, true
			s.mu.Unlock()
			go s.drain()
			return
		}
		pool.PutBuffer(b)
	}
	s.writing = false
	s.turn.Broadcast()
	s.release()
}

// drain goes on where tryFlush could not.
func (s *EventStream) drain() {
	s.mu.Lock()
	s.flush()
	s.release()
}

// breakOff notes that the client takes no more.
func (s *EventStream) breakOff() {
	s.broken = true
	if s.err == nil {
		s.err = ErrClosed
	}
	s.free()
}

func (s *EventStream) free() {
	for _, b := range []*pool.Buffer{s.buf, s.rest} {
		if b != nil {
			pool.PutBuffer(b)
		}
	}
	s.buf, s.rest, s.queue, s.posted = nil, nil, nil, 0
}

// release unlocks mu after a write, and sees to the end of a stream that broke.
func (s *EventStream) release() {
	broken := s.broken && !s.ending
	ended := broken && !s.running
	s.ending = s.ending || ended
	s.mu.Unlock()
	if broken && s.conn != nil {
		s.conn.finish(ErrClosed)
	}
	if ended {
		go s.end()
	}
}

// gathered is the flusher's visit: it writes what gathered, and the keep-alive.
func (s *EventStream) gathered() {
	s.mu.Lock()
	s.gathering = false
	if s.beat.Swap(false) && s.err == nil {
		s.keepAlive()
	}
	if s.writing || s.broken || s.ending || s.buf == nil && len(s.queue) == 0 {
		s.mu.Unlock()
		return
	}
	s.writing = true
	s.tryFlush()
}

// keepAlive appends a comment when nothing was written for so long, and sets the time of the next one.
func (s *EventStream) keepAlive() {
	every := s.app.cfg.SSE.KeepAlive
	left := every - time.Since(s.wrote)
	if left <= 0 {
		left = every
		if !s.writing && s.buf == nil && len(s.queue) == 0 {
			start := s.open()
			s.buf.B = wire.AppendComment(s.buf.B, "")
			s.shut(start)
		}
	}
	s.conn.parkUntil(s.conn.table.deadline(milliseconds(left)))
}

// ---- the flusher ----

// flusher writes the gathered events of all streams. Its goroutine runs while there are any.
type flusher struct {
	mu      sync.Mutex
	streams []*EventStream
	spare   []*EventStream
	running bool
	loop    func()
}

func (f *flusher) add(s *EventStream) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams = append(f.streams, s)
	if f.running {
		return
	}
	f.running = true
	if f.loop == nil {
		f.loop = f.run
	}
	go f.loop()
}

func (f *flusher) run() {
	for {
		time.Sleep(gatherTime)
		f.mu.Lock()
		if len(f.streams) == 0 {
			f.running = false
			f.mu.Unlock()
			return
		}
		list := f.streams
		f.streams = f.spare[:0]
		f.mu.Unlock()
		for i, s := range list {
			s.gathered()
			list[i] = nil
		}
		f.spare = list
	}
}

// ---- outlets ----

// connOutlet is a parked HTTP/1 connection.
type connOutlet struct {
	conn   *connState
	chunks bool
	tries  *trier // nil before the first try
}

func (o *connOutlet) chunked() bool { return o.chunks }

func (o *connOutlet) write(p []byte) error {
	_, err := o.conn.Write(p)
	return err
}

func (o *connOutlet) try(p []byte) (n int, ok bool, err error) {
	if o.tries == nil {
		o.tries = newTrier(o.conn)
	}
	return o.tries.write(p)
}

func (o *connOutlet) close(clean bool) {
	switch {
	case clean && o.chunks:
		_, _ = o.conn.Write([]byte("0\r\n\r\n"))
	case !clean && !o.chunks:
		_ = o.conn.abort()
	}
	_ = o.conn.shut()
}

// bodyOutlet is the body of a response that another server than quart's writes.
type bodyOutlet struct{ w io.Writer }

func (o *bodyOutlet) chunked() bool { return false }

func (o *bodyOutlet) write(p []byte) error {
	_, err := o.w.Write(p)
	return err
}

func (o *bodyOutlet) try([]byte) (n int, ok bool, err error) { return 0, false, nil }

func (o *bodyOutlet) close(bool) {}

// eventBody is an event stream as fasthttp's body stream.
type eventBody struct{ s *EventStream }

func (b *eventBody) SupportsBodyWriteTo() bool { return true }

func (b *eventBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (b *eventBody) WriteTo(w io.Writer) (int64, error) {
	s := b.s
	s.out = &bodyOutlet{w}
	s.begin()
	err := s.call()
	if err == errParked {
		<-s.Context().Done()
		err = nil
	}
	s.over(err)
	if !s.clean {
		return 0, ErrClosed
	}
	return 0, nil
}

// Close is called by fasthttp when the response is over, also one that was never written.
func (b *eventBody) Close() error {
	b.s.ctxMu.Lock()
	defer b.s.ctxMu.Unlock()
	if b.s.cancel != nil {
		b.s.cancel(nil)
	}
	return nil
}
