package quart_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
)

func bodyApp(cfg quart.Config) (*quart.App, *logBuffer) {
	app, log := newApp(cfg)
	echo := func(c *quart.Ctx) error {
		b, err := c.Body()
		if err != nil {
			return err
		}
		again, _ := c.Body()
		if string(again) != string(b) || string(c.Fast().PostBody()) != string(b) {
			return fmt.Errorf("second look differs")
		}
		return c.Bytes(200, "application/octet-stream", b)
	}
	app.Post("/echo", echo)
	app.Post("/small", echo).BodyLimit(10)
	app.Post("/any", echo).BodyLimit(-1)
	app.Post("/raise", func(c *quart.Ctx) error { c.SetBodyLimit(3 << 20); return echo(c) })
	app.Post("/ignore", func(c *quart.Ctx) error { return c.Text(200, "ignored") })
	app.Post("/slow", echo).BodyTimeout(300 * time.Millisecond)
	app.Post("/reader", func(c *quart.Ctx) error {
		n, err := io.Copy(io.Discard, c.BodyReader())
		if err != nil {
			return err
		}
		return c.Text(200, itoa(int(n)))
	})
	app.Post("/form", func(c *quart.Ctx) error {
		out := c.Form("a") + "|" + c.Form("none")
		for v := range c.FormAll("b") {
			out += "|" + v
		}
		return c.Text(200, out)
	})
	app.Post("/file", func(c *quart.Ctx) error {
		fh, err := c.FormFile("f")
		if err != nil {
			return err
		}
		f, err := fh.Open()
		if err != nil {
			return err
		}
		defer f.Close()
		data, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprintf("%s %s %d %d %s", fh.Filename, fh.Header.Get("Content-Type"), fh.Size, len(data), c.Form("note")))
	}).BodyLimit(8 << 20)
	return app, log
}

func TestBody(t *testing.T) {
	app, _ := bodyApp(quart.Config{})
	s := serve(t, app)
	for _, n := range []int{1, 2, 511, 512, 4096, 16 << 10, 16<<10 + 1, 100_000, 1 << 20} {
		want := strings.Repeat("x", n)
		s.do("POST", "/echo", want).want(t, 200, want)
		chunked := "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
			fmt.Sprintf("%x\r\n%s\r\n1\r\ny\r\n0\r\n\r\n", n-1+1, want)
		if n < 1<<20 {
			s.raw("POST", chunked).want(t, 200, want+"y")
		}
	}
	s.do("POST", "/echo", "").want(t, 200, "")
	s.do("POST", "/reader", strings.Repeat("r", 70_000)).want(t, 200, "70000")
}

// TestBodyPipelined: bodies read, left and absent, all on one connection: nothing is mixed up.
func TestBodyPipelined(t *testing.T) {
	app, _ := bodyApp(quart.Config{})
	s := serve(t, app)
	nc := s.dial()
	send(t, nc, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nfirst"+
		"POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n"+"GET /secret HTTP/1.1\r\nHost: x\r\n\r\n1234567890"[:40]+
		"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"+
		"POST /echo HTTP/1.1\r\nHost: x\r\n\r\n"+
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nlast")
	br := newReader(nc)
	for _, want := range []string{"first", "ignored", "abc", "", "last"} {
		readAnswer(t, br, "POST").want(t, 200, want)
	}
}

func TestBodyLimit(t *testing.T) {
	app, _ := bodyApp(quart.Config{})
	s := serve(t, app)
	over := strings.Repeat("x", 1<<20+1)
	for _, tc := range []struct {
		path string
		n    int
		want int
	}{
		{"/echo", 1 << 20, 200},
		{"/echo", 1<<20 + 1, 413},
		{"/small", 10, 200},
		{"/small", 11, 413},
		{"/any", 1<<20 + 1, 200},
		{"/raise", 1<<20 + 1, 200},
		{"/form", 1<<20 + 1, 200}, // no form type: not read
	} {
		a := s.do("POST", tc.path, over[:tc.n])
		if a.StatusCode != tc.want {
			t.Errorf("%s %d: %d %.80s", tc.path, tc.n, a.StatusCode, a.body)
		}
		if tc.want == 413 && (!a.Close || !strings.Contains(a.body, `"status":413`)) {
			t.Errorf("%s %d: close %v, %s", tc.path, tc.n, a.Close, a.body)
		}
		chunked := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", tc.path, tc.n, over[:tc.n])
		if a := s.raw("POST", chunked); a.StatusCode != tc.want {
			t.Errorf("chunked %s %d: %d", tc.path, tc.n, a.StatusCode)
		}
	}
}

// TestBodyTooLargeArrives: a client that sends all of a large body before it reads still gets its 413.
func TestBodyTooLargeArrives(t *testing.T) {
	app, _ := bodyApp(quart.Config{})
	s := serve(t, app)
	body := strings.Repeat("x", 8<<20)
	for range 5 {
		if a := s.do("POST", "/echo", body); a.StatusCode != 413 {
			t.Fatalf("%d", a.StatusCode)
		}
		if a := s.do("POST", "/ignore", body); a.StatusCode != 200 {
			t.Fatalf("ignored: %d", a.StatusCode)
		}
	}
}

func TestBodyErrors(t *testing.T) {
	app, _ := bodyApp(quart.Config{})
	s := serve(t, app)
	nc := s.dial()
	send(t, nc, "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
	if a := readAnswer(t, newReader(nc), "POST"); a.StatusCode != 408 || !a.Close {
		t.Errorf("slow: %d, close %v", a.StatusCode, a.Close)
	}
	nc = s.dial()
	send(t, nc, "POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
	if a := readAnswer(t, newReader(nc), "POST"); a.StatusCode != 408 {
		t.Errorf("slow chunked: %d", a.StatusCode)
	}
	for _, bad := range []string{"zz\r\nabc\r\n0\r\n\r\n", "3\r\nabcX\r\n0\r\n\r\n", "-1\r\nabc\r\n0\r\n\r\n", "fffffffffffffffff\r\nabc\r\n"} {
		a := s.raw("POST", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+bad)
		if a.StatusCode != 400 || !a.Close {
			t.Errorf("%q: %d, close %v", bad, a.StatusCode, a.Close)
		}
	}
	half := s.dial()
	send(t, half, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
	_ = half.(interface{ CloseWrite() error }).CloseWrite()
	if a := readAnswer(t, newReader(half), "POST"); a.StatusCode != 400 {
		t.Errorf("cut short: %d %s", a.StatusCode, a.body)
	}
}

func multipartBody(t *testing.T, build func(w *multipart.Writer)) (body, ctype string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	build(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), "Content-Type: " + w.FormDataContentType()
}

func TestForm(t *testing.T) {
	app, _ := bodyApp(quart.Config{})
	s := serve(t, app)
	const urlencoded = "Content-Type: application/x-www-form-urlencoded"
	s.do("POST", "/form", "a=1+2&b=x&b=%C3%A9&a=3", urlencoded+"; charset=utf-8").want(t, 200, "1 2||x|é")
	s.do("POST", "/form", "a=1", "Content-Type: text/plain").want(t, 200, "|")
	body, ctype := multipartBody(t, func(w *multipart.Writer) {
		_ = w.WriteField("a", "1 2")
		_ = w.WriteField("b", "x")
		_ = w.WriteField("b", "y")
	})
	s.do("POST", "/form", body, ctype).want(t, 200, "1 2||x|y")
	s.do("POST", "/form", body, "Content-Type: multipart/form-data").want(t, 200, "|") // no boundary: empty, as in Flask

	s.do("POST", "/form", strings.Repeat("b=&", 999)+"b=", urlencoded).want(t, 200, "|"+strings.Repeat("|", 1000))
	if a := s.do("POST", "/form", strings.Repeat("b=&", 1000)+"b=", urlencoded); a.StatusCode != 413 {
		t.Errorf("1001 fields: %d", a.StatusCode)
	}
	if a := s.do("POST", "/form", "a="+strings.Repeat("x", 1<<20), urlencoded); a.StatusCode != 413 {
		t.Errorf("over the limit: %d", a.StatusCode)
	}
	many, ctype := multipartBody(t, func(w *multipart.Writer) {
		for range 1001 {
			_ = w.WriteField("b", "")
		}
	})
	if a := s.do("POST", "/form", many, ctype); a.StatusCode != 413 {
		t.Errorf("1001 parts: %d %s", a.StatusCode, a.body)
	}
	text, ctype := multipartBody(t, func(w *multipart.Writer) { _ = w.WriteField("a", strings.Repeat("x", 500_001)) })
	if a := s.do("POST", "/form", text, ctype); a.StatusCode != 413 {
		t.Errorf("500 kB of text: %d %s", a.StatusCode, a.body)
	}
	if a := s.do("POST", "/form", body[:len(body)/2], ctype); a.StatusCode != 400 {
		t.Errorf("cut multipart: %d %s", a.StatusCode, a.body)
	}
}

func TestFormFile(t *testing.T) {
	app, _ := bodyApp(quart.Config{})
	s := serve(t, app)
	for _, size := range []int{0, 10, 400_000, 2 << 20} {
		body, ctype := multipartBody(t, func(w *multipart.Writer) {
			f, _ := w.CreateFormFile("f", "naïve.txt")
			_, _ = f.Write(bytes.Repeat([]byte("z"), size))
			_ = w.WriteField("note", "hi")
		})
		s.do("POST", "/file", body, ctype).want(t, 200, fmt.Sprintf("naïve.txt application/octet-stream %d %d hi", size, size))
	}
	body, ctype := multipartBody(t, func(w *multipart.Writer) { _ = w.WriteField("note", "hi") })
	if a := s.do("POST", "/file", body, ctype); a.StatusCode != 400 || !strings.Contains(a.body, "lacks a file") {
		t.Errorf("no file: %d %s", a.StatusCode, a.body)
	}
}

// TestBodyPartlyRead: what a handler leaves of a body is taken from the wire, the connection is idle again, and a stop does
// not wait for it.
func TestBodyPartlyRead(t *testing.T) {
	app, _ := bodyApp(quart.Config{})
	app.Post("/part", func(c *quart.Ctx) error {
		_, err := io.ReadFull(c.BodyReader(), make([]byte, 5))
		if err != nil {
			return err
		}
		return c.Text(200, "five")
	})
	s := serve(t, app) // whose stop fails the test when it has to cut
	nc := s.dial()
	br := newReader(nc)
	for range 2 {
		send(t, nc, "POST /part HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n")
		readAnswer(t, br, "POST").want(t, 200, "five")
		send(t, nc, "POST /part HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789")
		readAnswer(t, br, "POST").want(t, 200, "five")
	}
}
