package quart_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/quicktemplate"
)

func TestResponders(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/text", func(c *quart.Ctx) error { return c.Text(201, "é") })
	app.Get("/html", func(c *quart.Ctx) error { return c.HTML(200, "<b>") })
	app.Get("/bytes", func(c *quart.Ctx) error { return c.Bytes(200, "image/png", []byte{0, 1}) })
	app.Get("/json", func(c *quart.Ctx) error { return c.JSON(200, map[string]int{"a": 1}) })
	app.Get("/page", func(c *quart.Ctx) error { return c.Render(404, helloPage) })
	app.Get("/none", func(c *quart.Ctx) error { c.SetHeader("X-A", "b"); return c.NoContent() })
	app.Get("/nothing", func(c *quart.Ctx) error { return nil })
	s := serve(t, app)
	for _, tc := range []struct {
		path, ctype, body string
		status            int
	}{
		{"/text", "text/plain; charset=utf-8", "é", 201},
		{"/html", "text/html; charset=utf-8", "<b>", 200},
		{"/bytes", "image/png", "\x00\x01", 200},
		{"/json", "application/json", `{"a":1}`, 200},
		{"/page", "text/html; charset=utf-8", "<p>Hello, &lt;World&gt;!</p>", 404},
	} {
		a := s.get(tc.path)
		a.want(t, tc.status, tc.body)
		if got := a.Header.Get("Content-Type"); got != tc.ctype {
			t.Errorf("%s: type %q, want %q", tc.path, got, tc.ctype)
		}
		if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Server") != "" {
			t.Errorf("%s: %v", tc.path, a.Header)
		}
		head := s.do("HEAD", tc.path, "")
		if head.StatusCode != tc.status || head.body != "" || head.ContentLength != int64(len(tc.body)) {
			t.Errorf("HEAD %s: %d %q %d", tc.path, head.StatusCode, head.body, head.ContentLength)
		}
	}
	a := s.get("/none")
	a.want(t, 204, "")
	if _, has := a.Header["Content-Length"]; has || a.Header.Get("X-A") != "b" || a.Header.Get("Content-Type") != "" {
		t.Errorf("204: %v", a.Header)
	}
	a = s.get("/nothing")
	a.want(t, 200, "")
	if a.Header.Get("Content-Length") != "0" {
		t.Errorf("empty 200: %v", a.Header)
	}
}

// TestBodylessStatus: what a handler wrote for 204, 205 and 304 is not sent, and the connection stays in step.
func TestBodylessStatus(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/{status:int}", func(c *quart.Ctx) error { return c.Text(c.ParamInt("status"), "must not be sent") })
	s := serve(t, app)
	nc := s.dial()
	br := newReader(nc)
	for _, status := range []int{204, 304, 200, 205, 204, 200} {
		send(t, nc, "GET /"+itoa(status)+" HTTP/1.1\r\nHost: x\r\n\r\n")
		want := ""
		if status == 200 {
			want = "must not be sent"
		}
		readAnswer(t, br, "GET").want(t, status, want)
	}
}

// TestBodylessStream: a stream is content, so the status of a stream has some.
func TestBodylessStream(t *testing.T) {
	app, _ := newApp(quart.Config{})
	stream := func(w *quart.StreamWriter) error {
		_, err := w.WriteString("streamed")
		return err
	}
	app.Get("/{status:int}/before", func(c *quart.Ctx) error {
		c.SetStatus(c.ParamInt("status"))
		return c.Stream("text/plain", stream)
	})
	app.Get("/{status:int}/after", func(c *quart.Ctx) error {
		err := c.Stream("text/plain", stream)
		c.SetStatus(c.ParamInt("status"))
		return err
	})
	app.Get("/{status:int}/events", func(c *quart.Ctx) error {
		c.SetStatus(c.ParamInt("status"))
		return c.SSE(func(s *quart.EventStream) error { return s.Send(quart.Event{Data: "sent"}) })
	})
	s := serve(t, app)
	for _, status := range []string{"204", "205", "304"} {
		s.get("/"+status+"/before").want(t, 200, "streamed")
		if a := s.get("/" + status + "/after"); itoa(a.StatusCode) != status || a.body != "" {
			t.Errorf("a %s set after the stream: %d %q", status, a.StatusCode, a.body)
		}
		if a := s.get("/" + status + "/events"); a.StatusCode != 200 && a.body != "" {
			t.Errorf("%s: %d %q", status, a.StatusCode, a.body)
		}
	}
}

func TestJSONFailure(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return c.JSON(200, []any{"secret", func() {}}) })
	a := serve(t, app).get("/")
	a.want(t, 500, `{"title":"Internal Server Error","status":500}`)
	if !strings.Contains(log.String(), "request failed") {
		t.Errorf("log: %s", log)
	}
}

type badPage struct{}

func (badPage) StreamRender(qw *quicktemplate.Writer) {
	qw.N().S("half a page")
	panic("template bug")
}

func TestRenderPanic(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return c.Render(200, badPage{}) })
	s := serve(t, app)
	s.get("/").want(t, 500, `{"title":"Internal Server Error","status":500}`)
	if !strings.Contains(log.String(), "template bug") {
		t.Errorf("log: %s", log)
	}
}

func TestRedirect(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/r", func(c *quart.Ctx) error { return c.Redirect(c.QueryInt("status", 302), c.Query("to")) })
	s := serve(t, app)
	for _, tc := range []struct{ query, location string }{
		{"to=/a%20b", "/a%20b"},
		{"to=/b%C3%A4r?q=%C3%A9", "/b%C3%A4r?q=%C3%A9"},
		{"to=https://example.org/x%2525", "https://example.org/x%25"},
		{"to=next", "next"},
		{"to=/%5Cevil", "/%5Cevil"},
	} {
		a := s.get("/r?" + tc.query)
		if a.StatusCode != 302 || a.Header.Get("Location") != tc.location {
			t.Errorf("%s: %d %q, want %q", tc.query, a.StatusCode, a.Header.Get("Location"), tc.location)
		}
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		if a := s.get("/r?to=/&status=" + itoa(status)); a.StatusCode != status {
			t.Errorf("status %d: %d", status, a.StatusCode)
		}
	}
	if a := s.get("/r?to=/&status=200"); a.StatusCode != 500 {
		t.Errorf("status 200: %d", a.StatusCode)
	}
	for _, bad := range []string{"%0d%0aX:1", "a%0ab", "%00"} {
		a := s.get("/r?to=" + bad)
		if a.StatusCode != 400 || a.Header.Get("Location") != "" {
			t.Errorf("%s: %d %v", bad, a.StatusCode, a.Header)
		}
	}
}

func TestHeaderInjection(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		c.SetHeader("X-Echo", c.Query("v"))
		return c.Text(200, "ok")
	})
	app.Get("/name", func(c *quart.Ctx) error {
		c.AddHeader(c.Query("v"), "1")
		return c.Text(200, "ok")
	})
	app.Get("/type", func(c *quart.Ctx) error { return c.Bytes(200, c.Query("v"), nil) })
	s := serve(t, app)
	if a := s.get("/?v=fine%20value"); a.Header.Get("X-Echo") != "fine value" {
		t.Fatal(a.Header)
	}
	for _, target := range []string{"/?v=a%0d%0aX-Evil:1", "/?v=a%0a", "/?v=%00", "/name?v=", "/name?v=a%20b", "/name?v=a:%0d%0a", "/type?v=a%0d%0aX-Evil:1"} {
		a := s.get(target)
		if a.StatusCode != 500 || a.Header.Get("X-Evil") != "" || a.Header.Get("X-Echo") != "" {
			t.Errorf("%s: %d %v", target, a.StatusCode, a.Header)
		}
	}
	if n := strings.Count(log.String(), "header refused"); n != 7 {
		t.Errorf("%d log lines: %s", n, log)
	}
}

func TestCookieWrite(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		c.SetCookie(quart.Cookie{Name: "a", Value: "1"})
		c.SetCookie(quart.Cookie{Name: "b", Value: "2", Path: "/x", Domain: "example.com", SameSite: "Strict", MaxAge: time.Hour, Insecure: true, Script: true})
		c.SetCookie(quart.Cookie{Name: "p", Value: "3", Partitioned: true})
		c.DelCookie("gone")
		return c.Text(200, "ok")
	})
	app.Get("/twice", func(c *quart.Ctx) error {
		c.SetCookie(quart.Cookie{Name: "a", Value: "1"})
		c.SetCookie(quart.Cookie{Name: "a", Value: "2"})
		return c.Text(200, "ok")
	})
	app.Get("/bad", func(c *quart.Ctx) error {
		c.SetCookie(quart.Cookie{Name: "a", Value: "1; Path=/evil"})
		return c.Text(200, "ok")
	})
	app.Get("/big", func(c *quart.Ctx) error {
		c.SetCookie(quart.Cookie{Name: "a", Value: strings.Repeat("x", 5000)})
		return c.Text(200, "ok")
	})
	s := serve(t, app)
	lines := s.get("/").Header["Set-Cookie"]
	if len(lines) != 4 {
		t.Fatalf("%q", lines)
	}
	if lines[0] != "a=1; Path=/; Secure; HttpOnly; SameSite=Lax" {
		t.Errorf("default: %q", lines[0])
	}
	if !strings.HasPrefix(lines[1], "b=2; Expires=") || !strings.HasSuffix(lines[1], "; Max-Age=3600; Domain=example.com; Path=/x; SameSite=Strict") {
		t.Errorf("all: %q", lines[1])
	}
	if lines[2] != "p=3; Path=/; Secure; HttpOnly; SameSite=Lax; Partitioned" {
		t.Errorf("partitioned: %q", lines[2])
	}
	if lines[3] != "gone=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; HttpOnly; SameSite=Lax" {
		t.Errorf("delete: %q", lines[3])
	}
	if lines := s.get("/twice").Header["Set-Cookie"]; len(lines) != 1 || !strings.HasPrefix(lines[0], "a=2;") {
		t.Errorf("twice: %q", lines)
	}
	if a := s.get("/bad"); a.StatusCode != 500 || a.Header["Set-Cookie"] != nil {
		t.Errorf("bad: %d %v", a.StatusCode, a.Header)
	}
	if a := s.get("/big"); a.StatusCode != 200 || !strings.Contains(log.String(), "4093") {
		t.Errorf("big: %d, log %s", a.StatusCode, log)
	}
}

// TestErrorKeepsHeaders: rendering an error replaces the body and what describes it, and keeps the other headers.
func TestErrorKeepsHeaders(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		c.SetCookie(quart.Cookie{Name: "a", Value: "1"})
		quart.Vary(c, "Origin", "Accept", "origin")
		c.SetHeader("Content-Encoding", "gzip")
		c.SetHeader("ETag", `"x"`)
		c.SetHeader("Cache-Control", "public")
		if err := c.Text(200, "half"); err != nil {
			return err
		}
		return errors.New("secret")
	})
	a := serve(t, app).get("/")
	a.want(t, 500, `{"title":"Internal Server Error","status":500}`)
	if a.Header.Get("Vary") != "Origin, Accept" || a.Header.Get("Set-Cookie") == "" {
		t.Errorf("lost: %v", a.Header)
	}
	for _, name := range []string{"Content-Encoding", "Etag", "Cache-Control"} {
		if a.Header.Get(name) != "" {
			t.Errorf("%s kept: %v", name, a.Header)
		}
	}
}

// TestLargeResponse goes beyond every buffer, twice on one connection.
func TestLargeResponse(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return c.Bytes(200, "application/octet-stream", big) })
	s := serve(t, app)
	nc := s.dial()
	br := newReader(nc)
	for range 2 {
		send(t, nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if a := readAnswer(t, br, "GET"); a.body != string(big) {
			t.Fatal("not what was sent")
		}
	}
}
