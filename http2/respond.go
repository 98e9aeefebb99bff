package http2

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/valyala/fasthttp"
)

// handle runs the handler of a stream and sends what it answered. It runs in a goroutine of the pool, or, inline, in the reader.
func (c *conn) handle(s *Stream) {
	c.lock()
	if s.state.closed() {
		c.dropCtx(s)
		c.release(s)
		c.unlockFlush()
		return
	}
	if c.crowded() {
		c.waiting = append(c.waiting, s)
		c.unlock()
		return
	}
	c.handlers.Add(1) // here, so that the next one that looks whether it is crowded counts this one
	s.handling = true
	c.mu.Unlock()
	c.requests.Add(1)
	c.srv.Handler(s.ctx)
	s.handling = false // c.handlers goes on counting it until its response does
	c.respond(s)
}

// crowded reports whether the next handler is to wait until the client has taken more. Those that run are about to answer, perhaps as much as the last ones. mu is held.
func (c *conn) crowded() bool {
	return c.pinned+int64(c.handlers.Load())*c.typical > c.pinLimit()
}

// pinLimit is how many bytes of responses may wait for the client until further handlers do: more for one that takes much. mu is held.
func (c *conn) pinLimit() int64 {
	return max(int64(c.srv.cfg.MaxPinned), takenIn*int64(c.sent.recent(c.srv.now())))
}

// respond sends the response that ctx has when the handler has returned.
func (c *conn) respond(s *Stream) {
	resp := &s.ctx.Response
	if late := s.ctx.LastTimeoutErrorResponse(); late != nil {
		resp = late
		s.shared = true // its handler was given up, and may go on
	}
	s.resp = resp
	if s.ctx.Hijacked() {
		c.srv.logf("http2: RequestCtx.Hijack is not possible over HTTP/2, see Stream.Hijack")
		resp.Reset()
		resp.SetStatusCode(fasthttp.StatusNotImplemented)
		resp.SetBodyString("not possible over HTTP/2")
	}
	if status := resp.StatusCode(); status < 200 && s.hijack == nil || status > 999 {
		c.srv.logf("http2: a handler answered with status %d", status)
		resp.Reset()
		resp.SetStatusCode(fasthttp.StatusInternalServerError)
	}
	if resp.Header.ConnectionClose() {
		c.leave()
	}
	if !c.srv.cfg.NoPush {
		c.pushLinks(s, resp)
	}
	switch {
	case s.hijack != nil:
		c.respondHijack(s, resp)
	case resp.IsBodyStream():
		c.respondStream(s, resp)
	default:
		c.respondBody(s, resp)
	}
}

// bodyless reports whether a response with the status has no body.
func bodyless(status int) bool { return status < 200 || status == 204 || status == 304 }

// respondBody sends a response whose body is there. One that fits goes out at once; a larger one stays with the stream until the client has taken it.
func (c *conn) respondBody(s *Stream, resp *fasthttp.Response) {
	body := resp.Body()
	status := resp.StatusCode()
	plain := len(resp.Header.PeekTrailerKeys()) == 0 // a length would take the trailers back
	if plain && !bodyless(status) && !(s.isHead && len(body) == 0 && resp.Header.ContentLength() > 0) {
		resp.Header.SetContentLength(len(body))
	}
	if s.isHead || bodyless(status) {
		body = nil
	}
	c.lock()
	c.handlers.Add(-1)
	if s.writeErr(false) != nil {
		c.done(s)
		return
	}
	if len(body) == 0 && plain {
		c.appendHead(s, resp, flagEndStream, len(resp.Body()) == 0)
		c.passed()
		c.sentEnd(s)
		c.done(s)
		return
	}
	c.appendHead(s, resp, 0, false)
	if len(body) == 0 {
		c.passed()
		c.finish(s)
		c.done(s)
		return
	}
	if n := int64(len(body)); plain && n <= maxFrame && c.direct() && n <= s.outWindow && n <= c.sendWindow {
		c.appendData(s, body, flagEndStream)
		c.passed()
		c.sentEnd(s)
		c.done(s)
		return
	}
	if c.pinned+int64(len(body)) > hardPinned*c.pinLimit() {
		c.resetStream(s, EnhanceYourCalm)
		c.done(s)
		return
	}
	s.out, s.outPinned, s.outEnd = body, true, true
	c.pinned += int64(len(body))
	c.pins++
	c.typical += (int64(len(body)) - c.typical) / 4
	s.running = false
	s.handlerOver()
	c.resumeWaiting()
	c.enqueue(s)
	c.unlockFlush()
}

// passed notes a response of which nothing waits in memory for the client. mu is held.
func (c *conn) passed() { c.typical -= (c.typical + 7) / 8 }

// done ends the handler's part: its RequestCtx goes back. mu is held, and released.
func (c *conn) done(s *Stream) {
	c.resumeWaiting()
	ctx, box := s.ctx, (*buffer)(nil)
	s.ctx, s.resp = nil, nil
	if s.gathered { // the body of ctx is in there
		box = s.inBox
		s.in, s.inBox = nil, nil
	}
	s.handlerOver()
	c.release(s)
	c.unlockFlush()
	c.srv.releaseCtx(ctx)
	if box != nil {
		putBuffer(box)
	}
}

// handlerOver ends reads of the body. What came of it goes back to the connection's window now: the response may wait for the client for long. The handler may have left a
// goroutine behind that is not done with the body: then it keeps the stream for itself. mu is held.
func (s *Stream) handlerOver() {
	s.over = true
	if s.hasBody && !s.gathered && !(s.state.remoteEnd && s.inRead == len(s.in)) {
		s.shared = true
	}
	if !s.gathered {
		s.unwanted = true
		s.c.discardBody(s)
	}
	if s.waiters > 0 {
		s.turn.Broadcast()
	}
}

// unpin lets a response go whose body was taken, or dropped. mu is held.
func (c *conn) unpin(s *Stream) {
	c.pinned -= int64(len(s.out))
	s.outPinned = false
	s.resp = nil
	c.dropCtx(s)
	s.freeIn()
	c.resumeWaiting()
}

// resumeWaiting runs the handlers that waited for the client to take responses. mu is held.
func (c *conn) resumeWaiting() {
	if len(c.waiting) > 0 && !c.crowded() {
		c.srv.workers.submit(c.waiting)
		clear(c.waiting)
		c.waiting = c.waiting[:0]
	}
}

// abandonWaiting gives up handlers that will not run. mu is held.
func (c *conn) abandonWaiting() {
	for _, s := range c.waiting {
		c.dropCtx(s)
		c.release(s)
	}
	c.waiting = nil
}

// respondHijack sends the head and gives the stream to who hijacked it, also one that has ended meanwhile: its calls fail.
func (c *conn) respondHijack(s *Stream, resp *fasthttp.Response) {
	c.lock()
	c.handlers.Add(-1)
	if s.writeErr(false) == nil {
		c.appendHead(s, resp, 0, false)
		c.passed()
	}
	c.resumeWaiting()
	s.taken = true
	ctx := s.ctx
	s.ctx, s.resp = nil, nil
	c.unlockFlush()
	c.srv.releaseCtx(ctx)
	s.hijack(s)
}

// ---- streamed bodies ----

// bodyWriter is what a streamed body is written to. The head goes out with the first bytes.
type bodyWriter struct {
	s     *Stream
	left  int64 // of a declared length; -1: there is none
	begun bool  // the head was sent
}

var errTooLong = errors.New("http2: the body is longer than its Content-Length")

func (w *bodyWriter) Write(p []byte) (int, error) {
	s := w.s
	if err := w.begin(false); err != nil {
		return 0, err
	}
	if w.left >= 0 && int64(len(p)) > w.left {
		return 0, errTooLong
	}
	n, err := s.write(p, false)
	if w.left >= 0 {
		w.left -= int64(n)
	}
	return n, err
}

// begin appends the head, once. It goes out with what follows, or now.
func (w *bodyWriter) begin(now bool) error {
	if w.begun {
		return nil
	}
	s := w.s
	c := s.c
	c.lock()
	if err := s.writeErr(false); err != nil {
		c.unlock()
		return err
	}
	w.begun = true
	c.appendHead(s, s.resp, 0, false)
	c.passed()
	if now {
		c.unlockFlush()
	} else {
		c.unlock()
	}
	return nil
}

func (c *conn) respondStream(s *Stream, resp *fasthttp.Response) {
	c.lock()
	c.handlers.Add(-1)
	c.resumeWaiting() // here: the body may take for ever
	c.unlock()
	if s.isHead || bodyless(resp.StatusCode()) {
		c.lock()
		if s.writeErr(false) == nil {
			c.appendHead(s, resp, flagEndStream, false)
			c.passed()
			c.sentEnd(s)
		}
		c.unlockFlush()
		_ = resp.CloseBodyStream()
		c.lock()
		c.done(s)
		return
	}
	c.bodies.Add(1)
	defer c.bodies.Add(-1)
	w := &bodyWriter{s: s, left: max(int64(resp.Header.ContentLength()), -1)}
	err := s.Err()
	if err == nil && resp.ImmediateHeaderFlush {
		err = w.begin(true)
	}
	if err == nil {
		err = copyBody(w, resp.BodyStream(), w.left)
	}
	if err == nil && w.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = w.begin(false)
	}
	c.lock()
	switch {
	case err == nil:
		c.endResponse(s)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.resetStream(s, Cancel)
	case !s.overridden:
		c.resetStream(s, InternalError)
	}
	c.unlockFlush()
	_ = resp.CloseBodyStream()
	c.lock()
	c.done(s)
}

// copyBody writes a body of size bytes, or -1, to w.
func copyBody(w *bodyWriter, r io.Reader, size int64) error {
	if wt, ok := r.(io.WriterTo); ok {
		_, err := wt.WriteTo(w)
		return err
	}
	n := 64 << 10
	if size >= 0 && size <= 16<<10 {
		n = 16 << 10
	}
	box := getBuffer(n)
	defer putBuffer(box)
	buf := box.b[:n]
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// ---- heads ----

// appendHead appends the HEADERS of a response. mu is held.
func (c *conn) appendHead(s *Stream, resp *fasthttp.Response, flags uint8, empty bool) {
	s.headSent = true
	start := len(c.out)
	b := append(c.out, make([]byte, frameHeaderLen)...)
	b = c.enc.Begin(b)
	b = c.enc.AppendStatus(b, resp.StatusCode())
	status := resp.StatusCode()
	dated := c.srv.cfg.NoDefaultDate
	for name, value := range resp.Header.All() {
		if !sendable(name, value) {
			continue
		}
		switch string(name) {
		case "Content-Length":
			if status < 200 || status == 204 {
				continue
			}
		case "Content-Type":
			if empty && !c.srv.cfg.NoDefaultContentType && string(value) == defaultContentType {
				continue
			}
		case "Date":
			dated = true
		}
		b = c.enc.AppendResponse(b, name, value)
	}
	if !dated {
		b = c.enc.AppendField(b, nameDate, *c.srv.date.Load(), false)
	}
	if c.srv.cfg.Name != "" && len(resp.Header.Server()) == 0 {
		b = c.enc.AppendField(b, nameServer, c.srv.name, false)
	}
	c.out = appendHeaderFrames(b, start, frameHeaders, flags, s.id)
}

const defaultContentType = "text/plain; charset=utf-8"

var (
	nameDate   = []byte("date")
	nameServer = []byte("server")
	nameLink   = []byte("link")
	nameLength = []byte("content-length")
)

// appendTrailers appends the trailers of a streamed response, if it has any. mu is held.
func (c *conn) appendTrailers(s *Stream) bool {
	if s.overridden || s.resp == nil {
		return false
	}
	keys := s.resp.Header.PeekTrailerKeys()
	if !slices.ContainsFunc(keys, func(key []byte) bool { return s.resp.Header.PeekBytes(key) != nil }) {
		return false
	}
	start := len(c.out)
	b := c.enc.Begin(append(c.out, make([]byte, frameHeaderLen)...))
	for _, key := range keys {
		for _, value := range s.resp.Header.PeekAll(string(key)) {
			if !sendable(key, value) {
				continue
			}
			b = c.enc.AppendResponse(b, key, value)
		}
	}
	c.out = appendHeaderFrames(b, start, frameHeaders, flagEndStream, s.id)
	return true
}

// appendInfo appends an informational response (RFC 9110, section 15.2). mu is held.
func (c *conn) appendInfo(s *Stream, status int, links []string) {
	start := len(c.out)
	b := c.enc.Begin(append(c.out, make([]byte, frameHeaderLen)...))
	b = c.enc.AppendStatus(b, status)
	for _, link := range links {
		b = c.enc.AppendField(b, nameLink, []byte(link), false)
	}
	c.out = appendHeaderFrames(b, start, frameHeaders, 0, s.id)
}

// EarlyHints sends a 103 (RFC 8297) with these values of Link, nothing without any. It fails when the response has begun, and for a value that no field has.
func (s *Stream) EarlyHints(links []string) error {
	for _, link := range links {
		if !validValue([]byte(link)) {
			return errors.New("http2: an early hint with control characters, or white space around it")
		}
	}
	if len(links) == 0 {
		return nil
	}
	c := s.c
	c.lock()
	if err := s.writeErr(false); err != nil || s.headSent {
		c.unlock()
		return errors.Join(err, ErrClosed)
	}
	c.appendInfo(s, fasthttp.StatusEarlyHints, links)
	c.unlockFlush()
	return nil
}

// appendOverride appends a whole response, besides that of the handler. mu is held.
func (c *conn) appendOverride(s *Stream, status int, body []byte, fields []string) {
	s.headSent = true
	start := len(c.out)
	b := c.enc.Begin(append(c.out, make([]byte, frameHeaderLen)...))
	b = c.enc.AppendStatus(b, status)
	for ; len(fields) >= 2; fields = fields[2:] {
		if name, value := []byte(fields[0]), []byte(fields[1]); sendable(name, value) {
			b = c.enc.AppendResponse(b, name, value)
		}
	}
	if !c.srv.cfg.NoDefaultDate {
		b = c.enc.AppendField(b, nameDate, *c.srv.date.Load(), false)
	}
	b = c.enc.AppendField(b, nameLength, strconv.AppendInt(nil, int64(len(body)), 10), false)
	if s.isHead || len(body) == 0 {
		c.out = appendHeaderFrames(b, start, frameHeaders, flagEndStream, s.id)
		c.sentEnd(s)
		return
	}
	c.out = appendHeaderFrames(b, start, frameHeaders, 0, s.id)
	c.dropOut(s)
	s.out, s.outEnd = bytes.Clone(body), true
	c.enqueue(s)
}

// answerInstead answers a request whose handler does not run. mu is held.
func (c *conn) answerInstead(s *Stream, status int, title string) {
	body := []byte(`{"title":"` + title + `","status":` + strconv.Itoa(status) + `}`)
	s.overridden = true
	c.appendOverride(s, status, body, []string{"content-type", "application/problem+json", "x-content-type-options", "nosniff"})
	c.dropCtx(s)
}
