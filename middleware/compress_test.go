package middleware_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
	"github.com/klauspost/compress/zstd"
	"github.com/molecule-man/go-brrr"
)

var codingNames = []string{"zstd", "br", "gzip"}

var zstdDecoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))

// decode undoes a content coding, with the standard library where it has it.
func decode(coding string, b []byte) ([]byte, error) {
	switch coding {
	case "":
		return b, nil
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z)
	case "br":
		return brrr.Decompress(b)
	case "zstd":
		return zstdDecoder.DecodeAll(b, nil)
	}
	return nil, fmt.Errorf("unknown coding %q", coding)
}

func wantDecoded(t testing.TB, resp *quarttest.Response, coding, want string) {
	t.Helper()
	if got := resp.Header("Content-Encoding"); got != coding {
		t.Fatalf("Content-Encoding %q, want %q", got, coding)
	}
	got, err := decode(coding, resp.Bytes())
	if err != nil || string(got) != want {
		t.Fatalf("%s: %d bytes, %v; want %d", coding, len(got), err, len(want))
	}
}

// page is a body that compresses.
var page = strings.Repeat("<li>Heat (1995), Michael Mann</li>\n", 100)

func pageApp(t testing.TB, cfg middleware.CompressConfig) *quart.App {
	app := newApp(t, middleware.Compress(cfg))
	app.Get("/", func(c *quart.Ctx) error { return c.HTML(200, page) })
	return app
}

func TestCompressAcceptEncoding(t *testing.T) {
	tests := []struct{ accept, want string }{
		{"", ""},
		{"gzip", "gzip"},
		{"x-gzip", "gzip"},
		{"GZIP", "gzip"},
		{"br", "br"},
		{"zstd", "zstd"},
		{"gzip, deflate, br, zstd", "zstd"},
		{"gzip, deflate, br", "br"},
		{"gzip;q=1.0, br;q=0.9", "gzip"},
		{"gzip;q=0.001", "gzip"},
		{"deflate", ""},
		{"identity", ""},
		{"identity, gzip;q=0.5", ""},
		{"*", "zstd"},
		{"*;q=0", ""},
		{"gzip;q=0", ""},
		{"gzip;q=0, *", "zstd"},
		{"zstd;q=0, br;q=0, *", "gzip"},
		{"identity;q=0", ""}, // nothing is acceptable: better something than 406
		{"identity;q=0, gzip;q=0, *;q=0", ""},
		{"identity;q=0, *;q=0.1", "zstd"},
		{"gzip;q=high", ""},
		{"gzip;;;, ,", "gzip"},
		{"\"gzip\"", ""},
		{"gzipped", ""},
	}
	cl := quarttest.New(t, pageApp(t, middleware.CompressConfig{}))
	for _, tt := range tests {
		t.Run(tt.accept, func(t *testing.T) {
			req := cl.Get("/")
			if tt.accept != "" {
				req.Header("Accept-Encoding", tt.accept)
			}
			resp := req.Want(200)
			wantDecoded(t, resp, tt.want, page)
			wantHeader(t, resp, "Vary", "Accept-Encoding")
		})
	}
	several := cl.Get("/").Header("Accept-Encoding", "deflate").Header("Accept-Encoding", "br").Want(200)
	wantDecoded(t, several, "br", page)
}

func TestCompressEncodings(t *testing.T) {
	cl := quarttest.New(t, pageApp(t, middleware.CompressConfig{Encodings: []string{"gzip", "br"}}))
	for accept, want := range map[string]string{"br, gzip": "gzip", "br": "br", "zstd": "", "zstd, br;q=0.1": "br", "*": "gzip"} {
		wantDecoded(t, cl.Get("/").Header("Accept-Encoding", accept).Want(200), want, page)
	}
}

// TestCompressLevels: every level of every coding decodes, for bodies around the sizes of blocks and windows.
func TestCompressLevels(t *testing.T) {
	bodies := []string{page, string(randomBytes(5000)) + page, strings.Repeat(page, 90), string(randomBytes(300<<10)) + strings.Repeat(page, 10)}
	levels := map[string][]int{"zstd": {1, 3, 6, 9}, "br": {1, 2, 3, 4, 5, 6}, "gzip": {1, 2, 3, 4, 5, 6, 7, 8, 9}}
	for _, coding := range codingNames {
		for _, level := range levels[coding] {
			app := newApp(t, middleware.Compress(middleware.CompressConfig{ZstdLevel: level, BrotliLevel: min(level, 6), GzipLevel: level}))
			app.Get("/{i:int}", func(c *quart.Ctx) error { return c.Text(200, bodies[c.ParamInt("i")]) })
			cl := quarttest.New(t, app)
			for i, body := range bodies {
				wantDecoded(t, cl.Get(fmt.Sprintf("/%d", i)).Header("Accept-Encoding", coding).Want(200), coding, body)
			}
		}
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, 0, n+8)
	for r := rand.NewPCG(1, 2); len(b) < n; {
		b = binary.LittleEndian.AppendUint64(b, r.Uint64())
	}
	return b[:n]
}

func TestCompressResponses(t *testing.T) {
	text := func(status int, fields ...string) quart.Handler {
		return func(c *quart.Ctx) error {
			for i := 0; i < len(fields); i += 2 {
				c.SetHeader(fields[i], fields[i+1])
			}
			return c.Text(status, page)
		}
	}
	typed := func(kind string) quart.Handler {
		return func(c *quart.Ctx) error { return c.Bytes(200, kind, []byte(page)) }
	}
	tests := []struct {
		name    string
		handler quart.Handler
		status  int
		coding  string
		vary    string
	}{
		{"text", text(200), 200, "gzip", "Accept-Encoding"},
		{"created", text(201), 201, "gzip", "Accept-Encoding"},
		{"another Vary", text(200, "Vary", "Cookie"), 200, "gzip", "Cookie, Accept-Encoding"},
		{"the same Vary", text(200, "Vary", "accept-encoding"), 200, "gzip", "accept-encoding"},
		{"Vary: *", text(200, "Vary", "*"), 200, "gzip", "*"},
		{"json", typed("application/json"), 200, "gzip", "Accept-Encoding"},
		{"a case of its own", typed("Application/JSON ; charset=utf-8"), 200, "gzip", "Accept-Encoding"},
		{"suffix", typed("application/problem+json"), 200, "gzip", "Accept-Encoding"},
		{"svg", typed("image/svg+xml"), 200, "gzip", "Accept-Encoding"},
		{"wasm", typed("application/wasm"), 200, "gzip", "Accept-Encoding"},
		{"png", typed("image/png"), 200, "", ""},
		{"unknown", typed("application/octet-stream"), 200, "", ""},
		{"woff2", typed("font/woff2"), 200, "", ""},
		{"event stream", typed("text/event-stream"), 200, "", ""},
		{"no subtype", typed("text/"), 200, "", ""},
		{"long type", typed("text/" + strings.Repeat("x", 200)), 200, "", ""},
		{"coded", text(200, "Content-Encoding", "compress"), 200, "compress", ""},
		{"no-transform", text(200, "Cache-Control", "public,No-Transform"), 200, "", ""},
		{"transform", text(200, "Cache-Control", "public, x-no-transform, max-age=5"), 200, "gzip", "Accept-Encoding"},
		{"range", text(206, "Content-Range", "bytes 0-3/9"), 206, "", "Accept-Encoding"},
		{"no content", (*quart.Ctx).NoContent, 204, "", ""},
		{"short", hello, 200, "", "Accept-Encoding"},
		{"random", func(c *quart.Ctx) error { return c.Bytes(200, "text/plain", randomBytes(4000)) }, 200, "", "Accept-Encoding"},
		{"error", func(*quart.Ctx) error { return quart.Errorf(404, "no %s", page) }, 404, "gzip", "Accept-Encoding"},
		{"panic", func(*quart.Ctx) error { panic(page) }, 500, "", "Accept-Encoding"},
	}
	app := newApp(t, middleware.Compress(middleware.CompressConfig{}))
	for i, tt := range tests {
		app.Get(fmt.Sprintf("/%d", i), tt.handler)
	}
	cl := quarttest.New(t, app)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target := fmt.Sprintf("/%d", i)
			resp := cl.Get(target).Header("Accept-Encoding", "gzip").Want(tt.status)
			wantHeader(t, resp, "Content-Encoding", tt.coding)
			wantHeader(t, resp, "Vary", tt.vary)
			if tt.coding == "gzip" {
				got, err := decode("gzip", resp.Bytes())
				if err != nil || !bytes.Equal(got, cl.Get(target).Send().Bytes()) {
					t.Errorf("%v: %.100q", err, got)
				}
			}
			head := cl.Head(target).Header("Accept-Encoding", "gzip").Want(tt.status)
			for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Type", "Vary"} {
				if got, want := head.Header(name), resp.Header(name); got != want {
					t.Errorf("HEAD: %s %q, want %q", name, got, want)
				}
			}
		})
	}
}

// TestCompressFields: what described the original goes or becomes weak, and only where the body is another.
func TestCompressFields(t *testing.T) {
	app := newApp(t, middleware.Compress(middleware.CompressConfig{}))
	names := []string{"ETag", "Accept-Ranges", "Content-MD5", "Digest", "Content-Digest", "Repr-Digest", "Last-Modified"}
	app.Get("/{tag:*}", func(c *quart.Ctx) error {
		for _, name := range names {
			c.SetHeader(name, "x")
		}
		c.SetHeader("ETag", c.Param("tag"))
		if c.Query("status") != "" {
			return c.Text(304, "")
		}
		return c.Text(200, page)
	})
	cl := quarttest.New(t, app)
	for _, tt := range []struct{ tag, want string }{{`"abc"`, `W/"abc"`}, {`W/"abc"`, `W/"abc"`}, {"abc", "abc"}, {`"` + strings.Repeat("x", 300) + `"`, `W/"` + strings.Repeat("x", 300) + `"`}} {
		plain := cl.Get("/" + tt.tag).Want(200)
		coded := cl.Get("/"+tt.tag).Header("Accept-Encoding", "br").Want(200)
		wantDecoded(t, coded, "br", page)
		for _, name := range names {
			want, wantCoded := "x", ""
			switch name {
			case "ETag":
				want, wantCoded = tt.tag, tt.want
			case "Last-Modified":
				wantCoded = "x"
			}
			wantHeader(t, plain, name, want)
			wantHeader(t, coded, name, wantCoded)
		}
		// A 304 names the tag that the client has.
		for _, tag := range []string{tt.tag, tt.want} {
			again := cl.Get("/"+tt.tag+"?status=304").Header("Accept-Encoding", "br").Header("If-None-Match", `"other", `+tag)
			wantHeader(t, again.Want(304), "ETag", tag)
		}
	}
}

func TestCompressMinSize(t *testing.T) {
	for _, tt := range []struct{ min, length, want int }{{0, 1023, 0}, {0, 1024, 1}, {100, 99, 0}, {100, 100, 1}, {-1, 80, 1}, {-1, 0, 0}} {
		app := newApp(t, middleware.Compress(middleware.CompressConfig{MinSize: tt.min}))
		app.Get("/", func(c *quart.Ctx) error { return c.Text(200, strings.Repeat("a", tt.length)) })
		resp := quarttest.New(t, app).Get("/").Header("Accept-Encoding", "gzip").Want(200)
		if got := resp.HasHeader("Content-Encoding"); got != (tt.want == 1) {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestCompressTypes(t *testing.T) {
	app := newApp(t, middleware.Compress(middleware.CompressConfig{Types: []string{"image/*", "Application/PDF", "*+zip", "text/event-stream"}}))
	app.Get("/{kind:*}", func(c *quart.Ctx) error { return c.Bytes(200, c.Param("kind"), []byte(page)) })
	cl := quarttest.New(t, app)
	for kind, want := range map[string]string{
		"image/x-portable-pixmap": "", "image/bmp": "gzip", "image/png": "", "application/pdf": "gzip", "application/epub+zip": "gzip",
		"text/html": "", "text/event-stream": "gzip", "image/": "", "+zip": "",
	} {
		wantHeader(t, cl.Get("/"+kind).Header("Accept-Encoding", "gzip").Want(200), "Content-Encoding", want)
	}
}

func TestCompressSkip(t *testing.T) {
	app := pageApp(t, middleware.CompressConfig{Skip: func(c *quart.Ctx) bool { return c.Query("raw") != "" }})
	resp := quarttest.New(t, app).Get("/?raw=1").Header("Accept-Encoding", "gzip").Want(200)
	wantDecoded(t, resp, "", page)
	wantHeader(t, resp, "Vary", "")
}

func TestCompressNested(t *testing.T) {
	app := newApp(t, middleware.Compress(middleware.CompressConfig{}))
	app.Get("/", func(c *quart.Ctx) error { return c.HTML(200, page) }).Use(middleware.Compress(middleware.CompressConfig{Encodings: []string{"gzip"}}))
	wantDecoded(t, quarttest.New(t, app).Get("/").Header("Accept-Encoding", "zstd, gzip").Want(200), "gzip", page)
}

// TestCompressInside: a layer around it that answers something else gets a plain response.
func TestCompressInside(t *testing.T) {
	app := newApp(t, func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if err := next(c); err != nil {
				return err
			}
			return quart.ErrForbidden
		}
	}, middleware.Compress(middleware.CompressConfig{}))
	app.Get("/", func(c *quart.Ctx) error { return c.HTML(200, page) })
	wantHeader(t, quarttest.New(t, app).Get("/").Header("Accept-Encoding", "gzip").Want(403), "Content-Encoding", "")
}

func TestCompressConfig(t *testing.T) {
	for want, cfg := range map[string]middleware.CompressConfig{
		`encoding "deflate"`:    {Encodings: []string{"gzip", "deflate"}},
		`encoding "br" twice`:   {Encodings: []string{"br", "gzip", "br"}},
		"level 10 of gzip":      {GzipLevel: 10},
		"level 7 of br":         {BrotliLevel: 7},
		"level 10 of zstd":      {ZstdLevel: 10},
		"level -1 of zstd":      {ZstdLevel: -1},
		`type "text"`:           {Types: []string{"text"}},
		`type "*/*"`:            {Types: []string{"*/*"}},
		`type "text/a b"`:       {Types: []string{"text/a b"}},
		`type "*+"`:             {Types: []string{"*+"}},
		`type ""`:               {Types: []string{""}},
		`type "text/html; q=1"`: {Types: []string{"text/html; q=1"}},
	} {
		wantPanic(t, want, func() { middleware.Compress(cfg) })
	}
}

// TestCompressConcurrency: encoders and buffers are of one request at a time.
func TestCompressConcurrency(t *testing.T) {
	app := newApp(t, middleware.Compress(middleware.CompressConfig{}))
	body := func(i int) string { return strings.Repeat(fmt.Sprintf("film %d;", i), 200+i*37) }
	app.Get("/{i:int}", func(c *quart.Ctx) error { return c.Text(200, body(c.ParamInt("i"))) })
	cl := quarttest.New(t, app)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 60 {
				n, coding := (w*60+i)%300, codingNames[(w+i)%3]
				resp := cl.Get(fmt.Sprintf("/%d", n)).Header("Accept-Encoding", coding).Want(200)
				if got, err := decode(coding, resp.Bytes()); err != nil || string(got) != body(n) {
					t.Errorf("%s of %d: %v", coding, n, err)
				}
			}
		})
	}
	wg.Wait()
}

func compressedAllocs(t *testing.T, coding string, size int) float64 {
	app := quart.New(quart.Config{})
	body := strings.Repeat(page, size/len(page)+1)[:size]
	app.Get("/", func(c *quart.Ctx) error {
		c.SetHeader("ETag", `"abc"`)
		return c.HTML(200, body)
	}).Use(middleware.Compress(middleware.CompressConfig{}))
	s := newServed(app, "GET", "/", "Accept-Encoding", coding)
	for range 10 {
		s.once()
	}
	if got := string(s.fc.Response.Header.ContentEncoding()); got != coding {
		t.Fatalf("coding %q", got)
	}
	return testing.AllocsPerRun(200, s.once)
}

func TestCompressAllocs(t *testing.T) {
	if !allocsTold {
		t.Skip("allocations are not those of production in this build")
	}
	for _, coding := range codingNames {
		for _, size := range []int{2 << 10, 30 << 10, 60 << 10, 200 << 10} {
			if n := compressedAllocs(t, coding, size); n != 0 {
				t.Errorf("%s, %d bytes: %v allocations, want 0", coding, size, n)
			}
		}
	}
	if n := allocs(t, 200, middleware.Compress(middleware.CompressConfig{}), "GET"); n != 0 {
		t.Errorf("identity: %v allocations, want 0", n)
	}
}
