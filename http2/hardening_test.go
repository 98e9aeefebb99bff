package http2_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// inChild runs a test that may end the process in a process of its own.
func inChild(t *testing.T) (here bool) {
	t.Helper()
	const key = "HTTP2_HARDENING_CHILD"
	if os.Getenv(key) == t.Name() {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), key+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%.2500s", err, out)
	}
	return false
}

// TestHardenedCloseInHandler: RequestCtx.Conn().Close() is how handlers hang up on a client. It must not free the stream under them.
func TestHardenedCloseInHandler(t *testing.T) {
	if !inChild(t) {
		return
	}
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/close" {
			_ = ctx.Conn().Close()
		}
		ctx.SetBodyString("hello")
	})
	c := s.dial()
	a := c.await(c.get("/close"))
	if !a.reset {
		t.Errorf("%v, want a reset", a)
	}
	c.want(c.get("/"), "200", "hello")
}

// TestHardenedWriteInHandler: bytes written to RequestCtx.Conn() before the head would be DATA without HEADERS.
func TestHardenedWriteInHandler(t *testing.T) {
	var err error
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		_, err = ctx.Conn().Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		ctx.SetBodyString("hello")
	})
	c := s.dial()
	c.want(c.get("/"), "200", "hello")
	if err == nil {
		t.Error("the write did not fail")
	}
}

// TestHardenedTimeoutError: a handler that was given up (RequestCtx.TimeoutError, fasthttp.TimeoutHandler) goes on with its RequestCtx, whose connection must not be
// another request's, nor nil.
func TestHardenedTimeoutError(t *testing.T) {
	if !inChild(t) {
		return
	}
	var leaks atomic.Int32
	var late sync.WaitGroup
	answered := make(chan struct{})
	s := serve(t, http2.Config{StreamRequestBody: true}, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/other" {
			ctx.SetBody(ctx.PostBody())
			return
		}
		late.Add(1)
		go func() {
			defer late.Done()
			<-answered
			_ = ctx.RemoteAddr()
			b := make([]byte, 100)
			n, _ := ctx.RequestBodyStream().Read(b)
			if strings.Contains(string(b[:n]), "secret") {
				leaks.Add(1)
			}
		}()
		ctx.TimeoutError("timeout")
	})
	c := s.dial()
	id := c.open(false, request("POST", "/slow")...)
	c.data(id, true, []byte("mine"))
	c.want(id, "408", "*")
	other := c.open(false, request("POST", "/other")...)
	c.data(other, false, []byte("secret"))
	c.sync()
	close(answered)
	late.Wait()
	c.data(other, true, nil)
	if a := c.await(other); string(a.body) != "secret" || leaks.Load() > 0 {
		t.Errorf("the other request: %v; leaks: %d", a, leaks.Load())
	}
}

// TestHardenedReaderOutlivesHandler: a goroutine that still reads the body when the handler has returned gets an error, whatever becomes of the stream.
func TestHardenedReaderOutlivesHandler(t *testing.T) {
	if !inChild(t) {
		return
	}
	ended := make(chan any, 1)
	var reading sync.WaitGroup
	s := serve(t, http2.Config{StreamRequestBody: true}, func(ctx *fasthttp.RequestCtx) {
		body := ctx.RequestBodyStream()
		reading.Add(1)
		go func() {
			defer func() { ended <- recover() }()
			reading.Done()
			_, _ = io.Copy(io.Discard, body)
		}()
		reading.Wait()
		time.Sleep(20 * time.Millisecond) // until it waits
	})
	c := s.dial()
	id := c.open(false, request("POST", "/")...)
	c.until("answer", func() bool { return c.answer(id).ended })
	c.send(rstStream(id, http2.Cancel))
	c.sync()
	select {
	case v := <-ended:
		if v != nil {
			t.Errorf("the reader panicked: %v", v)
		}
	case <-time.After(hangTime):
		t.Error("the reader waits for ever")
	}
}

// TestHardenedMalformedRace: a malformed request's stream is given back to the pool and used afterwards (run with -race).
func TestHardenedMalformedRace(t *testing.T) {
	s := serve(t, http2.Config{}, hello)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c := s.dial()
				for range 150 {
					c.open(true, ":method", "GET", ":scheme", "http", ":authority", "example.com", ":path", "no-path")
				}
				c.sync()
				_ = c.nc.Close()
			}
		})
		wg.Go(func() {
			c := s.dial()
			for range 1500 {
				c.want(c.get("/"), "200", "hello")
			}
		})
	}
	time.AfterFunc(4*time.Second, func() { close(stop) })
	wg.Wait()
}

// TestHardenedOverrideTruncatesBody: what comes after an Override is dropped, so the body must not look complete to the handler, and a Read that waits must end.
func TestHardenedOverrideTruncatesBody(t *testing.T) {
	type outcome struct {
		body string
		err  error
	}
	got := make(chan outcome, 1)
	s := serve(t, http2.Config{StreamRequestBody: true}, func(ctx *fasthttp.RequestCtx) {
		st := http2.StreamOf(ctx)
		time.AfterFunc(50*time.Millisecond, func() { st.Override(503, []byte("late")) })
		b, err := io.ReadAll(ctx.RequestBodyStream())
		got <- outcome{string(b), err}
	})
	t.Run("waiting", func(t *testing.T) {
		c := s.dialFor(t)
		c.want(c.open(false, request("POST", "/")...), "503", "late")
		select {
		case <-got:
		case <-time.After(hangTime):
			t.Error("the handler still waits for the body")
		}
	})
	t.Run("truncated", func(t *testing.T) {
		c := s.dialFor(t)
		id := c.open(false, request("POST", "/")...)
		c.data(id, false, []byte("first,"))
		c.want(id, "503", "late")
		c.data(id, true, []byte("second"))
		if o := <-got; o.err == nil {
			t.Errorf("the handler read %q and no error", o.body)
		}
	})
}

// pipes returns a connection in memory to srv, whose server's writes wait until the client reads, and whose preface was sent.
func pipes(t *testing.T, srv *http2.Server) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close() })
	go func() { _ = srv.ServeConn(theirs) }()
	_ = ours.SetDeadline(time.Now().Add(patience))
	if _, err := ours.Write(append([]byte(clientPreface), settings()...)); err != nil {
		t.Fatal(err)
	}
	return ours
}

// drainTo reads until the server's answer to our SETTINGS.
func drainTo(t *testing.T, nc net.Conn) {
	t.Helper()
	br := bufio.NewReader(nc)
	head := make([]byte, frameHeader)
	for {
		if _, err := io.ReadFull(br, head); err != nil {
			t.Fatal(err)
		}
		n := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		_, _ = br.Discard(n)
		if head[3] == typeSettings && head[4]&ack != 0 {
			return
		}
	}
}

// TestHardenedClockBlocks: a client that reads nothing must not stop the clock for all others.
func TestHardenedClockBlocks(t *testing.T) {
	srv := &http2.Server{Handler: hello, Config: http2.Config{IdleTimeout: time.Second, WriteTimeout: 2 * time.Second}}
	drainTo(t, pipes(t, srv)) // reads no more: not even the GOAWAY
	time.Sleep(700 * time.Millisecond)
	good := pipes(t, srv)
	start := time.Now()
	_, _ = io.Copy(io.Discard, good) // until the server closes it
	if d := time.Since(start); d > hangTime {
		t.Errorf("an idle connection was closed after %v", d)
	}
}

// TestHardenedShutdownBlocks: Shutdown ends with its context, GoAway at once, whatever clients do not read.
func TestHardenedShutdownBlocks(t *testing.T) {
	for name, call := range map[string]func(*http2.Server){
		"GoAway": (*http2.Server).GoAway,
		"Shutdown": func(srv *http2.Server) {
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			defer cancel()
			_ = srv.Shutdown(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := &http2.Server{Handler: hello}
			drainTo(t, pipes(t, srv))
			done := make(chan struct{})
			go func() {
				defer close(done)
				call(srv)
			}()
			select {
			case <-done:
			case <-time.After(hangTime):
				t.Error("it waits for a client that does not read")
			}
		})
	}
}

// TestHardenedTryWriteBlocks: TryWrite sends what goes without waiting.
func TestHardenedTryWriteBlocks(t *testing.T) {
	took := make(chan time.Duration, 1)
	srv := &http2.Server{Config: http2.Config{WriteTimeout: 3 * time.Second}, Handler: func(ctx *fasthttp.RequestCtx) {
		http2.StreamOf(ctx).Hijack(func(s *http2.Stream) {
			time.Sleep(50 * time.Millisecond)
			start := time.Now()
			_, _ = s.TryWrite([]byte("x"))
			took <- time.Since(start)
		})
	}}
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() { _ = srv.ServeConn(theirs) }()
	c := newClient(t, ours)
	c.until("SETTINGS", func() bool { return len(c.settings) > 0 && c.acked == 1 })
	c.head(c.get("/"))
	select {
	case <-took:
	case <-time.After(hangTime):
		t.Error("TryWrite waits for a client that does not read")
	}
}

// upgraded returns a connection that was upgraded from HTTP/1.1, its 101 read.
func upgradedConn(t *testing.T, srv *http2.Server, path string) net.Conn {
	t.Helper()
	fs := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		if !srv.Upgrade(ctx) {
			ctx.SetStatusCode(400)
		}
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() { _ = fs.Serve(l) }()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	window := "AAQ_____"
	_, _ = io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "+window+"\r\n\r\n")
	b := make([]byte, 0, 512)
	for !bytes.Contains(b, []byte("\r\n\r\n")) {
		one := make([]byte, 1)
		if _, err := nc.Read(one); err != nil {
			t.Fatalf("%v after %q", err, b)
		}
		b = append(b, one...)
	}
	if !strings.HasPrefix(string(b), "HTTP/1.1 101") {
		t.Fatalf("%q", b)
	}
	return nc
}

// TestHardenedUpgradedIsKilled: a connection that was upgraded is closed like any other when its client takes nothing: Close of fasthttp's hijacked connections does nothing.
func TestHardenedUpgradedIsKilled(t *testing.T) {
	left := make(chan struct{})
	srv := &http2.Server{Config: http2.Config{WriteTimeout: time.Second}, Handler: func(ctx *fasthttp.RequestCtx) {
		http2.StreamOf(ctx).Hijack(func(s *http2.Stream) {
			defer close(left)
			b := make([]byte, 64<<10)
			for {
				if _, err := s.Write(b); err != nil {
					return
				}
			}
		})
	}}
	nc := upgradedConn(t, srv, "/")
	_, _ = nc.Write(append([]byte(clientPreface), append(settings(setInitialWindow, biggestWindow), windowUpdate(0, biggestWindow-defaultWindow)...)...))
	select {
	case <-left:
	case <-time.After(hangTime):
		t.Errorf("the write still hangs: %+v", srv.Stats())
	}
}

// TestHardenedStaleClock: the clock stands still without connections. The next one is not idle since then.
func TestHardenedStaleClock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveMem(t, http2.Config{IdleTimeout: 1500 * time.Millisecond}, hello)
		_ = s.dialMem(1 << 16).nc.Close()
		time.Sleep(time.Hour)
		c := readerOf(t, s.connectMem(1<<16))
		c.send([]byte(clientPreface))
		time.Sleep(900 * time.Millisecond)
		c.send(settings())
		c.want(c.get("/"), "200", "hello")
		if len(c.goaways) > 0 {
			t.Errorf("GOAWAY %v", c.goaways)
		}
	})
}

// TestHardenedWriteCount: Write returns how many bytes went out before its deadline.
func TestHardenedWriteCount(t *testing.T) {
	type outcome struct {
		n   int
		err error
	}
	got := make(chan outcome, 1)
	s := tunnel(t, http2.Config{}, func(s *http2.Stream) {
		_ = s.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := s.Write(make([]byte, 100))
		got <- outcome{n, err}
		_ = s.Close()
	})
	c := s.dial(setInitialWindow, 10)
	c.stingy = true
	id := c.open(false, extended("websocket", "/")...)
	c.head(id)
	c.send(windowUpdate(id, 20))
	c.until("30 bytes", func() bool { return c.answer(id).size == 30 })
	if o := <-got; o.n != 30 || !errors.Is(o.err, os.ErrDeadlineExceeded) {
		t.Errorf("Write: %d, %v; the client has 30 bytes", o.n, o.err)
	}
}

// TestHardenedGoexit: a handler that ends its goroutine does not run any more.
func TestHardenedGoexit(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/exit" {
			runtime.Goexit()
		}
		ctx.SetBodyString("hello")
	})
	c := s.dial()
	c.await(c.get("/exit"))
	c.want(c.get("/"), "200", "hello")
	if st := s.srv.Stats(); st.Handlers != 0 || st.Streams != 0 {
		t.Errorf("%+v", st)
	}
}

// TestHardenedResponseFields: fields that HTTP/2 does not allow make the whole response malformed for clients (RFC 9113, section 8.2): they must not leave.
func TestHardenedResponseFields(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		h := &ctx.Response.Header
		h.DisableNormalizing()
		switch string(ctx.Path()) {
		case "/pseudo":
			h.Set(":status", "500")
		case "/space":
			h.Set("a b", "1")
		case "/nul":
			h.Set("x", "a\x00b")
		case "/crlf":
			h.Set("x", "a\r\nb: c")
		case "/empty":
			h.Set("", "1")
		case "/lower":
			h.Set("connection", "keep-alive")
			h.Set("upgrade", "h2c")
			h.Set("transfer-encoding", "chunked")
			h.Set("keep-alive", "timeout=5")
		}
		ctx.SetBodyString("hello")
	})
	for _, path := range []string{"/pseudo", "/space", "/nul", "/crlf", "/empty", "/lower"} {
		t.Run(path[1:], func(t *testing.T) {
			c := s.dialFor(t)
			a := c.await(c.get(path))
			for i, f := range a.fields {
				bad := strings.ContainsAny(f.Name, " \t\r\n\x00:") && i > 0 || f.Name == "" || strings.ContainsAny(f.Value, "\r\n\x00")
				switch f.Name {
				case "connection", "upgrade", "transfer-encoding", "keep-alive":
					bad = true
				}
				if bad {
					t.Errorf("%q: %q", f.Name, f.Value)
				}
			}
		})
	}
}

// TestHardenedTrailersInHead: a field that is declared a trailer follows the body only.
func TestHardenedTrailersInHead(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		_ = ctx.Response.Header.SetTrailer("X-Sum")
		ctx.Response.Header.Set("X-Sum", "1")
		ctx.SetBodyString("hello")
	})
	c := s.dial()
	a := c.want(c.get("/"), "200", "hello")
	if a.field("x-sum") != "" || fieldOf(a.trailers, "x-sum") != "1" {
		t.Errorf("head %v, trailers %v", a.fields, a.trailers)
	}
}

// TestHardenedWindowDeadlock: bodies that handlers do not read yet must not stop those that others read.
func TestHardenedWindowDeadlock(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, http2.Config{StreamRequestBody: true}, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/later" {
			<-release
		}
		ctx.SetBodyString("hello")
		_, _ = io.Copy(io.Discard, ctx.RequestBodyStream())
	})
	c := s.dial()
	for range 3 {
		id := c.open(false, request("POST", "/later")...)
		c.upload(id, false, make([]byte, 256<<10))
	}
	defer close(release)
	c.upload(c.open(false, request("POST", "/now")...), true, make([]byte, 2<<20)) // fails if it waits for the bodies of others
}

// TestHardenedPushesAreNotTheClients: pushed streams do not count against what the client may open (RFC 9113, section 5.1.2).
func TestHardenedPushesAreNotTheClients(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, http2.Config{MaxConcurrentStreams: 4}, func(ctx *fasthttp.RequestCtx) {
		switch string(ctx.Path()) {
		case "/":
			for _, target := range []string{"/a", "/b", "/c", "/d"} {
				_ = http2.StreamOf(ctx).Push(target)
			}
		case "/own":
		default:
			<-release
		}
		ctx.SetBodyString("hello")
	})
	c := s.dial()
	c.want(c.get("/"), "200", "hello")
	a := c.await(c.get("/own"))
	close(release)
	if a.reset {
		t.Errorf("refused with %v, though the client has one stream open", a.code)
	}
}

// TestHardenedInterimStatus: a handler cannot answer with an informational status: with END_STREAM it is malformed.
func TestHardenedInterimStatus(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		status, _ := ctx.QueryArgs().GetUint("s")
		ctx.SetStatusCode(status)
	})
	for _, status := range []string{"100", "101", "103", "199", "99", "1000"} {
		c := s.dial()
		c.want(c.get("/?s="+status), "500", "*")
	}
}

// TestHardenedPushFromTunnel: Push where there is no request any more fails.
func TestHardenedPushFromTunnel(t *testing.T) {
	got := make(chan any, 1)
	s := tunnel(t, http2.Config{}, func(s *http2.Stream) {
		defer s.Close()
		defer func() { got <- recover() }()
		_ = s.EarlyHints([]string{"</a>; rel=preload"})
		_ = s.Push("/a")
	})
	c := s.dial()
	c.await(c.open(false, extended("websocket", "/")...))
	if v := <-got; v != nil {
		t.Errorf("Push panics: %v", v)
	}
}

// TestHardenedLargeAnswersLetUploadsPass: bodies that nobody reads any more, since their handlers have answered, do not stop those that others read, also while the
// answers wait for the client.
func TestHardenedLargeAnswersLetUploadsPass(t *testing.T) {
	s := serve(t, http2.Config{StreamRequestBody: true, WriteTimeout: -1}, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/read" {
			n, err := io.Copy(io.Discard, ctx.RequestBodyStream())
			fmt.Fprint(ctx, n, err)
			return
		}
		ctx.SetBody(make([]byte, 200<<10))
	})
	for _, before := range []bool{true, false} { // the bodies come before the handlers answer, or behind
		c := s.dial()
		c.stingy = true
		for range 4 {
			id := c.open(false, request("POST", "/")...)
			if !before {
				c.head(id)
			}
			c.data(id, false, make([]byte, 256<<10))
		}
		id := c.open(false, request("POST", "/read")...)
		c.upload(id, true, make([]byte, 100<<10)) // fails if it waits for the others
		c.stingy = false
		c.send(windowUpdate(0, 1<<20))
		c.want(id, "200", "102400 <nil>")
	}
}
