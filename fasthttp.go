package quart

import (
	"bufio"
	"bytes"
	"slices"
	"strings"

	fasthttprouter "github.com/fasthttp/router"
	"github.com/goquart/quart/internal/bytesconv"
	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
	"github.com/valyala/fasthttp"
)

// The doors to existing fasthttp code: handlers, fasthttp/router tables and fasthttp/websocket handlers.

// FromFast makes a Handler of a fasthttp handler. The request body is read first, under the limit and time of the route, so that
// PostBody, PostArgs, FormValue and MultipartForm find all of it; an error of Body is returned and h does not run. As in a
// server that does not stream, RequestBodyStream is nil. The body stays valid until the response is written.
//
// The parameters of the route are user values under their names, as fasthttp/router sets them, but percent-decoded; an
// optional parameter that is absent is none. Headers that middleware set before survive h's RequestCtx.Error. A panic of h
// is a 500, and a hijack that it asked for is off.
//
// What h leaves running is fasthttp's, with its limits: a panic in a body stream writer or in a hijack handler ends the
// process, and a hijacked connection is cut, not awaited, when the app stops (see FastWebSocket for websockets). After
// RequestCtx.TimeoutError, h's goroutines keep the RequestCtx and the client gets the timeout response; middleware sees a copy
// of it, and what it changes there is lost.
//
// It costs one copy of the body and 2 allocations for each parameter.
func FromFast(h fasthttp.RequestHandler) Handler {
	if h == nil {
		panic("quart: FromFast with a nil handler (" + callSite() + ")")
	}
	return func(c *Ctx) error {
		c.setUserValues(c.match.N)
		return c.runFast(h)
	}
}

// setUserValues shows the first n parameters, and the defaults, to fasthttp code.
func (c *Ctx) setUserValues(n int) {
	if c.route == nil {
		return
	}
	for i, name := range c.route.paramNames[:min(n, len(c.route.paramNames))] {
		if v := c.match.Value(c.matched, i); v != nil {
			c.fc.SetUserValue(name, c.str(v))
		}
	}
	for i := range c.route.defaults {
		d := &c.route.defaults[i]
		c.fc.SetUserValue(d.name, string(d.value))
	}
}

// runFast runs h on the RequestCtx as a server of its own would.
func (c *Ctx) runFast(h fasthttp.RequestHandler) error {
	if err := c.giveBody(); err != nil {
		return err
	}
	fc := c.fc
	run := fastRun{c: c, fc: fc, method: fc.Method(), target: fc.Request.Header.RequestURI()}
	if fc.Response.Header.Len() > 0 {
		run.layers = layerHeaders.Get()
		fc.Response.Header.CopyTo(run.layers)
	}
	defer run.end()
	h(fc)
	run.returned = true
	return nil
}

// giveBody reads the body into the RequestCtx's own buffer. c's goes back to the pool before the response is written, and
// fasthttp code may answer with the very bytes of PostBody.
func (c *Ctx) giveBody() error {
	if !c.body.begun && c.fc.RequestBodyStream() == nil {
		// No body, or a server that streams none: then it is the RequestCtx's own already.
		if limit := c.bodyLimit(); limit >= 0 && int64(len(c.fc.Request.Body())) > limit {
			return ErrTooLarge
		}
		return nil
	}
	data, err := c.Body()
	if err != nil {
		return err
	}
	if len(data) == 0 {
		c.fc.Request.ResetBody()
		return nil
	}
	c.fc.Request.SetBody(data)
	return nil
}

var layerHeaders = pool.New((*fasthttp.ResponseHeader).Reset)

// fastRun is one run of a fasthttp handler. It is prepared before, because a handler that timed out goes on using the
// RequestCtx.
type fastRun struct {
	c              *Ctx
	fc             *fasthttp.RequestCtx
	method, target []byte
	layers         *fasthttp.ResponseHeader // what middleware had set; nil for nothing
	returned       bool
}

// end is deferred around the handler.
func (r *fastRun) end() {
	if r.layers != nil {
		defer layerHeaders.Put(r.layers)
	}
	if timeout := r.fc.LastTimeoutErrorResponse(); timeout != nil {
		r.detach(timeout)
		return
	}
	if !r.returned {
		r.fc.Hijack(nil) // a panic: its answer is the 500
		return
	}
	if r.layers != nil {
		restoreHeaders(&r.fc.Response.Header, r.layers)
	}
	resp := &r.fc.Response
	if len(resp.Header.ContentType()) == 0 && (resp.IsBodyStream() || len(resp.Body()) > 0) {
		resp.Header.SetContentTypeBytes(ctText) // fasthttp's default, which quart's server has switched off
	}
	r.c.responded = true
}

// detach lets c go on with a RequestCtx of its own: a copy of the timeout response and of the request as it came. The
// handler's goroutines own the other one for ever.
func (r *fastRun) detach(timeout *fasthttp.Response) {
	own := new(fasthttp.RequestCtx)
	own.Init2(r.fc.Conn(), fastLogger{r.c.app.cfg.Log}, false)
	raw := r.fc.Request.Header.RawHeaders()
	head := slices.Concat(r.method, []byte(" "), r.target, []byte(" HTTP/1.1\r\n"), raw)
	if len(raw) == 0 {
		head = append(head, "\r\n"...)
	}
	_ = own.Request.Header.Read(bufio.NewReaderSize(bytes.NewReader(head), len(head)))
	timeout.CopyTo(&own.Response)
	r.c.fc = own
	r.c.responded = true
}

// restoreHeaders brings back what middleware had set if h lost all of it at once: RequestCtx.Error resets the response.
func restoreHeaders(h, layers *fasthttp.ResponseHeader) {
	if anyOf(layers, h) {
		return
	}
	for key, value := range layers.All() {
		if !describesContent(key) {
			h.AddBytesKV(key, value)
		}
	}
}

// anyOf reports whether h has one of the fields of layers. Cookies, of which h may have others, count if there is nothing else.
func anyOf(layers, h *fasthttp.ResponseHeader) bool {
	onlyCookies := true
	for key := range layers.All() {
		if describesContent(key) || string(key) == "Set-Cookie" {
			continue
		}
		if h.PeekBytes(key) != nil {
			return true
		}
		onlyCookies = false
	}
	return onlyCookies && h.Peek("Set-Cookie") != nil
}

func describesContent(key []byte) bool {
	switch string(key) {
	case "Content-Type", "Content-Length", "Content-Encoding", "Connection", "Server", "Trailer":
		return true
	}
	return false
}

// ---- fasthttp/router ----

// Adopt serves a whole fasthttp/router table under prefix, "" for the root, inside the app's middleware. The table's own meaning holds
// there: its patterns, parameters (as user values, not decoded), redirects, 404, 405 and OPTIONS answers, PanicHandler. Routes
// of the app itself come first, whatever their pattern, so that a program can move over route by route.
//
// The patterns of the table are relative to prefix. With "/v1", a request for /v1/users is matched against "/users", and its
// handlers see the path "/users" in Path and URI; RequestURI keeps the target as sent. A Location that names the request's own
// host, which is what RequestCtx.Redirect makes of every path, is sent as path and query, below prefix; other hosts stay.
// The path of cookies is not changed. prefix may have parameters, which are user values, too.
//
// The request body is read first, as by FromFast, whose other remarks hold as well. A path with a segment "." or "..", in whatever
// encoding, is answered 404 and never reaches the table, because fasthttp would resolve it; one with two slashes after prefix
// is redirected to the path with one (308). fasthttp/router has a redirect loop that stays: with "/hello", "/has-cookie"
// and "/{param}", GET /h is redirected to itself.
func (a *App) Adopt(prefix string, r *fasthttprouter.Router) {
	if r == nil {
		panic("quart: Adopt with a nil router (" + callSite() + ")")
	}
	prefix = strings.TrimSuffix(prefix, "/")
	root := func(c *Ctx) error { return c.adopted(r.Handler, nil) }
	if prefix != "" {
		a.Handle(MethodAny, prefix, root)
	}
	a.Handle(MethodAny, prefix+"/", root)
	a.Handle(MethodAny, prefix+"/{path:*}", func(c *Ctx) error {
		return c.adopted(r.Handler, c.match.Value(c.matched, c.match.N-1))
	})
}

// adopted runs a table on the path below its prefix; rest is that path, decoded, without its first slash.
func (c *Ctx) adopted(h fasthttp.RequestHandler, rest []byte) error {
	if hasDotSegment(rest) {
		return ErrNotFound
	}
	params := len(c.route.paramNames)
	prefix := c.path
	if rest != nil {
		params--
		prefix = c.path[:len(c.path)-len(rest)-1]
	}
	prefix = bytes.TrimSuffix(prefix, []byte("/"))
	c.setUserValues(params)

	uri := c.fc.URI()
	original := pool.GetBuffer(len(uri.PathOriginal()))
	defer pool.PutBuffer(original)
	original.B = append(original.B, uri.PathOriginal()...)
	uri.SetPathBytes(rawBelow(original.B, len(prefix), rest != nil))
	defer func() {
		if c.fc.URI() == uri { // else it timed out, and belongs to another goroutine
			uri.SetPathBytes(original.B)
		}
	}()
	if err := c.runFast(h); err != nil {
		return err
	}
	c.relocate(prefix)
	return nil
}

// hasDotSegment reports whether fasthttp, or what reads the path behind it, could take a segment for "." or "..".
func hasDotSegment(path []byte) bool {
	for len(path) > 0 {
		segment := path
		if i := bytes.IndexAny(path, `/\`); i >= 0 {
			segment, path = path[:i], path[i+1:]
		} else {
			path = nil
		}
		if i := bytes.IndexByte(segment, ';'); i >= 0 {
			segment = segment[:i]
		}
		if string(segment) == "." || string(segment) == ".." {
			return true
		}
	}
	return false
}

// rawBelow returns what follows a prefix of n decoded bytes in a path as it was sent.
func rawBelow(raw []byte, n int, more bool) []byte {
	if !more {
		return []byte{'/'}
	}
	for len(raw) > 1 && raw[0] == '/' && raw[1] == '/' { // as setPath
		raw = raw[1:]
	}
	for ; n > 0; n-- {
		if raw[0] == '%' {
			raw = raw[2:]
		}
		raw = raw[1:]
	}
	if raw[0] == '%' { // the slash itself
		return append([]byte{'/'}, raw[3:]...)
	}
	return raw
}

// relocate turns a Location on the request's own host into a path below prefix. It begins with exactly one slash,
// so that no value from the path can name another host.
func (c *Ctx) relocate(prefix []byte) {
	location := c.fc.Response.Header.Peek("Location")
	if len(location) == 0 || c.fc.LastTimeoutErrorResponse() != nil {
		return
	}
	path := location
	if path[0] != '/' {
		uri := c.fc.URI()
		scheme, rest, ok := bytes.Cut(path, []byte("://"))
		if !ok || !bytes.EqualFold(scheme, uri.Scheme()) || len(rest) < len(uri.Host()) || !bytes.EqualFold(rest[:len(uri.Host())], uri.Host()) {
			return
		}
		if path = rest[len(uri.Host()):]; len(path) > 0 && path[0] != '/' && path[0] != '?' {
			return // the host goes on
		}
	} else if len(path) > 1 && (path[1] == '/' || path[1] == '\\') {
		return // another host
	}
	buf := pool.GetBuffer(len(prefix) + len(location) + 16)
	defer pool.PutBuffer(buf)
	buf.B = wire.AppendPath(buf.B, bytesconv.String(prefix))
	path = bytes.TrimLeft(path, `/\`)
	if to, ok := wire.AppendLocation(append(buf.B, '/'), bytesconv.String(path)); ok {
		buf.B = to
		c.fc.Response.Header.SetCanonical(locationName, to)
	}
}
