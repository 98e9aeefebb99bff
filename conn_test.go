package quart

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// readBody is what Ctx.Body does, reduced.
func readBody(fc *fasthttp.RequestCtx) error {
	_, err := io.Copy(io.Discard, fc.RequestBodyStream())
	return err
}

func TestConnSlowHeader(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, withTLS bool) {
		s := newConnServer(t, testLimits, withTLS, hello)
		c := s.dial()
		s.await(phaseNew)
		s.advance(2 * time.Second)
		c.send("GET / HTTP/1.1\r\nHo")
		s.await(phaseHeader) // the first byte of a connection buys no time
		s.advance(2 * time.Second)
		before, _ := s.table.bytes()
		c.send("s") // nor does one more
		awaitTrue(t, "the byte", func() bool { n, _ := s.table.bytes(); return n > before })
		s.advance(time.Second)
		c.want(408)
		c.wantEnd()
	})
}

func TestConnSlowSecondHeader(t *testing.T) {
	s := newConnServer(t, testLimits, false, hello)
	c := s.dial()
	c.send(get)
	c.want(200)
	s.await(phaseIdle)
	s.advance(20 * time.Second) // idle time is not header time
	c.send("GET / HT")
	s.await(phaseHeader)
	s.advance(4 * time.Second)
	if s.table.counts()[phaseHeader] != 1 {
		t.Fatal("the header limit of a later request began too early")
	}
	s.advance(time.Second)
	c.want(408)
	c.wantEnd()
}

func TestConnSlowBody(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n"
	for _, tc := range []struct {
		name   string
		before string // sent before the wait
	}{
		{"first byte", head},
		{"in the handler", head + strings.Repeat("x", 9000)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			plainAndTLS(t, func(t *testing.T, withTLS bool) {
				var started calls
				s := newConnServer(t, testLimits, withTLS, func(fc *fasthttp.RequestCtx) {
					started.add()
					if err := readBody(fc); err != nil {
						fc.Error("late", statusOfReadError(err))
					}
				})
				c := s.dial()
				c.send(tc.before)
				awaitTrue(t, "the wait", func() bool {
					in, _ := s.table.bytes()
					return in == uint64(len(tc.before)) && s.table.counts()[phaseBody] == 1 && (started.get() > 0) == (tc.before != head)
				})
				s.advance(6 * time.Second) // over the header limit
				if s.table.counts()[phaseBody] != 1 {
					t.Fatal("the body has the header's limit")
				}
				s.advance(time.Minute)
				c.want(408)
				c.wantEnd()
			})
		})
	}
}

// The body limit is for all waits together, and the handler's own time is no wait.
func TestConnBodyBudget(t *testing.T) {
	lim := testLimits
	table := newConnTable(lim, nil)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	table.open.Add(1)
	cs := connOf(table.wrap(ours, nil, ipKey{}))
	defer cs.Close()
	pass := func(d time.Duration) { table.now.Add(milliseconds(d)) }

	cs.active()
	cs.headReceived(time.Minute)
	pass(20 * time.Second) // a wait
	cs.enterHandler()
	pass(time.Hour) // none
	cs.enterBody()
	pass(30 * time.Second) // a wait
	cs.leaveBody()
	cs.enterBody()
	left := cs.stamp().deadline() - table.now.Load() - milliseconds(sweepEvery)
	if left != milliseconds(10*time.Second) {
		t.Errorf("%d ms left, want 10000", left)
	}
	for range 4 { // a byte each
		pass(3 * time.Second)
		cs.leaveBody()
		if !cs.enterBody() {
			break
		}
	}
	if cs.stamp().phase() != phaseHandler {
		t.Errorf("bytes that come in time buy more of it: %v", cs.stamp().phase())
	}
	cs.setBodyTime(forever) // per read, that of the table
	table.bodyRead = milliseconds(7 * time.Second)
	cs.enterBody()
	if left = cs.stamp().deadline() - table.now.Load() - milliseconds(sweepEvery); left != milliseconds(7*time.Second) {
		t.Errorf("%d ms for one read, want 7000", left)
	}
	cs.leaveBody()
	table.bodyRead = 0
	cs.enterHandler()
	cs.idle() // the next request has a budget of its own
	cs.active()
	cs.headReceived(time.Minute)
	left = cs.stamp().deadline() - table.now.Load() - milliseconds(sweepEvery)
	if left != milliseconds(time.Minute) {
		t.Errorf("%d ms left, want 60000", left)
	}
}

func TestConnHandlerHasNoLimit(t *testing.T) {
	block := make(chan struct{})
	s := newConnServer(t, testLimits, false, func(fc *fasthttp.RequestCtx) { <-block })
	c := s.dial()
	c.send(get)
	s.await(phaseHandler)
	s.advance(time.Hour)
	s.advance(time.Hour)
	close(block)
	c.want(200)
	c.send(get)
	c.want(200)
}

func TestConnIdle(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, withTLS bool) {
		s := newConnServer(t, testLimits, withTLS, hello)
		c := s.dial()
		c.send(get)
		c.want(200)
		s.await(phaseIdle)
		s.advance(20 * time.Second)
		c.send(get)
		c.want(200)
		s.await(phaseIdle)
		s.advance(30 * time.Second)
		c.wantEnd()
	})
}

// calls counts calls of an onComplete function.
type calls struct {
	mu sync.Mutex
	n  int
}

func (c *calls) add()     { c.mu.Lock(); c.n++; c.mu.Unlock() }
func (c *calls) get() int { c.mu.Lock(); defer c.mu.Unlock(); return c.n }

func TestConnOnComplete(t *testing.T) {
	release := make(chan struct{})
	for _, tc := range []struct {
		name string
		h    func(fc *fasthttp.RequestCtx)
		then func(s *connServer, c *client, n *calls)
	}{
		{"kept alive", hello, func(s *connServer, c *client, n *calls) {
			c.want(200)
			awaitTrue(s.t, "completion", func() bool { return n.get() == 1 })
			c.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n")
			c.want(200)
			s.await(phaseIdle)
		}},
		{"closed", func(fc *fasthttp.RequestCtx) { fc.SetConnectionClose() }, func(s *connServer, c *client, n *calls) {
			c.want(200)
			c.wantEnd()
		}},
		{"client left", func(fc *fasthttp.RequestCtx) { fc.Response.SetBodyRaw(make([]byte, 32<<20)) }, func(s *connServer, c *client, n *calls) {
			s.await(phaseHandler)
			_ = c.Close()
		}},
		{"hijacked", func(fc *fasthttp.RequestCtx) {
			fc.Hijack(func(nc net.Conn) {
				<-release
				if connOf(nc) == nil {
					panic("no state behind a hijacked connection")
				}
			})
		}, func(s *connServer, c *client, n *calls) {
			c.want(200)
			s.await(phaseHijacked)
			s.advance(time.Hour) // its reads have no limit of ours
			if n.get() != 0 {
				s.t.Error("complete before the hijack handler returned")
			}
			close(release)
			c.wantEnd()
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var n calls
			s := newConnServer(t, testLimits, false, func(fc *fasthttp.RequestCtx) {
				if string(fc.Path()) == "/" {
					connOf(fc.Conn()).onComplete(func(error) { n.add() })
				}
				tc.h(fc)
			})
			c := s.dial()
			c.send(get)
			tc.then(s, c, &n)
			awaitTrue(t, "completion", func() bool { return n.get() > 0 })
			_ = c.Close()
			awaitTrue(t, "the end", func() bool { return s.table.open.Load() == 0 })
			if n.get() != 1 {
				t.Errorf("called %d times", n.get())
			}
		})
	}
}

func TestConnGracefulStop(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, withTLS bool) {
		block := make(chan struct{})
		release := sync.OnceFunc(func() { close(block) })
		s := newConnServer(t, testLimits, withTLS, func(fc *fasthttp.RequestCtx) {
			if string(fc.Path()) == "/slow" {
				<-block
			}
		})
		t.Cleanup(release) // before the server's, which waits for the handler
		idle, busy, silent := s.dial(), s.dial(), s.dial()
		idle.send(get)
		idle.want(200)
		busy.send("GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		awaitTrue(t, "three phases", func() bool {
			c := s.table.counts()
			return c[phaseIdle] == 1 && c[phaseHandler] == 1 && c[phaseNew] == 1
		})
		s.table.draining.Store(true)
		done := make(chan error)
		go func() { done <- s.table.waitIdle(t.Context()) }()
		idle.wantEnd()
		s.advance(silence)
		wire := silent.Conn
		if tc, ok := wire.(*tls.Conn); ok {
			wire = tc.NetConn() // it never says hello
		}
		if _, err := io.ReadAll(wire); err != nil {
			t.Errorf("the silent connection: %v", err)
		}
		if c := s.table.counts(); c[phaseHandler] != 1 {
			t.Errorf("the request in flight was cut: %v", c)
		}
		release()
		busy.want(200)
		busy.wantEnd()
		_ = busy.Close() // else the drain waits for it
		if err := <-done; err != nil {
			t.Errorf("waitIdle: %v", err)
		}
	})
}

func TestConnWaitIdleGivesUp(t *testing.T) {
	block := make(chan struct{})
	defer close(block)
	s := newConnServer(t, testLimits, false, func(*fasthttp.RequestCtx) { <-block })
	c := s.dial()
	c.send(get)
	s.await(phaseHandler)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.table.waitIdle(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("waitIdle: %v", err)
	}
	s.table.closeAll()
	if _, err := io.ReadAll(c.r); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
}

// Whatever closeIdle and the sweeper do at the same time, a request gets its answer or meets a closed connection.
func TestConnCloseIdleRace(t *testing.T) {
	s := newConnServer(t, testLimits, false, hello)
	quit, quitted := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(quitted)
		for {
			select {
			case <-quit:
				return
			default:
				s.table.closeIdle()
				s.table.sweep(s.table.now.Load())
				runtime.Gosched()
			}
		}
	}()
	var answered, closed int
	for answered+closed < 2000 {
		c := s.dial()
		for {
			_, writeErr := io.WriteString(c, get)
			var resp fasthttp.Response
			err := resp.Read(c.r)
			if writeErr != nil || err != nil {
				closed++
				break
			}
			if resp.StatusCode() != 200 || string(resp.Body()) != "hello" {
				t.Fatalf("got %d %q", resp.StatusCode(), resp.Body())
			}
			if answered++; answered+closed >= 2000 {
				break
			}
		}
		_ = c.Close()
	}
	close(quit)
	<-quitted
	if answered == 0 || closed == 0 {
		t.Errorf("%d answered, %d closed: the race did not happen", answered, closed)
	}
}

func TestConnTableRequests(t *testing.T) {
	s := newConnServer(t, testLimits, false, hello)
	c := s.dial()
	c.send(get + get + get)
	for range 3 {
		c.want(200)
	}
	if n := s.table.requests(); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
	_ = c.Close()
	awaitTrue(t, "the end", func() bool { return s.table.open.Load() == 0 })
	if n := s.table.requests(); n != 3 {
		t.Errorf("%d requests after the close, want 3", n)
	}
}

func TestConnParked(t *testing.T) {
	table := newConnTable(limits{}, nil)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	table.open.Add(1)
	nc := table.wrap(ours, nil, ipKey{})
	var n calls
	cs := connOf(nc)
	cs.onComplete(func(error) { n.add() })
	cs.move(phaseParked, 0)
	if err := nc.Close(); err != nil || table.open.Load() != 1 || n.get() != 0 {
		t.Fatalf("Close of a parked connection did something: %v", err)
	}
	if err := cs.shut(); err != nil || table.open.Load() != 0 || n.get() != 1 {
		t.Fatalf("shut: %v, %d open, %d calls", err, table.open.Load(), n.get())
	}
}

func TestConnTableStop(t *testing.T) {
	table := newConnTable(testLimits, nil)
	table.start()
	table.start()
	table.stop()
	table.stop()
	newConnTable(testLimits, nil).stop() // never started
	buf := make([]byte, 1<<20)
	if stacks := string(buf[:runtime.Stack(buf, true)]); strings.Contains(stacks, "(*connTable).run") {
		t.Error("a sweeper is still running")
	}
}

// BenchmarkConnPhases is what a request pays for its phases, in-process: everything but the system calls.
func BenchmarkConnPhases(b *testing.B) {
	table := newConnTable(testLimits, nil)
	nc := table.wrap(nullConn{}, nil, ipKey{})
	buf := make([]byte, 128)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = nc.Read(buf)
		table.hook(nc, fasthttp.StateActive)
		connOf(nc).enterHandler()
		_, _ = nc.Write(buf)
		table.hook(nc, fasthttp.StateIdle)
	}
}

// BenchmarkConnPhasesPipelined is the same for a request that was read and is written together with others.
func BenchmarkConnPhasesPipelined(b *testing.B) {
	table := newConnTable(testLimits, nil)
	nc := table.wrap(nullConn{}, nil, ipKey{})
	for b.Loop() {
		table.hook(nc, fasthttp.StateActive)
		connOf(nc).enterHandler()
		table.hook(nc, fasthttp.StateIdle)
	}
}

// BenchmarkConnSweep is one sweep of 20,000 idle connections.
func BenchmarkConnSweep(b *testing.B) {
	table := newConnTable(testLimits, nil)
	for range 20_000 {
		connOf(table.wrap(nullConn{}, nil, ipKey{})).idle()
	}
	for b.Loop() {
		table.sweep(1)
	}
}

func TestConnPhasesAllocateNothing(t *testing.T) {
	table := newConnTable(testLimits, nil)
	nc := table.wrap(nullConn{}, nil, ipKey{})
	buf := make([]byte, 128)
	n := testing.AllocsPerRun(100, func() {
		_, _ = nc.Read(buf)
		table.hook(nc, fasthttp.StateActive)
		connOf(nc).headReceived(time.Minute)
		connOf(nc).enterHandler()
		connOf(nc).enterBody()
		connOf(nc).leaveBody()
		_, _ = nc.Write(buf)
		table.hook(nc, fasthttp.StateIdle)
		table.sweep(1)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// nullConn takes everything at once.
type nullConn struct{ net.Conn }

func (nullConn) Read(p []byte) (int, error)       { return len(p), nil }
func (nullConn) Write(p []byte) (int, error)      { return len(p), nil }
func (nullConn) SetReadDeadline(time.Time) error  { return nil }
func (nullConn) SetWriteDeadline(time.Time) error { return nil }
