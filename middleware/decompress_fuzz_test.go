package middleware_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/valyala/fasthttp"
)

// FuzzDecompress: any bytes in any coding are read, or refused with a status that fits, within the limits; what an encoder made of them is read as
// what they are.
func FuzzDecompress(f *testing.F) {
	for _, coding := range codingNames {
		f.Add(encode(f, coding, []byte(page)), coding)
		f.Add(encode(f, coding, make([]byte, 1<<20)), coding)
		f.Add([]byte("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"), coding)
	}
	f.Add([]byte("x"), "gzip, br")
	const limit = 200 << 10
	var got []byte
	var failed error
	app := newApp(f, middleware.Decompress(middleware.DecompressConfig{MaxWindow: 1 << 20}))
	app.Post("/", func(c *quart.Ctx) error {
		got, failed = io.ReadAll(c.BodyReader())
		return failed
	}).BodyLimit(limit)
	exchange := func(data []byte, coding string) int {
		var req fasthttp.Request
		req.Header.SetMethod("POST")
		req.SetRequestURI("/")
		req.Header.SetHost("localhost")
		req.Header.Set("Content-Encoding", coding)
		req.SetBody(data)
		s := &served{h: app.Handler()}
		s.fc.Init(&req, nil, nil)
		got, failed = nil, nil
		s.once()
		return s.fc.Response.StatusCode()
	}
	f.Fuzz(func(t *testing.T, data []byte, coding string) {
		switch status := exchange(data, coding); status {
		case 200, 400, 413, 415:
			if len(got) > limit || status == 200 && failed != nil {
				t.Fatalf("%d with %d bytes: %v", status, len(got), failed)
			}
		default:
			t.Fatalf("status %d: %v", status, failed)
		}
		for _, coding := range codingNames {
			if len(data) > limit || len(data) == 0 {
				continue
			}
			status := exchange(encode(t, coding, data), coding)
			if status != 200 && !errors.Is(failed, quart.ErrTooLarge) || status == 200 && !bytes.Equal(got, data) {
				t.Fatalf("%s of %d bytes: %d with %d: %v", coding, len(data), status, len(got), failed)
			}
		}
	})
}
