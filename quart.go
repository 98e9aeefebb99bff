package quart

import (
	"context"
	"crypto/tls"
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goquart/quart/internal/radix"
	"github.com/goquart/quart/internal/wire"
	"github.com/valyala/fasthttp"
)

// Config holds an app's options. Its zero value is production-ready; a negative number or duration is off, no limit.
type Config struct {
	Log  *slog.Logger // default: slog.Default()
	JSON JSONCodec    // default: json/v2 semantics, see JSONCodec
	// Validator checks the input of typed handlers and of Bind, a pointer, after its rules tags and its Validate methods. An error
	// without a StatusCode is a 422 with its text. contrib/validator has one for the tags of go-playground/validator.
	Validator func(v any) error

	TLS *tls.Config // non-nil: addresses without a scheme are served over TLS
	H2C bool        // HTTP/2 on cleartext, too: by prior knowledge and by Upgrade
	// HTTP2 holds the options of HTTP/2, which clients may choose over TLS (ALPN), unless TLS.NextProtos leaves it out.
	HTTP2 HTTP2Config

	HeaderTimeout time.Duration // 5 s for a request head (408)
	BodyLimit     int64         // 1 MiB of request body (413); routes have their own
	BodyTimeout   time.Duration // 60 s of waiting for a request body (408); routes have their own
	// BodyReadTimeout is how long a client may send nothing of its body while it is waited for: 30 s (408). It holds for
	// routes whose BodyTimeout is off, too.
	BodyReadTimeout time.Duration

	WriteTimeout  time.Duration // 10 s for each write to the client, and without a window for a stream of HTTP/2 that has something to send
	IdleTimeout   time.Duration // 30 s between requests
	ShutdownGrace time.Duration // 8 s for requests under way when the app stops; negative waits for all of them
	ShutdownDelay time.Duration // 500 ms of still accepting when the app stops, so that balancers notice

	MaxConns      int // 20,000 connections (503 beyond)
	MaxConnsPerIP int // connections of one address (429 beyond); 0 is no limit

	// TrustedProxies are the peers whose X-Forwarded-For, -Proto and -Host are believed. Without
	// them, these headers mean nothing; with any, a peer on a unix socket is believed as well.
	TrustedProxies []netip.Prefix
	ProxyHops      int  // most entries believed, from the right; 0: as far as TrustedProxies reaches
	Forwarded      bool // the proxies write Forwarded (RFC 7239): it is read, and X-Forwarded-* are not
	// TrustedHosts are the hosts that requests may name, without port; ".example.com" is the domain and all below it.
	// Another Host is answered 400. Empty: any host.
	TrustedHosts []string

	SSE    SSEConfig    // of event streams
	Socket SocketConfig // of websockets, where Ctx.Upgrade is not told otherwise

	NoAutoOptions bool // OPTIONS is answered only where a route says so
}

const (
	defaultHeaderTimeout = 5 * time.Second
	defaultBodyLimit     = 1 << 20
	defaultBodyTimeout   = 60 * time.Second
	defaultBodyRead      = 30 * time.Second
	defaultWriteTimeout  = 10 * time.Second
	defaultIdleTimeout   = 30 * time.Second
	defaultShutdownGrace = 8 * time.Second
	defaultShutdownDelay = 500 * time.Millisecond
	defaultMaxConns      = 20_000

	headerBlock     = 16 << 10 // bytes of a request head (431)
	maxHeaderFields = 100      // 431
	maxQueryArgs    = 1000     // 400
	maxFormParts    = 1000     // fields and files of a form (413)
	maxFormMemory   = 500_000  // bytes of text in a multipart form (413)
	maxJSONDepth    = 64       // 400
)

// withDefaults replaces zeros by the defaults and negatives by zeros, which are off from here on.
func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.JSON == nil {
		c.JSON = jsonV2{}
	}
	orDefault(&c.HeaderTimeout, defaultHeaderTimeout)
	orDefault(&c.BodyLimit, defaultBodyLimit)
	orDefault(&c.BodyTimeout, defaultBodyTimeout)
	orDefault(&c.BodyReadTimeout, defaultBodyRead)
	orDefault(&c.WriteTimeout, defaultWriteTimeout)
	orDefault(&c.IdleTimeout, defaultIdleTimeout)
	orDefault(&c.ShutdownGrace, defaultShutdownGrace)
	orDefault(&c.ShutdownDelay, defaultShutdownDelay)
	orDefault(&c.MaxConns, defaultMaxConns)
	orDefault(&c.MaxConnsPerIP, 0)
	c.SSE = c.SSE.withDefaults()
	c.Socket = c.Socket.withDefaults()
	return c
}

func orDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
	*v = max(*v, 0)
}

// App is a router plus a server. Register first, then serve: a later registration panics.
type App struct {
	router
	cfg        Config
	scope      scope
	converters radix.Converters
	formats    map[string]func(any) (string, error)
	hooks      hooks

	compile func() // once; a panic of the compilation is repeated to every caller
	table   *table
	root    context.Context // parent of all request contexts
	cut     context.CancelFunc

	serving atomic.Bool
	ready   func()        // called when the start hooks have run
	errs    atomic.Uint64 // answers with a status from 500
	server  *server
	tasks   tasks
	flusher flusher
}

// New returns an app without routes.
func New(cfg Config) *App {
	a := &App{cfg: cfg.withDefaults(), converters: radix.Converters{}, formats: map[string]func(any) (string, error){}}
	mustBeOrigins(a.cfg.Socket.Origins)
	a.scope.errors = &a.errors
	a.root, a.cut = context.WithCancel(context.Background())
	a.compile = sync.OnceFunc(func() { a.table = compile(a) })
	a.server = newServer(a)
	for _, h := range a.cfg.TrustedHosts {
		if strings.Trim(h, ".") == "" {
			panic(fmt.Sprintf("quart: Config.TrustedHosts has the host %q", h))
		}
	}
	if len(a.cfg.TrustedHosts) > 0 {
		a.layers = append(a.layers, trustedHosts(a.cfg.TrustedHosts))
	}
	return a
}

// Converter is a custom kind of path parameter.
type Converter struct {
	// Parse reports whether a segment, or a part of one, is a value: never empty, without a slash. It must not keep it.
	// A segment that no converter takes is not found.
	Parse func(segment []byte) bool
	// Format makes the text of a value for URL; nil formats as for {x}.
	Format func(v any) (string, error)
}

// Convert registers a converter for {x:name}. The names of the built-in ones are taken.
func (a *App) Convert(name string, cv Converter) {
	a.mustBeOpen("Convert")
	if radix.BuiltIn(name) || !wire.ValidFieldName(name) {
		panic(fmt.Sprintf("quart: a converter cannot be named %q (%s)", name, callSite()))
	}
	if _, taken := a.converters[name]; taken {
		panic(fmt.Sprintf("quart: the converter %q is registered twice (%s)", name, callSite()))
	}
	a.converters[name] = cv.Parse
	if cv.Format != nil {
		a.formats[name] = cv.Format
	}
}

// Host returns a group whose routes answer only for hosts that match pattern, such as "api.example.com" or "{tenant}.example.com", where
// tenant is a parameter like any other. The request's host is compared in lower case, without its port. Its routes come before those
// without a host.
func (a *App) Host(pattern string) *Group {
	if pattern == "" {
		panic("quart: Host with an empty pattern (" + callSite() + ")")
	}
	g := a.Group("")
	g.host = pattern
	return g
}

// freeze compiles the routes. It runs once, at the first need: serving, Handler, Routes, URL.
func (a *App) freeze() { a.compile() }

// Handler freezes the app and returns it as a fasthttp handler: the gateway interface, for any
// fasthttp.Server. quart's own Run, Listen and Serve set the server up as quart wants it: limits and timeouts on connections are theirs.
// Start and stop hooks, background tasks and Stats belong to Run, Listen and Serve, too: none of them runs here.
// In a server of your own set StreamRequestBody and DisablePreParseMultipartForm, and its timeouts: times of bodies, the bound on the overhead of chunks,
// early hints, contexts that end when the client leaves, streams to HTTP/1.0 clients, and the end of streams and sockets when the server stops
// need quart's listener.
func (a *App) Handler() fasthttp.RequestHandler {
	a.freeze()
	return a.serve
}

// Routes ranges over the compiled routes, in order of pattern and method. It freezes the app.
func (a *App) Routes() iter.Seq[*Route] {
	a.freeze()
	return slices.Values(a.table.routes)
}

// Stats are counts of an app's own server. They are gathered when asked for.
type Stats struct {
	Conns             int    // open connections
	InFlight          int    // those whose request is being handled
	Streams           int    // event streams
	Sockets           int    // websockets, and other connections that were hijacked
	Requests, Errors  uint64 // answered; of these with a status from 500
	BytesIn, BytesOut uint64 // of the plaintext under TLS
}

// Stats walks all open connections: call it every second, not for every request.
func (a *App) Stats() Stats {
	t := a.server.conns
	counts := t.counts()
	in, out := t.bytes()
	streams := int(t.streams.Load())
	h2 := a.server.h2.Stats()
	return Stats{
		Conns: int(t.open.Load()), InFlight: counts[phaseHandler] + counts[phaseBody] + h2.Handlers,
		Streams: streams, Sockets: max(counts[phaseHijacked]+counts[phaseParked]-streams-h2.Conns, 0),
		Requests: t.requests() + h2.Requests, Errors: a.errs.Load(), BytesIn: in, BytesOut: out,
	}
}

// serve is the request path: one request, top to bottom.
func (a *App) serve(fc *fasthttp.RequestCtx) {
	c := a.acquire(fc)
	defer c.end() // recovers, renders the error, releases
	if err := c.checkHead(); err != nil {
		c.refuse(err)
		return
	}
	if err := a.dispatch(c); err != nil {
		c.failLast(err)
	}
}

// dispatch finds the route and runs its onion.
func (a *App) dispatch(c *Ctx) error {
	if a.table.match(c) {
		return c.route.onion(c)
	}
	return a.miss(c)
}

// end is deferred by serve: whatever happened, the client gets one answer and c goes back.
func (c *Ctx) end() {
	if v := recover(); v != nil {
		c.failLast(recovered(v))
	}
	if c.badHeader {
		c.failBadHeader()
	}
	if c.hard != nil {
		c.endHard()
	}
	if c.pending != nil && c.h2 != nil {
		c.refusePending()
	}
	if c.pending != nil {
		c.sendPending()
	}
	if c.h2 != nil {
		c.endStream()
	}
	resp := &c.fc.Response
	switch status := resp.StatusCode(); {
	case bodyless(status):
		resp.ResetBody()
	case (status < 200 || status > 599) && !c.fc.Hijacked():
		c.failLast(fmt.Errorf("quart: the handler answered with status %d", status))
	}
	c.conn.noteBody(c.fc)
	if c.app.server.conns.draining.Load() {
		resp.SetConnectionClose()
	}
	ReleaseCtx(c)
}

// failLast renders an error that came out of the onion. An error other than the one already rendered, or a panic of a
// layer around it, replaces that answer. Nothing gets past it: fasthttp does not recover, so a panic in an error's own methods or in
// the log's handler would end the process.
func (c *Ctx) failLast(err error) {
	defer func() {
		if v := recover(); v != nil {
			c.failPlain(v)
		}
	}()
	if c.err != nil && !sameError(c.err, err) {
		c.err = nil
	}
	c.Fail(err)
}

func (c *Ctx) failBadHeader() {
	c.badHeader = false
	c.err = nil
	c.failLast(errInternal)
}

// failPlain answers 500 without any code but our own.
func (c *Ctx) failPlain(cause any) {
	fmt.Fprintf(os.Stderr, "quart: panic while an error was rendered: %v\n%s", cause, debug.Stack())
	resp := &c.fc.Response
	resp.Reset()
	resp.SetStatusCode(fasthttp.StatusInternalServerError)
	resp.Header.SetContentTypeBytes(ctProblem)
	resp.SetBodyString(`{"title":"Internal Server Error","status":500}`)
}
