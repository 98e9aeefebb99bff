package quart

import (
	"io"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// expectation is a request with Expect: 100-continue (RFC 9110, section 10.1.1). fasthttp asks whether to send the 100 before it calls the
// handler, but the handler is who knows: its layers may refuse the client, or it may answer without the body. So the request path
// runs in a goroutine of its own until it reads the body, or ends. The worker sends the 100 only in the first case, and then waits for the
// end: the two never run at the same time.
//
// It is the request's body stream, which parks the handler at its first Read. It is a user value, too, because fasthttp closes these
// first thing when it resets a request whose 100 or first byte failed: the handler must have ended by then.
type expectation struct {
	cs      *connState
	fc      *fasthttp.RequestCtx
	state   atomic.Uint32
	parked  chan struct{} // closed when the handler wants the body
	resumed chan struct{} // closed when body or err is set
	ended   chan struct{} // closed when the handler has ended
	body    io.Reader     // the stream behind the 100
	err     error         // why there is none
}

const (
	expectRunning uint32 = iota // the handler has not asked for the body
	expectParked
	expectOver
)

type expectKey struct{}

// expect runs the request path of a request with Expect: 100-continue up to its first wish for the body. The answer of a handler that had none
// is final, and the client need not send its body.
func (a *App) expect(fc *fasthttp.RequestCtx) int {
	cs := connOf(fc.Conn())
	n := fc.Request.Header.ContentLength()
	if cs == nil || n != -1 && n <= 0 {
		return fasthttp.StatusContinue // there is no body to wait for
	}
	e := &expectation{
		cs: cs, fc: fc,
		parked: make(chan struct{}), resumed: make(chan struct{}), ended: make(chan struct{}),
	}
	fc.Request.SetBodyStream(e, n)
	fc.SetUserValue(expectKey{}, e)
	go func() {
		defer close(e.ended)
		a.serve(fc)
	}()
	select {
	case <-e.parked:
		cs.expect = e
		cs.interim.Add(uint64(len("HTTP/1.1 100 Continue\r\n\r\n")))
		return fasthttp.StatusContinue
	case <-e.ended:
		if e.state.CompareAndSwap(expectRunning, expectOver) {
			e.err = errBodyCut
			close(e.resumed) // for a goroutine that the handler left reading
		}
		return fc.Response.StatusCode()
	}
}

// serveOrResume is the server's handler. The body of a parked request has begun to arrive: it goes on. Any other begins.
func (a *App) serveOrResume(fc *fasthttp.RequestCtx) {
	if a.cfg.H2C && a.upgradeH2C(fc) {
		return
	}
	cs := connOf(fc.Conn())
	if cs == nil || cs.expect == nil {
		a.serve(fc)
		return
	}
	e := cs.expect
	cs.expect = nil
	stream, n := fc.Request.BodyStream(), fc.Request.Header.ContentLength()
	// e stays the request's stream. This empties the request's buffer, too, where fasthttp has put the first byte and where PostBody,
	// if that is what waits, is about to collect the whole.
	fc.Request.SetBodyStream(e, n)
	cs.noteInterim()
	e.resume(stream, nil)
}

// resume lets a parked handler go on and waits for its end. It reports false when none is parked.
func (e *expectation) resume(body io.Reader, err error) bool {
	if !e.state.CompareAndSwap(expectParked, expectOver) {
		return false
	}
	e.body, e.err = body, err
	close(e.resumed)
	<-e.ended
	return true
}

// Read implements io.Reader.
func (e *expectation) Read(p []byte) (int, error) {
	if e.state.CompareAndSwap(expectRunning, expectParked) {
		close(e.parked)
	}
	<-e.resumed
	if e.err != nil {
		return 0, e.err
	}
	return e.body.Read(p)
}

// Close implements io.Closer. For a parked handler there will be no body: it ends now, before its RequestCtx is reused, and what it
// answered reaches nobody.
func (e *expectation) Close() error {
	if !e.resume(nil, errBodyCut) {
		return nil
	}
	e.cs.expect = nil
	if e.fc.Hijacked() {
		e.fc.Hijack(nil)
		e.fc.HijackSetNoResponse(false)
	}
	e.fc.Response.Reset()
	return nil
}
