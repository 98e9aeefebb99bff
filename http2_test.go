package quart_test

import (
	"crypto/tls"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
	"github.com/valyala/fasthttp"
)

// TestPush: a client that takes no push is told of all targets by one 103.
func TestPush(t *testing.T) {
	const want = "</a.css>; rel=preload; as=style | </b.js?v=2>; rel=preload; as=script | </c.woff2>; rel=preload; as=font; crossorigin | " +
		"</d.webp>; rel=preload; as=image | </e>; rel=preload; as=fetch; crossorigin"
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		app, _ := newApp(quart.Config{})
		app.Get("/", func(c *quart.Ctx) error {
			c.Push("/a.css", "/b.js?v=2", "/c.woff2", "/d.webp", "/e")
			c.Push()
			return c.Text(200, "page")
		})
		resp := quarttest.New(t, app, p).Get("/").Send()
		if resp.Status != 200 || resp.Text() != "page" || len(resp.Interim) != 1 {
			t.Fatalf("%s: %d interim responses", resp.Head(), len(resp.Interim))
		}
		if got := strings.Join(resp.Interim[0].HeaderAll("Link"), " | "); resp.Interim[0].Status != 103 || got != want {
			t.Errorf("%d %s", resp.Interim[0].Status, got)
		}
	})
}

// TestHTTP2Config: a client with one stream at a time asks for the second one when it has the first.
func TestHTTP2Config(t *testing.T) {
	app, _ := newApp(quart.Config{HTTP2: quart.HTTP2Config{MaxStreams: 1}})
	held, free := make(chan struct{}), make(chan struct{})
	var over atomic.Bool
	app.Get("/held", func(c *quart.Ctx) error {
		close(held)
		<-free
		over.Store(true)
		return c.Text(200, "held")
	})
	app.Get("/", func(c *quart.Ctx) error {
		if !over.Load() {
			return quart.ErrConflict // there is a second stream
		}
		return c.Text(200, c.Protocol())
	})
	cl := quarttest.New(t, app, quarttest.H2C)
	done := make(chan string, 1)
	go func() { done <- cl.Get("/held").Send().Text() }()
	<-held
	second := make(chan string, 1)
	go func() { second <- cl.Get("/").Send().Text() }()
	time.Sleep(10 * time.Millisecond) // only a wrong second stream needs it
	close(free)
	if got := <-done + " " + <-second; got != "held HTTP/2.0" {
		t.Error(got)
	}
}

// TestPushTargets: what is no path of the app is refused like a bad header.
func TestPushTargets(t *testing.T) {
	for _, target := range []string{"", "a.css", "//evil.example/", "https://evil.example/", "/a>; rel=preload, <https://evil.example/", "/a\r\nX: y"} {
		app, _ := newApp(quart.Config{})
		app.Get("/", func(c *quart.Ctx) error {
			c.Push(target)
			return c.Text(200, "page")
		})
		if resp := quarttest.New(t, app).Get("/").Send(); resp.Status != 500 || len(resp.Interim) != 0 || resp.HasHeader("Link") {
			t.Errorf("%q: %s", target, resp.Head())
		}
	}
}

// TestBufferedTrailer: a trailer that fasthttp code sets follows a buffered body, too.
func TestBufferedTrailer(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		app, _ := newApp(quart.Config{})
		app.Get("/", quart.FromFast(func(fc *fasthttp.RequestCtx) {
			if err := fc.Response.Header.SetTrailer("X-Sum"); err != nil {
				t.Error(err)
			}
			fc.Response.Header.Set("X-Sum", "42")
			fc.SetBodyString("body")
		}))
		if resp := quarttest.New(t, app, p).Get("/").Send(); resp.Text() != "body" || resp.Trailer("X-Sum") != "42" {
			t.Errorf("%s%s, trailer %q", resp.Head(), resp.Text(), resp.Trailer("X-Sum"))
		}
	})
}

// TestTLSWithoutCertificate: it is told when the app starts, not to each client.
func TestTLSWithoutCertificate(t *testing.T) {
	app, _ := newApp(quart.Config{TLS: new(tls.Config)})
	if err := app.Listen(t.Context(), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Error(err)
	}
}
