package quart

import (
	"errors"
	"net"
	"strings"
	"time"

	"github.com/goquart/quart/internal/wsproto"
	"github.com/valyala/fasthttp"
)

// Upgrade answers with a websocket that f serves, after the handler and all middleware have returned: c is gone then, so what f needs of the
// request is read into variables first. Parameters, typed keys and the context move on with the socket, and headers that were set go out with the 101. Before Upgrade any
// HTTP answer is possible. What cfg leaves zero is that of Config.Socket.
//
// A request that is no websocket handshake (RFC 6455, section 4.2.1; RFC 8441 on HTTP/2) is answered 426, one of another version 426 with Sec-WebSocket-Version, a malformed key or
// header of extensions 400, a page of a foreign origin 403; while the app stops, 503.
//
// f has a goroutine of its own. When it returns nil the socket is closed with 1000; with 1011 after an error or a panic, which is logged. A *CloseError
// says itself what is sent, an *HTTPError of a status from 400 to 499 sends its Detail with 1008, or with 1007 if it is 400 and 1009 if it is 413; one of 503
// sends 1013. What Read returned is returned as it is: the client's own end is no error.
func (c *Ctx) Upgrade(cfg SocketConfig, f func(s *Socket) error) error {
	c.live()
	if f == nil {
		panic("quart: Upgrade with a nil function")
	}
	cfg = cfg.over(&c.app.cfg.Socket)
	if err := c.checkHandshake(func() bool { return c.allowsOrigin(cfg.Origins) }); err != nil {
		return err
	}
	h := &c.fc.Request.Header
	s := &Socket{run: f, from: cfg.CompressFrom, ping: cfg.Ping, silence: cfg.Silence}
	if cfg.Compress {
		params, err := wsproto.Negotiate(h.PeekAll("Sec-WebSocket-Extensions"), cfg.ContextTakeover)
		if err != nil {
			return &HTTPError{Status: 400, Detail: "the Sec-WebSocket-Extensions are malformed", Err: err}
		}
		s.params = params
		if params.Deflate && !params.ServerNoTakeover {
			s.deflater = new(wsproto.Deflater)
			s.deflater.Init(params.ServerBits)
		}
	}
	if _, err := c.Body(); err != nil { // frames follow it
		return err
	}
	var key [24]byte
	copy(key[:], h.Peek("Sec-WebSocket-Key"))
	s.init(s, nil, cfg.Queue, cfg.Overflow)
	s.dec.Init(cfg.ReadLimit, s.params)
	c.respondLater(fasthttp.StatusSwitchingProtocols, nil, s)
	out := &c.fc.Response.Header
	if c.h2 == nil {
		out.SetBytesV("Sec-WebSocket-Accept", wsproto.AppendAccept(nil, key[:]))
	}
	if s.protocol = subprotocol(h, cfg.Subprotocols); s.protocol != "" {
		out.Set("Sec-WebSocket-Protocol", s.protocol)
	}
	if s.params.Deflate {
		out.SetBytesV("Sec-WebSocket-Extensions", wsproto.AppendExtension(nil, s.params))
	}
	return nil
}

// WebSocket registers h for websocket handshakes: it accepts those of Config.Socket and serves the socket (see Ctx.Upgrade). The route shares its path with
// those of other methods; a plain GET to it alone is answered 426. In a group the group's middleware comes first, and may refuse.
func (r *router) WebSocket(pattern string, h func(s *Socket) error) *Route {
	if h == nil {
		panic("quart: WebSocket with a nil handler (" + callSite() + ")")
	}
	return r.Handle(MethodWebSocket, pattern, func(c *Ctx) error { return c.Upgrade(SocketConfig{}, h) })
}

// over fills in what c leaves zero: from base, whose defaults are set.
func (c SocketConfig) over(base *SocketConfig) SocketConfig {
	if c.Origins == nil {
		c.Origins = base.Origins
	}
	if c.Subprotocols == nil {
		c.Subprotocols = base.Subprotocols
	}
	c.Compress = c.Compress || base.Compress
	c.ContextTakeover = c.ContextTakeover || base.ContextTakeover
	if c.Overflow == 0 {
		c.Overflow = base.Overflow
	}
	orDefault(&c.ReadLimit, base.ReadLimit)
	orDefault(&c.CompressFrom, base.CompressFrom)
	orDefault(&c.Queue, base.Queue)
	orDefault(&c.Ping, base.Ping)
	orDefault(&c.Silence, base.Silence)
	return c
}

// ---- from the request to the socket ----

// upgrades reports whether the response is the 101 of a socket.
func (c *Ctx) upgrades() bool {
	_, ok := c.pending.(*Socket)
	return ok && c.fc.Response.StatusCode() == fasthttp.StatusSwitchingProtocols
}

// refuseSocket takes back what Upgrade has set.
func (c *Ctx) refuseSocket() {
	for _, name := range []string{"Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} {
		c.fc.Response.Header.Del(name)
	}
}

// drop has nothing to free yet.
func (s *Socket) drop() {}

// send is the last act with c. A layer that changed the status afterwards has refused the socket.
func (s *Socket) send(c *Ctx) {
	resp := &c.fc.Response
	if resp.StatusCode() != fasthttp.StatusSwitchingProtocols {
		c.refuseSocket()
		return
	}
	s.keep(c)
	for _, name := range contentHeaders {
		resp.Header.Del(name)
	}
	resp.Header.Del("Content-Type")
	if c.h2 != nil {
		s.sendStream(c)
		return
	}
	buf := s.tail(512)
	buf.B = appendHead(buf.B, resp, "Connection: Upgrade\r\nUpgrade: websocket\r\n")
	if s.conn != nil {
		s.conn.own(s)
	}
	c.fc.HijackSetNoResponse(true)
	c.fc.Hijack(s.start)
}

// start is the hijack handler: the socket takes the connection, and fasthttp's part, with its buffers, ends.
func (s *Socket) start(nc net.Conn) {
	if s.conn == nil {
		s.serveForeign(nc)
		return
	}
	out := &connOutlet{conn: s.conn}
	s.out, s.in = out, newInlet(s.conn, out)
	s.readEarly(nc)
	s.open()
}

// open begins the socket on its connection.
func (s *Socket) open() {
	s.conn.park(0) // from here on others may call
	if !s.app.tasks.join() {
		s.mu.Lock()
		s.running, s.ending = false, true
		s.mu.Unlock()
		s.leave()
		go s.end()
		return
	}
	if s.conn.table.leaving.Load() {
		s.leave()
	}
	go s.main()
}

// readEarly takes what the client sent right behind its handshake: it is in a buffer that fasthttp will give to another connection.
func (s *Socket) readEarly(nc net.Conn) {
	if nc.SetReadDeadline(past) != nil {
		return // no client may send before it has the 101
	}
	for {
		n, err := nc.Read(s.dec.Space()) // what is buffered, then the deadline
		s.dec.Added(n)
		if err != nil {
			break
		}
	}
	s.dec.Shrink()
	_ = nc.SetReadDeadline(time.Time{})
}

// serveForeign serves the socket behind a listener that is not quart's: it has the connection, and fasthttp's buffers, until it returns.
func (s *Socket) serveForeign(nc net.Conn) {
	s.out, s.in = &netOutlet{nc, s.app.cfg.WriteTimeout}, &connInlet{conn: nc}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.timer != nil {
			s.timer.Stop()
		}
	}()
	s.greet()
	s.finish(s.call())
}

// main is the goroutine of the function.
func (s *Socket) main() {
	defer s.app.tasks.running.Done()
	s.greet()
	s.finish(s.call())
}

// errGoexit stands for the result of a function that called runtime.Goexit, as a failing test does.
var errGoexit = errors.New("quart: the function of a socket or stream ended its goroutine")

// greet sends the 101.
func (s *Socket) greet() {
	s.mu.Lock()
	if s.err == nil {
		s.wakeIn(s.ping)
	}
	if s.writing || !s.pending() {
		s.mu.Unlock()
		return
	}
	_ = s.sendNow()
}

// call runs the function, recovered. When that ends its goroutine, nothing else would run.
func (s *Socket) call() (err error) {
	returned := false
	defer func() {
		s.run = nil
		if v := recover(); v != nil {
			err = recovered(v)
		} else if !returned {
			s.finish(errGoexit)
		}
	}()
	err = s.run(s)
	returned = true
	return err
}

// finish sees to the end of a socket whose function returned err.
func (s *Socket) finish(err error) {
	s.conclude(err)
	s.mu.Lock()
	s.running = false
	ended := !s.ending
	s.ending = true
	s.mu.Unlock()
	if ended {
		s.end()
	}
}

// conclude closes the socket of a function that returned err, and logs what is the app's fault.
func (s *Socket) conclude(err error) {
	end := s.verdict(err)
	if end.Code == 1011 || end.Code == 1013 && isCloseError(err) == nil {
		s.app.errs.Add(1)
		logStreamError(s.log, s.route, "a websocket failed", err)
	}
	s.CloseWith(end.Code, end.Reason)
}

// verdict is what the client gets for the error of a function.
func (s *Socket) verdict(err error) *CloseError {
	s.mu.Lock()
	ours := s.err != nil
	s.mu.Unlock()
	if err == nil || ours && (told(err) || isCloseError(err) != nil) {
		return &CloseError{Code: 1000}
	}
	if e := isCloseError(err); e != nil {
		if e.Code == 1006 || e.Code == 1005 {
			return &CloseError{Code: 1000}
		}
		return e
	}
	if told(err) {
		return &CloseError{Code: 1000}
	}
	if e := publicError(err); e.Status >= 400 && e.Status < 500 {
		code := 1008
		switch e.Status {
		case 400:
			code = 1007
		case 413: // what the function passed on is over a limit of someone else
			code = 1009
		}
		reason := e.Detail
		if len(e.Fields) > 0 { // 123 bytes are no place for all
			reason = strings.TrimSpace(e.Fields[0].Pointer + " " + e.Fields[0].Detail)
		}
		if reason == "" {
			reason = fasthttp.StatusMessage(e.Status)
		}
		return &CloseError{Code: code, Reason: reason}
	}
	if e := publicError(err); e.Status == 503 {
		return &CloseError{Code: 1013, Reason: "try again later"}
	}
	return &CloseError{Code: 1011}
}

// isCloseError is errors.As for an error whose methods may panic.
func isCloseError(err error) (e *CloseError) {
	_ = guarded(func() error {
		errors.As(err, &e)
		return nil
	})
	return e
}

// ---- time ----

// wakeIn calls onAlarm after d, to the precision of the sweeper; 0 is never. mu is held.
func (s *Socket) wakeIn(d time.Duration) {
	switch {
	case d <= 0:
	case s.conn != nil:
		s.wake(d)
	case s.timer != nil:
		s.timer.Reset(d)
	default:
		s.timer = time.AfterFunc(d, s.idle)
	}
}

// hangUp closes the connection from outside, in order.
func (s *Socket) hangUp() {
	if s.conn == nil {
		s.out.close(true)
		return
	}
	s.conn.linger()
	_ = s.conn.shut()
}

// cut ends a write that hangs.
func (s *Socket) cut() {
	if s.conn == nil {
		s.out.close(false)
		return
	}
	_ = s.conn.abort()
	_ = s.conn.shut()
}
