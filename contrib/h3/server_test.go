package h3_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/contrib/h3"
	"github.com/quic-go/quic-go"
)

func TestConfig(t *testing.T) {
	for name, cfg := range map[string]h3.Config{
		"no TLS":         {},
		"no certificate": {TLS: clientTLS()},
		"port":           {TLS: serverTLS(), AltSvcPort: 65536},
		"no idle":        {TLS: serverTLS(), IdleTimeout: -1},
		"no streams":     {TLS: serverTLS(), MaxStreams: -1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := h3.New(quart.New(quart.Config{}), cfg); err == nil {
				t.Error("no error")
			}
		})
	}
}

// overTLS asks for path over HTTP/1.1 and TLS.
func overTLS(t *testing.T, url string) *http.Response {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: clientTLS()}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp
}

func TestAltSvc(t *testing.T) {
	own := func(app *quart.App) {
		kinds(app)
		app.Get("/own", func(c *quart.Ctx) error {
			c.SetHeader("Alt-Svc", "clear")
			return c.Text(200, "")
		})
	}
	s := serve(t, h3.Config{}, own)
	_, port, _ := net.SplitHostPort(s.server.Addr().String())
	fixed := serve(t, h3.Config{AltSvcPort: 8443}, own)
	silent := serve(t, h3.Config{AltSvcPort: -1}, own)
	for _, tt := range []struct{ name, url, want string }{
		{"the port listened on", s.h1 + "/", `h3=":` + port + `"; ma=86400`},
		{"of an error", s.h1 + "/panic", `h3=":` + port + `"; ma=86400`},
		{"of the handler", s.h1 + "/own", "clear"},
		{"configured", fixed.h1 + "/", `h3=":8443"; ma=86400`},
		{"off", silent.h1 + "/", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := overTLS(t, tt.url).Header.Get("Alt-Svc"); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestAltSvcLayer: the layer of its own, and none without TLS.
func TestAltSvcLayer(t *testing.T) {
	s := serve(t, h3.Config{AltSvcPort: -1}, func(app *quart.App) {
		app.Use(h3.AltSvc(443))
		kinds(app)
	})
	if got := overTLS(t, s.h1+"/").Header.Get("Alt-Svc"); got != `h3=":443"; ma=86400` {
		t.Errorf("over TLS: %q", got)
	}
	if resp, _ := s.get(t, "/"); resp.Header.Get("Alt-Svc") != "" {
		t.Errorf("over HTTP/3: %v", resp.Header)
	}
	plain := quart.New(quart.Config{ShutdownDelay: -1})
	plain.Use(h3.AltSvc(443))
	kinds(plain)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- plain.Serve(ctx, l) }()
	if got := overTLS(t, "http://"+l.Addr().String()+"/").Header.Get("Alt-Svc"); got != "" {
		t.Errorf("without TLS: %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("AltSvc(0) does not panic")
		}
	}()
	h3.AltSvc(0)
}

// TestGracefulStop: a request under way is answered, one that comes after GOAWAY is not.
func TestGracefulStop(t *testing.T) {
	entered, proceed := make(chan struct{}), make(chan struct{})
	s := serve(t, h3.Config{}, func(app *quart.App) {
		app.Get("/slow", func(c *quart.Ctx) error {
			close(entered)
			<-proceed
			return c.Text(200, "done")
		})
	})
	type answer struct {
		resp *http.Response
		body string
	}
	answered := make(chan answer, 1)
	go func() {
		resp, body := s.do(t, s.request(t, "GET", "/slow", nil))
		answered <- answer{resp, body}
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	eventually(t, "new clients are refused", func() bool {
		tr := transport()
		defer func() { _ = tr.Close() }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req := s.request(t, "GET", "/nowhere", nil)
		resp, err := tr.RoundTrip(req.WithContext(ctx))
		if err == nil {
			_ = resp.Body.Close()
		}
		return err != nil
	})
	select {
	case err := <-stopped:
		t.Fatalf("stopped before the request was done: %v", err)
	default:
	}
	close(proceed)
	a := <-answered
	wantAnswer(t, a.resp, a.body, 200, "done")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestStopEndsEventStreams: their context ends, and their clients see a proper end.
func TestStopEndsEventStreams(t *testing.T) {
	s := serve(t, h3.Config{}, func(app *quart.App) {
		app.SSE("/wait", func(s *quart.EventStream) error {
			_ = s.Send(quart.Event{Data: "one"})
			<-s.Context().Done()
			return nil
		})
		app.SSE("/parked", func(s *quart.EventStream) error {
			_ = s.Send(quart.Event{Data: "one"})
			return s.Park()
		})
	})
	var readers sync.WaitGroup
	for _, path := range []string{"/wait", "/parked"} {
		resp, err := s.client.Do(s.request(t, "GET", path, nil))
		if err != nil {
			t.Fatal(err)
		}
		readers.Go(func() { // meanwhile: what is unread when the connection closes is lost
			defer func() { _ = resp.Body.Close() }()
			if b, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(b), "data: one\n\n") {
				t.Errorf("%s: %q, %v", path, b, err)
			}
		})
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	readers.Wait()
}

// TestGraceIsOver: a request that outlives the grace is cut, and reported.
func TestGraceIsOver(t *testing.T) {
	app := quart.New(quart.Config{})
	entered, ended := make(chan struct{}), make(chan struct{})
	app.Get("/for-ever", func(c *quart.Ctx) error {
		close(entered)
		<-c.Context().Done()
		close(ended)
		return nil
	})
	pc, url, cancel, done := standalone(t, app, h3.Config{ShutdownGrace: time.Millisecond})
	defer func() { _ = pc.Close() }()
	tr := transport()
	defer func() { _ = tr.Close() }()
	failed := make(chan error, 1)
	go func() {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/for-ever", nil)
		resp, err := tr.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		failed <- err
	}()
	<-entered
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "1 requests were cut off") {
		t.Errorf("Serve: %v", err)
	}
	<-ended
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
}

// standalone serves app by Server.Serve alone.
func standalone(t *testing.T, app *quart.App, cfg h3.Config) (pc net.PacketConn, url string, cancel func(), done chan error) {
	t.Helper()
	cfg.TLS, cfg.ShutdownDelay = serverTLS(), -1
	s, err := h3.New(app, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if pc, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done = make(chan error, 1)
	go func() { done <- s.Serve(ctx, pc) }()
	eventually(t, "the server serves", func() bool { return s.Addr() != nil })
	if err := s.Serve(ctx, pc); err == nil {
		t.Error("a server serves twice")
	}
	return pc, "https://" + pc.LocalAddr().String(), cancel, done
}

func TestListenFails(t *testing.T) {
	app := quart.New(quart.Config{})
	s, err := h3.New(app, h3.Config{TLS: serverTLS()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(t.Context(), "256.0.0.1:0"); err == nil {
		t.Error("no error")
	}
	if s.Addr() != nil {
		t.Errorf("Addr %v", s.Addr())
	}
	if _, err := h3.Mount(app, h3.Config{Addr: "256.0.0.1:0", TLS: serverTLS()}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Serve(t.Context(), l); err == nil || !strings.Contains(err.Error(), "h3:") {
		t.Errorf("the app's start: %v", err)
	}
}

// TestMaxConns: one connection too many is told why.
func TestMaxConns(t *testing.T) {
	s := serve(t, h3.Config{MaxConns: 1}, kinds)
	resp, body := s.get(t, "/")
	wantAnswer(t, resp, body, 200, "hello")
	second := transport()
	defer func() { _ = second.Close() }()
	resp, err := second.RoundTrip(s.request(t, "GET", "/", nil))
	if err == nil {
		_ = resp.Body.Close()
	}
	if te := (*quic.TransportError)(nil); !errors.As(err, &te) || te.ErrorCode != quic.ConnectionRefused {
		t.Fatalf("second connection: %v", err)
	}
	_ = s.pool.Close()
	eventually(t, "there is room again", func() bool {
		third := transport()
		defer func() { _ = third.Close() }()
		resp, err := third.RoundTrip(s.request(t, "GET", "/", nil))
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil
	})
}

// TestIdle: a connection that only ever sends a part of a head ends, though its client answers pings.
func TestIdle(t *testing.T) {
	t.Parallel()
	for name, bytes := range map[string][]byte{"silent": nil, "half a head": request()[:9]} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, h3.Config{IdleTimeout: time.Second}, kinds)
			c := dialRaw(t, s)
			if status, err := c.ask(t, request()); status != "200" {
				t.Fatal(status, err)
			}
			str, err := c.OpenStreamSync(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := str.Write(bytes); err != nil {
				t.Fatal(err)
			}
			<-c.Context().Done()
			var closed *quic.ApplicationError
			if err := context.Cause(c.Context()); !errors.As(err, &closed) || !closed.Remote || closed.ErrorMessage != "idle" {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestQuietRequest: a request that takes longer than the idle timeout is no idle connection.
func TestQuietRequest(t *testing.T) {
	t.Parallel()
	s := serve(t, h3.Config{IdleTimeout: 500 * time.Millisecond}, func(app *quart.App) {
		app.Get("/slow", func(c *quart.Ctx) error {
			select {
			case <-c.Context().Done():
				return context.Cause(c.Context())
			case <-time.After(time.Second):
			}
			return c.Text(200, "done")
		})
	})
	resp, body := s.get(t, "/slow")
	wantAnswer(t, resp, body, 200, "done")
}

// TestBodyTimeouts: a client that stops sending is answered 408, however it spreads its bytes.
func TestBodyTimeouts(t *testing.T) {
	for name, cfg := range map[string]h3.Config{
		"one read": {BodyReadTimeout: 10 * time.Millisecond},
		"all":      {BodyTimeout: 10 * time.Millisecond, BodyReadTimeout: -1},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, cfg, kinds)
			r, w := io.Pipe()
			defer func() { _ = w.Close() }()
			go func() { _, _ = w.Write([]byte("first")) }()
			if resp, _ := s.do(t, s.request(t, "POST", "/echo", r)); resp.StatusCode != 408 {
				t.Errorf("%d", resp.StatusCode)
			}
		})
	}
}

// TestWriteTimeout: a client that opens no window loses its stream, and the handler its time.
func TestWriteTimeout(t *testing.T) {
	ended := make(chan error, 1)
	s := serve(t, h3.Config{WriteTimeout: 50 * time.Millisecond}, func(app *quart.App) {
		app.Get("/much", func(c *quart.Ctx) error {
			return c.Stream("text/plain", func(w *quart.StreamWriter) error {
				for {
					if _, err := w.Write(make([]byte, 16<<10)); err != nil {
						ended <- err
						return err
					}
				}
			})
		})
	})
	tr := transport()
	tr.QUICConfig = &quic.Config{InitialStreamReceiveWindow: 64 << 10, MaxStreamReceiveWindow: 64 << 10}
	defer func() { _ = tr.Close() }()
	resp, err := tr.RoundTrip(s.request(t, "GET", "/much", nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, quart.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("%d bytes look complete", n)
	}
	_ = resp.Body.Close()
}

// TestTimedOutHandler: a fasthttp handler that answers by TimeoutError goes on with its RequestCtx, which nobody else gets.
func TestTimedOutHandler(t *testing.T) {
	proceed := make(chan struct{})
	var late atomic.Pointer[string]
	s := serve(t, h3.Config{}, func(app *quart.App) {
		kinds(app)
		app.Get("/late", func(c *quart.Ctx) error {
			fc := c.Fast()
			go func() {
				<-proceed
				path := string(fc.Path())
				late.Store(&path)
			}()
			fc.TimeoutError("too late")
			return nil
		})
	})
	resp, body := s.get(t, "/late")
	wantAnswer(t, resp, body, 408, "too late")
	for range 50 {
		resp, body := s.get(t, "/")
		wantAnswer(t, resp, body, 200, "hello")
	}
	close(proceed)
	eventually(t, "the handler goes on", func() bool { return late.Load() != nil })
	if *late.Load() != "/late" {
		t.Errorf("it sees %q", *late.Load())
	}
}

// TestNothingIsLeft: after requests of all kinds, and the stop, no goroutine remains.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("site", func(t *testing.T) {
		s := serve(t, h3.Config{}, kinds)
		for range 20 {
			for _, path := range []string{"/", "/big/10", "/none", "/fails", "/panic", "/hijack", "/trailers", "/hints"} {
				resp, err := s.client.Do(s.request(t, "GET", path, nil))
				if err != nil {
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		}
	})
	eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before+2 })
}
