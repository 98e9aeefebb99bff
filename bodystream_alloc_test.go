//go:build !race && !quartdebug

package quart_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/goquart/quart"
)

// TestZeroAllocsBodyReader holds the zeros of reading a body as a stream: one that is there already, and one that arrives, declared and
// chunked.
func TestZeroAllocsBodyReader(t *testing.T) {
	app := quart.New(quart.Config{})
	buf := make([]byte, 512)
	app.Post("/read", func(c *quart.Ctx) error {
		r, n := c.BodyReader(), 0
		for {
			m, err := r.Read(buf)
			n += m
			if err == io.EOF && n == 5 {
				return c.Bytes(200, "text/plain", buf[:n])
			}
			if err != nil {
				return err
			}
		}
	})
	h := app.Handler()
	hello := []byte("hello")
	src := bytes.NewReader(hello)
	for _, tc := range []struct {
		name string
		size int // of the stream; 0 for none
	}{
		{"buffered", 0}, {"declared", 5}, {"chunked", -1},
	} {
		fc := request("POST", "/read")
		if tc.size == 0 {
			fc.Request.SetBodyString("hello")
		}
		once := func() {
			fc.Response.Reset()
			if tc.size != 0 {
				src.Reset(hello)
				fc.Request.SetBodyStream(src, tc.size)
			}
			h(fc)
		}
		once()
		if got := fc.Response.StatusCode(); got != 200 {
			t.Fatalf("%s: status %d: %s", tc.name, got, fc.Response.Body())
		}
		if n := testing.AllocsPerRun(1000, once); n > 1 { // what BodyReader returns
			t.Errorf("%s: %v allocations", tc.name, n)
		}
	}
}
