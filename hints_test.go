package quart_test

import (
	"net/http"
	"testing"

	"github.com/goquart/quart"
)

func TestEarlyHints(t *testing.T) {
	const style = "</style.css>; rel=preload; as=style"
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		c.EarlyHints(style, "</app.js>; rel=preload; as=script")
		return c.Text(200, "page")
	})
	app.Get("/bad", func(c *quart.Ctx) error {
		c.EarlyHints("</x>\r\nSet-Cookie: a=b")
		return c.Text(200, "page")
	})
	app.Get("/fail", func(c *quart.Ctx) error {
		c.EarlyHints(style)
		return quart.ErrNotFound
	})
	s := serve(t, app)
	read := func(target string, status int) {
		t.Helper()
		nc := s.dial()
		br := newReader(nc)
		send(t, nc, "GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n")
		resp, err := http.ReadResponse(br, nil)
		if err != nil || resp.StatusCode != 103 || resp.Header.Values("Link")[0] != style {
			t.Fatalf("%v, %v", resp, err)
		}
		if got := readAnswer(t, br, "GET"); got.StatusCode != status || got.Header.Get("Link") != style {
			t.Errorf("%d %v", got.StatusCode, got.Header)
		}
	}
	read("/", 200)
	read("/fail", 404)
	s.get("/bad").want(t, 500, `{"title":"Internal Server Error","status":500}`)
	if got := s.raw("GET", get10); got.StatusCode != 200 || got.body != "page" {
		t.Errorf("1.0: %d", got.StatusCode)
	}

	// A 103 in front of an earlier answer would be taken for that one's.
	nc := s.dial()
	br := newReader(nc)
	send(t, nc, get11+get11)
	if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != 103 {
		t.Fatalf("%v, %v", resp, err)
	}
	for range 2 {
		readAnswer(t, br, "GET").want(t, 200, "page")
	}
}
