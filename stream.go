package quart

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/goquart/quart/http2"
	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
	"github.com/valyala/fasthttp"
	"github.com/valyala/quicktemplate"
)

// Stream answers with a body that f writes, after the handler and all middleware have returned: c is gone then, so what f needs of the
// request is read into variables first. Typed keys and the context move on with the stream. The status is what SetStatus set, else 200.
//
//	name := c.Query("name")
//	return c.Stream("text/plain; charset=utf-8", func(w *quart.StreamWriter) error {
//		_, err := w.WriteString("hello " + name)
//		return err
//	})
//
// On HTTP/1.1 the body is chunked; on 1.0 the close of the connection ends it. f runs in the goroutine of the connection, without a pipe, and does not run
// for HEAD. The request's body cannot be read in it. An error or a panic of f is logged and cuts the connection, so that the client can tell; before the first
// byte has left it is answered as a problem instead, with the headers of layers, but without the app's error handlers. Cost: 2 allocations, one of them
// fasthttp's, the closure aside.
// (Flask: a generator, with stream_with_context.)
func (c *Ctx) Stream(contentType string, f func(w *StreamWriter) error) error {
	c.live()
	if !wire.ValidFieldValue(contentType) {
		c.refuseHeader("Content-Type")
		return nil
	}
	c.stream(contentType, f, nil)
	return nil
}

// stream is Stream with a function that is called when the stream is over, or will not be.
func (c *Ctx) stream(contentType string, f func(w *StreamWriter) error, release func()) {
	c.respondLater(c.streamStatus(), nil, &streamBody{StreamWriter{produce: f, release: release}})
	c.fc.Response.Header.SetContentType(contentType)
}

// bodyless reports whether an answer with the status has no content (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5).
func bodyless(status int) bool { return status == 204 || status == 205 || status == 304 }

// streamStatus is the status of a streamed answer: what was set, but for one that has no body, which is that of typed handlers without a result.
func (c *Ctx) streamStatus() int {
	if status := c.fc.Response.StatusCode(); !bodyless(status) {
		return status
	}
	return 200
}

// StreamWriter writes the body of a streamed response. What is written gathers in a pooled buffer of 16 KiB, which is sent when it is
// full, by Flush, and at the end; each piece that is sent has Config.WriteTimeout (behind a listener that is not quart's: what that has). It is for the goroutine that runs the producer, and
// only until the producer returns: later calls fail with ErrClosed. After an error all later calls return it.
// 0 allocations for each write.
type StreamWriter struct {
	app    *App
	conn   *connState // nil on HTTP/2 and behind a foreign listener
	h2     *http2.Stream
	fc     *fasthttp.RequestCtx
	route  *Route
	log    *slog.Logger
	slots  slots
	ctx    context.Context
	base   context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	fired  chan struct{} // closed when the timer has cut the stream off
	state  atomic.Uint32 // one of the states below

	produce func(*StreamWriter) error
	release func()
	wrap    func(io.Writer) StreamFilter
	filter  StreamFilter
	out     io.Writer    // what sends the first piece, with the head
	buf     *pool.Buffer // unsent bytes, behind room for the size of their chunk; nil: none
	raw     bool         // the close of the connection ends the body
	sent    bool         // a piece was sent
	done    bool
	err     error
}

// A stream's time and its end exclude each other: afterwards the connection belongs to the next request.
const (
	streamIdle uint32 = iota
	streamRuns
	streamEnded
	streamExpired
)

const (
	streamPiece = 16 << 10 // bytes of the buffer
	firstPiece  = 2 << 10  // what goes out in one write with a head of usual size
)

// Context is c.Context of the request: done when the stream is over, the client has left, the time of SetTimeout is up, and at the end of the
// app's shutdown grace. Values that SetContext brought are there; deadlines that middleware set for the handler are not.
func (w *StreamWriter) Context() context.Context {
	if w.base == nil && !w.done {
		w.base, w.cancel = streamContext(w.app, w.conn, w.h2)
		w.ctx = w.base
	}
	if w.ctx == nil {
		return closedContext
	}
	return w.ctx
}

var closedContext = func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(ErrClosed)
	return ctx
}()

// streamContext makes the context of a request for a stream whose handler did not ask for one.
func streamContext(a *App, conn *connState, stream *http2.Stream) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(a.root)
	cancelWith(stream, cancel)
	conn.onComplete(cancel)
	conn.watch()
	if conn.gone() {
		cancel(ErrClosed)
	}
	return ctx, cancel
}

// takeContext moves the context of c to a stream: what ends it is c's, what it holds is that of SetContext.
func (c *Ctx) takeContext() (ctx, base context.Context, cancel context.CancelCauseFunc) {
	ctx, base, cancel = c.ctx, c.base, c.cancel
	if c.values == nil { // Context was not asked for when the stream was left
		c.values = ctx
	}
	if c.values != base {
		ctx = detachedContext{base, c.values}
	}
	c.ctx, c.base, c.values, c.cancel = nil, nil, nil, nil
	return ctx, base, cancel
}

// detachedContext ends with one context and holds the values of another.
type detachedContext struct {
	context.Context
	values context.Context
}

func (d detachedContext) Value(key any) any {
	if v := d.Context.Value(key); v != nil { // what package context asks of itself: of what ends d
		return v
	}
	return d.values.Value(key)
}

// scope makes a StreamWriter a Scope.
func (w *StreamWriter) scope() *slots { return &w.slots }

// SetTimeout limits the whole stream, from this call on: then its context is done with the cause ErrTimeout, and the connection is closed, unless the
// producer has returned. The last call counts; d <= 0 is no limit, which is the default. (Quart: response.timeout.)
func (w *StreamWriter) SetTimeout(d time.Duration) {
	if w.timer != nil {
		w.timer.Stop()
	}
	if d <= 0 || w.done {
		return
	}
	w.Context()
	conn, stream, cancel := w.conn, w.h2, w.cancel
	if w.fired == nil {
		w.fired = make(chan struct{})
	}
	fired := w.fired
	if cancel == nil { // the base context is the connection's to cancel
		cancel = conn.finish
	}
	w.timer = time.AfterFunc(d, func() {
		if w.state.CompareAndSwap(streamRuns, streamExpired) {
			conn.cutOff() // nothing the producer writes from here on arrives
			if stream != nil {
				stream.Reset(http2.Cancel)
			}
			close(fired)
			cancel(ErrTimeout)
		}
	})
}

// SetTrailer sets a field that follows the body (RFC 9110, section 6.5), at any time before the producer returns. Names of fields that frame, route or
// authorize a message are refused with an error, and so is what SetHeader refuses. On HTTP/1.0 there are no trailers: it does nothing.
func (w *StreamWriter) SetTrailer(name, value string) error {
	if w.err != nil {
		return w.err
	}
	if !wire.ValidFieldName(name) || !wire.ValidFieldValue(value) {
		return errors.New("quart: trailer refused: a bad name, or CR, LF or NUL in its value")
	}
	h := &w.fc.Response.Header
	if err := h.AddTrailer(name); err != nil {
		return errors.New("quart: " + name + " may not be a trailer")
	}
	if !w.raw {
		h.Set(name, value)
	}
	return nil
}

// Write appends p to the body. It copies p.
func (w *StreamWriter) Write(p []byte) (int, error) {
	switch {
	case w.err != nil:
		return 0, w.err
	case w.filter != nil:
		n, err := w.filter.Write(p)
		return n, w.note(err)
	}
	return put(w, p)
}

// WriteString is Write for a string.
func (w *StreamWriter) WriteString(s string) (int, error) {
	switch {
	case w.err != nil:
		return 0, w.err
	case w.filter != nil:
		n, err := io.WriteString(w.filter, s)
		return n, w.note(err)
	}
	return put(w, s)
}

// Render writes a page as it renders, the first 16 KiB before the rest is there. A template stops no sooner than at its end: give it a small model, or
// let it ask Context.
func (w *StreamWriter) Render(t Template) error {
	qw := quicktemplate.AcquireWriter(w)
	t.StreamRender(qw)
	quicktemplate.ReleaseWriter(qw)
	return w.err
}

// Flush sends what was written, and the head before it, and returns when the connection took it. Without a byte of the body it sends nothing.
func (w *StreamWriter) Flush() error {
	if w.err != nil {
		return w.err
	}
	if w.filter != nil {
		if err := w.note(w.filter.Flush()); err != nil {
			return err
		}
	}
	return w.push()
}

// note keeps the first error.
func (w *StreamWriter) note(err error) error {
	if err == nil || w.err != nil {
		return w.err
	}
	w.err = err
	return err
}

// put appends to the buffer and sends it when it is full.
func put[T []byte | string](w *StreamWriter, p T) (n int, err error) {
	for len(p) > 0 {
		if w.buf == nil {
			w.buf = pool.GetBuffer(streamPiece)
			w.buf.B = append(w.buf.B, emptyChunk...)
		}
		room := streamPiece - 2 - len(w.buf.B)
		m := min(room, len(p))
		w.buf.B = append(w.buf.B, p[:m]...)
		n += m
		p = p[m:]
		if m == room {
			if err := w.push(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// rawWriter is what a filter writes to.
type rawWriter struct{ w *StreamWriter }

func (r rawWriter) Write(p []byte) (int, error) {
	if r.w.err != nil {
		return 0, r.w.err
	}
	return put(r.w, p)
}

// push sends the buffer. The first piece goes through fasthttp, which has the head in a buffer of its own; from then on
// that is empty, and pieces are framed here and written at once.
//
// perf: fasthttp writes a chunk of 16 KiB in three writes (BenchmarkStream).
func (w *StreamWriter) push() error {
	if w.buf == nil && w.sent {
		return nil
	}
	buf := w.buf
	w.buf = nil
	if buf == nil { // nothing but the head
		return w.sendHead()
	}
	defer pool.PutBuffer(buf)
	b := buf.B
	if !w.sent {
		n := len(b) - chunkRoom
		if n > firstPiece+firstPiece/2 && w.conn != nil && !w.raw {
			n = firstPiece
		}
		if err := w.write(b[chunkRoom : chunkRoom+n]); err != nil {
			return err
		}
		if b = b[n:]; len(b) == chunkRoom {
			return nil
		}
		copy(b, emptyChunk) // over what was sent
	}
	switch {
	case w.raw:
		b = b[chunkRoom:]
	case w.conn == nil:
		return w.write(b[chunkRoom:])
	default:
		b = closeChunk(b, 0)
	}
	_, err := w.conn.Write(b)
	return w.failed(err)
}

// write sends a piece by way of fasthttp.
func (w *StreamWriter) write(p []byte) error {
	w.sent = true
	_, err := w.out.Write(p)
	return w.failed(err)
}

// sendHead sends the head alone. fasthttp's writer holds it back until there is a byte of the body.
func (w *StreamWriter) sendHead() error {
	if !w.raw {
		return nil
	}
	return w.write(nil)
}

// failed turns an error of the connection into what the producer sees: a client that left or does not read, or the stream's time.
func (w *StreamWriter) failed(err error) error {
	switch {
	case w.state.Load() == streamExpired:
		return w.note(ErrTimeout)
	case err != nil:
		return w.note(ErrClosed)
	}
	return nil
}
