package quart_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
	"github.com/valyala/fasthttp"
)

// joining serves sockets on / that wait for their end, and hands them out.
func joining(cfg quart.SocketConfig) (*quart.App, <-chan *quart.Socket) {
	app, _ := newApp(quart.Config{})
	joined := make(chan *quart.Socket, 1)
	app.Get("/", func(c *quart.Ctx) error {
		return c.Upgrade(cfg, func(ws *quart.Socket) error {
			joined <- ws
			_, err := ws.Read()
			return err
		})
	})
	return app, joined
}

// A frame that is nil, because an error was overlooked, is an error and leaves the socket usable.
func TestSocketPostNil(t *testing.T) {
	app, joined := joining(quart.SocketConfig{})
	ws := serve(t, app).socket("/")
	s := <-joined
	f, _ := quart.Event{ID: "\n"}.Frame()
	if err := s.Post(f); err == nil {
		t.Error("a nil frame was posted")
	}
	_ = s.WriteText("still there")
	ws.want(fin|opText, "still there")
}

// brokenLog is a log whose handler panics.
type brokenLog struct{}

func (brokenLog) Enabled(context.Context, slog.Level) bool { return true }
func (brokenLog) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		panic("the log is broken")
	}
	return nil
}
func (l brokenLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l brokenLog) WithGroup(string) slog.Handler      { return l }

// A broken log does not end the process.
func TestSocketLogPanics(t *testing.T) {
	app := quart.New(quart.Config{Log: slog.New(brokenLog{}), ShutdownDelay: -1})
	app.WebSocket("/ws", func(*quart.Socket) error { return errors.New("x") })
	app.SSE("/sse", func(*quart.EventStream) error { return errors.New("x") })
	s := serve(t, app)
	s.socket("/ws").wantClose(1011)
	nc := s.dial()
	send(t, nc, "GET /sse HTTP/1.1\r\nHost: a\r\n\r\n")
	_, _ = io.ReadAll(nc)
	s.socket("/ws").wantClose(1011)
}

// Close while a write waits for the client: what was written before it arrives, then the close frame, at once. The client has a second for the
// rest, of which a busy machine may take too much: it has to happen three times.
func TestSocketCloseBehindAWrite(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("tls ", secure), func(t *testing.T) {
			app, _ := newApp(withTLS(t, quart.Config{}, secure))
			closed, end := make(chan struct{}), make(chan struct{})
			defer close(end)
			app.WebSocket("/", func(ws *quart.Socket) error {
				begun := make(chan struct{})
				go func() {
					close(begun)
					_ = ws.Write(quart.Message{Data: make([]byte, 6<<20), Binary: true})
				}()
				<-begun
				time.Sleep(100 * time.Millisecond) // the write waits
				_ = ws.WriteText("behind")
				ws.Close()
				closed <- struct{}{}
				<-end
				return nil
			})
			s := serve(t, app)
			for try := range 3 {
				ws, _ := openSocket(t, s.dialAs(secure), "", "/")
				<-closed
				start := time.Now()
				op1, p1, err1 := ws.next()
				op2, p2, err2 := ws.next()
				op3, p3, err3 := ws.next()
				if len(p1) == 6<<20 && op2 == fin|opText && string(p2) == "behind" && op3 == fin|opClose && string(p3) == "\x03\xe8" {
					return
				}
				t.Logf("%d: after %v: %x with %d bytes, %v; %x %q, %v; %x %q, %v", try, time.Since(start), op1, len(p1), err1, op2, p2, err2, op3, p3, err3)
			}
			t.Error("what was written before the close did not arrive, or the close frame did not")
		})
	}
}

// What is kept for a client that does not read is bounded: writes wait, and pings are not taken any more.
func TestSocketMemoryIsBounded(t *testing.T) {
	for _, queue := range []int{64, -1} {
		app, _ := newApp(quart.Config{WriteTimeout: 3 * time.Second})
		var written atomic.Int64
		stuck := make(chan *quart.Socket, 1)
		app.Get("/{what}", func(c *quart.Ctx) error {
			return c.Upgrade(quart.SocketConfig{Queue: queue}, func(ws *quart.Socket) error {
				for range 3 {
					_ = ws.Post(quart.NewFrame("", quart.Message{Data: make([]byte, 8<<20), Binary: true}))
				}
				stuck <- ws
				if ws.Param("what") == "pings" {
					_, err := ws.Read()
					return err
				}
				for ws.Write(quart.Message{Data: make([]byte, 64<<10), Binary: true}) == nil {
					written.Add(64 << 10)
				}
				return nil
			})
		})
		s := serve(t, app)
		s.socket("/writes")
		ws := <-stuck
		<-ws.Context().Done()
		if n := written.Load(); n > 1<<20 {
			t.Errorf("queue %d: %d KiB were taken for a client that does not read", queue, n>>10)
		}
		client := s.socket("/pings")
		<-stuck
		ping := []byte(strings.Repeat(frame(fin|opPing, strings.Repeat("p", 125)), 1000))
		sent := 0
		for sent < 64<<20 {
			n, err := client.Conn.Write(ping)
			if sent += n; err != nil {
				break
			}
		}
		if sent >= 64<<20 {
			t.Errorf("queue %d: %d MiB of pings were taken", queue, sent>>20)
		}
	}
}

// A client that reads steadily, and too slowly, is dropped from or closed as Overflow says, and never far behind.
func TestSocketSteadyAndSlow(t *testing.T) {
	for _, overflow := range []quart.Overflow{quart.CloseSlow, quart.DropOldest, quart.DropNewest} {
		inBubble(t, func(t *testing.T) {
			app, joined := joining(quart.SocketConfig{Queue: 8, Overflow: overflow})
			slow, _ := openSocket(t, quarttest.New(t, app).Dial(), "", "/")
			ws := <-joined
			big := strings.Repeat("x", 256<<10)
			var last atomic.Int64
			go func() {
				for {
					_, p, err := slow.next()
					if err != nil {
						return
					}
					var i int64
					_, _ = fmt.Sscan(p, &i)
					last.Store(i)
					time.Sleep(50 * time.Millisecond)
				}
			}()
			var err error
			for i := range 400 {
				if err = ws.Post(quart.NewFrame("", quart.Message{Data: []byte(fmt.Sprint(i, " ", big))})); err == quart.ErrDropped {
					err = nil
				}
				if err != nil {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			synctest.Wait()
			switch {
			case overflow == quart.CloseSlow:
				if err != quart.ErrQueueFull {
					t.Errorf("Post: %v", err)
				}
			case err != nil || ws.Dropped() < 250:
				t.Errorf("overflow %d: %v, %d dropped", overflow, err, ws.Dropped())
			case overflow == quart.DropOldest && last.Load() < 360:
				t.Errorf("the client is at frame %d of 400", last.Load())
			}
			ws.Close()
			slow.Close()
		})
	}
}

// What is written does not take the place of what is posted.
func TestSocketWritesAreNotInTheQueue(t *testing.T) {
	app, joined := joining(quart.SocketConfig{Queue: 8})
	client := serve(t, app).socket("/")
	ws := <-joined
	f := quart.NewFrame("", quart.Message{Data: make([]byte, 16<<20), Binary: true})
	if err := errors.Join(ws.Post(f), ws.Post(f)); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := ws.WriteText("small"); err != nil {
			t.Fatal(err)
		}
	}
	if err := ws.Post(quart.NewFrame("", quart.Message{Data: []byte("posted")})); err != nil {
		t.Errorf("Post: %v", err)
	}
	for range 2 {
		if _, p, err := client.next(); err != nil || len(p) != 16<<20 {
			t.Fatal(len(p), err)
		}
	}
	for range 100 {
		client.want(fin|opText, "small")
	}
	client.want(fin|opText, "posted")
}

// A function that ends its goroutine, by t.Fatal for one, has failed.
func TestSocketGoexit(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.WebSocket("/ws", func(*quart.Socket) error {
		runtime.Goexit()
		return nil
	})
	app.SSE("/sse", func(*quart.EventStream) error {
		runtime.Goexit()
		return nil
	})
	s := serve(t, app)
	s.socket("/ws").wantClose(1011)
	nc := s.dial()
	send(t, nc, "GET /sse HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := io.ReadAll(nc); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "ended its goroutine"); n != 2 {
		t.Errorf("%d lines in the log: %s", n, log)
	}
}

// After a close of ours Read returns nothing more, although more has arrived.
func TestSocketReadAfterClose(t *testing.T) {
	app, _ := newApp(quart.Config{})
	result := make(chan error, 2)
	app.WebSocket("/", func(ws *quart.Socket) error {
		for range ws.Messages() {
			ws.Close()
		}
		for range 2 {
			_, err := ws.Read()
			result <- err
		}
		return nil
	})
	ws := serve(t, app).socket("/")
	ws.send(textFrame("a"), textFrame("b"), textFrame("c"))
	for range 2 {
		if err := <-result; err != quart.ErrClosed {
			t.Errorf("Read: %v", err)
		}
	}
	ws.wantClose(1000)
}

// A foreign server that keeps hijacked connections open keeps no socket's.
func TestSocketForeignKeeps(t *testing.T) {
	app, _ := newApp(quart.Config{})
	stuck := make(chan struct{})
	app.WebSocket("/echo", echoSocket)
	app.WebSocket("/stuck", func(ws *quart.Socket) error {
		ws.Close()
		<-stuck
		return nil
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &fasthttp.Server{Handler: app.Handler(), KeepHijackedConns: true}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	s := &served{t: t, addr: l.Addr().String()}
	ws := s.socket("/echo")
	ws.send(closing(1000, ""))
	ws.wantClose(1000)
	s.socket("/stuck").wantClose(1000)
	close(stuck)
	_ = l.Close()
	<-done
}

// What another layer answers in the place of a socket has none of its headers.
func TestSocketRefusedHeaders(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.WebSocket("/error", echoSocket).Use(quart.After(func(*quart.Ctx) error { return quart.ErrForbidden }))
	app.WebSocket("/text", echoSocket).Use(quart.After(func(c *quart.Ctx) error { return c.Text(200, "no") }))
	app.WebSocket("/status", echoSocket).Use(quart.After(func(c *quart.Ctx) error {
		c.SetStatus(304)
		return nil
	}))
	s := serve(t, app)
	for path, status := range map[string]int{"/error": 403, "/text": 200, "/status": 304} {
		a := s.raw("GET", upgradeRequest(path))
		if a.StatusCode != status || a.Header.Get("Sec-WebSocket-Accept") != "" {
			t.Errorf("%s: %d %v", path, a.StatusCode, a.Header)
		}
	}
}
