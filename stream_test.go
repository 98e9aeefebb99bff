package quart_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// streamed is what a client saw of a streamed body.
type streamed struct {
	head *http.Response
	body string
	err  error
}

func (s *served) stream(request string) streamed {
	s.t.Helper()
	nc := s.dial()
	send(s.t, nc, request)
	return readStreamed(s.t, newReader(nc), request[:strings.IndexByte(request, ' ')])
}

func readStreamed(t testing.TB, br *bufio.Reader, method string) streamed {
	t.Helper()
	resp, err := http.ReadResponse(br, &http.Request{Method: method})
	if err != nil {
		return streamed{err: err}
	}
	body, err := io.ReadAll(resp.Body)
	return streamed{resp, string(body), err}
}

const (
	get11 = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	get10 = "GET / HTTP/1.0\r\nHost: a\r\n\r\n"
)

// streaming serves one stream on /.
func streaming(t *testing.T, cfg quart.Config, f func(w *quart.StreamWriter) error) (*served, *logBuffer) {
	t.Helper()
	app, log := newApp(cfg)
	app.Get("/", func(c *quart.Ctx) error { return c.Stream("text/plain", f) })
	app.Get("/next", func(c *quart.Ctx) error { return c.Text(200, "next") })
	return serve(t, app), log
}

func TestStreamBodies(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 10_000)
	for _, tt := range []struct {
		name string
		f    func(w *quart.StreamWriter) error
		want string
	}{
		{"nothing", func(*quart.StreamWriter) error { return nil }, ""},
		{"a little", func(w *quart.StreamWriter) error {
			_, err := w.WriteString("hello")
			return err
		}, "hello"},
		{"flushed pieces", func(w *quart.StreamWriter) error {
			for _, s := range []string{"a", "", "bc", "def"} {
				_, _ = w.Write([]byte(s))
				if err := w.Flush(); err != nil {
					return err
				}
			}
			return nil
		}, "abcdef"},
		{"more than the buffer at once", func(w *quart.StreamWriter) error {
			_, err := w.WriteString(long)
			return err
		}, long},
		{"many writes", func(w *quart.StreamWriter) error {
			for len := 0; len < 160_000; len += 16 {
				if _, err := w.Write([]byte("0123456789abcdef")); err != nil {
					return err
				}
			}
			return w.Flush()
		}, long},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := streaming(t, quart.Config{}, tt.f)
			for _, request := range []string{get11, get10, strings.Replace(get11, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)} {
				got := s.stream(request)
				if got.err != nil || got.body != tt.want || got.head.StatusCode != 200 {
					t.Fatalf("%q: %d bytes, %v; want %d", request, len(got.body), got.err, len(tt.want))
				}
				if h := got.head.Header; h.Get("Content-Type") != "text/plain" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Date") == "" {
					t.Errorf("%q: header %v", request, h)
				}
				if strings.Contains(request, "1.0") != (len(got.head.TransferEncoding) == 0) {
					t.Errorf("%q: transfer encoding %v", request, got.head.TransferEncoding)
				}
			}
		})
	}
}

// TestStreamKeepsConnection sends the next request on the same connection, also one that was pipelined.
func TestStreamKeepsConnection(t *testing.T) {
	s, _ := streaming(t, quart.Config{}, func(w *quart.StreamWriter) error {
		for range 3 {
			_, _ = w.WriteString("x")
			_ = w.Flush()
		}
		return nil
	})
	nc := s.dial()
	br := newReader(nc)
	for range 2 {
		send(t, nc, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"+get11+"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
		for _, want := range []string{"next", "xxx", "next"} {
			if got := readStreamed(t, br, "GET"); got.err != nil || got.body != want {
				t.Fatalf("%q, %v; want %q", got.body, got.err, want)
			}
		}
	}
}

func TestStreamHeadRunsNothing(t *testing.T) {
	ran := false
	s, _ := streaming(t, quart.Config{}, func(*quart.StreamWriter) error {
		ran = true
		return nil
	})
	for _, version := range []string{"1.1", "1.0"} {
		got := s.stream("HEAD / HTTP/" + version + "\r\nHost: a\r\n\r\n")
		if got.err != nil || got.body != "" || got.head.StatusCode != 200 || got.head.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %+v", version, got)
		}
	}
	if ran {
		t.Error("HEAD ran the producer")
	}
}

// TestStreamFailure: a failure in the middle is never a clean end; one before the first byte is a proper answer.
func TestStreamFailure(t *testing.T) {
	broken := errors.New("secret")
	for _, tt := range []struct {
		name string
		f    func(w *quart.StreamWriter) error
		code int // 0: cut
	}{
		{"after a flush", func(w *quart.StreamWriter) error {
			_, _ = w.WriteString("begin")
			_ = w.Flush()
			return broken
		}, 0},
		{"a panic after a flush", func(w *quart.StreamWriter) error {
			_, _ = w.WriteString("begin")
			_ = w.Flush()
			panic("secret")
		}, 0},
		{"at once", func(*quart.StreamWriter) error { return broken }, 500},
		{"with a status", func(*quart.StreamWriter) error { return quart.ErrNotFound }, 404},
		{"a panic at once", func(*quart.StreamWriter) error { panic("secret") }, 500},
		{"unflushed bytes are dropped", func(w *quart.StreamWriter) error {
			_, _ = w.WriteString("begin")
			return broken
		}, 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, log := streaming(t, quart.Config{}, tt.f)
			for _, request := range []string{get11, get10} {
				got := s.stream(request)
				switch {
				case tt.code == 0 && (got.err == nil || got.body != "begin"):
					t.Errorf("%.14q: a cut stream looks whole: %q, %v", request, got.body, got.err)
				case tt.code != 0 && (got.err != nil || got.head.StatusCode != tt.code || !strings.Contains(got.body, `"status":`)):
					t.Errorf("%.14q: %+v", request, got)
				case strings.Contains(got.body, "secret"):
					t.Errorf("the cause is shown: %q", got.body)
				}
			}
			if !strings.Contains(log.String(), "a stream failed") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// TestStreamFailureInPipeline: answers to earlier requests are not lost with the connection.
func TestStreamFailureInPipeline(t *testing.T) {
	s, _ := streaming(t, quart.Config{}, func(*quart.StreamWriter) error { return errors.New("broken") })
	nc := s.dial()
	send(t, nc, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"+get11)
	br := newReader(nc)
	if got := readStreamed(t, br, "GET"); got.err != nil || got.body != "next" {
		t.Fatalf("%q, %v", got.body, got.err)
	}
	if got := readStreamed(t, br, "GET"); got.err == nil {
		t.Errorf("a failed stream looks whole: %+v", got)
	}
}

func TestStreamTrailers(t *testing.T) {
	s, _ := streaming(t, quart.Config{}, func(w *quart.StreamWriter) error {
		for name, ok := range map[string]bool{"X-Sum": true, "Content-Length": false, "Bad Name": false, "Transfer-Encoding": false} {
			if err := w.SetTrailer(name, "42"); (err == nil) != ok {
				t.Errorf("%s: %v", name, err)
			}
		}
		if w.SetTrailer("X-Sum", "a\r\nb: c") == nil {
			t.Error("a line break in a trailer was taken")
		}
		_, err := w.WriteString("body")
		return err
	})
	got := s.stream(get11)
	if got.err != nil || got.body != "body" || got.head.Trailer.Get("X-Sum") != "42" {
		t.Errorf("%+v, trailer %v", got, got.head.Trailer)
	}
	if got := s.stream(get10); got.err != nil || got.body != "body" {
		t.Errorf("1.0: %+v", got)
	}
}

func TestStreamTimeout(t *testing.T) {
	cause := make(chan error, 2)
	s, _ := streaming(t, quart.Config{}, func(w *quart.StreamWriter) error {
		_, _ = w.WriteString("begin")
		_ = w.Flush()
		w.SetTimeout(20 * time.Millisecond)
		<-w.Context().Done()
		cause <- context.Cause(w.Context())
		for {
			if err := w.Flush(); err != nil {
				return err
			}
			_, _ = w.WriteString("more")
		}
	})
	for _, request := range []string{get11, get10} {
		if got := s.stream(request); got.err == nil || got.body != "begin" {
			t.Errorf("%q, %v", got.body, got.err)
		}
		if err := <-cause; err != quart.ErrTimeout {
			t.Errorf("cause %v", err)
		}
	}
}

// TestStreamScope: keys, values of contexts and the parameters that were read move on with the stream; the Ctx does not.
func TestStreamScope(t *testing.T) {
	type name struct{}
	key := benchKey
	app, _ := newApp(quart.Config{})
	app.Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			ctx, cancel := context.WithTimeout(context.WithValue(c.Context(), name{}, "span"), time.Hour)
			defer cancel() // ends with the handler, as a cooperative timeout does
			c.SetContext(ctx)
			return next(c)
		}
	})
	app.Get("/", func(c *quart.Ctx) error {
		key.Set(c, 7)
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			n, _ := key.Get(w)
			if w.Context().Err() != nil || w.Context().Value(name{}) != "span" || n != 7 {
				t.Errorf("context %v, value %v, key %d", w.Context().Err(), w.Context().Value(name{}), n)
			}
			_, err := w.WriteString("ok")
			return err
		})
	})
	serve(t, app).get("/").want(t, 200, "ok")
}

// TestStreamIsReplaced: the last responder wins, and a stream that never runs has its context ended.
func TestStreamIsReplaced(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Use(quart.After(func(c *quart.Ctx) error {
		if !quart.Streaming(c) || !c.Responded() {
			t.Error("the layer does not see the stream")
		}
		return quart.ErrForbidden
	}))
	app.Get("/", func(c *quart.Ctx) error {
		return c.Stream("text/plain", func(*quart.StreamWriter) error {
			t.Error("a replaced stream ran")
			return nil
		})
	})
	if got := serve(t, app).get("/"); got.StatusCode != 403 || got.ContentLength <= 0 {
		t.Errorf("%d, %d bytes", got.StatusCode, got.ContentLength)
	}
}

// TestStreamWriterAfterEnd: a writer that was kept is dead, it does not reach another client.
func TestStreamWriterAfterEnd(t *testing.T) {
	var kept *quart.StreamWriter
	s, _ := streaming(t, quart.Config{}, func(w *quart.StreamWriter) error {
		kept = w
		_, err := w.WriteString("ok")
		return err
	})
	nc := s.dial()
	br := newReader(nc)
	send(t, nc, get11)
	readStreamed(t, br, "GET")
	send(t, nc, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n") // its answer says that the stream is over
	readStreamed(t, br, "GET")
	if _, err := kept.Write([]byte("x")); err != quart.ErrClosed {
		t.Errorf("Write: %v", err)
	}
	if err := kept.Flush(); err != quart.ErrClosed {
		t.Errorf("Flush: %v", err)
	}
	if kept.Context().Err() == nil {
		t.Error("the context goes on")
	}
}

// shouter is a filter that shows what it was told.
type shouter struct{ w io.Writer }

func (u *shouter) Write(p []byte) (int, error) { return u.w.Write([]byte(strings.ToUpper(string(p)))) }
func (u *shouter) Flush() error                { _, err := u.w.Write([]byte("|")); return err }
func (u *shouter) Close() error                { _, err := u.w.Write([]byte(".")); return err }

func TestStreamFilter(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Use(quart.After(func(c *quart.Ctx) error {
		if !quart.FilterStream(c, func(w io.Writer) quart.StreamFilter { return &shouter{w} }) {
			t.Error("no filter")
		}
		return nil
	}))
	app.Get("/", func(c *quart.Ctx) error {
		fail := c.Query("fail") != ""
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			_, _ = w.WriteString("abc")
			_ = w.Flush()
			_, _ = w.Write([]byte("def"))
			if fail {
				return errors.New("broken")
			}
			return nil
		})
	})
	s := serve(t, app)
	for _, request := range []string{get11, get10} {
		if got := s.stream(request); got.err != nil || got.body != "ABC|DEF." {
			t.Errorf("%+v", got)
		}
	}
	if got := s.stream(strings.Replace(get11, "/", "/?fail=1", 1)); got.err == nil || got.body != "ABC|" {
		t.Errorf("%+v", got)
	}
}

// TestStreamClientLeaves: the producer's context ends and its writes fail, whether the client closes or only stops reading.
func TestStreamClientLeaves(t *testing.T) {
	over := make(chan error, 1)
	s, log := streaming(t, quart.Config{WriteTimeout: 300 * time.Millisecond}, func(w *quart.StreamWriter) error {
		var err error
		for err == nil {
			_, err = w.Write(make([]byte, 64<<10))
		}
		over <- err
		return err
	})
	for _, leave := range []func(nc net.Conn){func(nc net.Conn) { _ = nc.Close() }, func(net.Conn) {}} {
		for _, request := range []string{get11, get10} {
			nc := s.dial()
			send(t, nc, request)
			_, _ = nc.Read(make([]byte, 10))
			leave(nc)
			if err := <-over; err != quart.ErrClosed {
				t.Errorf("%v", err)
			}
		}
	}
	if strings.Contains(log.String(), "ERROR") {
		t.Errorf("clients that leave are logged as errors: %s", log)
	}
}
