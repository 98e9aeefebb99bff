package quart_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func TestContractStreams(t *testing.T) {
	contract(t, quart.Config{}, func(app *quart.App) {
		app.Get("/stream", func(c *quart.Ctx) error {
			n, size := c.QueryInt("n", 1), c.QueryInt("size", 1)
			return c.Stream("a/b", func(w *quart.StreamWriter) error {
				for range n {
					if _, err := w.WriteString(strings.Repeat("x", size)); err != nil {
						return err
					}
					if err := w.Flush(); err != nil {
						return err
					}
				}
				return nil
			})
		})
		app.Get("/trailer", func(c *quart.Ctx) error {
			c.SetHeader("Trailer", "X-Sum")
			return c.Stream("a/b", func(w *quart.StreamWriter) error {
				_, _ = w.WriteString("body")
				return w.SetTrailer("X-Sum", "7")
			})
		})
		app.Get("/fail", func(c *quart.Ctx) error {
			return c.Stream("a/b", func(w *quart.StreamWriter) error {
				_, _ = w.WriteString("first")
				_ = w.Flush()
				return errors.New("no more")
			})
		})
		app.Get("/panic", func(c *quart.Ctx) error {
			return c.Stream("a/b", func(w *quart.StreamWriter) error {
				_, _ = w.WriteString("first")
				_ = w.Flush()
				panic("boom")
			})
		})
		app.Get("/hints", func(c *quart.Ctx) error {
			c.EarlyHints("</a.css>; rel=preload; as=style")
			return c.Text(200, "late")
		})
		app.Get("/rows", func(c *quart.Ctx) error {
			return quart.RowsOf(func(yield func(int, error) bool) {
				for i := range 3 {
					if !yield(i, nil) {
						return
					}
				}
			}).Respond(c)
		})
	}, func(t *testing.T, cl *quarttest.Client) {
		for target, want := range map[string]int{"/stream?n=0": 0, "/stream?n=3&size=5": 15, "/stream?n=1000": 1000, "/stream?n=20&size=100000": 2_000_000} {
			resp := cl.Get(target).Want(200)
			if n := len(resp.Bytes()); n != want || resp.HasHeader("Content-Length") || resp.Header("Content-Type") != "a/b" {
				t.Errorf("%s: %s%d bytes, want %d", target, resp.Head(), n, want)
			}
		}
		if resp := cl.Head("/stream").Want(200); resp.Text() != "" || resp.Header("Content-Type") != "a/b" {
			t.Errorf("HEAD: %s%q", resp.Head(), resp.Text())
		}
		if resp := cl.Get("/trailer").Want(200); resp.Text() != "body" || resp.Trailer("X-Sum") != "7" || resp.Header("Trailer") != "X-Sum" {
			t.Errorf("trailer: %s%q, %q", resp.Head(), resp.Text(), resp.Trailer("X-Sum"))
		}
		for _, target := range []string{"/fail", "/panic"} { // nobody can take this for the end
			resp, err := cl.Get(target).Try()
			if !errors.Is(err, io.ErrUnexpectedEOF) || resp == nil || resp.Status != 200 {
				t.Errorf("%s: %v", target, err)
			}
		}
		resp := cl.Get("/hints").Want(200)
		if len(resp.Interim) != 1 || resp.Interim[0].Status != 103 || resp.Interim[0].Header("Link") != "</a.css>; rel=preload; as=style" || resp.Text() != "late" {
			t.Errorf("hints: %+v, %s%q", resp.Interim, resp.Head(), resp.Text())
		}
		if got := cl.Get("/rows").Want(200).Text(); strings.Join(strings.Fields(got), "") != "[0,1,2]" {
			t.Errorf("rows: %q", got)
		}
	})
}

// inBubbles is contract in a bubble of testing/synctest for each protocol.
func inBubbles(t *testing.T, cfg quart.Config, routes func(app *quart.App), test func(t *testing.T, cl *quarttest.Client)) {
	t.Helper()
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		synctest.Test(t, func(t *testing.T) {
			cfg := cfg
			cfg.Log = quarttest.Log(t)
			app := quart.New(cfg)
			routes(app)
			test(t, quarttest.New(t, app, p))
		})
	})
}

func TestContractEvents(t *testing.T) {
	sent := []quart.Event{{ID: "1", Name: "tick", Data: "hello"}, {Data: "a\nb"}, {ID: "3", Data: "ü", Retry: 1500 * time.Millisecond}}
	contract(t, quart.Config{}, func(app *quart.App) {
		app.SSE("/events/{room}", func(s *quart.EventStream) error {
			for _, e := range sent {
				if err := s.Send(e); err != nil {
					return err
				}
			}
			return s.Send(quart.Event{Data: s.Param("room") + " after " + s.LastEventID()})
		})
		app.SSE("/fail", func(s *quart.EventStream) error {
			_ = s.Send(quart.Event{Data: "first"})
			return errors.New("no more")
		})
	}, func(t *testing.T, cl *quarttest.Client) {
		s := cl.SSE("/events/lobby", "Last-Event-ID", "0")
		for _, want := range append(sent, quart.Event{Data: "lobby after 0"}) {
			if got := s.Next(10 * time.Second); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		s.End(10 * time.Second)
		if s.Header("Cache-Control") != "no-cache, no-transform" || s.Header("X-Accel-Buffering") != "no" || s.LastEventID() != "3" {
			t.Errorf("head: %q %q, last id %q", s.Header("Cache-Control"), s.Header("X-Accel-Buffering"), s.LastEventID())
		}
		cl.Get("/events/lobby").Header("Accept", "text/html").Want(406)
		if resp := cl.Head("/events/lobby").Want(200); resp.Header("Content-Type") != "text/event-stream" {
			t.Errorf("HEAD: %s", resp.Head())
		}
		failing := cl.SSE("/fail")
		failing.Next(10 * time.Second)
		if _, err := failing.Try(10 * time.Second); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after the failure: %v", err)
		}
	})
}

// TestContractArrives: what was flushed and what was sent is there at once, and heartbeats come.
func TestContractArrives(t *testing.T) {
	var next chan struct{}
	inBubbles(t, quart.Config{}, func(app *quart.App) {
		next = make(chan struct{})
		app.SSE("/", func(s *quart.EventStream) error {
			i := 0
			for range next {
				if err := s.Send(quart.Event{Data: fmt.Sprint(i)}); err != nil {
					return err
				}
				i++
			}
			<-s.Context().Done()
			return nil
		})
	}, func(t *testing.T, cl *quarttest.Client) {
		defer close(next)
		s := cl.SSE("/")
		for i := range 3 {
			if e, err := s.Try(time.Nanosecond); err == nil {
				t.Fatalf("before it was sent: %+v", e)
			}
			next <- struct{}{}
			if got := s.Next(time.Second).Data; got != fmt.Sprint(i) {
				t.Errorf("event %q, want %d", got, i)
			}
		}
		before := s.Comments()
		_, _ = s.Try(2 * time.Minute)
		if s.Comments() < before+4 {
			t.Errorf("%d heartbeats in two minutes", s.Comments()-before)
		}
	})
}

// TestContractLeaves: contexts end when the client leaves, and only its own.
func TestContractLeaves(t *testing.T) {
	var began chan context.Context
	inBubbles(t, quart.Config{}, func(app *quart.App) {
		began = make(chan context.Context)
		app.Get("/slow", func(c *quart.Ctx) error {
			began <- c.Context()
			<-c.Context().Done()
			return c.NoContent()
		})
		app.SSE("/events", func(s *quart.EventStream) error {
			began <- s.Context()
			<-s.Context().Done()
			return nil
		})
		app.Get("/stream", func(c *quart.Ctx) error {
			return c.Stream("a/b", func(w *quart.StreamWriter) error {
				began <- w.Context()
				for {
					if _, err := w.Write(make([]byte, 10_000)); err != nil {
						return err
					}
				}
			})
		})
		app.WebSocket("/ws", func(ws *quart.Socket) error {
			began <- ws.Context()
			_, err := ws.Read()
			return err
		})
	}, func(t *testing.T, cl *quarttest.Client) {
		waiting := cl.SSE("/events")
		other := <-began
		for name, open := range map[string]func() (leave func()){
			"request": cl.Get("/slow").Start,
			"stream":  cl.Get("/stream").Start,
			"events":  func() func() { return cl.SSE("/events").Close },
			"socket": func() func() {
				ws := cl.WebSocket("/ws")
				return func() { _ = ws.Close() }
			},
		} {
			leave := open()
			ctx := <-began
			synctest.Wait()
			if err := ctx.Err(); err != nil {
				t.Errorf("%s: %v while the client is there", name, err)
			}
			leave()
			synctest.Wait()
			if cause := context.Cause(ctx); !errors.Is(cause, quart.ErrClosed) {
				t.Errorf("%s: the context ends with %v", name, cause)
			}
			if err := other.Err(); err != nil {
				t.Errorf("%s: the other context ends: %v", name, err)
			}
		}
		waiting.Close()
	})
}

// TestContractStop: an app that stops answers what it has begun and ends what would not end.
func TestContractStop(t *testing.T) {
	var began chan struct{}
	inBubbles(t, quart.Config{}, func(app *quart.App) {
		began = make(chan struct{})
		app.Get("/", func(c *quart.Ctx) error { return c.NoContent() })
		app.Get("/slow", func(c *quart.Ctx) error {
			began <- struct{}{}
			time.Sleep(3 * time.Second)
			return c.Text(200, "in time")
		})
		app.SSE("/events", func(s *quart.EventStream) error {
			<-s.Context().Done()
			return nil
		})
		app.WebSocket("/ws", func(ws *quart.Socket) error {
			_, err := ws.Read()
			return err
		})
	}, func(t *testing.T, cl *quarttest.Client) {
		cl.Get("/").Want(204) // leaves a connection that is idle
		s, ws := cl.SSE("/events"), cl.WebSocket("/ws")
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if got := cl.Get("/slow").Want(200).Text(); got != "in time" {
				t.Errorf("the request under way: %q", got)
			}
		})
		<-began
		waiting.Go(func() {
			if got := quarttest.ReadClose(t, ws); got.Code != 1001 {
				t.Errorf("the socket is closed with %+v", got)
			}
		})
		if err := cl.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
		waiting.Wait()
		s.End(time.Nanosecond)
		if _, err := cl.Get("/").Try(); err == nil {
			t.Error("a request after Stop was answered")
		}
	})
}

// TestContractTimeouts: a handler that takes too long, and a client that does.
func TestContractTimeouts(t *testing.T) {
	inBubbles(t, quart.Config{}, func(app *quart.App) {
		app.Get("/hard", func(c *quart.Ctx) error {
			c.SetHardTimeout(time.Second)
			time.Sleep(5 * time.Second)
			return c.Text(200, "too late")
		})
		app.Get("/", func(c *quart.Ctx) error { return c.NoContent() })
	}, func(t *testing.T, cl *quarttest.Client) {
		start := time.Now()
		resp := cl.Get("/hard").Send()
		wantProblem(t, "hard timeout", resp, 503)
		if d := time.Since(start); d != time.Second {
			t.Errorf("the 503 came after %v", d)
		}
		cl.Get("/").Want(204)
		time.Sleep(time.Minute) // idle for so long that the app closes
		cl.Get("/").Want(204)
	})
}

func TestContractConcurrent(t *testing.T) {
	key := quart.NewKey[string]("contract")
	contract(t, quart.Config{}, func(app *quart.App) {
		app.Use(func(next quart.Handler) quart.Handler {
			return func(c *quart.Ctx) error {
				key.Set(c, c.Query("v"))
				return next(c)
			}
		})
		app.Post("/{n:int}", func(c *quart.Ctx) error {
			body, err := c.Body()
			if err != nil {
				return err
			}
			v, _ := key.Get(c)
			return c.Text(200, c.Param("n")+" "+v+" "+string(body))
		})
	}, func(t *testing.T, cl *quarttest.Client) {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				for j := range 20 {
					n, body := fmt.Sprint(100*i+j), strings.Repeat(fmt.Sprint(i), 1000*j)
					if got := cl.Post("/"+n).Query("v", n).Body("", []byte(body)).Send().Text(); got != n+" "+n+" "+body {
						t.Errorf("%s: %.50q", n, got)
					}
				}
			})
		}
		wg.Wait()
	})
}
