package quart_test

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// TestStreamsLeaveNothing: whatever clients do to streams and slow answers, goroutines and connections go back to where they were.
func TestStreamsLeaveNothing(t *testing.T) {
	app, _ := newApp(quart.Config{WriteTimeout: 500 * time.Millisecond})
	app.Get("/stream", func(c *quart.Ctx) error {
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			for {
				if _, err := w.Write(make([]byte, 8<<10)); err != nil {
					return err
				}
			}
		})
	})
	app.SSE("/loop", func(s *quart.EventStream) error {
		for range s.Tick(time.Millisecond) {
			_ = s.Send(quart.Event{Data: "x"})
		}
		return nil
	})
	app.SSE("/park", func(s *quart.EventStream) error {
		context.AfterFunc(s.Context(), func() { _ = s.Post(quart.NewFrame("", quart.Message{})) })
		return s.Park()
	})
	app.Get("/wait", func(c *quart.Ctx) error {
		<-c.Context().Done()
		return c.Context().Err()
	})
	app.Post("/body", func(c *quart.Ctx) error {
		_, err := io.Copy(io.Discard, c.BodyReader())
		return err
	})
	s := serve(t, app)
	s.get("/none", "Connection: close") // the server runs
	before, _ := goroutines()
	for _, version := range []string{"1.1", "1.0"} {
		for _, target := range []string{"/stream", "/loop", "/park", "/wait"} {
			for i := range 10 {
				nc := s.dial()
				send(t, nc, "GET "+target+" HTTP/"+version+"\r\nHost: a\r\n\r\n")
				if target != "/wait" {
					_, _ = nc.Read(make([]byte, 100))
				}
				if i%2 == 0 && target != "/wait" { // stops reading for a while first
					time.Sleep(5 * time.Millisecond)
				}
				_ = nc.Close()
			}
		}
	}
	for range 10 {
		nc := s.dial()
		send(t, nc, "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
		_ = nc.Close()
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		n, stacks := goroutines()
		stats := app.Stats()
		if n <= before+1 && stats.Conns == 0 && stats.Streams == 0 { // one more: the watcher
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, before %d; %+v\n%s", n, before, stats, stacks)
		}
	}
}

// goroutines counts all but fasthttp's workers, which wait for 10 s and more for another connection.
func goroutines() (n int, stacks string) {
	buf := make([]byte, 4<<20)
	stacks = string(buf[:runtime.Stack(buf, true)])
	for g := range strings.SplitSeq(stacks, "\n\n") {
		if !strings.Contains(g, "fasthttp.(*workerPool)") || strings.Contains(g, "quart.") {
			n++
		}
	}
	return n, stacks
}
