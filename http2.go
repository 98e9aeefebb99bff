package quart

import (
	"context"
	"net"
	"path"
	"strings"
	"time"

	"github.com/goquart/quart/http2"
	"github.com/goquart/quart/internal/wire"
	"github.com/valyala/fasthttp"
)

// This file is where HTTP/2 differs for an app. Handlers run as on HTTP/1.1; what holds a stream when they have returned, an event stream or a websocket, treats it as a connection
// of its own.

// HTTP2Config holds the options of HTTP/2. Limits of heads and bodies, times and shutdown are those of Config.
type HTTP2Config struct {
	Off        bool // HTTP/1.1 only over TLS, whatever TLS.NextProtos says
	MaxStreams int  // 250 requests of a connection at a time
	// NoPush never pushes. Else Ctx.Push does, and a response whose Link fields have rel=preload, to clients that take it; browsers do not.
	NoPush bool
}

func newHTTP2(a *App) *http2.Server {
	cfg := &a.cfg
	return &http2.Server{Handler: a.serve, Config: http2.Config{
		MaxConcurrentStreams: cfg.HTTP2.MaxStreams,
		MaxHeaderListSize:    headerBlock,
		MaxHeaderFields:      maxHeaderFields,
		StreamRequestBody:    true,
		PrefaceTimeout:       orOff(cfg.HeaderTimeout),
		IdleTimeout:          orOff(cfg.IdleTimeout),
		WriteTimeout:         orOff(cfg.WriteTimeout),
		BodyReadTimeout:      orOff(cfg.BodyReadTimeout),
		NoPush:               cfg.HTTP2.NoPush,
		ExtendedConnect:      true,
		NoDefaultContentType: true,
		Logger:               fastLogger{cfg.Log},
	}}
}

// orOff makes 0, which is off in a Config with its defaults, what is off in that of another package.
func orOff(v time.Duration) time.Duration {
	if v == 0 {
		return -1
	}
	return v
}

// serveHTTP2 serves a connection whose client chose HTTP/2.
func (s *server) serveHTTP2(nc net.Conn) error {
	connOf(nc).handOver()
	return s.h2.ServeConn(nc)
}

// serveEither is fasthttp's Serve for cleartext listeners that speak both protocols.
func (s *server) serveEither(l net.Listener) error {
	for {
		nc, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			nc, is2 := http2.Sniff(nc)
			if is2 {
				_ = s.serveHTTP2(nc)
				return
			}
			_ = s.fast.ServeConn(nc)
		}()
	}
}

// priorKnowledge reports whether a listener says itself that its clients may speak HTTP/2 on cleartext: that of a test, whose app is as it is.
func priorKnowledge(l net.Listener) bool {
	k, ok := l.(interface{ PriorKnowledge() bool })
	return ok && k.PriorKnowledge()
}

// upgradeH2C switches a connection to HTTP/2 whose HTTP/1.1 request asks for it. A request whose head is refused is not switched.
func (a *App) upgradeH2C(fc *fasthttp.RequestCtx) bool {
	h := &fc.Request.Header
	if len(h.Peek("HTTP2-Settings")) == 0 {
		return false
	}
	if flags, fault := wire.CheckHead(h.RawHeaders(), maxHeaderFields); fault != wire.HeadOK || flags&wire.HeadHost == 0 {
		return false
	}
	if !a.server.h2.Upgrade(fc) {
		return false
	}
	connOf(fc.Conn()).handOver()
	return true
}

// ---- requests ----

var errProtocol error = &HTTPError{Status: 501, Detail: "of the protocols of extended CONNECT only websocket is spoken here"}

// checkStream checks what HTTP/1 has in its raw head. The rest is checked by package http2.
func (c *Ctx) checkStream() error {
	host := c.fc.Request.Header.Host()
	switch p := c.h2.Protocol(); {
	case p != "" && p != "websocket":
		return errProtocol
	case len(host) == 0:
		return errNoHost
	case !wire.ValidHost(host):
		return headErrors[wire.FaultHost]
	}
	if e := c.fc.Request.Header.Peek("Expect"); len(e) > 0 && !equalFold(e, "100-continue") {
		return headErrors[wire.FaultExpect]
	}
	return nil
}

var errNoSocket error = &HTTPError{Status: 400, Detail: "this resource is no websocket"}

// refusePending drops a body that is still to be made where the hard timeout has answered, and where an extended CONNECT asks for a websocket and got something else.
func (c *Ctx) refusePending() {
	_, socket := c.pending.(*Socket)
	switch {
	case c.hard != nil: // endHard has let it go
		c.dropPending()
	case !socket && c.h2.Protocol() != "":
		c.dropPending()
		c.refuseConnect()
	}
}

// refuseConnect answers an extended CONNECT that no socket took. No error handler makes that a success.
func (c *Ctx) refuseConnect() {
	c.err = nil
	c.failLast(errNoSocket)
	if c.fc.Response.StatusCode() < 300 {
		c.fc.Response.Reset()
		c.fc.Response.SetStatusCode(fasthttp.StatusBadRequest)
	}
}

// endStream sees to it that an extended CONNECT gets a 2xx only from who took the stream: for its client, that is the beginning of a websocket.
func (c *Ctx) endStream() {
	status := c.fc.Response.StatusCode()
	switch {
	case c.h2.Hijacked() && status == fasthttp.StatusSwitchingProtocols:
		c.fc.Response.SetStatusCode(fasthttp.StatusOK)
	case c.h2.Hijacked() && (c.h2.Protocol() == "" || status < 300):
	case c.h2.Protocol() != "" && (c.h2.Hijacked() || status >= 200 && status < 300):
		c.h2.Hijack(nil)
		if status < 300 {
			c.refuseConnect()
		}
	}
}

// cancelWith ends a context with the stream. A nil stream does nothing.
func cancelWith(stream *http2.Stream, cancel context.CancelCauseFunc) {
	if stream == nil {
		return
	}
	stream.OnEnd(func(err error) {
		if err != nil {
			err = ErrClosed
		}
		cancel(err)
	})
}

// cancelWithPeer ends a context with the stream, or with the peer where a server's connection that is not quart's tells of its end.
func (c *Ctx) cancelWithPeer(cancel context.CancelCauseFunc) {
	if c.h2 != nil {
		cancelWith(c.h2, cancel)
		return
	}
	if p, ok := c.fc.Conn().(peerCloser); ok {
		p.OnPeerClose(func() { cancel(ErrClosed) })
	}
}

// gone reports whether the client is known to have left.
func (c *Ctx) gone() bool { return c.conn.gone() || c.h2 != nil && c.h2.Err() != nil }

// ---- push ----

// Push sends the client the answers to GET requests of targets, paths of this app, before it asks: call it before the responder. Only few clients of HTTP/2 still take a push; all others are
// told to fetch them by one 103 (see EarlyHints; browsers heed the first 103 alone), also those of HTTP/1.1. Each target is pushed once, and a pushed answer pushes nothing. What is
// no path is refused as a bad header is: logged, and the answer becomes 500.
func (c *Ctx) Push(targets ...string) {
	c.live()
	var hints []string
	for _, target := range targets {
		if !ownPath(target) {
			c.refuseHeader("Link")
			return
		}
		if c.h2 == nil || c.app.cfg.HTTP2.NoPush || c.h2.Push(target) != nil {
			hints = append(hints, "<"+target+">; rel=preload"+preloadAs(target))
		}
	}
	if len(hints) > 0 {
		c.EarlyHints(hints...)
	}
}

// ownPath reports whether a target is a path of this app, that can stand in a Link.
func ownPath(target string) bool {
	return strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") && !strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '>' || r == '"' })
}

// preloadAs is what a browser must know to preload a resource.
func preloadAs(target string) string {
	target, _, _ = strings.Cut(target, "?")
	switch strings.ToLower(path.Ext(target)) {
	case ".css":
		return "; as=style"
	case ".js", ".mjs":
		return "; as=script"
	case ".woff2", ".woff", ".ttf":
		return "; as=font; crossorigin"
	case ".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".svg", ".ico":
		return "; as=image"
	}
	return "; as=fetch; crossorigin"
}

// ---- event streams and sockets ----

// adopt makes a stream a member of the table, in phaseHijacked: a connection of its own for what holds it.
func (t *connTable) adopt(stream *http2.Stream) *connState {
	c := &plainConn{bareAny: bareAny{stream}}
	cs := &c.connState
	cs.flags.Store(flagStream)
	t.add(cs, stream, stream, ipKey{})
	cs.move(phaseHijacked, 0)
	return cs
}

// streamOutlet is an adopted stream.
type streamOutlet struct {
	connOutlet
	stream *http2.Stream
}

func (o *streamOutlet) try(p []byte) (n int, ok bool, err error) {
	n, err = o.stream.TryWrite(p)
	o.conn.out.Add(uint64(n))
	return n, true, err
}

// sendStream is send on HTTP/2.
func (s *EventStream) sendStream(c *Ctx) {
	c.h2.Hijack(func(stream *http2.Stream) {
		stream.DiscardBody()
		s.conn = s.app.server.conns.adopt(stream)
		s.init(s, &streamOutlet{connOutlet{conn: s.conn}, stream}, s.app.cfg.SSE.Queue, CloseSlow)
		s.conn.own(s)
		s.start(nil)
	})
}

// sendStream is send on HTTP/2 (RFC 8441).
func (s *Socket) sendStream(c *Ctx) {
	c.h2.Hijack(func(stream *http2.Stream) {
		s.conn = s.app.server.conns.adopt(stream)
		s.out = &streamOutlet{connOutlet{conn: s.conn}, stream}
		s.in = &connInlet{conn: s.conn}
		s.conn.own(s)
		s.conn.watch()
		s.open()
	})
}

// closeStreams closes the streams that nobody tells of the app's stop: those of fasthttp/websocket handlers.
func (t *connTable) closeStreams() {
	var list []*connState
	t.each(func(cs *connState) {
		if cs.flags.Load()&flagStream != 0 && cs.owner == nil {
			list = append(list, cs)
		}
	})
	for _, cs := range list {
		_ = cs.shut()
	}
}
