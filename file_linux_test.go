package quart_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/goquart/quart"
)

// TestSendFileMemory: a large file passes through no buffer of the process.
func TestSendFileMemory(t *testing.T) {
	const size = 64 << 20
	name := filepath.Join(t.TempDir(), "a")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil { // sparse
		t.Fatal(err)
	}
	_ = f.Close()
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return c.SendFile(name, quart.FileOptions{}) })
	s := serve(t, app)
	nc := s.dial()
	br := bufio.NewReaderSize(nc, 1<<20)
	var before, after runtime.MemStats
	for i := range 2 {
		runtime.ReadMemStats(&before)
		send(t, nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		runtime.ReadMemStats(&after)
		if n != size || err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; i > 0 && grown > 1<<20 {
			t.Errorf("%d bytes of memory for %d of a file", grown, size)
		}
	}
}
