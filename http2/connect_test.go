package http2_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// extended returns the fields of an extended CONNECT (RFC 8441, section 4).
func extended(protocol, path string, more ...string) []string {
	return append([]string{
		":method", "CONNECT", ":protocol", protocol, ":scheme", "http", ":authority", "example.com", ":path", path,
	}, more...)
}

// tunnel accepts every extended CONNECT and gives its stream to f.
func tunnel(t testing.TB, cfg http2.Config, f func(s *http2.Stream)) *served {
	cfg.ExtendedConnect = true
	return serve(t, cfg, func(ctx *fasthttp.RequestCtx) {
		if s := http2.StreamOf(ctx); s.Protocol() != "" {
			s.Hijack(f)
			return
		}
		ctx.SetBodyString("hello")
	})
}

func echo(s *http2.Stream) {
	_, _ = io.Copy(s, s)
	_ = s.Close()
}

// TestExtendedConnect: the handler sees a GET with a protocol, and its stream goes both ways.
func TestExtendedConnect(t *testing.T) {
	s := serve(t, http2.Config{ExtendedConnect: true}, func(ctx *fasthttp.RequestCtx) {
		st := http2.StreamOf(ctx)
		ctx.Response.Header.Set("X-Saw", fmt.Sprintf("%s %s %s %s %s", ctx.Method(), ctx.RequestURI(), ctx.Host(), st.Protocol(),
			ctx.Request.Header.Peek("Sec-WebSocket-Version")))
		switch {
		case st.Protocol() != "websocket":
			ctx.SetStatusCode(501)
		case string(ctx.Path()) == "/chat":
			st.Hijack(echo)
		default:
			ctx.SetStatusCode(404)
		}
	})
	c := s.dial()
	if c.settings[setExtendedConnect] != 1 {
		t.Errorf("SETTINGS %v", c.settings)
	}
	id := c.open(false, extended("websocket", "/chat?x=1", "sec-websocket-version", "13")...)
	a := c.head(id)
	if got := a.field("x-saw"); a.status() != "200" || a.ended || got != "GET /chat?x=1 example.com websocket 13" {
		t.Fatalf("%v, saw %s", a, got)
	}
	if a.field("content-length") != "" {
		t.Errorf("a length: %v", a)
	}
	for i := range 10 {
		c.data(id, false, []byte("ping"))
		c.until("the echo", func() bool { return a.size == 4*(i+1) })
	}
	c.upload(id, true, pattern(1<<20))
	c.await(id)
	if a.size != 40+1<<20 || a.reset {
		t.Errorf("%v", a)
	}
	c.want(c.open(false, extended("websocket", "/other")...), "404", "*")
	c.want(c.open(false, extended("other", "/chat")...), "501", "*")
	c.want(c.get("/x"), "501", "*") // no protocol
}

// TestExtendedConnectMalformed: RFC 8441, section 4, and that it must be asked for.
func TestExtendedConnectMalformed(t *testing.T) {
	t.Run("off", func(t *testing.T) {
		c := serve(t, http2.Config{}, hello).dial()
		if _, ok := c.settings[setExtendedConnect]; ok {
			t.Errorf("SETTINGS %v", c.settings)
		}
		c.wantReset(c.open(false, extended("websocket", "/chat")...), http2.ProtocolError)
	})
	for name, fields := range map[string][]string{
		"no :scheme":    {":method", "CONNECT", ":protocol", "websocket", ":authority", "example.com", ":path", "/"},
		"no :path":      {":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "example.com"},
		"no :authority": {":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/"},
		"a GET":         append([]string{":protocol", "websocket"}, request("GET", "/")...),
		"twice":         append([]string{":protocol", "websocket"}, extended("websocket", "/")...),
		"empty":         extended("", "/"),
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, http2.Config{ExtendedConnect: true}, hello).dial()
			c.wantReset(c.open(false, fields...), http2.ProtocolError)
			c.want(c.get("/"), "200", "hello")
		})
	}
}

// TestPlainConnect: CONNECT without a protocol has neither scheme nor path (RFC 9113, section 8.5).
func TestPlainConnect(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		ctx.SetStatusCode(405)
		fmt.Fprintf(ctx, "%s %s", ctx.Method(), ctx.Host())
	})
	c := s.dial()
	c.want(c.open(false, ":method", "CONNECT", ":authority", "example.com:443"), "405", "CONNECT example.com:443")
}

// TestTunnelCloseWrite: each side may end its half.
func TestTunnelCloseWrite(t *testing.T) {
	got := make(chan string, 1)
	s := tunnel(t, http2.Config{}, func(s *http2.Stream) {
		_, _ = io.WriteString(s, "bye")
		_ = s.CloseWrite()
		if _, err := io.WriteString(s, "more"); !errors.Is(err, http2.ErrClosed) {
			t.Errorf("Write after CloseWrite: %v", err)
		}
		b, err := io.ReadAll(s)
		got <- fmt.Sprint(string(b), err)
		_ = s.Close()
		if _, err := s.Read(make([]byte, 1)); err == nil {
			t.Error("Read after Close")
		}
	})
	c := s.dial()
	id := c.open(false, extended("websocket", "/")...)
	if a := c.want(id, "200", "bye"); a.reset {
		t.Error("reset")
	}
	c.data(id, false, []byte("still "))
	c.data(id, true, []byte("here"))
	if text := <-got; text != "still here<nil>" {
		t.Errorf("read %s", text)
	}
	c.sync()
	if a := c.answer(id); a.reset && a.code != http2.NoError {
		t.Errorf("reset by %v", a.code)
	}
}

// TestTunnelGathered: who hijacks a stream whose body was read before the handler ran reads it from there, and its window is not given back once more.
func TestTunnelGathered(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		http2.StreamOf(ctx).Hijack(func(s *http2.Stream) {
			n, err := io.Copy(io.Discard, s)
			_, _ = fmt.Fprint(s, n, err)
			_ = s.Close()
		})
	})
	c := s.dial()
	for range 5 {
		c.want(c.post("/", make([]byte, 2<<20)), "200", "2097152 <nil>")
	}
	c.sync()
	if n := defaultWindow + c.granted[0]; n > 1<<20 {
		t.Errorf("the connection's window is %d bytes", n)
	}
}

// TestTunnelReset: a reset of the client ends reads, writes and waits, and calls who asked for it.
func TestTunnelReset(t *testing.T) {
	closed, result := make(chan struct{}), make(chan error, 2)
	s := tunnel(t, http2.Config{}, func(s *http2.Stream) {
		s.OnPeerClose(func() { close(closed) })
		go func() {
			_, err := s.Write(make([]byte, 1<<20))
			result <- err
		}()
		_, err := s.Read(make([]byte, 1))
		result <- err
		<-closed
		_ = s.Close()
	})
	c := s.dial()
	c.stingy = true
	id := c.open(false, extended("websocket", "/")...)
	c.until("a full window", func() bool { return c.answer(id).size == defaultWindow })
	c.send(rstStream(id, http2.Cancel))
	var se *http2.StreamError
	for range 2 {
		if err := <-result; !errors.As(err, &se) || !se.Remote || se.Code != http2.Cancel {
			t.Errorf("ended with %v", err)
		}
	}
	<-closed
}

// TestTunnelLosesConnection: the end of the connection ends all its streams.
func TestTunnelLosesConnection(t *testing.T) {
	ends := make(chan error, 10)
	s := tunnel(t, http2.Config{}, func(s *http2.Stream) {
		_, err := s.Read(make([]byte, 1))
		ends <- err
		_ = s.Close()
	})
	c := s.dial()
	for range 10 {
		c.head(c.open(false, extended("websocket", "/")...))
	}
	_ = c.nc.Close()
	for range 10 {
		if err := <-ends; err == nil || err == io.EOF {
			t.Errorf("Read: %v", err)
		}
	}
}

// TestTunnelDeadlines: they end reads and writes that wait, and can be lifted again.
func TestTunnelDeadlines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		done := make(chan struct{})
		s := serveMem(t, http2.Config{ExtendedConnect: true}, func(ctx *fasthttp.RequestCtx) {
			http2.StreamOf(ctx).Hijack(func(s *http2.Stream) {
				defer close(done)
				defer func() { _ = s.Close() }()
				testDeadlines(t, s)
			})
		})
		c := s.dialMem(1 << 20)
		c.stingy = true
		id := c.open(false, extended("websocket", "/")...)
		time.Sleep(20 * time.Second)
		c.data(id, false, []byte("x"))
		c.send(windowUpdate(0, 1<<20), windowUpdate(id, 1<<20))
		c.await(id)
		<-done
	})
}

func testDeadlines(t *testing.T, s *http2.Stream) {
	var timeout net.Error
	begun := time.Now()
	_ = s.SetReadDeadline(begun.Add(5 * time.Second))
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || time.Since(begun) != 5*time.Second {
		t.Errorf("Read: %v after %v", err, time.Since(begun))
	}
	_ = s.SetReadDeadline(begun)
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read: %v", err)
	}
	_ = s.SetWriteDeadline(begun.Add(10 * time.Second))
	n, err := s.Write(make([]byte, 100_000))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n != defaultWindow || time.Since(begun) != 10*time.Second {
		t.Errorf("Write: %d, %v after %v", n, err, time.Since(begun))
	}
	_ = s.SetDeadline(time.Time{})
	if n, err := s.Read(make([]byte, 10)); n != 1 || err != nil || time.Since(begun) < 20*time.Second {
		t.Errorf("Read: %d, %v after %v", n, err, time.Since(begun))
	}
	if n, err := s.Write(make([]byte, 100_000)); n != 100_000 || err != nil {
		t.Errorf("Write: %d, %v", n, err)
	}
}

// TestTunnelIsPatient: no time of a request holds for a stream that was hijacked, as long as the client answers PING.
func TestTunnelIsPatient(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveMem(t, http2.Config{ExtendedConnect: true}, func(ctx *fasthttp.RequestCtx) { http2.StreamOf(ctx).Hijack(echo) })
		c := s.dialMem(1 << 16)
		id := c.open(false, extended("websocket", "/")...)
		c.head(id)
		for i := range 3 {
			for begun := time.Now(); time.Since(begun) < 10*time.Minute; {
				if _, err := c.read(); err != nil { // answers PING
					t.Fatalf("%v, GOAWAY %v", err, c.goaways)
				}
			}
			c.data(id, i == 2, []byte("x"))
		}
		c.want(id, "200", "xxx")
	})
}

// TestTryWrite: takes what the windows allow, and waits for nothing.
func TestTryWrite(t *testing.T) {
	big := pattern(200_000)
	counts := make(chan int, 1)
	again := make(chan struct{})
	s := tunnel(t, http2.Config{}, func(s *http2.Stream) {
		for sent := 0; sent < len(big); <-again {
			n, err := s.TryWrite(big[sent:])
			if err != nil {
				t.Errorf("TryWrite: %v", err)
			}
			sent += n
			counts <- n
		}
		_ = s.Close()
		if _, err := s.TryWrite(big); err == nil {
			t.Error("TryWrite after Close")
		}
	})
	c := s.dial()
	c.stingy = true
	id := c.open(false, extended("websocket", "/")...)
	a := c.answer(id)
	total := 0
	for total < len(big) {
		n := <-counts
		if room := min(len(big), defaultWindow) - a.size; total == 0 && n > room {
			t.Fatalf("%d bytes in a window of %d", n, room)
		}
		total += n
		c.until("what was taken", func() bool { return a.size == total })
		c.send(windowUpdate(0, uint32(n)+1), windowUpdate(id, uint32(n)+1))
		c.sync()
		again <- struct{}{}
	}
	if c.await(id); a.sum != sumOf(big) {
		t.Errorf("%v", a)
	}
}

// TestTunnelEndsInWrite: Close ends a Write that waits for the client, and CloseWrite the response behind what its deadline let through.
func TestTunnelEndsInWrite(t *testing.T) {
	for _, tt := range []struct {
		name     string
		deadline time.Duration // of Write; 0: none
		end      func(s *http2.Stream) error
		after    time.Duration // in which Write fails
		reset    bool
	}{
		{"Close", 0, (*http2.Stream).Close, time.Second, true},
		{"Close, before a deadline", 2 * time.Second, (*http2.Stream).Close, time.Second, true},
		{"CloseWrite, before a deadline", 2 * time.Second, (*http2.Stream).CloseWrite, 2 * time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serveMem(t, http2.Config{ExtendedConnect: true}, func(ctx *fasthttp.RequestCtx) {
					http2.StreamOf(ctx).Hijack(func(s *http2.Stream) {
						begun := time.Now()
						if tt.deadline > 0 {
							_ = s.SetWriteDeadline(begun.Add(tt.deadline))
						}
						time.AfterFunc(time.Second, func() { _ = tt.end(s) })
						if n, err := s.Write(make([]byte, 100_000)); n > defaultWindow || err == nil || time.Since(begun) != tt.after {
							t.Errorf("Write: %d, %v after %v", n, err, time.Since(begun))
						}
						if _, err := s.Write(make([]byte, 1)); err == nil {
							t.Error("Write after it")
						}
					})
				})
				c := s.dialMem(1 << 20)
				c.stingy = true
				_ = c.nc.SetDeadline(time.Now().Add(time.Minute))
				id := c.open(false, extended("websocket", "/")...)
				a := c.await(id)
				if a.reset != tt.reset || a.size != defaultWindow || a.reset && a.code != http2.Cancel {
					t.Error(a)
				}
				c.data(id, true, nil)
				c.sync()
				if n := s.srv.Stats().Streams; n > 0 && tt.reset {
					t.Errorf("%d streams are open", n)
				}
				_ = c.nc.Close() // what CloseWrite leaves
			})
		})
	}
}

// TestTunnelOutlivesFunction: who hijacks a stream may keep it longer than its function runs, and write from any goroutine.
func TestTunnelOutlivesFunction(t *testing.T) {
	streams := make(chan *http2.Stream, 1)
	s := tunnel(t, http2.Config{}, func(s *http2.Stream) { streams <- s })
	c := s.dial()
	id := c.open(false, extended("websocket", "/")...)
	st := <-streams
	for range 10 {
		c.want(c.get("/"), "200", "hello")
	}
	if _, err := st.Write([]byte("late")); err != nil {
		t.Error(err)
	}
	_ = st.Close()
	_ = st.Close()
	c.want(id, "200", "late")
	if _, err := st.Write([]byte("later")); err == nil {
		t.Error("Write after Close")
	}
}

// TestTunnelCloseLeavesRest: what the client sends after Close is refused, and its window given back.
func TestTunnelCloseLeavesRest(t *testing.T) {
	s := tunnel(t, http2.Config{}, func(s *http2.Stream) {
		_, _ = io.ReadFull(s, make([]byte, 4))
		_ = s.Close()
	})
	c := s.dial()
	var ids []uint32
	for range 50 {
		ids = append(ids, c.open(false, extended("websocket", "/")...))
		c.upload(ids[len(ids)-1], false, bytes.Repeat([]byte("x"), 60_000)) // three times the connection's window, together
	}
	for _, id := range ids {
		a := c.answer(id)
		c.until("the end", func() bool { return a.reset })
		if a.code != http2.NoError && a.code != http2.Cancel {
			t.Fatal(a)
		}
	}
	c.want(c.get("/"), "200", "hello")
}

// TestTunnelShutdown: Shutdown waits for tunnels, too, and closes them when its time is over.
func TestTunnelShutdown(t *testing.T) {
	ends := make(chan error, 1)
	s := tunnel(t, http2.Config{}, func(s *http2.Stream) {
		_, err := io.Copy(s, s)
		ends <- err
		_ = s.Close()
	})
	c := s.dial()
	id := c.open(false, extended("websocket", "/")...)
	c.head(id)
	done := make(chan struct{})
	go func() {
		s.end()
		close(done)
	}()
	c.until("the final GOAWAY", func() bool { return len(c.goaways) == 2 })
	c.data(id, false, []byte("still"))
	c.data(id, true, nil)
	c.want(id, "200", "still")
	c.untilEnd()
	<-done
	if err := <-ends; err != nil {
		t.Error(err)
	}
	if !strings.Contains(fmt.Sprint(c.err), "EOF") {
		t.Error(c.err)
	}
}
