package h3

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/goquart/quart/pool"
	"github.com/valyala/fasthttp"
)

// exchange is one request and its response.
type exchange struct {
	server *Server
	w      responseWriter
	req    *http.Request
	fc     fasthttp.RequestCtx
	conn   conn
	body   body
}

// keepBody is the largest body buffer that stays in the pool.
const keepBody = 64 << 10

var exchanges = pool.New(func(x *exchange) {
	if cap(x.fc.Response.Body()) > keepBody {
		x.fc.Response.SwapBody(nil)
	}
	x.fc.ResetUserValues()
	x.fc.Request.Reset()
	x.fc.Response.Reset()
	x.server, x.w, x.req, x.body = nil, nil, nil, body{}
})

// serveHTTP is quic-go's handler. A panic with http.ErrAbortHandler is how the stream is reset.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.join()
	defer s.requests.leave()
	if p := peerOf(r); p != nil {
		p.join()
		defer p.leave()
	}
	x := exchanges.Get()
	x.server, x.w, x.req = s, w.(responseWriter), r
	x.conn.open(x.w, r)
	complete, reusable := x.serve()
	x.conn.shut()
	if reusable {
		exchanges.Put(x)
	}
	if !complete {
		panic(http.ErrAbortHandler)
	}
}

// serve answers. reusable is false when somebody may still use x.
func (x *exchange) serve() (complete, reusable bool) {
	defer func() {
		if v := recover(); v != nil {
			x.server.cfg.Log.Error("h3: panic in a body stream", "error", fmt.Sprint(v), "stack", string(debug.Stack()))
			complete, reusable = false, false
		}
	}()
	if status, detail := refusal(x.req); status != 0 {
		x.problem(status, detail)
		return true, true
	}
	x.fc.Init2(&x.conn, quiet{}, false)
	x.fc.Response.Header.SetNoDefaultContentType(true)
	x.fill(x.req)
	x.server.handler()(&x.fc)
	return x.answer()
}

// answer sends what the handler left.
func (x *exchange) answer() (complete, reusable bool) {
	if resp := x.fc.LastTimeoutErrorResponse(); resp != nil {
		return x.respond(resp), false // the handler goes on with x
	}
	resp := &x.fc.Response
	if x.fc.Hijacked() || wantsUpgrade(resp) {
		_ = resp.CloseBodyStream()
		x.conn.final()
		x.problem(http.StatusNotImplemented, "websockets and other upgrades are not served over HTTP/3")
		return true, !x.fc.Hijacked()
	}
	complete = x.respond(resp)
	_ = resp.CloseBodyStream()
	return complete, true
}

// wantsUpgrade reports whether resp is a 426, which sends its client to another protocol by a field that HTTP/3 does not have.
func wantsUpgrade(resp *fasthttp.Response) bool {
	return resp.StatusCode() == http.StatusUpgradeRequired && strings.EqualFold(string(resp.Header.Peek("Upgrade")), "websocket")
}
