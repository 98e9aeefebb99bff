package http2_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// TestShutdown: what was opened before the final GOAWAY is answered, what comes later is ignored, and the connection ends in order (RFC 9113, section 6.8).
func TestShutdown(t *testing.T) {
	release, started := make(chan struct{}), make(chan struct{}, 10)
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		started <- struct{}{}
		<-release
		ctx.SetBodyString("hello")
	})
	goOn := sync.OnceFunc(func() { close(release) })
	defer goOn()
	c := s.dial()
	c.silent = true // answers PING when the test says so
	before := c.get("/")
	<-started
	done := make(chan error)
	go func() { done <- s.srv.Shutdown(context.Background()) }()
	c.until("GOAWAY and PING", func() bool { return len(c.goaways) > 0 && c.pings > 0 })
	if g := c.goaways[0]; g.last != biggestWindow || g.code != http2.NoError {
		t.Errorf("the first GOAWAY: %+v", g)
	}
	during := c.get("/") // under way when the client reads the first GOAWAY
	<-started
	c.send(frame(typePing, ack, 0, c.lastPing[:]...))
	c.until("the final GOAWAY", func() bool { return len(c.goaways) > 1 })
	if g := c.goaways[1]; g.last != during || g.code != http2.NoError {
		t.Errorf("the final GOAWAY: %+v, want stream %d", g, during)
	}
	after := c.open(true, request("GET", "/", "x-new", "1")...)
	c.sync()
	goOn()
	c.want(before, "200", "hello")
	c.want(during, "200", "hello")
	c.untilEnd()
	if !c.closed() || len(c.goaways) != 2 {
		t.Errorf("ended by %v; GOAWAY %v", c.err, c.goaways)
	}
	if a := c.answer(after); a.fields != nil {
		t.Errorf("answered: %v", a)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, err := range s.ended() {
		if err != nil {
			t.Errorf("ServeConn: %v", err)
		}
	}
	if err := s.srv.ServeConn(s.connect()); !errors.Is(err, http2.ErrServerClosed) {
		t.Errorf("a new connection: %v", err)
	}
}

// TestShutdownBodies: large responses and uploads that are under way are finished.
func TestShutdownBodies(t *testing.T) {
	started := make(chan struct{}, 10)
	big := []byte(strings.Repeat("0123456789abcdef", 1<<16))
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		started <- struct{}{}
		if ctx.IsPost() {
			ctx.SetBodyString(strconv.Itoa(len(ctx.PostBody())))
			return
		}
		ctx.SetBody(big)
	})
	c := s.dial()
	c.stingy = true
	down := c.get("/")
	<-started
	up := c.open(false, request("POST", "/")...)
	c.data(up, false, big[:1000])
	c.sync()
	done := make(chan error)
	go func() { done <- s.srv.Shutdown(context.Background()) }()
	c.until("the final GOAWAY", func() bool { return len(c.goaways) > 1 })
	c.stingy = false
	c.data(up, true, big[:1000])
	c.send(windowUpdate(0, 1<<20), windowUpdate(down, 1<<20))
	c.want(up, "200", "2000")
	if a := c.want(down, "200", "*"); a.sum != sumOf(big) || a.size != len(big) {
		t.Errorf("%d bytes", a.size)
	}
	c.untilEnd()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestShutdownUnderLoad: what a client opened before it read a GOAWAY is answered, unless the final one says that it was not seen.
func TestShutdownUnderLoad(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) { ctx.SetBody(make([]byte, 30_000)) })
	var wg sync.WaitGroup
	var started, answered atomic.Int32
	for range 8 {
		c := s.dial()
		wg.Go(func() {
			for len(c.goaways) == 0 {
				for range 10 {
					c.get("/")
				}
				for id := c.next - 20; id < c.next; id += 2 {
					if a := c.answer(id); len(c.goaways) < 2 || id <= c.goaways[1].last {
						c.until("answer", func() bool { return a.ended || a.reset })
						if !a.ended || a.size != 30_000 {
							t.Errorf("stream %d: %v, GOAWAY %v", id, a, c.goaways)
						}
						answered.Add(1)
					}
				}
				started.Add(1)
			}
			c.untilEnd()
			if !c.closed() || len(c.goaways) != 2 {
				t.Errorf("ended by %v, GOAWAY %v", c.err, c.goaways)
			}
		})
	}
	for end := time.Now().Add(patience); started.Load() < 100 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	s.end()
	wg.Wait()
	if n := s.srv.Stats().Requests; n != uint64(answered.Load()) {
		t.Errorf("%d requests handled, %d answers received", n, answered.Load())
	}
}

// TestShutdownLeavesNothing: not even the clock.
func TestShutdownLeavesNothing(t *testing.T) {
	s := serve(t, http2.Config{}, hello)
	for range 5 {
		c := s.dial()
		c.want(c.get("/"), "200", "hello")
	}
	s.end()
	for end := time.Now().Add(patience); len(packageGoroutines()) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(strings.Join(packageGoroutines(), "\n\n"))
		}
	}
}

// TestShutdownGivesUp: Shutdown closes what is not done when its context is.
func TestShutdownGivesUp(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	s := serve(t, http2.Config{}, func(*fasthttp.RequestCtx) {
		close(started)
		<-release
	})
	c := s.dial()
	c.get("/")
	<-started
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.srv.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	c.untilEnd()
	close(release)
}

// TestGoAwayBeforeShutdown: GoAway asks clients to leave, and serves those that do not.
func TestGoAwayBeforeShutdown(t *testing.T) {
	s := serve(t, http2.Config{}, hello)
	c := s.dial()
	c.want(c.get("/"), "200", "hello")
	s.srv.GoAway()
	c.until("GOAWAY", func() bool { return len(c.goaways) > 0 })
	if g := c.goaways[0]; g.last != biggestWindow || g.code != http2.NoError {
		t.Errorf("%+v", g)
	}
	c.want(c.get("/"), "200", "hello")
	late := s.dial()
	late.want(late.get("/"), "200", "hello")
	late.sync()
	if len(late.goaways) != 1 {
		t.Errorf("a connection that came later was told %v", late.goaways)
	}
}

// TestConnectionClose: a response with Connection: close ends the connection in order, when it is sent.
func TestConnectionClose(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		ctx.SetConnectionClose()
		ctx.SetBodyString("bye")
	})
	c := s.dial()
	if a := c.want(c.get("/"), "200", "bye"); a.field("connection") != "" {
		t.Error(a)
	}
	c.untilEnd()
	if !c.closed() || len(c.goaways) == 0 {
		t.Errorf("%v, GOAWAY %v", c.err, c.goaways)
	}
}

// TestClientLeaves: a client's end of its side, in the middle of all it asked for, ends its streams.
func TestClientLeaves(t *testing.T) {
	ends := make(chan error, 10)
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		st, done := http2.StreamOf(ctx), make(chan struct{})
		st.OnEnd(func(err error) {
			ends <- err
			close(done)
		})
		<-done
	})
	for _, reset := range []bool{false, true} {
		c := s.dial()
		id := c.get("/")
		if reset {
			c.sync()
			c.send(rstStream(id, http2.Cancel))
		} else {
			c.sync()
			_ = c.nc.Close()
		}
		err := <-ends
		var se *http2.StreamError
		switch {
		case reset && (!errors.As(err, &se) || !se.Remote || se.Code != http2.Cancel || se.ID != id):
			t.Errorf("reset: %v", err)
		case !reset && err == nil:
			t.Error("no error")
		}
	}
}

// TestOnEnd: nil after a response that was sent.
func TestOnEnd(t *testing.T) {
	ends := make(chan error, 1)
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		st := http2.StreamOf(ctx)
		st.OnEnd(func(err error) { ends <- err })
		st.OnPeerClose(func() { t.Error("the client left") })
		ctx.SetBody(make([]byte, 200_000))
	})
	c := s.dial()
	for range 3 {
		c.want(c.get("/"), "200", "*")
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
}

// TestTimes: the times of Config, on the clock of a bubble.
func TestTimes(t *testing.T) {
	wait := func(ctx *fasthttp.RequestCtx) {
		switch string(ctx.Path()) {
		case "/wait":
			done := make(chan struct{})
			http2.StreamOf(ctx).OnEnd(func(error) { close(done) })
			<-done
		case "/body":
			ctx.SetBody(ctx.Request.Body())
		case "/big":
			ctx.SetBody(make([]byte, 1<<20))
		default:
			ctx.SetBodyString("hello")
		}
	}
	for _, tt := range []struct {
		name     string
		streamed bool
		talk     func(c *client)
		min, max time.Duration // until the connection ends
		code     http2.ErrCode // of GOAWAY; 99 for none
	}{
		{"idle from the start", false, func(*client) {}, 29, 32, http2.NoError},
		{"idle after a request", false, func(c *client) {
			c.want(c.get("/"), "200", "hello")
		}, 29, 32, http2.NoError},
		{"a client that does not answer PING", false, func(c *client) {
			c.get("/wait")
			c.silent = true
		}, 44, 48, 99},
		{"a header block that does not end", false, func(c *client) {
			c.send(frame(typeHeaders, 0, c.newID(), 0x82))
		}, 9, 12, 99},
		{"a header block that does not end, slowly", false, func(c *client) {
			id := c.newID()
			c.send(frame(typeHeaders, 0, id, 0x82))
			for range 20 {
				time.Sleep(time.Second)
				if c.trySend(frame(typeContinuation, 0, id, 0x82)) != nil {
					return
				}
			}
		}, 9, 21, 99},
		{"a frame without its payload", false, func(c *client) {
			c.send([]byte{0, 0, 8, typePing, 0, 0, 0, 0, 0, 1, 2})
		}, 29, 32, 99},
		{"half a frame header", false, func(c *client) {
			c.send([]byte{0, 0, 8, typePing})
		}, 29, 32, 99},
		{"a frame that comes byte by byte", false, func(c *client) {
			c.send([]byte{0, 64, 0, typeUnknown, 0, 0, 0, 0, 0})
			for range 100 {
				time.Sleep(time.Second)
				if c.trySend([]byte{0}) != nil {
					return
				}
			}
		}, 29, 101, 99},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serveMem(t, http2.Config{StreamRequestBody: tt.streamed}, wait)
				c := s.dialMem(1 << 16)
				begun := time.Now()
				tt.talk(c)
				c.untilEnd()
				if d := time.Since(begun); d < tt.min*time.Second || d > tt.max*time.Second {
					t.Errorf("ended after %v", d)
				}
				if tt.code != 99 && (len(c.goaways) == 0 || c.goaways[len(c.goaways)-1].code != tt.code) {
					t.Errorf("GOAWAY %v, want %v", c.goaways, tt.code)
				}
			})
		})
	}
}

// TestPrefaceTime: a client that does not finish its preface is cut off.
func TestPrefaceTime(t *testing.T) {
	for _, sent := range []string{"", "PRI", clientPreface, clientPreface + "\x00\x00"} {
		bubble(t, func(t *testing.T) {
			s := serveMem(t, http2.Config{}, hello)
			nc := s.connectMem(1 << 16)
			begun := time.Now()
			_, _ = nc.Write([]byte(sent))
			c := readerOf(t, nc)
			c.silent = true
			_ = nc.SetDeadline(time.Time{})
			c.untilEnd()
			if d := time.Since(begun); d < 9*time.Second || d > 12*time.Second {
				t.Errorf("%q: ended after %v by %v", sent, d, s.ended())
			}
		})
	}
}

// TestKeptAlive: a client that answers PING may wait for its response as long as it likes.
func TestKeptAlive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveMem(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
			time.Sleep(10 * time.Minute)
			ctx.SetBodyString("hello")
		})
		c := s.dialMem(1 << 16)
		c.want(c.get("/"), "200", "hello")
		if c.pings < 15 || c.pings > 20 {
			t.Errorf("%d PING frames in ten minutes of silence", c.pings)
		}
	})
}

// TestBodyTimes: a body that does not come ends the handler's read, and one that a client does not take the stream.
func TestBodyTimes(t *testing.T) {
	for _, timeout := range []time.Duration{0, 5 * time.Second} {
		bubble(t, func(t *testing.T) {
			var failed error
			s := serveMem(t, http2.Config{StreamRequestBody: true}, func(ctx *fasthttp.RequestCtx) {
				if timeout > 0 {
					http2.StreamOf(ctx).SetBodyTimeout(timeout)
				}
				_, failed = ctx.RequestBodyStream().Read(make([]byte, 10))
				ctx.SetStatusCode(408)
			})
			c := s.dialMem(1 << 16)
			begun := time.Now()
			c.want(c.open(false, request("POST", "/")...), "408", "")
			want := 30 * time.Second
			if timeout > 0 {
				want = timeout
			}
			if d := time.Since(begun); d < want || d > want+2*time.Second {
				t.Errorf("after %v, want %v", d, want)
			}
			if !errors.Is(failed, fasthttp.ErrTimeout) && failed == nil {
				t.Error("the read did not fail")
			}
		})
	}
	bubble(t, func(t *testing.T) {
		s := serveMem(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) { ctx.SetBody(make([]byte, 1<<20)) })
		c := s.dialMem(1 << 20)
		c.stingy = true
		begun := time.Now()
		id := c.get("/")
		a := c.await(id)
		if d := time.Since(begun); !a.reset || d < 15*time.Second || d > 18*time.Second {
			t.Errorf("after %v: %v", d, a)
		}
		c.stingy = false
		c.sync()
	})
}

// TestSlowGathering: a body that is read before the handler runs has its time, too.
func TestSlowGathering(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveMem(t, http2.Config{}, hello)
		c := s.dialMem(1 << 16)
		begun := time.Now()
		id := c.open(false, request("POST", "/")...)
		c.data(id, false, make([]byte, 10))
		a := c.answer(id)
		for !a.ended && !a.reset && time.Since(begun) < 10*time.Minute {
			if _, err := c.read(); err != nil {
				break
			}
		}
		if d := time.Since(begun); d > time.Minute {
			t.Errorf("an unfinished body is waited for for %v", d)
		}
	})
}

// TestPriorities: urgent responses go first, those of one urgency take turns unless the client asks for one after the other (RFC 9218).
func TestPriorities(t *testing.T) {
	ready := make(chan struct{}, 10)
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		ctx.SetBody(make([]byte, 4*frameLimit))
		if string(ctx.Path()) == "/fill" {
			ctx.SetBody(make([]byte, defaultWindow))
		}
		ready <- struct{}{}
	})
	const size = 4 * frameLimit
	for _, tt := range []struct {
		name       string
		priorities []string // of streams 1, 3, ...; "" for none
		updates    map[int]string
		before     bool   // the updates come before the streams
		want       string // the streams' numbers, as their DATA comes
	}{
		{"none", []string{"", ""}, nil, false, "0 1 0 1 0 1 0 1"},
		{"urgency", []string{"u=5", "u=1", "u=3"}, nil, false, "1 1 1 1 2 2 2 2 0 0 0 0"},
		{"urgency and the default", []string{"u=4", "", "u=2"}, nil, false, "2 2 2 2 1 1 1 1 0 0 0 0"},
		{"incremental", []string{"u=1, i", "u=1, i"}, nil, false, "0 1 0 1 0 1 0 1"},
		{"in order", []string{"u=1", "u=1"}, nil, false, "0 0 0 0 1 1 1 1"},
		{"PRIORITY_UPDATE", []string{"u=1", "u=2"}, map[int]string{0: "u=6"}, false, "1 1 1 1 0 0 0 0"},
		{"PRIORITY_UPDATE of a stream to come", []string{"", ""}, map[int]string{1: "u=0"}, true, "1 1 1 1 0 0 0 0"},
		{"nonsense", []string{"u=9", "i=maybe, u=x"}, nil, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.dialFor(t, setInitialWindow, 1<<20)
			c.stingy = true
			c.want(c.get("/fill"), "200", "*") // takes the connection's window
			<-ready
			update := func(base uint32) {
				for n, p := range tt.updates {
					c.send(frame(typePriorityUpdate, 0, 0, append(u32(base+2*uint32(n)), p...)...))
				}
			}
			base := c.next
			if tt.before {
				update(base)
			}
			for _, p := range tt.priorities {
				if p == "" {
					c.get("/")
				} else {
					c.get("/", "priority", p)
				}
				<-ready
			}
			if !tt.before {
				update(base)
			}
			c.until("the heads", func() bool {
				for i := range tt.priorities {
					if c.answer(base+2*uint32(i)).fields == nil {
						return false
					}
				}
				return true
			})
			c.sync()
			c.order = nil
			c.send(windowUpdate(0, uint32(len(tt.priorities)*size)))
			for i := range tt.priorities {
				c.want(base+2*uint32(i), "200", "*")
			}
			var order []string
			for _, id := range c.order {
				order = append(order, fmt.Sprint((id-base)/2))
			}
			if got := strings.Join(order, " "); tt.want != "" && got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestStarvedIsNotLate: a stream that waits because more urgent ones take all that the client takes is not one whose client takes nothing.
func TestStarvedIsNotLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveMem(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) { ctx.SetBody(make([]byte, 1<<20)) })
		c := s.dialMem(1<<20, setInitialWindow, 1<<20)
		c.stingy = true
		urgent, other := c.get("/", "priority", "u=1"), c.get("/", "priority", "u=5")
		for range 60 { // takes 1,000 bytes in a second
			time.Sleep(time.Second)
			c.send(windowUpdate(0, 1000))
		}
		c.send(windowUpdate(0, 2<<20))
		c.want(urgent, "200", "*")
		c.want(other, "200", "*")
	})
}
