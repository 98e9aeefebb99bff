package h3

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/goquart/quart"
)

// conn is the stream of one request as fasthttp sees it: a connection over TLS, which it recognizes by Handshake and ConnectionState. What is
// read and written goes by the request and the response, never by the connection.
type conn struct {
	mu       sync.Mutex
	w        responseWriter // nil when the request is over: a handler that timed out may still run
	req      *http.Request
	begun    bool // the final response has
	watchers []func() bool
	remote   net.TCPAddr
	local    net.TCPAddr
}

// responseWriter is what quic-go's http.ResponseWriter can do.
type responseWriter interface {
	http.ResponseWriter
	FlushError() error
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

var errNoConn = errors.New("h3: a request over HTTP/3 has no connection to read from or write to")

func (c *conn) open(w responseWriter, req *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.w, c.req, c.begun = w, req, false
	c.remote, c.local = net.TCPAddr{}, net.TCPAddr{}
	if p := peerOf(req); p != nil {
		c.remote, c.local = tcpAddr(p.conn.RemoteAddr()), tcpAddr(p.conn.LocalAddr())
	}
}

// tcpAddr is addr as that of a TCP connection, whose IP is the only one that fasthttp's RemoteIP finds.
func tcpAddr(addr net.Addr) net.TCPAddr {
	udp, ok := addr.(*net.UDPAddr)
	if !ok {
		return net.TCPAddr{}
	}
	return net.TCPAddr{IP: udp.IP, Port: udp.Port, Zone: udp.Zone}
}

// shut is the end of the request: nobody is told of the client any more.
func (c *conn) shut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, stop := range c.watchers {
		stop()
	}
	clear(c.watchers)
	c.w, c.req, c.watchers = nil, nil, c.watchers[:0]
}

// interim sends an informational response, unless the final one has begun.
func (c *conn) interim(status int, name string, values []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.w == nil {
		return quart.ErrClosed
	}
	if c.begun {
		return nil
	}
	h := c.w.Header()
	if name != "" {
		h[name] = values
		defer delete(h, name)
	}
	c.w.WriteHeader(status)
	return nil
}

// final says that the final response begins, and reports whether there is somebody to get it.
func (c *conn) final() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun = true
	return c.w != nil
}

// EarlyHints sends a 103 (RFC 8297): how Ctx.EarlyHints reaches a connection that is not quart's.
func (c *conn) EarlyHints(links []string) error {
	if len(links) == 0 {
		return nil
	}
	return c.interim(http.StatusEarlyHints, "link", links)
}

// OnPeerClose is how Ctx.Context learns of it: f is called once, in another goroutine, when the client resets the stream or its connection is lost while the request is under way.
func (c *conn) OnPeerClose(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.req == nil {
		go f()
		return
	}
	c.watchers = append(c.watchers, context.AfterFunc(c.req.Context(), f))
}

// Handshake has happened.
func (c *conn) Handshake() error { return nil }

// ConnectionState is that of the QUIC connection.
func (c *conn) ConnectionState() tls.ConnectionState {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.req == nil || c.req.TLS == nil {
		return tls.ConnectionState{}
	}
	return *c.req.TLS
}

func (c *conn) Read([]byte) (int, error)  { return 0, errNoConn }
func (c *conn) Write([]byte) (int, error) { return 0, errNoConn }

// Close ends the reads and writes under way.
func (c *conn) Close() error { return c.SetDeadline(time.Unix(1, 0)) }

func (c *conn) LocalAddr() net.Addr  { return &c.local }
func (c *conn) RemoteAddr() net.Addr { return &c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.w == nil {
		return net.ErrClosed
	}
	return c.w.SetReadDeadline(t)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.w == nil {
		return net.ErrClosed
	}
	return c.w.SetWriteDeadline(t)
}
