package quart_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// changed is a listener whose connections a test has put something around.
type changed struct {
	net.Listener
	around func(net.Conn) net.Conn
}

func (l changed) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.around(nc), nil
}

// serveAround is serve for a test that changes the connections, or stops the app itself: stop begins the stop, done has Serve's result.
func serveAround(t *testing.T, app *quart.App, around func(net.Conn) net.Conn) (s *served, stop func(), done <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if around != nil {
		l = changed{l, around}
	}
	ctx, cancel := contextWithCancel()
	result := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		result <- app.Serve(ctx, l)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return &served{t: t, addr: l.Addr().String()}, cancel, result
}

// waitClosed polls until no connection is left: what a stream frees at its end is freed then.
func (s *served) waitClosed(app *quart.App) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); app.Stats().Conns > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("connections stay open: %+v", app.Stats())
		}
	}
}

// TestStreamBehindAnUnsentAnswer: fasthttp holds the tail of a pipelined answer whose beginning is out already. What quart writes past it,
// early hints, a failure, the answer of a hard timeout, must not land inside that answer.
func TestStreamBehindAnUnsentAnswer(t *testing.T) {
	const cut = 0
	body := strings.Repeat("x", 6000) // more than fasthttp's buffer of 4 KiB
	app, _ := newApp(quart.Config{})
	app.Get("/first", func(c *quart.Ctx) error { return c.Text(200, body) })
	app.Get("/hints", func(c *quart.Ctx) error {
		c.EarlyHints("</s>; rel=preload")
		return c.Text(200, "page")
	})
	app.Get("/failure", func(c *quart.Ctx) error {
		return c.Stream("text/plain", func(*quart.StreamWriter) error { return errors.New("broken") })
	})
	app.Get("/timeout", func(c *quart.Ctx) error {
		c.SetHardTimeout(time.Millisecond)
		<-c.Context().Done()
		time.Sleep(20 * time.Millisecond) // a timer that is not held back fires
		return nil
	})
	s := serve(t, app)
	for target, status := range map[string]int{"/hints": 200, "/failure": cut, "/timeout": 503} {
		t.Run(target[1:], func(t *testing.T) {
			nc := s.dial()
			br := newReader(nc)
			send(t, nc, "GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n")
			first := readStreamed(t, br, "GET")
			if whole := strings.TrimLeft(first.body, "x"); first.err != nil || first.body != body {
				t.Fatalf("the first answer: %v, %d bytes, broken by %.60q", first.err, len(first.body), whole)
			}
			switch second := readStreamed(t, br, "GET"); {
			case status == cut && second.err == nil:
				t.Errorf("a failed stream looks whole: %+v", second)
			case status != cut && (second.err != nil || second.head.StatusCode != status):
				t.Errorf("%+v, want %d", second, status)
			}
		})
	}
}

// TestStreamFailureBehindSentAnswers: an early failure is a proper answer also behind others, once those are sent: when the connection was read from
// again, and before an HTTP/1.0 stream runs.
func TestStreamFailureBehindSentAnswers(t *testing.T) {
	const next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
	s, _ := streaming(t, quart.Config{}, func(*quart.StreamWriter) error { return errors.New("broken") })
	for _, tt := range []struct {
		name     string
		requests []string // each one is sent when all before it are answered
	}{
		{"1.1", []string{next, next, get11}},
		{"1.0", []string{next, next, get10}},
		{"1.0, pipelined", []string{next, next + get10}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nc := s.dial()
			br := newReader(nc)
			for _, request := range tt.requests {
				send(t, nc, request)
				if strings.HasPrefix(request, next) {
					readAnswer(t, br, "GET").want(t, 200, "next")
				}
			}
			readAnswer(t, br, "GET").want(t, 500, `{"title":"Internal Server Error","status":500}`)
		})
	}
}

// TestStreamAtStop: a stop waits for a stream, also for one that has taken its connection from fasthttp, as on HTTP/1.0. At the end of
// the grace it is cut so that the client can tell, although a close is the end of such a body.
func TestStreamAtStop(t *testing.T) {
	const short, long = 200 * time.Millisecond, time.Minute // short is far more than a stop that waits for nothing takes
	for _, tt := range []struct {
		name, request string
		lasts, grace  time.Duration
		whole         bool
	}{
		{"1.1", get11, short, 0, true},
		{"1.0", get10, short, 0, true},
		{"1.1, too long", get11, long, 50 * time.Millisecond, false},
		{"1.0, too long", get10, long, 50 * time.Millisecond, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app, _ := newApp(quart.Config{ShutdownGrace: tt.grace})
			app.Get("/", func(c *quart.Ctx) error {
				return c.Stream("text/plain", func(w *quart.StreamWriter) error {
					_, _ = w.WriteString("begin")
					_ = w.Flush()
					select {
					case <-w.Context().Done():
						return writeUntilCut(w)
					case <-time.After(tt.lasts):
					}
					_, err := w.WriteString("end")
					return err
				})
			})
			s, stop, done := serveAround(t, app, nil)
			nc := s.dial()
			br := bufio.NewReader(nc)
			send(t, nc, tt.request)
			resp, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			begin := make([]byte, len("begin"))
			if _, err := io.ReadFull(resp.Body, begin); err != nil {
				t.Fatal(err)
			}
			stop()
			rest, err := io.ReadAll(resp.Body)
			if tt.whole && (err != nil || string(rest) != "end") {
				t.Errorf("the stream was cut: %q, %v", rest, err)
			}
			if !tt.whole && err == nil {
				t.Errorf("a cut stream looks whole: %q", rest)
			}
			if err := <-done; (err == nil) != tt.whole {
				t.Errorf("Serve: %v", err)
			}
		})
	}
}

// writeUntilCut goes on until the connection takes no more.
func writeUntilCut(w *quart.StreamWriter) error {
	for {
		_, _ = w.WriteString(".")
		if err := w.Flush(); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// TestStreamCauseBehindSetContext: middleware that derives a context, and cancels it when it returns, does not hide why a stream has ended.
func TestStreamCauseBehindSetContext(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			ctx, cancel := context.WithCancel(c.Context())
			defer cancel()
			c.SetContext(ctx)
			return next(c)
		}
	})
	cause := make(chan error, 1)
	app.Get("/stream", func(c *quart.Ctx) error {
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			_, _ = w.WriteString("x")
			_ = w.Flush()
			<-w.Context().Done()
			cause <- context.Cause(w.Context())
			return nil
		})
	})
	app.SSE("/events", func(s *quart.EventStream) error {
		<-s.Context().Done()
		cause <- context.Cause(s.Context())
		return nil
	})
	s := serve(t, app)
	for _, target := range []string{"/stream", "/events"} {
		nc := s.dial()
		send(t, nc, "GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n")
		_, _ = nc.Read(make([]byte, 1))
		_ = nc.Close()
		if err := <-cause; err != quart.ErrClosed {
			t.Errorf("%s: %v", target, err)
		}
	}
}

// mute is an error that cannot say what it is about.
type mute struct{ text *string }

func (e *mute) Error() string { return *e.text }

// shy is an error that cannot be asked what it is.
type shy struct{ error }

func (shy) As(any) bool { panic("As of an error") }

// stuck is a filter that panics when it is closed.
type stuck struct{ io.Writer }

func (stuck) Flush() error { return nil }
func (stuck) Close() error { panic("Close of a filter") }

// TestStreamPanics: a stream ends in goroutines of fasthttp's or its own, where a panic of user code would end the process.
func TestStreamPanics(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		wrap func(io.Writer) quart.StreamFilter
	}{
		{"an error's Error", (*mute)(nil), nil},
		{"an error's As", shy{}, nil},
		{"a filter's Close", nil, func(w io.Writer) quart.StreamFilter { return stuck{w} }},
		{"a filter's Close after a failure", errors.New("broken"), func(w io.Writer) quart.StreamFilter { return stuck{w} }},
		{"a filter's making", nil, func(io.Writer) quart.StreamFilter { panic("making of a filter") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app, log := newApp(quart.Config{})
			app.Use(quart.After(func(c *quart.Ctx) error {
				if tt.wrap != nil {
					quart.FilterStream(c, tt.wrap)
				}
				return nil
			}))
			app.Get("/", func(c *quart.Ctx) error {
				return c.Stream("text/plain", func(*quart.StreamWriter) error { return tt.err })
			})
			s := serve(t, app)
			for _, request := range []string{get11, get10, get11} {
				s.raw("GET", request).want(t, 500, `{"title":"Internal Server Error","status":500}`)
			}
			if n := strings.Count(log.String(), "a stream failed"); n != 3 {
				t.Errorf("%d failures are logged: %s", n, log)
			}
		})
	}
}

// TestStreamRowsCleanupPanics: the deferred part of a sequence of rows runs when the stream is over, or does not come to be.
func TestStreamRowsCleanupPanics(t *testing.T) {
	for _, tt := range []struct {
		name, request string
		status        int
	}{
		{"the client leaves, 1.1", get11, 200},
		{"the client leaves, 1.0", get10, 200},
		{"a status without a body", get11, 204},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app, _ := newApp(quart.Config{})
			app.Get("/next", func(c *quart.Ctx) error { return c.Text(200, "next") })
			cleaned := make(chan struct{})
			app.Get("/", func(c *quart.Ctx) error {
				return quart.RowsOf(func(yield func(string, error) bool) {
					defer func() {
						close(cleaned)
						panic("cleanup of rows")
					}()
					for i := 0; yield("row "+strconv.Itoa(i), nil); i++ {
					}
				}).Respond(c)
			}).Use(quart.After(func(c *quart.Ctx) error {
				c.SetStatus(tt.status)
				return nil
			}))
			s := serve(t, app)
			nc := s.dial()
			send(t, nc, tt.request)
			resp, err := http.ReadResponse(newReader(nc), nil)
			if err != nil || resp.StatusCode != tt.status {
				t.Fatalf("%v, %v; want %d", resp, err, tt.status)
			}
			_, _ = io.CopyN(io.Discard, resp.Body, 20_000)
			_ = nc.Close()
			<-cleaned
			s.waitClosed(app)
			s.get("/next").want(t, 200, "next")
		})
	}
}

// leaver is a connection whose peer leaves at the worst moment: right before fasthttp starts the hijack handler.
type leaver struct {
	net.Conn
	gone func()
}

func (l *leaver) OnPeerClose(f func()) { l.gone = f }

func (l *leaver) SetDeadline(d time.Time) error {
	if l.gone != nil {
		l.gone()
	}
	return l.Conn.SetDeadline(d)
}

// TestStreamClientGoneBeforeItRuns: the watcher ends a stream that fasthttp is about to start. Neither may use what the other has freed.
func TestStreamClientGoneBeforeItRuns(t *testing.T) {
	app, _ := newApp(quart.Config{})
	ended := make(chan error, 1)
	app.Get("/", func(c *quart.Ctx) error {
		ctx := c.Context() // watched from here on
		context.AfterFunc(ctx, func() { ended <- context.Cause(ctx) })
		return c.Stream("text/plain", func(*quart.StreamWriter) error {
			t.Error("a stream without a client runs")
			return nil
		})
	})
	s, _, _ := serveAround(t, app, func(nc net.Conn) net.Conn { return &leaver{Conn: nc} })
	for range 10 {
		nc := s.dial()
		send(t, nc, get10)
		if b, _ := io.ReadAll(nc); len(b) > 0 {
			t.Errorf("answered: %q", b)
		}
		if err := <-ended; err != quart.ErrClosed {
			t.Errorf("cause %v", err)
		}
	}
	s.waitClosed(app)
}

// TestStreamBadStatus: a head that quart writes by itself has a status line that is one.
func TestStreamBadStatus(t *testing.T) {
	for _, status := range []int{99, 199, 600, 1234} {
		app, _ := newApp(quart.Config{})
		app.Get("/stream", func(c *quart.Ctx) error {
			c.SetStatus(status)
			return c.Stream("text/plain", func(*quart.StreamWriter) error { return nil })
		})
		app.Get("/events", func(c *quart.Ctx) error {
			c.SetStatus(status)
			return c.SSE(func(*quart.EventStream) error { return nil })
		})
		s := serve(t, app)
		for _, request := range []string{"/stream HTTP/1.1", "/stream HTTP/1.0", "/events HTTP/1.1", "/events HTTP/1.0"} {
			got := s.stream("GET " + request + "\r\nHost: a\r\nConnection: close\r\n\r\n")
			if got.err != nil || got.head.StatusCode != 500 || !strings.HasPrefix(got.head.Status, "500 Internal") {
				t.Errorf("%d, %s: %+v", status, request, got)
			}
		}
	}
}
