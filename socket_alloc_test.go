//go:build !race && !quartdebug

package quart_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// frameExchange sends bytes and reads a number of them, without allocating.
type frameExchange struct {
	rw  io.ReadWriter
	out []byte
	in  []byte
}

func (x *frameExchange) run() error {
	if _, err := x.rw.Write(x.out); err != nil {
		return err
	}
	_, err := io.ReadFull(x.rw, x.in)
	return err
}

// fewestAllocs is the least of what three measurements of f say: what other tests have left behind allocates, too, and so does a pool that was emptied.
func fewestAllocs(runs int, f func()) float64 {
	n := testing.AllocsPerRun(runs, f)
	for range 2 {
		n = min(n, testing.AllocsPerRun(runs, f))
	}
	return n
}

// TestSocketAllocs: none for each message, whatever its size, alone and in bursts, and none for a ping.
func TestSocketAllocs(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.WebSocket("/ws", echoSocket)
	s := serve(t, app)
	for _, tt := range []struct {
		name, out string
		in        int
	}{
		{"64 B", frame(fin|opBinary, strings.Repeat("x", 64)), 66},
		{"text", textFrame(strings.Repeat("é", 100)), 204},
		{"burst", strings.Repeat(frame(fin|opBinary, strings.Repeat("x", 64)), 16), 16 * 66},
		{"64 KiB", frame(fin|opBinary, strings.Repeat("x", 64<<10)), 64<<10 + 10},
		{"fragments", frame(opBinary, strings.Repeat("x", 5000)) + frame(fin, strings.Repeat("y", 5000)), 10_004},
		{"ping", frame(fin|opPing, "data"), 6},
	} {
		ws := s.socket("/ws")
		_ = ws.SetDeadline(time.Time{})
		x := &frameExchange{ws.Conn, []byte(tt.out), make([]byte, tt.in)}
		allocs := fewestAllocs(500, func() {
			if err := x.run(); err != nil {
				t.Fatal(err)
			}
		})
		if allocs > 0 {
			t.Errorf("%s: %v allocations", tt.name, allocs)
		}
	}
}

// TestSocketPostAllocs: none for a frame that is posted, to a socket and to many.
func TestSocketPostAllocs(t *testing.T) {
	app, _ := newApp(quart.Config{})
	joined := make(chan *quart.Socket)
	app.WebSocket("/ws", func(ws *quart.Socket) error {
		joined <- ws
		_, err := ws.Read()
		return err
	})
	s := serve(t, app)
	var sockets []*quart.Socket
	for range 50 {
		ws := s.socket("/ws")
		go func() { _, _ = io.Copy(io.Discard, ws.br) }()
		sockets = append(sockets, <-joined)
	}
	f := quart.NewFrame("", quart.Message{Data: make([]byte, 128), Binary: true})
	for name, n := range map[string]int{"one": 1, "all": len(sockets)} {
		post := func() {
			for _, ws := range sockets[:n] {
				if err := ws.Post(f); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(100 * time.Microsecond)
		}
		for range 50 { // buffers for as many as gather at a time
			post()
		}
		if allocs := fewestAllocs(200, post); allocs > 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}
