package quart

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"strconv"

	"github.com/goquart/quart/http2"
	"github.com/goquart/quart/internal/radix"
	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
	"github.com/valyala/fasthttp"
)

// Ctx is one request and its response.
//
// It is valid until the handler returns: what goes on after that reads what it needs into variables first. A string that a Ctx returns is yours for
// ever; a []byte is borrowed until the handler returns. It is not safe for concurrent use, and
// it is no context.Context: Context makes one.
//
// A pooled Ctx hands out strings from chunks of 2 KiB that are never reused: a string costs no
// allocation of its own, but a kept one pins its chunk. Use strings.Clone for what outlives the
// request by long.
type Ctx struct {
	guard   pool.Guard // panics on a use after release under the build tag quartdebug
	fc      *fasthttp.RequestCtx
	app     *App
	conn    *connState // nil on HTTP/2 and behind a listener that is not ours
	h2      *http2.Stream
	route   *Route // nil when nothing matched
	match   radix.Match
	path    []byte // decoded, a part of pathBuf
	matched []byte // path, or host and path: parameters are offsets into it
	pathBuf []byte // host, where hosts are used, and path
	hostLen int
	slab    pool.Slab
	slots   slots
	body    body

	err        error // what Fail rendered
	responded  bool  // a responder ran
	badHeader  bool  // a header setter refused a value: the answer becomes 500
	proxyKnown bool
	proxy      forwarded
	log        *slog.Logger
	ctx        context.Context
	base       context.Context         // what Context made, before SetContext
	values     context.Context         // that of the responder of a stream, whatever the layers around it set afterwards
	cancel     context.CancelCauseFunc // only where conn is nil
	hard       *hardTimeout
	pending    pending // the body that is written after the layers
	filter     func(io.Writer) StreamFilter
}

var ctxPool = pool.New(resetCtx)

// resetCtx readies c for the next request. The slab goes on where it stands, cells and
// buffers keep their memory.
func resetCtx(c *Ctx) {
	if c.ctx != nil {
		c.endContext()
	}
	if c.hard != nil {
		c.hard.inTime()
		c.hard.cancel(nil)
		c.hard = nil
	}
	if len(c.slots.used) > 0 {
		c.slots.reset()
	}
	if c.pending != nil {
		c.dropPending()
	}
	c.body.reset(c.fc)
	c.fc, c.app, c.conn, c.h2, c.route, c.path, c.matched = nil, nil, nil, nil, nil, nil, nil
	c.match.N = 0
	c.err, c.log = nil, nil
	c.responded, c.badHeader, c.proxyKnown = false, false, false
}

// AcquireCtx returns a Ctx for fc with its route and parameters, for adapters and tests that call handlers themselves. It
// freezes a. ReleaseCtx gives it back.
func AcquireCtx(a *App, fc *fasthttp.RequestCtx) *Ctx {
	a.freeze()
	c := a.acquire(fc)
	if c.setPath(fc.URI().PathOriginal(), true) == nil {
		a.table.match(c)
	}
	return c
}

// ReleaseCtx ends the life of c: c and every []byte from it are invalid from here on.
func ReleaseCtx(c *Ctx) {
	c.guard.Released()
	ctxPool.Put(c)
}

func (a *App) acquire(fc *fasthttp.RequestCtx) *Ctx {
	c := ctxPool.Get()
	c.guard.Acquired()
	c.fc, c.app = fc, a
	if c.conn = connOf(fc.Conn()); c.conn == nil {
		c.h2 = http2.StreamOf(fc)
	}
	c.conn.enterHandler()
	return c
}

// live panics on a use after release, under quartdebug; else it is nothing.
func (c *Ctx) live() { c.guard.Check("*quart.Ctx") }

func (c *Ctx) scope() *slots {
	c.live()
	return &c.slots
}

// App returns the app that serves c.
func (c *Ctx) App() *App {
	c.live()
	return c.app
}

// Route returns the route that matched, nil when none did (404, 405, redirects).
func (c *Ctx) Route() *Route {
	c.live()
	return c.route
}

// Fast returns fasthttp's RequestCtx, the way to what quart does not cover. It is valid until
// the handler returns.
func (c *Ctx) Fast() *fasthttp.RequestCtx {
	c.live()
	return c.fc
}

// Log returns the logger of this request: Config.Log, or what SetLog gave it.
func (c *Ctx) Log() *slog.Logger {
	c.live()
	if c.log != nil {
		return c.log
	}
	return c.app.cfg.Log
}

// SetLog makes l the logger of this request, for middleware that adds a request ID.
func SetLog(c *Ctx, l *slog.Logger) { c.log = l }

// Context returns a context that is done when the response is complete, when the client has left, when the app cuts requests
// off at the end of its shutdown grace, or when a deadline set on it passes; context.Cause tells ErrClosed for a client that left. It may
// outlive the Ctx: a stream takes it over. It is made at the first call (5 allocations), which is also when the connection begins
// to be watched; nothing is paid when not asked.
//
// A client that closes its side is gone, also one that only shuts down its writing half and goes on reading, as no browser does:
// the two look the same. On Linux that is noticed at once (epoll); on other Unix systems within 250 ms, unless the
// client sent more that nobody has read; on Windows, and behind a listener that is not quart's, by the next write that fails. On HTTP/2 the client
// says so itself (RST_STREAM).
func (c *Ctx) Context() context.Context {
	c.live()
	if c.ctx != nil {
		return c.ctx
	}
	ctx, cancel := context.WithCancelCause(c.app.root)
	if c.conn != nil {
		c.conn.onComplete(cancel)
		c.conn.watch()
		if c.conn.gone() {
			cancel(ErrClosed)
		}
	} else {
		c.cancel = cancel
		c.cancelWithPeer(cancel)
	}
	c.ctx, c.base = ctx, ctx
	return ctx
}

// SetContext replaces the context of c by a child of it: a span, a deadline. The one who made the child
// cancels it.
func (c *Ctx) SetContext(ctx context.Context) {
	c.live()
	c.Context() // so that the parent ends with the response
	c.ctx = ctx
}

// endContext runs at release. Behind our own listener the connection cancels the context, when
// the response has been written.
func (c *Ctx) endContext() {
	if c.cancel != nil {
		c.cancel(nil)
	}
	c.ctx, c.base, c.values, c.cancel = nil, nil, nil, nil
}

// str returns an owned string of b.
func (c *Ctx) str(b []byte) string { return c.slab.String(b) }

// Method returns the request's method.
func (c *Ctx) Method() string {
	c.live()
	switch m := c.fc.Method(); string(m) {
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	default:
		return c.str(m)
	}
}

// Path returns the request's path, percent-decoded: what routes are matched against.
func (c *Ctx) Path() string {
	c.live()
	return c.str(c.path)
}

// Target returns the request target as it was sent: path and query, or whatever came. (Flask: full_path, but raw.)
func (c *Ctx) Target() string {
	c.live()
	return c.str(c.fc.Request.Header.RequestURI())
}

// Protocol returns "HTTP/1.1", "HTTP/1.0" or "HTTP/2.0".
func (c *Ctx) Protocol() string {
	c.live()
	if c.fc.Request.Header.IsHTTP11() {
		return "HTTP/1.1"
	}
	return c.str(c.fc.Request.Header.Protocol())
}

// Param returns the value of a path parameter, percent-decoded: "" when the pattern has none of that
// name or an optional one was left out. A Route.Default counts as a value.
func (c *Ctx) Param(name string) string {
	c.live()
	return c.str(c.param(name))
}

func (c *Ctx) param(name string) []byte {
	c.live()
	if c.route == nil {
		return nil
	}
	for i, p := range c.route.paramNames {
		if p == name && i < c.match.N {
			return c.match.Value(c.matched, i)
		}
	}
	return c.route.defaultOf(name)
}

// ParamInt returns the value of an {x:int} parameter. For another kind of parameter, or
// none of that name, it is 0.
func (c *Ctx) ParamInt(name string) int {
	c.live()
	n, ok := atoi(c.param(name))
	if !ok {
		return 0
	}
	return n
}

// Query returns the first value of a query argument, decoded; "" when there is none.
// (Flask: request.args.get.)
func (c *Ctx) Query(name string) string {
	c.live()
	return c.str(c.fc.QueryArgs().Peek(name))
}

// QueryInt returns the first value of a query argument as an int, def when there is none or it is no
// decimal number. (Flask: args.get(type=int).) See QueryAs for an error instead.
func (c *Ctx) QueryInt(name string, def int) int {
	c.live()
	n, ok := atoi(c.fc.QueryArgs().Peek(name))
	if !ok {
		return def
	}
	return n
}

// QueryAll ranges over the values of a query argument, in their order.
func (c *Ctx) QueryAll(name string) iter.Seq[string] {
	c.live()
	return func(yield func(string) bool) {
		for k, v := range c.fc.QueryArgs().All() {
			if string(k) == name && !yield(c.str(v)) {
				return
			}
		}
	}
}

// Header returns the first value of a request header; names are case-insensitive.
func (c *Ctx) Header(name string) string {
	c.live()
	return c.str(c.fc.Request.Header.Peek(name))
}

// HeaderAll ranges over the values of a request header, a value for each line, in their order.
func (c *Ctx) HeaderAll(name string) iter.Seq[string] {
	c.live()
	return func(yield func(string) bool) {
		for _, v := range c.fc.Request.Header.PeekAll(name) {
			if !yield(c.str(v)) {
				return
			}
		}
	}
}

// Cookie returns the value of a request cookie: the last one of that name, quotes around it stripped,
// nothing decoded. "" when there is none.
func (c *Ctx) Cookie(name string) string {
	c.live()
	v, _ := c.cookie(name)
	return c.str(v)
}

// Accepts returns the offer that the request's Accept prefers (RFC 9110, section 12.5.1), the first
// offer when it has no Accept, "" when none is acceptable. Offers are media types without q.
func (c *Ctx) Accepts(offers ...string) string {
	c.live()
	return c.negotiate("Accept", offers, wire.MediaType)
}

// AcceptsLanguage is Accepts for Accept-Language: "de-AT" is satisfied by the offer "de"
// (RFC 4647, lookup).
func AcceptsLanguage(c *Ctx, offers ...string) string {
	return c.negotiate("Accept-Language", offers, wire.Language)
}

// AcceptsEncoding is Accepts for Accept-Encoding. Offer "identity" last; without the header
// the answer is "identity" if offered.
func AcceptsEncoding(c *Ctx, offers ...string) string {
	if len(c.fc.Request.Header.Peek("Accept-Encoding")) == 0 {
		for _, o := range offers {
			if o == "identity" {
				return o
			}
		}
		return ""
	}
	return c.negotiate("Accept-Encoding", offers, wire.Encoding)
}

func (c *Ctx) negotiate(header string, offers []string, best func([]byte, []string) int) string {
	c.live()
	value := c.fc.Request.Header.Peek(header)
	if len(value) == 0 {
		if len(offers) == 0 {
			return ""
		}
		return offers[0]
	}
	if many := c.fc.Request.Header.PeekAll(header); len(many) > 1 {
		value = joinFields(many)
	}
	if i := best(value, offers); i >= 0 {
		return offers[i]
	}
	return ""
}

// joinFields makes one list of several field lines (RFC 9110, section 5.3).
func joinFields(lines [][]byte) []byte {
	var b []byte
	for i, l := range lines {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, l...)
	}
	return b
}

// Authorization returns the scheme, as sent, and the credentials of the Authorization header.
func (c *Ctx) Authorization() (scheme, credentials string) {
	c.live()
	s, cr := wire.Authorization(c.fc.Request.Header.Peek("Authorization"))
	return c.str(s), c.str(cr)
}

// BasicAuth returns the user and password of a Basic Authorization header (RFC 7617).
// The password may hold colons.
func BasicAuth(c *Ctx) (user, password string, ok bool) {
	scheme, cr := wire.Authorization(c.fc.Request.Header.Peek("Authorization"))
	if !equalFold(scheme, "basic") {
		return "", "", false
	}
	var buf [128]byte
	u, p, ok := wire.BasicCredentials(buf[:0], cr)
	if !ok {
		return "", "", false
	}
	return c.str(u), c.str(p), true
}

// BearerToken returns the token of a Bearer Authorization header (RFC 6750).
func BearerToken(c *Ctx) (token string, ok bool) {
	scheme, cr := wire.Authorization(c.fc.Request.Header.Peek("Authorization"))
	if !equalFold(scheme, "bearer") || len(cr) == 0 {
		return "", false
	}
	return c.str(cr), true
}

// atoi reads a decimal integer with an optional sign. It allocates nothing.
func atoi(b []byte) (int, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	n, err := strconv.Atoi(string(b)) // no allocation: string(b) does not escape
	return n, err == nil
}

// equalFold compares ASCII case-insensitively; lower is in lower case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, x := range b {
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if x != lower[i] {
			return false
		}
	}
	return true
}
