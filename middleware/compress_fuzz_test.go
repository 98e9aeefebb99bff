package middleware_test

import (
	"bytes"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
)

// FuzzCompress: whatever the body and whatever is accepted, what arrives decodes to the body, and is no longer than it.
func FuzzCompress(f *testing.F) {
	f.Add([]byte(page), "gzip, deflate, br, zstd")
	f.Add([]byte{}, "*")
	f.Add(bytes.Repeat([]byte{0}, 5000), "br;q=1, zstd;q=0.9")
	f.Add(randomBytes(3000), "gzip;q=0.1;;,\t\"x\"")
	f.Add([]byte("a"), "identity;q=0, *;q=0")
	app := newApp(f, middleware.Compress(middleware.CompressConfig{MinSize: -1}))
	var body []byte
	app.Get("/", func(c *quart.Ctx) error { return c.Bytes(200, "text/plain", body) })
	f.Fuzz(func(t *testing.T, data []byte, accept string) {
		body = data
		s := newServed(app, "GET", "/", "Accept-Encoding", accept)
		s.once()
		h, sent := &s.fc.Response.Header, s.fc.Response.Body()
		coding := string(h.ContentEncoding())
		got, err := decode(coding, sent)
		if err != nil || !bytes.Equal(got, data) || len(sent) > len(data) {
			t.Fatalf("%q of %d bytes: %d sent, %d decoded, %v", coding, len(data), len(sent), len(got), err)
		}
		if string(h.Peek("Vary")) != "Accept-Encoding" {
			t.Errorf("Vary %q", h.Peek("Vary"))
		}
	})
}
