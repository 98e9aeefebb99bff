package http2

import (
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// This file is HTTP/2 without TLS: by prior knowledge (RFC 9113, section 3.3), and by the Upgrade of RFC 7540, section 3.2, which RFC 9113 has dropped and some clients still try.

// Serve accepts connections on l until that fails, and serves HTTP/2 to clients that begin with its preface, HTTP/1 by h1 to all others. Each connection gets a goroutine, which waits for the first
// bytes outside of the accept loop. h1's limits on the number of connections hold for HTTP/1 alone. Serve waits for none of them; see Shutdown, and h1's.
//
// For the Upgrade of an HTTP/1.1 request, let h1's handler begin with Server.Upgrade. A Server without a Handler takes h1's. l must not be one of TLS: see Configure.
//
// Shutdown closes l, and Serve returns ErrServerClosed then; shut h1 down as well.
func (srv *Server) Serve(l net.Listener, h1 *fasthttp.Server) error {
	if srv.Handler == nil {
		srv.Handler = h1.Handler
	}
	srv.init()
	if !srv.track(l) {
		_ = l.Close()
		return ErrServerClosed
	}
	defer srv.untrack(l)
	for {
		nc, err := l.Accept()
		if err != nil {
			var temporary interface{ Temporary() bool }
			if errors.As(err, &temporary) && temporary.Temporary() {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			if srv.isClosing() {
				return ErrServerClosed
			}
			return err
		}
		go func() { _ = srv.serveEither(nc, h1) }()
	}
}

// track lets Shutdown close l. It reports false when that was called before.
func (srv *Server) track(l net.Listener) bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.serving[l] = struct{}{}
	return !srv.closing
}

func (srv *Server) untrack(l net.Listener) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	delete(srv.serving, l)
}

func (srv *Server) serveEither(nc net.Conn, h1 *fasthttp.Server) error {
	if d := srv.cfg.PrefaceTimeout; d > 0 {
		_ = nc.SetReadDeadline(time.Now().Add(d))
	}
	nc, is2 := Sniff(nc)
	_ = nc.SetReadDeadline(time.Time{})
	if is2 {
		return srv.serveConn(nc, nil)
	}
	return h1.ServeConn(nc)
}

// Sniff waits for the first bytes of a connection and reports whether they are the preface of HTTP/2. The connection that it returns begins with them again: nc itself if it can take them
// back by a method Unread(p []byte), which must keep a copy, else a wrapper.
func Sniff(nc net.Conn) (net.Conn, bool) {
	early, is2 := sniff(nc)
	if u, ok := nc.(interface{ Unread(p []byte) }); ok {
		u.Unread(early)
		return nc, is2
	}
	return &unreadConn{nc, early}, is2
}

// sniff reads until it is clear whether a connection begins with the preface of HTTP/2. An error shows again in the next read.
func sniff(nc net.Conn) (early []byte, is2 bool) {
	buf := make([]byte, 0, len(preface))
	for len(buf) < len(preface) {
		n, err := nc.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if !strings.HasPrefix(preface, string(buf)) || err != nil {
			return buf, false
		}
	}
	return buf, true
}

// unreadConn is a connection whose first bytes were read.
type unreadConn struct {
	net.Conn
	early []byte
}

func (c *unreadConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// CloseWrite is the connection's, where it has one.
func (c *unreadConn) CloseWrite() error { return closeWrite(c.Conn) }

// Upgrade switches a connection to HTTP/2 whose HTTP/1.1 request asks for it (Upgrade: h2c), and reports whether it did: then the handler must return, and the request is
// answered by srv.Handler as stream 1. A request with a body stays with HTTP/1.1, and so does one over TLS.
func (srv *Server) Upgrade(ctx *fasthttp.RequestCtx) bool {
	h := &ctx.Request.Header
	if len(h.Peek("HTTP2-Settings")) == 0 || ctx.IsTLS() || !h.IsHTTP11() || h.ContentLength() > 0 || h.ContentLength() == -1 {
		return false
	}
	if !hasToken(h.PeekAll("Upgrade"), "h2c") || !hasToken(h.PeekAll("Connection"), "upgrade") || !hasToken(h.PeekAll("Connection"), "http2-settings") {
		return false
	}
	settings := h.PeekAll("HTTP2-Settings")
	if len(settings) != 1 {
		return false
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(string(settings[0]), "="))
	if err != nil || len(raw)%6 != 0 {
		return false
	}
	srv.init()
	up := &upgraded{settings: raw, ctx: srv.acquireCtx()}
	ctx.Request.CopyTo(&up.ctx.Request)
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(nc net.Conn) { srv.serveUpgraded(nc, up) })
	return true
}

// hijackedConn is what fasthttp gives to a hijack handler: its Read begins with bytes that were read ahead, and its Close does nothing.
type hijackedConn struct {
	net.Conn
	early net.Conn
}

func (c *hijackedConn) Read(p []byte) (int, error) { return c.early.Read(p) }

// CloseWrite is the connection's, where it has one.
func (c *hijackedConn) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(nc net.Conn) error {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (srv *Server) serveUpgraded(nc net.Conn, up *upgraded) {
	if u, ok := nc.(interface{ UnsafeConn() net.Conn }); ok {
		nc = &hijackedConn{u.UnsafeConn(), nc}
	}
	if _, err := nc.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")); err != nil {
		_ = nc.Close()
		return
	}
	_ = srv.serveConn(nc, up)
}

// startUpgraded makes stream 1 of the request that asked for HTTP/2. Its handler runs when the client has sent its preface. mu is held.
func (c *conn) startUpgraded(up *upgraded) error {
	if err := c.applySettings(up.settings); err != nil {
		return err
	}
	s := c.srv.newStream(c, 1)
	c.srv.releaseCtx(s.ctx)
	s.ctx = up.ctx
	s.ctx.Init2(s, c.srv.cfg.Logger, false)
	s.ctx.Response.Header.SetNoDefaultContentType(c.srv.cfg.NoDefaultContentType)
	h := &s.ctx.Request.Header
	for _, name := range []string{"Connection", "Upgrade", "HTTP2-Settings"} {
		h.Del(name)
	}
	h.SetProtocolBytes(protocolName)
	s.isHead = h.IsHead()
	c.lastID = 1
	c.add(s)
	s.state.remoteEnd = true
	return nil
}

// hasToken reports whether a list of tokens has one, whatever its case.
func hasToken(lines [][]byte, token string) bool {
	for _, line := range lines {
		for t := range strings.SplitSeq(string(line), ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}
