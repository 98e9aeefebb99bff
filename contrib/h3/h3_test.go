package h3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/contrib/h3"
)

// kinds registers a route for each way to answer.
func kinds(app *quart.App) {
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "hello") })
	app.Get("/facts", func(c *quart.Ctx) error {
		tls := c.Fast().TLSConnectionState()
		return c.Text(200, fmt.Sprint(c.Protocol(), " ", c.Scheme(), " ", c.RemoteIP(), " ", c.Fast().RemoteIP(), " ", c.Fast().IsTLS(), " ",
			tls != nil && tls.NegotiatedProtocol == "h3", " ", string(c.Fast().URI().Scheme()), " ", c.Target(), " ", c.Query("q"), " ", c.Header("X-Sent"), " ",
			c.Cookie("b")))
	})
	app.Post("/echo", func(c *quart.Ctx) error {
		b, err := c.Body()
		if err != nil {
			return err
		}
		return c.Bytes(200, c.Header("Content-Type"), b)
	})
	app.Post("/hash", func(c *quart.Ctx) error {
		h := sha256.New()
		if _, err := io.Copy(h, c.BodyReader()); err != nil {
			return err
		}
		return c.Text(200, hex.EncodeToString(h.Sum(nil)))
	}).BodyLimit(-1)
	app.Post("/after", func(c *quart.Ctx) error {
		if _, err := c.Body(); err != nil {
			return err
		}
		return c.Text(200, c.Header("X-Sum")+c.Header("Content-Length"))
	})
	app.Get("/big/{n:int}", func(c *quart.Ctx) error {
		n := c.ParamInt("n")
		return c.Stream("application/octet-stream", func(w *quart.StreamWriter) error {
			piece := bytes.Repeat([]byte("quart..."), 512)
			for range n {
				if _, err := w.Write(piece); err != nil {
					return err
				}
			}
			return nil
		})
	})
	app.Get("/fixed", func(c *quart.Ctx) error {
		c.Fast().SetBodyStream(strings.NewReader("0123456789rest"), 10)
		return nil
	})
	app.Get("/short", func(c *quart.Ctx) error {
		c.Fast().SetBodyStream(strings.NewReader("0123"), 10)
		return nil
	})
	app.Get("/trailers", func(c *quart.Ctx) error {
		if err := c.Fast().Response.Header.AddTrailer("X-Early"); err != nil {
			return err
		}
		c.SetHeader("X-Early", "1")
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			if _, err := w.WriteString("body"); err != nil {
				return err
			}
			return w.SetTrailer("X-Late", "2")
		})
	})
	app.Get("/hints", func(c *quart.Ctx) error {
		c.EarlyHints("</a.css>; rel=preload", "</b.js>; rel=preload")
		return c.Text(200, "page")
	})
	app.Get("/none", func(c *quart.Ctx) error { return c.NoContent() })
	app.Get("/panic", func(*quart.Ctx) error { panic("boom-secret") })
	app.Get("/fails", func(c *quart.Ctx) error {
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			_, _ = w.WriteString("some")
			_ = w.Flush()
			return errors.New("broken")
		})
	})
	app.Get("/hijack", func(c *quart.Ctx) error {
		c.Fast().Hijack(func(net.Conn) {})
		return nil
	})
	app.WebSocket("/ws", func(*quart.Socket) error { return nil })
}

func TestAnswers(t *testing.T) {
	s := serve(t, h3.Config{}, kinds)
	t.Run("get", func(t *testing.T) {
		resp, body := s.get(t, "/")
		wantAnswer(t, resp, body, 200, "hello")
		if resp.Proto != "HTTP/3.0" || resp.ContentLength != 5 || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" || resp.Header.Get("Date") == "" {
			t.Errorf("%s, %d bytes, %v", resp.Proto, resp.ContentLength, resp.Header)
		}
		if resp.Header.Get("Alt-Svc") != "" {
			t.Errorf("Alt-Svc over HTTP/3: %v", resp.Header)
		}
	})
	t.Run("what the handler sees", func(t *testing.T) {
		req := s.request(t, "GET", "/facts?q=a%20b", nil)
		req.Header.Set("X-Sent", "there")
		req.Header["Cookie"] = []string{"a=1", "b=2"}
		resp, body := s.do(t, req)
		wantAnswer(t, resp, body, 200, "HTTP/3.0 https 127.0.0.1 127.0.0.1 true true https /facts?q=a%20b a b there 2")
	})
	t.Run("head", func(t *testing.T) {
		for path, length := range map[string]int64{"/": 5, "/big/3": -1, "/fixed": 10} {
			resp, body := s.do(t, s.request(t, "HEAD", path, nil))
			wantAnswer(t, resp, body, 200, "")
			if resp.ContentLength != length {
				t.Errorf("%s: Content-Length %d, want %d", path, resp.ContentLength, length)
			}
		}
	})
	t.Run("no content", func(t *testing.T) {
		resp, body := s.get(t, "/none")
		wantAnswer(t, resp, body, 204, "")
		if _, has := resp.Header["Content-Length"]; has {
			t.Errorf("%v", resp.Header)
		}
	})
	t.Run("fixed length", func(t *testing.T) {
		resp, body := s.get(t, "/fixed")
		wantAnswer(t, resp, body, 200, "0123456789")
		if resp.ContentLength != 10 {
			t.Errorf("Content-Length %d", resp.ContentLength)
		}
	})
	t.Run("stream", func(t *testing.T) {
		resp, body := s.get(t, "/big/1000")
		if resp.StatusCode != 200 || body != strings.Repeat("quart...", 512*1000) {
			t.Errorf("%d, %d bytes", resp.StatusCode, len(body))
		}
	})
	t.Run("not found", func(t *testing.T) {
		resp, body := s.get(t, "/nowhere")
		var problem struct{ Status int }
		if err := json.Unmarshal([]byte(body), &problem); err != nil || resp.StatusCode != 404 || problem.Status != 404 ||
			resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
		}
	})
	t.Run("panic", func(t *testing.T) {
		resp, body := s.get(t, "/panic")
		if resp.StatusCode != 500 || strings.Contains(body, "boom") || !strings.Contains(s.log.String(), "boom-secret") {
			t.Errorf("%d %q, log %q", resp.StatusCode, body, s.log)
		}
	})
	for _, path := range []string{"/hijack", "/ws"} {
		t.Run("upgrade "+path, func(t *testing.T) {
			resp, body := s.get(t, path)
			if resp.StatusCode != 501 || !strings.Contains(body, "HTTP/3") {
				t.Errorf("%d %q", resp.StatusCode, body)
			}
		})
	}
	for _, path := range []string{"/fails", "/short"} {
		t.Run("cut "+path, func(t *testing.T) {
			resp, err := s.client.Do(s.request(t, "GET", path, nil))
			if err != nil {
				return // the reset came before the head was read
			}
			defer func() { _ = resp.Body.Close() }()
			if b, err := io.ReadAll(resp.Body); err == nil {
				t.Errorf("%q looks complete", b)
			}
		})
	}
}

func TestBodies(t *testing.T) {
	s := serve(t, h3.Config{}, kinds)
	mib := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	sum := sha256.Sum256(mib)
	t.Run("echo 1 MiB", func(t *testing.T) {
		resp, body := s.do(t, s.request(t, "POST", "/echo", bytes.NewReader(mib)))
		if got := sha256.Sum256([]byte(body)); resp.StatusCode != 200 || got != sum {
			t.Errorf("%d, %d bytes", resp.StatusCode, len(body))
		}
	})
	t.Run("streamed 4 MiB of unknown length", func(t *testing.T) {
		four := bytes.Repeat(mib, 4)
		want := sha256.Sum256(four)
		resp, body := s.do(t, s.request(t, "POST", "/hash", struct{ io.Reader }{bytes.NewReader(four)}))
		wantAnswer(t, resp, body, 200, hex.EncodeToString(want[:]))
	})
	t.Run("empty", func(t *testing.T) {
		resp, body := s.do(t, s.request(t, "POST", "/echo", nil))
		wantAnswer(t, resp, body, 200, "")
	})
	for name, body := range map[string]io.Reader{
		"declared": bytes.NewReader(make([]byte, 1<<20+1)),
		"unknown":  struct{ io.Reader }{bytes.NewReader(make([]byte, 1<<20+1))},
	} {
		t.Run("413 "+name, func(t *testing.T) {
			if resp, _ := s.do(t, s.request(t, "POST", "/echo", body)); resp.StatusCode != 413 {
				t.Errorf("%d", resp.StatusCode)
			}
		})
	}
	t.Run("trailers of the request", func(t *testing.T) {
		req := s.request(t, "POST", "/after", struct{ io.Reader }{strings.NewReader("body")})
		req.Trailer = http.Header{"X-Sum": {"abc"}, "Content-Length": {"9"}}
		resp, body := s.do(t, req)
		wantAnswer(t, resp, body, 200, "abc")
	})
	t.Run("trailers of the response", func(t *testing.T) {
		resp, body := s.get(t, "/trailers")
		wantAnswer(t, resp, body, 200, "body")
		if resp.Trailer.Get("X-Early") != "1" || resp.Trailer.Get("X-Late") != "2" || resp.Header.Get("X-Early") != "" {
			t.Errorf("trailers %v", resp.Trailer)
		}
	})
}

func TestEarlyHints(t *testing.T) {
	s := serve(t, h3.Config{}, kinds)
	var links []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code == 103 {
			links = append(links, h["Link"]...)
		}
		return nil
	}}
	req := s.request(t, "GET", "/hints", nil)
	resp, body := s.do(t, req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	wantAnswer(t, resp, body, 200, "page")
	want := []string{"</a.css>; rel=preload", "</b.js>; rel=preload"}
	if !slices.Equal(links, want) || !slices.Equal(resp.Header["Link"], want) {
		t.Errorf("103 %q, 200 %q, want %q in both", links, resp.Header["Link"], want)
	}
}

// TestEventStream reads the first event while the function of the stream waits for it to have been read.
func TestEventStream(t *testing.T) {
	read := make(chan struct{})
	s := serve(t, h3.Config{}, func(app *quart.App) {
		app.SSE("/events", func(s *quart.EventStream) error {
			_ = s.Send(quart.Event{Data: "one"})
			<-read
			return s.Send(quart.Event{Data: "two"})
		})
	})
	resp, err := s.client.Do(s.request(t, "GET", "/events", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%v", resp.Header)
	}
	got := ""
	for buf := make([]byte, 512); !strings.Contains(got, "data: one\n\n"); {
		n, err := resp.Body.Read(buf)
		if got += string(buf[:n]); err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	close(read)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(rest) != "data: two\n\n" {
		t.Errorf("%q, %v", rest, err)
	}
}

// TestContextEndsWhenClientLeaves cancels a request whose handler waits for nothing else.
func TestContextEndsWhenClientLeaves(t *testing.T) {
	entered, cause := make(chan struct{}), make(chan error, 1)
	s := serve(t, h3.Config{}, func(app *quart.App) {
		app.Get("/wait", func(c *quart.Ctx) error {
			close(entered)
			<-c.Context().Done()
			cause <- context.Cause(c.Context())
			return nil
		})
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	req := s.request(t, "GET", "/wait", nil).WithContext(ctx)
	if resp, err := s.client.Do(req); err == nil {
		_ = resp.Body.Close()
		t.Fatal("the request was answered")
	}
	if err := <-cause; !errors.Is(err, quart.ErrClosed) {
		t.Errorf("cause %v, want ErrClosed", err)
	}
}

// TestStreamEndsWhenClientLeaves: the context of a stream tells by the next write.
func TestStreamEndsWhenClientLeaves(t *testing.T) {
	ended := make(chan error, 1)
	s := serve(t, h3.Config{}, func(app *quart.App) {
		app.Get("/endless", func(c *quart.Ctx) error {
			return c.Stream("text/plain", func(w *quart.StreamWriter) error {
				for {
					_, err := w.WriteString("more ")
					if err == nil {
						err = w.Flush()
					}
					if err != nil {
						ended <- err
						return err
					}
				}
			})
		})
	})
	resp, err := s.client.Do(s.request(t, "GET", "/endless", nil))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := <-ended; !errors.Is(err, quart.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
}

func TestConcurrentRequests(t *testing.T) {
	s := serve(t, h3.Config{}, kinds)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			sent := strings.Repeat(fmt.Sprint(i, " "), 1000)
			resp, err := s.client.Do(s.request(t, "POST", "/echo", strings.NewReader(sent)))
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = resp.Body.Close() }()
			if got, err := io.ReadAll(resp.Body); err != nil || string(got) != sent {
				t.Errorf("%d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	wg.Wait()
}
