package http2

import (
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// This file is the clock of a server, and what happens when a time is over. Exact deadlines for each read and write would cost more than the requests.

const (
	tick       = 100 * time.Millisecond // of the coarse clock
	sweepEvery = 5                      // ticks
)

// now is the coarse clock, in ms. It stands still while there is no connection.
func (srv *Server) now() int64 { return srv.clock.Load() }

// after is the coarse time d from now on, 0 for none.
func (srv *Server) after(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return srv.now() + d.Milliseconds() + tick.Milliseconds()
}

func (srv *Server) init() {
	srv.setUp.Do(func() {
		if srv.Handler == nil && srv.h1 != nil {
			srv.Handler = srv.h1.Handler
		}
		if srv.Handler == nil {
			panic("http2: a Server without a Handler")
		}
		srv.cfg = srv.Config.withDefaults()
		srv.name = []byte(srv.cfg.Name)
		srv.conns, srv.serving = map[*conn]struct{}{}, map[net.Listener]struct{}{}
		srv.setClock()
	})
}

func (srv *Server) setClock() {
	t := time.Now()
	srv.clock.Store(t.UnixMilli())
	if old := srv.date.Load(); old == nil || srv.dated != t.Unix() {
		srv.dated = t.Unix()
		b := fasthttp.AppendHTTPDate(nil, t)
		srv.date.Store(&b)
	}
}

// join counts a connection in. The first one starts the clock.
func (srv *Server) join(c *conn) bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.closed {
		return false
	}
	srv.conns[c] = struct{}{}
	if !srv.sweeping {
		srv.sweeping = true
		srv.workers.close(false)
		srv.setClock()
		go srv.sweep()
	}
	c.readAt.Store(srv.now())
	return true
}

// greet tells a client that comes late that the server is about to stop.
func (srv *Server) greet(c *conn) {
	srv.mu.Lock()
	warned, closing := srv.warned, srv.closing
	srv.mu.Unlock()
	switch {
	case closing:
		c.leave()
	case warned:
		c.warn()
	}
}

func (srv *Server) part(c *conn) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	delete(srv.conns, c)
	srv.requests.Add(c.requests.Load())
	srv.endIfQuiet()
}

// leave ends all connections in order. The channel is closed when none is left.
func (srv *Server) leave() <-chan struct{} {
	srv.mu.Lock()
	if srv.quiet == nil {
		srv.quiet = make(chan struct{})
	}
	srv.closing = true
	for l := range srv.serving {
		_ = l.Close()
	}
	srv.endIfQuiet()
	quiet := srv.quiet
	srv.mu.Unlock()
	srv.each((*conn).leave)
	return quiet
}

// endIfQuiet ends the server that was told to, once the last connection is gone. mu is held.
func (srv *Server) endIfQuiet() {
	if srv.closing && !srv.closed && len(srv.conns) == 0 {
		srv.closed = true
		srv.workers.close(true)
		close(srv.quiet)
	}
}

// each calls f for all connections of now.
func (srv *Server) each(f func(*conn)) {
	srv.mu.Lock()
	list := make([]*conn, 0, len(srv.conns))
	for c := range srv.conns {
		list = append(list, c)
	}
	srv.mu.Unlock()
	for _, c := range list {
		f(c)
	}
}

// sweep is the goroutine of the clock. It ends some time after the last connection.
func (srv *Server) sweep() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for n := 1; ; n++ {
		<-t.C
		srv.setClock()
		if n%sweepEvery != 0 {
			continue
		}
		srv.each((*conn).sweep)
		if srv.workers.trim() {
			continue
		}
		srv.mu.Lock()
		if len(srv.conns) == 0 {
			srv.sweeping = false
			srv.mu.Unlock()
			return
		}
		srv.mu.Unlock()
	}
}

func (srv *Server) logf(format string, args ...any) {
	if srv.cfg.Logger != nil {
		srv.cfg.Logger.Printf(format, args...)
	}
}

// sweep looks at one connection.
func (c *conn) sweep() {
	now, cfg := c.srv.now(), &c.srv.cfg
	if at := c.writeAt.Load(); at != 0 && cfg.WriteTimeout > 0 && now-at > cfg.WriteTimeout.Milliseconds() {
		go c.kill() // which may take a while
		return
	}
	due := c.due.Load()
	overdue := due != 0 && now > due
	free := c.busy.Load() == 0
	silent := now - c.readAt.Load()
	idle := free && cfg.IdleTimeout > 0 && silent > cfg.IdleTimeout.Milliseconds()
	if free && !overdue && !idle && !c.srv.isClosing() {
		return
	}
	c.lock()
	defer c.unlockHand() // a client that does not read must not stop the clock
	switch {
	case overdue && c.leaving < ending:
		c.out = appendGoAway(c.out, c.lastID, NoError, "too slow")
		c.giveUp()
	case idle && c.active == 0 && c.leaving < left:
		c.goAway()
	case c.leaving == asked && now-c.leftAt > handshakeResend.Milliseconds():
		c.goAway()
	case c.pingAt != 0 && min(silent, now-c.pingAt) > pingTimeout.Milliseconds():
		c.doomed = true
	case c.pingAt == 0 && c.active > 0 && cfg.PingInterval > 0 && silent > cfg.PingInterval.Milliseconds():
		c.pingAt = max(now, 1)
		c.out = appendPing(c.out, 0, alivePing[:])
	}
	if c.pinned == 0 || c.pins == 0 { // who waits, waits for handlers, which may take for ever
		c.typical /= 2
		c.resumeWaiting()
	}
	c.pins = 0
	c.sweepStreams(now)
}

// giveUp lets the reader close the connection, whatever is open. mu is held.
func (c *conn) giveUp() {
	c.leaving = ending
	c.interrupt()
}

// sweepStreams ends what takes too long. mu is held.
func (c *conn) sweepStreams(now int64) {
	limit := c.srv.cfg.WriteTimeout.Milliseconds()
	for _, s := range c.streams {
		switch {
		case !s.late(now):
		case s.gathers():
			c.answerInstead(s, 408, "Request Timeout")
		default:
			s.readClosed = true
			s.turn.Broadcast()
		}
		if s.answeredAt != 0 && now-s.answeredAt > answeredTime.Milliseconds() {
			c.endRest(s)
			continue
		}
		if limit <= 0 || len(s.out) == 0 || now-s.progressAt <= limit {
			continue
		}
		// One that waits for others, which the client takes, is not stalled.
		if s.outWindow <= 0 || c.sendWindow <= 0 && now-c.sentAt > limit {
			c.resetStream(s, Cancel)
		}
	}
}

func (srv *Server) isClosing() bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.closing
}

var _ net.Conn = (*Stream)(nil)
