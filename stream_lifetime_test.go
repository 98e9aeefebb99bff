package quart_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
)

// TestBodyReaderDiesWithItsRequest: a stream that reads its request's body, which is over, gets an error and never another client's.
func TestBodyReaderDiesWithItsRequest(t *testing.T) {
	app, _ := newApp(quart.Config{})
	got := make(chan error, 1)
	app.Post("/keep", func(c *quart.Ctx) error {
		br := c.BodyReader()
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			n, err := io.Copy(w, br)
			if n > 0 {
				t.Errorf("%d bytes of a body that is over", n)
			}
			got <- err
			_, err = w.WriteString("over")
			return err
		})
	})
	app.Post("/part", func(c *quart.Ctx) error {
		var kept *quart.Part
		for part, err := range c.Parts() {
			if err != nil {
				return err
			}
			kept = part
			break
		}
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			_, err := io.Copy(w, kept)
			got <- err
			_, err = w.WriteString("over")
			return err
		})
	})
	s := serve(t, app)
	s.do("POST", "/keep", "hello").want(t, 200, "over")
	if err := <-got; err != quart.ErrClosed {
		t.Errorf("%v", err)
	}
	part := "--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n" + strings.Repeat("x", 20_000) + "\r\n--b--\r\n"
	s.do("POST", "/part", part, "Content-Type: multipart/form-data; boundary=b")
	if err := <-got; err == nil {
		t.Error("a part is read after its request")
	}
}

// TestStreamContextBehindTimeout: the context that rows captured ends with the answer, not with the handler.
func TestStreamContextBehindTimeout(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Use(middleware.Timeout(middleware.TimeoutConfig{After: time.Hour}))
	quart.Get(app, "/", func(c *quart.Ctx, _ quart.None) (quart.Rows[string], error) {
		ctx := c.Context()
		return quart.RowsOf(func(yield func(string, error) bool) {
			for range 5000 {
				if !yield("some text", ctx.Err()) {
					return
				}
			}
		}), nil
	})
	if got := serve(t, app).stream(get11); got.err != nil || len(got.body) != 5000*12+1 {
		t.Errorf("%d bytes, %v", len(got.body), got.err)
	}
}

// TestStreamOfTypedHandler: a handler without a result may leave a stream, whose status is not that of no content.
func TestStreamOfTypedHandler(t *testing.T) {
	app, _ := newApp(quart.Config{})
	quart.Get(app, "/stream", func(c *quart.Ctx, _ quart.None) (quart.None, error) {
		return quart.None{}, c.Stream("text/plain", func(w *quart.StreamWriter) error {
			_, err := w.WriteString("streamed")
			return err
		})
	})
	quart.Get(app, "/events", func(c *quart.Ctx, _ quart.None) (quart.None, error) {
		return quart.None{}, c.SSE(func(s *quart.EventStream) error { return s.Send(quart.Event{Data: "sent"}) })
	})
	s := serve(t, app)
	s.get("/stream").want(t, 200, "streamed")
	if got := s.get("/events"); got.StatusCode != 200 || !strings.HasSuffix(got.body, "data: sent\n\n") {
		t.Errorf("%d %q", got.StatusCode, got.body)
	}
}

// TestStreamEarlyFailureKeepsHeaders: those of layers, without which a page of another origin cannot read the error.
func TestStreamEarlyFailureKeepsHeaders(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		c.SetHeader("Access-Control-Allow-Origin", "*")
		c.SetHeader("Cache-Control", "max-age=60")
		c.SetCookie(quart.Cookie{Name: "a", Value: "b"})
		return c.Stream("text/plain", func(*quart.StreamWriter) error { return errors.New("broken") })
	})
	s := serve(t, app)
	for _, request := range []string{get11, get10} {
		got := s.raw("GET", request)
		h := got.Header
		if got.StatusCode != 500 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Cache-Control") != "" || len(h.Values("Set-Cookie")) != 1 ||
			len(h.Values("Content-Type")) != 1 || h.Get("Content-Type") != "application/problem+json" || h.Get("Date") == "" {
			t.Errorf("%.14q: %d %v", request, got.StatusCode, h)
		}
	}
}

// TestStreamErrorThatPanics: an error's own methods are the application's, and must not end the process.
func TestStreamErrorThatPanics(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		return c.Stream("text/plain", func(*quart.StreamWriter) error { return (*nilError)(nil) })
	})
	app.SSE("/events", func(s *quart.EventStream) error {
		s.Close()
		<-s.Context().Done()
		return (*nilError)(nil)
	})
	s := serve(t, app)
	for _, request := range []string{get11, get10} {
		if got := s.stream(request); got.err != nil || got.head.StatusCode != 500 {
			t.Errorf("%.14q: %+v", request, got)
		}
	}
	_ = s.stream("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
	if !strings.Contains(log.String(), "panics") {
		t.Errorf("log: %s", log)
	}
}
