package http2_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// TestShutdown: what was opened before the final GOAWAY is answered, what comes later is ignored, and the connection ends in order (RFC 9113,
// section 6.8).
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

// TestShutdownOfSilent: connections that never answer, or have not even begun, do not hold Shutdown up.
func TestShutdownOfSilent(t *testing.T) {
	for _, sent := range []string{"", "PRI", clientPreface, clientPreface + string(settings()), clientPreface + string(settings()) + "\x00\x00"} {
		bubble(t, func(t *testing.T) {
			s := serveMem(t, http2.Config{}, hello)
			nc := s.connectMem(1 << 16)
			go drain(nc)
			_, _ = nc.Write([]byte(sent))
			time.Sleep(time.Second)
			begun := time.Now()
			if err := s.srv.Shutdown(t.Context()); err != nil || time.Since(begun) > 5*time.Second {
				t.Errorf("%q: %v after %v", sent, err, time.Since(begun))
			}
		})
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

// TestClientGoAway: a client that leaves gets what it asked for, and nothing is pushed to it.
func TestClientGoAway(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		close(started)
		<-release
		if err := http2.StreamOf(ctx).Push("/x"); !errors.Is(err, http2.ErrNoPush) {
			t.Errorf("Push: %v", err)
		}
		ctx.SetBody(make([]byte, 200_000))
	})
	c := s.dial()
	id := c.get("/")
	<-started
	c.send(frame(typeGoAway, 0, 0, make([]byte, 8)...))
	c.sync()
	close(release)
	if a := c.want(id, "200", "*"); a.size != 200_000 {
		t.Errorf("%d bytes", a.size)
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

// TestOnPeerCloseAfterCloseWrite: a client that resets the stream has left, whatever was written before.
func TestOnPeerCloseAfterCloseWrite(t *testing.T) {
	left, asked := make(chan struct{}, 1), make(chan struct{}, 1)
	s := serve(t, http2.Config{ExtendedConnect: true, StreamRequestBody: true}, func(ctx *fasthttp.RequestCtx) {
		http2.StreamOf(ctx).Hijack(func(st *http2.Stream) {
			defer func() { _ = st.Close() }()
			_ = st.CloseWrite()
			st.OnPeerClose(func() { left <- struct{}{} })
			asked <- struct{}{}
			_, _ = io.Copy(io.Discard, st)
		})
	})
	c := s.dial()
	for _, fields := range [][]string{request("POST", "/"), extended("websocket", "/")} {
		id := c.open(false, fields...)
		c.want(id, "200", "")
		<-asked
		c.send(rstStream(id, http2.Cancel))
		select {
		case <-left:
		case <-time.After(hangTime):
			t.Fatalf("%q: OnPeerClose did not call", fields)
		}
	}
}

// TestOnEndTooLate: who asks when the response is written already is called at once.
func TestOnEndTooLate(t *testing.T) {
	ends := make(chan error, 1)
	s := serve(t, http2.Config{ExtendedConnect: true}, func(ctx *fasthttp.RequestCtx) {
		st := http2.StreamOf(ctx)
		if st.Protocol() == "" {
			st.Override(503, []byte("took too long"))
			st.OnEnd(func(err error) { ends <- err })
			return
		}
		st.Hijack(func(st *http2.Stream) {
			defer func() { _ = st.Close() }()
			_ = st.CloseWrite()
			st.OnEnd(func(err error) { ends <- err })
			_, _ = io.Copy(io.Discard, st)
		})
	})
	c := s.dial()
	c.want(c.get("/"), "503", "took too long")
	id := c.open(false, extended("websocket", "/")...)
	c.want(id, "200", "")
	c.data(id, true, nil)
	for range 2 {
		select {
		case err := <-ends:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(hangTime):
			t.Fatal("OnEnd did not call")
		}
	}
}
