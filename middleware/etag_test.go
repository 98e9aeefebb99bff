package middleware_test

import (
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

func TestETag(t *testing.T) {
	const date = "Sat, 01 Nov 2025 00:00:00 GMT"
	set := func(status int, fields ...string) quart.Handler {
		return func(c *quart.Ctx) error {
			for i := 0; i < len(fields); i += 2 {
				c.SetHeader(fields[i], fields[i+1])
			}
			return c.Text(status, "hello")
		}
	}
	tests := []struct {
		name    string
		handler quart.Handler
		request [2]string
		status  int
		etag    string // "x" is any
	}{
		{"computed", set(200), [2]string{}, 200, "x"},
		{"created", set(201), [2]string{}, 201, ""},
		{"no-store", set(200, "Cache-Control", "private, no-store"), [2]string{}, 200, ""},
		{"set by the handler", set(200, "ETag", `"v1"`), [2]string{}, 200, `"v1"`},
		{"its 304", set(200, "ETag", `"v1"`), [2]string{"If-None-Match", `"v0", W/"v1"`}, 304, `"v1"`},
		{"another one", set(200, "ETag", `"v1"`), [2]string{"If-None-Match", `"v0"`}, 200, `"v1"`},
		{"no tag", set(200, "ETag", `v1`), [2]string{"If-None-Match", `*`}, 200, `v1`},
		{"half a tag", set(200, "ETag", `W/"v"1"`), [2]string{"If-None-Match", `*`}, 200, `W/"v"1"`},
		{"any", set(200), [2]string{"If-None-Match", "*"}, 304, "x"},
		{"If-Match", set(200, "ETag", `"v1"`), [2]string{"If-Match", `"v0"`}, 412, ""},
		{"date", set(200, "Last-Modified", date), [2]string{"If-Modified-Since", date}, 304, "x"},
		{"later date", set(200, "Last-Modified", date), [2]string{"If-Modified-Since", "Fri, 31 Oct 2025 00:00:00 GMT"}, 200, "x"},
		{"error", refuse, [2]string{"If-None-Match", "*"}, 403, ""},
		{"panic", boom, [2]string{"If-None-Match", "*"}, 500, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := newApp(t, middleware.ETag(middleware.ETagConfig{}))
			app.Get("/", tt.handler)
			cl := quarttest.New(t, app)
			for _, method := range []string{"GET", "HEAD"} {
				req := cl.Do(method, "/")
				if tt.request[0] != "" {
					req.Header(tt.request[0], tt.request[1])
				}
				resp := req.Want(tt.status)
				want := tt.etag
				if want == "x" {
					want = `"LPJNul-wow4m6Dsqxbning"` // of "hello"
				}
				wantHeader(t, resp, "ETag", want)
				if tt.status == 304 && (len(resp.Bytes()) > 0 || resp.HasHeader("Content-Type")) {
					t.Errorf("a 304 with content: %s", resp.Head())
				}
			}
		})
	}
}

func TestETagRoundTrip(t *testing.T) {
	for _, weak := range []bool{false, true} {
		app := newApp(t, middleware.ETag(middleware.ETagConfig{Weak: weak, Skip: func(c *quart.Ctx) bool { return c.Query("skip") != "" }}))
		app.Get("/", func(c *quart.Ctx) error {
			c.SetHeader("Cache-Control", "max-age=60")
			quart.Vary(c, "Cookie")
			return c.Text(200, "for "+c.Query("who"))
		})
		app.Post("/", hello)
		cl := quarttest.New(t, app)
		etag := cl.Get("/?who=ada").Want(200).Header("ETag")
		if strings.HasPrefix(etag, "W/") != weak {
			t.Errorf("weak %v: %s", weak, etag)
		}
		same := cl.Get("/?who=ada").Header("If-None-Match", etag).Want(304)
		wantHeader(t, same, "ETag", etag)
		wantHeader(t, same, "Cache-Control", "max-age=60")
		wantHeader(t, same, "Vary", "Cookie")
		cl.Get("/?who=ada").Header("If-None-Match", `"x"`).Header("If-None-Match", etag).Want(304)
		other := cl.Get("/?who=bob").Header("If-None-Match", etag).Want(200)
		if other.Header("ETag") == etag {
			t.Errorf("two bodies have %s", etag)
		}
		wantHeader(t, cl.Get("/?skip=1").Header("If-None-Match", "*").Want(200), "ETag", "")
		wantHeader(t, cl.Post("/").Header("If-None-Match", "*").Want(200), "ETag", "")
	}
}

func TestETagHeadWithoutBody(t *testing.T) {
	app := newApp(t, middleware.ETag(middleware.ETagConfig{}))
	app.Get("/", func(c *quart.Ctx) error {
		if c.Method() == "HEAD" {
			return c.Text(200, "")
		}
		return c.Text(200, "hello")
	})
	wantHeader(t, quarttest.New(t, app).Head("/").Want(200), "ETag", "")
}

// TestETagCompress: in either order a client gets its 304.
func TestETagCompress(t *testing.T) {
	etag, compress := middleware.ETag(middleware.ETagConfig{}), middleware.Compress(middleware.CompressConfig{})
	for name, layers := range map[string][]quart.Middleware{"Compress outside": {compress, etag}, "Compress inside": {etag, compress}} {
		app := newApp(t, layers...)
		app.Get("/", func(c *quart.Ctx) error { return c.HTML(200, page) })
		cl := quarttest.New(t, app)
		tags := map[string]bool{}
		for _, coding := range append([]string{"identity"}, codingNames...) {
			resp := cl.Get("/").Header("Accept-Encoding", coding).Want(200)
			tag := resp.Header("ETag")
			tags[tag] = true
			again := cl.Get("/").Header("Accept-Encoding", coding).Header("If-None-Match", tag).Want(304)
			wantHeader(t, again, "ETag", tag)
			wantHeader(t, again, "Vary", "Accept-Encoding")
			wantHeader(t, again, "Content-Encoding", "")
		}
		if want := map[string]int{"Compress outside": 2, "Compress inside": 4}[name]; len(tags) != want {
			t.Errorf("%s: tags %v, want %d", name, tags, want)
		}
	}
}

func TestETagAllocs(t *testing.T) {
	if n := allocs(t, 200, middleware.ETag(middleware.ETagConfig{Weak: true}), "GET"); n != 0 {
		t.Errorf("200: %v allocations, want 0", n)
	}
	if n := allocs(t, 304, middleware.ETag(middleware.ETagConfig{}), "GET", "If-None-Match", `W/"LPJNul-wow4m6Dsqxbning"`); n != 0 {
		t.Errorf("304: %v allocations, want 0", n)
	}
}

func BenchmarkETag(b *testing.B) {
	bench(b, middleware.ETag(middleware.ETagConfig{}))
}
