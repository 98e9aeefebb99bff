package http2

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// Server serves HTTP/2 (RFC 9113) for a fasthttp handler: one RequestCtx for each stream, in a goroutine of a pool. Its fields must not be changed once it
// serves.
//
// A handler's panic ends the process, as in fasthttp's server. RequestCtx.Hijack is not there: see Stream.Hijack.
type Server struct {
	Handler fasthttp.RequestHandler
	Config  Config

	h1      *fasthttp.Server // of Configure
	setUp   sync.Once
	cfg     Config // with its defaults
	clock   atomic.Int64
	date    atomic.Pointer[[]byte]
	dated   int64 // its second, of who sets it
	name    []byte
	workers workers
	ctxs    sync.Pool // of *fasthttp.RequestCtx
	streams sync.Pool // of *Stream

	requests, resets atomic.Uint64 // requests: of closed connections

	mu       sync.Mutex
	conns    map[*conn]struct{}
	serving  map[net.Listener]struct{}
	sweeping bool
	warned   bool          // GoAway
	closing  bool          // Shutdown
	closed   bool          // closing, and no connection is left
	quiet    chan struct{} // closed then; nil before closing
}

// Stats are counts of a server.
type Stats struct {
	Conns, Streams, Handlers int    // handlers that run, or write the body of a response
	Requests, Resets         uint64 // since the start
}

// Stats returns the counts of now. It walks all connections.
func (srv *Server) Stats() Stats {
	n := Stats{Requests: srv.requests.Load(), Resets: srv.resets.Load()}
	srv.each(func(c *conn) {
		n.Conns++
		n.Streams += int(c.busy.Load())
		n.Handlers += int(c.handlers.Load() + c.bodies.Load())
		n.Requests += c.requests.Load()
	})
	return n
}

// ServeConn serves a connection whose client begins with the connection preface, and returns when it is closed: nil after an end in order and where the server closed it because
// a time was over, else a *ConnError or an error of nc. It closes nc. For TLS, nc must have negotiated "h2" and have the methods Handshake and ConnectionState, as a *tls.Conn has.
func (srv *Server) ServeConn(nc net.Conn) error { return srv.serveConn(nc, nil) }

// Configure makes fs serve HTTP/2 to TLS clients that ask for it (ALPN), besides HTTP/1.1, with fs's handler, if srv has none, and with its limits and timeouts, where srv's
// Config leaves them zero: MaxRequestBodySize, IdleTimeout, WriteTimeout and ReadTimeout. GetOnly (400), ExpectHandler and ContinueHandler (417) hold as well; the latter two must not
// wait for anything, nor reset the stream, and hold for requests with a body; of ExpectHandler the status alone counts. Not so ReadBufferSize, see Config.MaxHeaderListSize, and what else is HTTP/1's: HeaderReceived, ErrorHandler,
// MaxRequestsPerConn, DisableKeepalive, DisableHeaderNamesNormalizing.
//
// Call it before fs serves, and set fs.TLSConfig, if there is one of your own, before it. fs must be told of its certificates as ever. A Server is for one fs; for another it
// panics.
func (srv *Server) Configure(fs *fasthttp.Server) {
	c := &srv.Config
	if srv.h1 != nil && srv.h1 != fs {
		panic("http2: Configure for a second fasthttp.Server: each needs a Server of its own")
	}
	srv.h1 = fs
	orDefault(&c.MaxRequestBodySize, fs.MaxRequestBodySize)
	orDefault(&c.IdleTimeout, fs.IdleTimeout)
	orDefault(&c.WriteTimeout, fs.WriteTimeout)
	orDefault(&c.BodyReadTimeout, fs.ReadTimeout)
	c.StreamRequestBody = c.StreamRequestBody || fs.StreamRequestBody
	c.NoDefaultDate = c.NoDefaultDate || fs.NoDefaultDate
	c.NoDefaultContentType = c.NoDefaultContentType || fs.NoDefaultContentType
	if c.Name == "" && !fs.NoDefaultServerHeader {
		c.Name = fs.Name
	}
	if c.Logger == nil {
		c.Logger = fs.Logger
	}
	fs.NextProto("h2", func(nc net.Conn) error { return srv.ServeConn(nc) })
	fs.TLSConfig.NextProtos = append(fs.TLSConfig.NextProtos, "http/1.1")
}

// refusal is the status by which fs, of Configure, refuses a request whose body is still to come; 0: it does not. mu of the connection is not held: some of this is the user's.
func (srv *Server) refusal(s *Stream) int {
	fs := srv.h1
	if fs == nil || s.malformed || s.tooLarge {
		return 0
	}
	h := &s.ctx.Request.Header
	switch expects := s.expects && s.hasBody; {
	case fs.GetOnly && !h.IsGet() && !h.IsHead():
		return fasthttp.StatusBadRequest // as over HTTP/1.1
	case expects && fs.ExpectHandler != nil:
		status := fs.ExpectHandler(s.ctx)
		if status == fasthttp.StatusContinue {
			return 0
		}
		if bodyless(status) || status > 999 {
			return fasthttp.StatusExpectationFailed
		}
		return status
	case expects && fs.ContinueHandler != nil && !fs.ContinueHandler(h):
		return fasthttp.StatusExpectationFailed
	}
	return 0
}

// Shutdown closes the listeners of Serve and ends all connections in order: clients are told to open no more streams (GOAWAY), and what they opened is finished. It returns when all are closed, or, after closing the rest, with
// the error of ctx when that is done. Connections that are there already, but not served yet, are served until then; later ones are refused.
func (srv *Server) Shutdown(ctx context.Context) error {
	srv.init()
	quiet := srv.leave()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
	}
	srv.each(func(c *conn) { go c.kill() })
	select {
	case <-quiet:
	case <-time.After(time.Second):
	}
	return ctx.Err()
}

// GoAway tells all clients, those that connect from now on included, to open no more streams, without an end of connections that have none: for the time between the decision to
// stop and Shutdown.
func (srv *Server) GoAway() {
	srv.mu.Lock()
	srv.warned = true
	srv.mu.Unlock()
	srv.each((*conn).warn)
}
