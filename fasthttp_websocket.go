package quart

import (
	"bufio"
	"bytes"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart/http2"
	"github.com/valyala/fasthttp"
)

// fastReadLimit is the read limit that a fasthttp/websocket connection begins with.
const fastReadLimit = 1 << 20

// FastWebSocket makes a Handler of an existing fasthttp/websocket handler, with FastUpgrader's defaults: register it with
// Get, or with Handle and MethodWebSocket beside a GET route. A request that is no websocket handshake is answered 426, one of
// another version 426 with Sec-WebSocket-Version, a malformed key 400, a foreign Origin 403; while the app stops, 503.
//
// h runs in a goroutine of its own, after the Ctx is gone: what it needs of the request is read before.
//
//	app.Get("/rooms/{room}", func(c *quart.Ctx) error {
//		room := c.Param("room")
//		return quart.FastWebSocket(func(ws *websocket.Conn) { join(room, ws) })(c)
//	})
//
// The connection is closed when h returns, panics (logged, close code 1011) or calls Close, which ends a blocked
// read, sends no close frame, and so hides the 1011 when it is deferred; after that every use of it fails. Each write has Config.WriteTimeout. Messages over 1 MiB end the connection with 1009;
// SetReadLimit changes that. When the app stops, the connection is closed and h is awaited within Config.ShutdownGrace.
func FastWebSocket(h func(*websocket.Conn)) Handler {
	return FastUpgrader(websocket.FastHTTPUpgrader{}, h)
}

// FastUpgrader is FastWebSocket with options: buffer sizes, WriteBufferPool, Subprotocols, EnableCompression, CheckOrigin in the
// place of the same-origin check, Error to answer refused handshakes. With EnableCompression the read limit counts
// bytes on the wire: a small message may inflate to a thousand times its size, so enable it among trusted clients only.
func FastUpgrader(u websocket.FastHTTPUpgrader, h func(*websocket.Conn)) Handler {
	if h == nil {
		panic("quart: FastWebSocket with a nil handler (" + callSite() + ")")
	}
	up := &fastUpgrader{options: u, inner: u, handle: h}
	up.inner.CheckOrigin = func(*fasthttp.RequestCtx) bool { return true } // serve has checked it
	up.inner.Error, up.inner.Subprotocols = nil, nil
	up.server = &fasthttp.Server{
		Handler:               up.handshake,
		KeepHijackedConns:     true,
		Concurrency:           1 << 30,
		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,
		Logger:                discardLogger{},
	}
	return up.serve
}

// fastUpgrader runs the library's handshake in an fasthttp server of its own, one connection at a time: only there
// KeepHijackedConns can be on, without which the library's Close does nothing and a connection that is used after its handler
// writes to another client.
type fastUpgrader struct {
	options, inner websocket.FastHTTPUpgrader
	handle         func(*websocket.Conn)
	server         *fasthttp.Server
}

func (up *fastUpgrader) serve(c *Ctx) error {
	if err := up.check(c); err != nil {
		if up.options.Error == nil {
			return err
		}
		up.options.Error(c.fc, StatusOf(err), err)
		c.responded = true
		return nil
	}
	if _, err := c.Body(); err != nil { // frames follow it
		return err
	}
	s := &fastSocket{up: up, app: c.app, log: c.Log(), path: c.Path(), outer: c.fc, closed: make(chan struct{})}
	s.pending = up.appendHead(nil, c)
	c.clearContent()
	c.fc.Response.SetStatusCode(fasthttp.StatusSwitchingProtocols)
	c.responded = true
	if c.h2 != nil {
		s.hijackStream(c)
		return nil
	}
	c.fc.HijackSetNoResponse(true)
	c.fc.Hijack(s.start)
	return nil
}

func (up *fastUpgrader) check(c *Ctx) error {
	if up.options.CheckOrigin == nil {
		return c.checkHandshake(c.sameOrigin)
	}
	return c.checkHandshake(func() bool { return up.options.CheckOrigin(c.fc) })
}

// appendHead writes the handshake as the library needs it: what it reads wrongly is decided here.
func (up *fastUpgrader) appendHead(b []byte, c *Ctx) []byte {
	h := &c.fc.Request.Header
	b = append(b, "GET / HTTP/1.1\r\nHost: websocket\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "...)
	if c.h2 == nil {
		b = append(b, h.Peek("Sec-WebSocket-Key")...)
	} else {
		b = append(b, "bm8ga2V5IGluIEhUVFAvMg=="...) // there is none, and nobody sees the answer to it
	}
	if protocol := subprotocol(h, up.options.Subprotocols); protocol != "" {
		c.fc.Response.Header.Set("Sec-WebSocket-Protocol", protocol)
	}
	if up.options.EnableCompression && offersDeflate(h.PeekAll("Sec-WebSocket-Extensions")) {
		b = append(b, "\r\nSec-WebSocket-Extensions: permessage-deflate"...)
	}
	return append(b, "\r\n\r\n"...)
}

// offersDeflate reports whether there is an offer of permessage-deflate that the library can keep: it has no smaller window.
func offersDeflate(lines [][]byte) bool {
	for _, line := range lines {
		for offer := range bytes.SplitSeq(line, []byte(",")) {
			name, params, _ := bytes.Cut(offer, []byte(";"))
			if string(bytes.TrimSpace(name)) == "permessage-deflate" && !bytes.Contains(params, []byte("server_max_window_bits")) {
				return true
			}
		}
	}
	return false
}

// handshake is the inner server's handler: it sends the 101, with the headers that the outer layers set.
func (up *fastUpgrader) handshake(fc *fasthttp.RequestCtx) {
	s, ok := fc.Conn().(*fastSocket)
	if !ok {
		return
	}
	if s.outer != nil {
		for key, value := range s.outer.Response.Header.All() {
			if !describesContent(key) {
				fc.Response.Header.AddBytesKV(key, value)
			}
		}
	}
	s.outer = nil // from here on it is fasthttp's again
	_ = up.inner.Upgrade(fc, s.run)
}

// fastSocket is the connection of one fasthttp/websocket handler: the net.Conn below the library's.
type fastSocket struct {
	net.Conn            // as accepted: it stays itself when fasthttp takes its wrapper back
	state    *connState // nil behind a foreign listener
	up       *fastUpgrader
	app      *App
	log      *slog.Logger
	path     string
	outer    *fasthttp.RequestCtx
	pending  []byte // the handshake, and what the client sent behind it
	silent   bool   // the library's 101 is not sent: on HTTP/2 the answer was
	once     sync.Once
	closed   chan struct{}
}

// start is the hijack handler. fasthttp keeps the RequestCtx until it returns, and nobody else uses it.
func (s *fastSocket) start(nc net.Conn) {
	s.takeOver(nc)
	if s.outer.Response.StatusCode() != fasthttp.StatusSwitchingProtocols {
		s.answer() // a layer around the handler changed its mind
		return
	}
	_ = s.up.server.ServeConn(s) // returns when run has begun, or has closed s
	if s.state == nil {
		<-s.closed // a foreign server closes the connection when this returns
	}
}

// hijackStream is start on HTTP/2 (RFC 8441). The library's answer to its handshake ends here: the stream's was sent before.
func (s *fastSocket) hijackStream(c *Ctx) {
	h := &c.fc.Request.Header
	if s.up.options.EnableCompression && offersDeflate(h.PeekAll("Sec-WebSocket-Extensions")) {
		c.fc.Response.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
	}
	conns := c.app.server.conns
	c.h2.Hijack(func(stream *http2.Stream) {
		s.state = conns.adopt(stream)
		s.state.move(phaseParked, 0)
		s.Conn, s.outer, s.silent = stream, nil, true
		if conns.leaving.Load() { // nobody would tell it
			_ = s.Close()
		}
		_ = s.up.server.ServeConn(s)
	})
}

// Write leaves out the library's head, which it writes at once.
func (s *fastSocket) Write(p []byte) (int, error) {
	if !s.silent {
		return s.Conn.Write(p)
	}
	_, rest, ok := bytes.Cut(p, []byte("\r\n\r\n"))
	s.silent = !ok
	if len(rest) > 0 {
		if _, err := s.Conn.Write(rest); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// takeOver makes s independent of what fasthttp lends to hijack handlers, its reader and its connection wrapper, which
// others get when start has returned.
func (s *fastSocket) takeOver(nc net.Conn) {
	s.Conn = nc
	u, ok := nc.(interface{ UnsafeConn() net.Conn })
	if !ok {
		return
	}
	s.Conn = u.UnsafeConn()
	if s.state = connOf(s.Conn); s.state != nil {
		s.state.move(phaseParked, 0)
	}
	if nc.SetReadDeadline(past) != nil {
		return // no client may send before it has the 101
	}
	var early [512]byte
	for {
		n, err := nc.Read(early[:]) // what is buffered, then the deadline
		s.pending = append(s.pending, early[:n]...)
		if err != nil {
			break
		}
	}
	_ = nc.SetReadDeadline(time.Time{})
}

func (s *fastSocket) answer() {
	w := bufio.NewWriter(s.Conn)
	s.outer.Response.Header.SetConnectionClose()
	_ = s.outer.Response.Write(w)
	_ = w.Flush()
	_ = s.Close()
}

// run is the library's handler: it has the goroutine to itself.
func (s *fastSocket) run(ws *websocket.Conn) {
	defer s.Close()
	if !s.app.tasks.join() {
		return // the app has stopped
	}
	defer s.app.tasks.running.Done()
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		p := newPanicError(v)
		s.log.Error("panic in a websocket handler", "path", s.path, "error", p.Error(), "stack", string(p.Stack))
		message := websocket.FormatCloseMessage(websocket.CloseInternalServerErr, "")
		_ = ws.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second))
	}()
	ws.SetReadLimit(fastReadLimit)
	s.up.handle(ws)
}

// join makes the calling goroutine one that stopTasks waits for, unless it is too late for that. Leave with running.Done.
func (t *tasks) join() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.running.Add(1)
	return true
}

// Read returns the handshake first, then the connection's bytes.
func (s *fastSocket) Read(p []byte) (int, error) {
	if len(s.pending) > 0 {
		n := copy(p, s.pending)
		s.pending = s.pending[n:]
		return n, nil
	}
	return s.Conn.Read(p)
}

// Close closes the connection, parked or not.
func (s *fastSocket) Close() (err error) {
	s.once.Do(func() {
		if s.state != nil {
			err = s.state.shut()
		} else {
			err = s.Conn.Close()
		}
		close(s.closed)
	})
	return err
}

// discardLogger silences the inner server: what it logs are clients that left.
type discardLogger struct{}

func (discardLogger) Printf(string, ...any) {}
