//go:build !race && !quartdebug

package quart_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// chunkedExchange sends a request and reads up to the end of its chunked answer, without allocating.
type chunkedExchange struct {
	nc      net.Conn
	request []byte
	buf     [64 << 10]byte
}

func (x *chunkedExchange) run() error {
	if _, err := x.nc.Write(x.request); err != nil {
		return err
	}
	for n := 0; ; {
		m, err := x.nc.Read(x.buf[n:])
		n += m
		if bytes.HasSuffix(x.buf[:n], []byte("\r\n0\r\n\r\n")) || err != nil {
			return err
		}
	}
}

// TestStreamAllocs: one allocation of our own for each stream and one of fasthttp's, the 24 bytes of its chunk writer; none for each write
// and flush.
func TestStreamAllocs(t *testing.T) {
	app, _ := newApp(quart.Config{})
	text := []byte("a line of text\n")
	producer := func(writes int) func(w *quart.StreamWriter) error {
		return func(w *quart.StreamWriter) error {
			for range writes {
				_, _ = w.Write(text)
				_, _ = w.WriteString("and another\n")
				_ = w.Flush()
			}
			return nil
		}
	}
	one, many := producer(1), producer(100)
	app.Get("/one", func(c *quart.Ctx) error { return c.Stream("text/plain", one) })
	app.Get("/many", func(c *quart.Ctx) error { return c.Stream("text/plain", many) })
	s := serve(t, app)
	for _, target := range []string{"/one", "/many"} {
		x := &chunkedExchange{nc: s.dial(), request: []byte("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n")}
		_ = x.nc.SetDeadline(time.Time{})
		allocs := testing.AllocsPerRun(200, func() {
			if err := x.run(); err != nil {
				t.Fatal(err)
			}
		})
		if allocs > 2 {
			t.Errorf("%s: %v allocations", target, allocs)
		}
	}
}

// TestSSEAllocs: none for each event, whether sent or posted, in a burst or alone.
func TestSSEAllocs(t *testing.T) {
	app, _ := newApp(quart.Config{})
	result := make(chan map[string]float64)
	app.SSE("/", func(s *quart.EventStream) error {
		m := map[string]float64{}
		e := quart.Event{ID: "12", Name: "tick", Data: "some data\nin two lines"}
		v := &struct{ A, B int }{1, 2}
		f := quart.NewFrame("1", quart.Message{Data: []byte("frame")})
		m["burst"] = testing.AllocsPerRun(5000, func() { _ = s.Send(e) })
		m["JSON"] = testing.AllocsPerRun(5000, func() { _ = s.SendJSON("json", v) })
		m["alone"] = testing.AllocsPerRun(20, func() {
			time.Sleep(5 * time.Millisecond)
			_ = s.Send(e)
		})
		m["posted alone"] = testing.AllocsPerRun(20, func() {
			time.Sleep(5 * time.Millisecond)
			_ = s.Post(f)
		})
		m["posted in a burst"] = testing.AllocsPerRun(200, func() {
			for range 50 {
				if err := s.Post(f); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(3 * time.Millisecond)
		})
		result <- m
		return nil
	})
	s := serve(t, app)
	nc := s.dial()
	send(t, nc, get11)
	go func() {
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{nc}, make([]byte, 32<<10))
	}()
	for name, allocs := range <-result {
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}
