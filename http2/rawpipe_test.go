package http2_test

import (
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// lane is one direction of a connection in memory.
type lane struct {
	mu     sync.Mutex
	turn   sync.Cond
	buf    []byte // len(buf) bytes are unread; its capacity is the limit
	closed bool
}

func newLane(size int) *lane {
	l := &lane{buf: make([]byte, 0, size)}
	l.turn.L = &l.mu
	return l
}

// limit is a deadline of one end.
type limit struct {
	passed bool // guarded by the lane's mu
	timer  *time.Timer
}

func (d *limit) set(l *lane, t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	left := time.Until(t)
	d.passed = !t.IsZero() && left <= 0
	if d.passed {
		l.turn.Broadcast()
		return
	}
	if t.IsZero() {
		return
	}
	var mine *time.Timer
	mine = time.AfterFunc(left, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if d.timer == mine {
			d.passed = true
			l.turn.Broadcast()
		}
	})
	d.timer = mine
}

// memConn is an end of a buffered connection in memory. Its reads and writes allocate nothing, and block durably for testing/synctest.
type memConn struct {
	in, out     *lane
	read, write limit
}

// pipe returns two ends; each takes size bytes ahead.
func pipe(size int) (*memConn, *memConn) {
	a, b := newLane(size), newLane(size)
	return &memConn{in: a, out: b}, &memConn{in: b, out: a}
}

func (c *memConn) Read(p []byte) (int, error) {
	l := c.in
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.buf) == 0 {
		switch {
		case l.closed:
			return 0, io.EOF
		case c.read.passed:
			return 0, os.ErrDeadlineExceeded
		}
		l.turn.Wait()
	}
	n := copy(p, l.buf)
	l.buf = l.buf[:copy(l.buf, l.buf[n:])]
	l.turn.Broadcast()
	return n, nil
}

func (c *memConn) Write(p []byte) (n int, err error) {
	l := c.out
	l.mu.Lock()
	defer l.mu.Unlock()
	for n < len(p) {
		switch {
		case l.closed:
			return n, io.ErrClosedPipe
		case c.write.passed:
			return n, os.ErrDeadlineExceeded
		}
		room := min(cap(l.buf)-len(l.buf), len(p)-n)
		if room == 0 {
			l.turn.Wait()
			continue
		}
		l.buf = append(l.buf, p[n:n+room]...)
		n += room
		l.turn.Broadcast()
	}
	return n, nil
}

// CloseWrite ends this end's stream; what the other end sends can still be read.
func (c *memConn) CloseWrite() error {
	c.out.close()
	return nil
}

func (c *memConn) Close() error {
	c.in.close()
	c.out.close()
	return nil
}

func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.turn.Broadcast()
}

type memAddr struct{}

func (memAddr) Network() string { return "mem" }
func (memAddr) String() string  { return "mem" }

func (c *memConn) LocalAddr() net.Addr  { return memAddr{} }
func (c *memConn) RemoteAddr() net.Addr { return memAddr{} }

func (c *memConn) SetDeadline(t time.Time) error {
	c.read.set(c.in, t)
	c.write.set(c.out, t)
	return nil
}

func (c *memConn) SetReadDeadline(t time.Time) error {
	c.read.set(c.in, t)
	return nil
}

func (c *memConn) SetWriteDeadline(t time.Time) error {
	c.write.set(c.out, t)
	return nil
}

// serveMem is serve without a network; see dialMem.
func serveMem(t testing.TB, cfg http2.Config, h fasthttp.RequestHandler) *served {
	s := &served{t: t, srv: &http2.Server{Handler: h, Config: cfg}}
	t.Cleanup(s.end)
	return s
}

// bubble runs f on a clock of its own, and in the end lets what is about to end by itself do so: the server's clock, idle workers.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) })
		f(t)
	})
}

// connectMem opens a connection in memory that takes size bytes ahead, each way, and sends nothing.
func (s *served) connectMem(size int) *memConn {
	near, far := pipe(size)
	s.t.Cleanup(func() { _ = near.Close() })
	s.wg.Go(func() { s.serveConn(far) })
	return near
}

// dialMem is dial in memory.
func (s *served) dialMem(size int, pairs ...uint32) *client {
	s.t.Helper()
	c := newClient(s.t, s.connectMem(size), pairs...)
	_ = c.nc.SetDeadline(time.Time{})
	c.until("SETTINGS", func() bool { return len(c.settings) > 0 && c.acked == 1 })
	return c
}
