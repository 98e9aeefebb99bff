package quart_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// FuzzMultipart: a form, whatever it is, is read within its limits or refused with the right status; the sum of what the handler
// got is never more than what came.
func FuzzMultipart(f *testing.F) {
	part := "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
	file := "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\ndata\r\n"
	f.Add([]byte(part+file+"--b--\r\n"), 0)
	f.Add([]byte(file+"--b--"), 1)
	f.Add([]byte(strings.Repeat(part, 3)), 2)
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\nX: "+strings.Repeat("y", 5000)+"\r\n\r\n1\r\n--b--"), 0)
	f.Add([]byte(part+"--b--\r\n"), 1001)
	const limit = 64 << 10
	app, _ := newApp(quart.Config{BodyLimit: limit})
	app.Post("/", func(c *quart.Ctx) error {
		size := len(c.Form("a"))
		for v := range c.FormAll("b") {
			size += len(v)
		}
		fh, err := c.FormFile("f")
		if err == nil {
			data, err := readFile(fh)
			if err != nil || int64(len(data)) != fh.Size {
				return fmt.Errorf("file: %d of %d bytes, %w", len(data), fh.Size, err)
			}
			size += len(data)
		}
		return c.Text(200, itoa(size))
	})
	h := app.Handler()
	f.Fuzz(func(t *testing.T, body []byte, repeat int) {
		if repeat > 0 && repeat < 2000 && len(body)*repeat < 1<<20 {
			body = bytes.Repeat(body, repeat)
		}
		var fc fasthttp.RequestCtx
		fc.Init(&fasthttp.Request{}, nil, nil)
		fc.Request.Header.SetMethod("POST")
		fc.Request.SetRequestURI("/")
		fc.Request.Header.SetContentType("multipart/form-data; boundary=b")
		fc.Request.SetBody(body)
		h(&fc)
		status := fc.Response.StatusCode()
		switch {
		case len(body) > limit && status == 200 && !bytes.Contains(body[:limit], []byte("--b--")): // what follows the end of the form is not read
			t.Fatalf("%d bytes are taken", len(body))
		case status != 200 && status != 400 && status != 413:
			t.Fatalf("%d %s", status, fc.Response.Body())
		case status == 200:
			var n int
			if _, err := fmt.Sscan(string(fc.Response.Body()), &n); err != nil || n > len(body) {
				t.Fatalf("%s of %d bytes", fc.Response.Body(), len(body))
			}
		}
	})
}

func readFile(fh *multipart.FileHeader) ([]byte, error) {
	f, err := fh.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
