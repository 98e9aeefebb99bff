package quart

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"github.com/goquart/quart/pool"
	"github.com/valyala/fasthttp"
)

// streamBody is a StreamWriter as fasthttp's body stream.
type streamBody struct{ StreamWriter }

func (b *streamBody) takesFilter() bool { return true }

func (b *streamBody) drop() { b.end() }

// send is the last act with c.
func (b *streamBody) send(c *Ctx) {
	b.app, b.conn, b.h2, b.fc, b.route, b.log, b.wrap = c.app, c.conn, c.h2, c.fc, c.route, c.Log(), c.filter
	b.ctx, b.base, b.cancel = c.takeContext()
	if b.h2 != nil {
		b.h2.DiscardBody()
	}
	if len(c.slots.used) > 0 {
		b.slots, c.slots = c.slots, slots{}
	}
	if c.fc.Request.Header.IsHTTP11() || c.fc.IsHead() || b.conn == nil {
		c.fc.Response.SetBodyStream(b, -1)
		return
	}
	b.raw = true
	b.conn.flags.Or(flagFinite)
	b.out = &headWriter{head: appendHead(nil, &c.fc.Response, "Connection: close\r\n"), conn: b.conn}
	b.conn.onComplete(func(error) { // fasthttp may fail before it calls the hijack handler
		if b.state.CompareAndSwap(streamIdle, streamEnded) {
			go b.end() // not in the watcher's goroutine
		}
	})
	c.fc.HijackSetNoResponse(true)
	c.fc.Hijack(b.runRaw)
}

// SupportsBodyWriteTo makes fasthttp call WriteTo.
func (b *streamBody) SupportsBodyWriteTo() bool { return true }

// Read is not called, because WriteTo is.
func (b *streamBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// WriteTo runs the producer. Its error makes fasthttp close the connection without the end of the body.
func (b *streamBody) WriteTo(out io.Writer) (int64, error) {
	b.out = out
	err := b.run()
	if err != nil && !b.sent && !isAny(err, ErrClosed) && !b.answerEarly(err) && b.conn != nil {
		_, _ = out.Write([]byte{' '}) // brings out what else is in fasthttp's buffer: answers to earlier requests of a pipeline
	}
	if err != nil {
		return 0, errStreamCut
	}
	return 0, nil
}

// answerEarly answers in the place of a body that failed before its first byte.
func (b *streamBody) answerEarly(err error) bool {
	e := publicError(err)
	if b.h2 == nil {
		return b.conn.answerEarly(e, b.fc)
	}
	fields := []string{"Content-Type", "application/problem+json", "X-Content-Type-Options", "nosniff"}
	for key, value := range b.fc.Response.Header.All() {
		if k := string(key); staysInProblem(k) {
			fields = append(fields, k, string(value))
		}
	}
	return b.h2.Override(e.Status, appendProblem(nil, e), fields...)
}

// staysInProblem reports whether a field of the response is of use to a problem in its place: those that are not about the body.
func staysInProblem(key string) bool {
	return !slices.Contains(framingHeaders, key) && !slices.Contains(contentHeaders, key) && key != "Content-Type" && key != "X-Content-Type-Options"
}

// errStreamTime is ErrTimeout for a log.
var errStreamTime error = &HTTPError{Status: 408, Title: "the stream was over its time"}

// errStreamCut stands for a producer's error, whose methods fasthttp would call unrecovered, for its log.
var errStreamCut = errors.New("quart: the stream failed")

// Close is called by fasthttp when the response is over.
func (b *streamBody) Close() error {
	b.end()
	return nil
}

// runRaw is the hijack handler for HTTP/1.0: the body follows the head as it is, and the close of the connection ends it. Where
// the body is not complete, a reset does.
func (b *streamBody) runRaw(nc net.Conn) {
	if !b.state.CompareAndSwap(streamIdle, streamRuns) || !b.app.tasks.join() {
		_ = b.conn.abort()
		return
	}
	defer b.app.tasks.running.Done()
	b.conn.outAt = b.conn.out.Load() // fasthttp has flushed
	b.conn.interim.Store(0)
	fc := b.fc // end forgets it, and fasthttp keeps it until this returns
	err := b.runs()
	if err == nil && !b.sent {
		err = b.sendHead()
	}
	b.end()
	switch {
	case err == nil:
	case !b.sent && !isAny(err, ErrClosed):
		b.conn.answerEarly(publicError(err), fc)
	default:
		_ = b.conn.abort()
	}
}

// headWriter writes the head in front of the first piece.
type headWriter struct {
	head []byte
	conn *connState
}

func (h *headWriter) Write(p []byte) (int, error) {
	_, err := h.conn.Write(append(h.head, p...))
	h.head = nil
	return len(p), err
}

// run is the producer with its filter, recovered.
func (b *streamBody) run() (err error) {
	if !b.state.CompareAndSwap(streamIdle, streamRuns) {
		return ErrClosed
	}
	return b.runs()
}

func (b *streamBody) runs() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v)
		}
		err = b.conclude(err)
	}()
	if b.wrap != nil {
		b.filter = b.wrap(rawWriter{&b.StreamWriter})
	}
	if err := b.produce(&b.StreamWriter); err != nil {
		return err
	}
	if b.err != nil {
		return b.err // a write failed, and the producer did not say so
	}
	if err := b.closeFilter(); err != nil {
		return err
	}
	return b.push()
}

// closeFilter ends the filter once.
func (b *streamBody) closeFilter() error {
	f := b.filter
	b.filter, b.wrap = nil, nil
	if f == nil {
		return nil
	}
	return f.Close()
}

// conclude logs what went wrong, unless it is that the client left.
func (b *streamBody) conclude(err error) error {
	if !b.state.CompareAndSwap(streamRuns, streamEnded) {
		err = errStreamTime
	}
	if err == nil {
		return nil
	}
	b.note(err)
	_ = guarded(b.closeFilter)
	if b.conn.gone() || b.h2 != nil && b.h2.Err() != nil || isAny(err, ErrClosed) || isAny(b.err, ErrClosed) {
		return ErrClosed
	}
	b.app.errs.Add(1)
	logStreamError(b.log, b.route, "a stream failed", err)
	return err
}

// logStreamError logs outside of the request path, where a panic, of an error's method or the log's handler, would end the process.
func logStreamError(log *slog.Logger, route *Route, message string, err error) {
	failed := guarded(func() error {
		writeStreamError(log, route, message, err)
		return nil
	})
	if failed == nil {
		return
	}
	failed = guarded(func() error {
		log.Error(message, "error", fmt.Sprintf("a %T that panics: %v", err, failed))
		return nil
	})
	if failed != nil {
		fmt.Fprintf(os.Stderr, "quart: %s, and its log: a %T, %v\n", message, err, failed)
	}
}

func writeStreamError(log *slog.Logger, route *Route, message string, err error) {
	pattern := ""
	if route != nil {
		pattern = route.pattern
	}
	var p *PanicError
	if errors.As(err, &p) {
		log.Error(message, "route", pattern, "error", err.Error(), "stack", string(p.Stack))
		return
	}
	log.Error(message, "route", pattern, "error", err.Error())
}

// publicError is httpError for an error whose methods may panic.
func publicError(err error) (e *HTTPError) {
	e = errInternal
	_ = guarded(func() error {
		e = httpError(err)
		return nil
	})
	return e
}

// isAny is errors.Is for an error whose methods may panic.
func isAny(err error, targets ...error) (is bool) {
	_ = guarded(func() error {
		is = slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
		return nil
	})
	return is
}

// guarded runs user code where a panic would end the process.
func guarded(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v)
		}
	}()
	return f()
}

// end frees what the stream holds. Uses of the writer fail from here on.
func (b *streamBody) end() {
	if b.done {
		return
	}
	b.done = true
	b.note(ErrClosed)
	if b.timer != nil {
		b.timer.Stop()
	}
	if b.state.Load() == streamExpired {
		<-b.fired // the stream is another request's from here on
	}
	if b.cancel != nil {
		b.cancel(nil)
	}
	if b.buf != nil {
		pool.PutBuffer(b.buf)
		b.buf = nil
	}
	if b.release != nil {
		_ = guarded(func() error {
			b.release()
			return nil
		})
	}
	b.fc, b.h2, b.out, b.produce, b.release = nil, nil, nil, nil, nil
}

// ---- heads of our own ----

// appendHead appends status line and header of resp, for a body that fasthttp does not write. framing is complete field lines.
func appendHead(b []byte, resp *fasthttp.Response, framing string) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = appendStatus(b, resp.StatusCode())
	b = append(b, "\r\nDate: "...)
	b = fasthttp.AppendHTTPDate(b, time.Now())
	b = append(b, "\r\n"...)
	for key, value := range resp.Header.All() {
		if slices.Contains(framingHeaders, string(key)) {
			continue
		}
		b = append(append(append(append(b, key...), ": "...), value...), "\r\n"...)
	}
	return append(append(b, framing...), "\r\n"...)
}

var framingHeaders = []string{"Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Date"}

func appendStatus(b []byte, status int) []byte {
	b = append(b, byte('0'+status/100), byte('0'+status/10%10), byte('0'+status%10), ' ')
	return append(b, fasthttp.StatusMessage(status)...)
}
