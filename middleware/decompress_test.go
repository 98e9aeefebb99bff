package middleware_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
	"github.com/klauspost/compress/zstd"
	"github.com/molecule-man/go-brrr"
	"github.com/valyala/fasthttp"
)

// encode is the inverse of decode.
func encode(t testing.TB, coding string, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z, err := newEncoder(coding, &buf)
	if err == nil {
		_, err = z.Write(data)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func newEncoder(coding string, w io.Writer) (io.WriteCloser, error) {
	switch coding {
	case "br":
		return brrr.NewWriter(w, 5)
	case "zstd":
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return gzip.NewWriter(w), nil
}

// echoApp answers with the body and what is left of its fields.
func echoApp(t testing.TB, cfg middleware.DecompressConfig, limit int64) *quart.App {
	app := newApp(t, middleware.Decompress(cfg))
	app.Post("/", func(c *quart.Ctx) error {
		data, err := c.Body()
		if err != nil {
			return err
		}
		c.SetHeader("X-Coding", c.Header("Content-Encoding"))
		return c.Bytes(200, "text/plain", data)
	}).BodyLimit(limit)
	app.Post("/form", func(c *quart.Ctx) error { return c.Text(200, c.Form("title")) })
	quart.Post(app, "/typed", func(_ *quart.Ctx, in struct{ Title string }) (string, error) { return in.Title, nil })
	app.Post("/unread", hello)
	return app
}

func post(cl *quarttest.Client, target, coding string, data []byte) *quarttest.Request {
	return cl.Post(target).Body("text/plain", data).Header("Content-Encoding", coding)
}

func TestDecompress(t *testing.T) {
	cl := quarttest.New(t, echoApp(t, middleware.DecompressConfig{}, 1<<20))
	for _, coding := range codingNames {
		for _, body := range []string{"", "a", page, string(randomBytes(200 << 10)), string(randomBytes(9000)) + strings.Repeat(page, 50)} {
			resp := post(cl, "/", coding, encode(t, coding, []byte(body))).Want(200)
			if resp.Text() != body || resp.Header("X-Coding") != "" {
				t.Errorf("%s: %d bytes, want %d; %q left", coding, len(resp.Bytes()), len(body), resp.Header("X-Coding"))
			}
		}
		if got := post(cl, "/", coding, nil).Want(200).Text(); got != "" {
			t.Errorf("%s of nothing: %q", coding, got)
		}
		form := encode(t, coding, []byte("title=Heat&year=1995"))
		if got := cl.Post("/form").Body("application/x-www-form-urlencoded", form).Header("Content-Encoding", coding).Want(200).Text(); got != "Heat" {
			t.Errorf("form: %q", got)
		}
		doc := encode(t, coding, []byte(`{"Title":"Ran"}`))
		if got := cl.Post("/typed").Body("application/json", doc).Header("Content-Encoding", coding).Want(200).Text(); got != "Ran" {
			t.Errorf("typed: %q", got)
		}
		post(cl, "/unread", coding, []byte("not looked at")).Want(200)
	}
	if got := post(cl, "/", "X-GZip", encode(t, "gzip", []byte(page))).Want(200).Text(); got != page {
		t.Errorf("x-gzip: %d bytes", len(got))
	}
	multi := append(encode(t, "gzip", []byte("one ")), encode(t, "gzip", []byte("two"))...)
	if got := post(cl, "/", "gzip", multi).Want(200).Text(); got != "one two" {
		t.Errorf("two members: %q", got)
	}
}

func TestDecompressCodings(t *testing.T) {
	cl := quarttest.New(t, echoApp(t, middleware.DecompressConfig{}, 0))
	for _, coding := range []string{"", "identity", "Identity"} {
		if got := post(cl, "/", coding, []byte("plain")).Want(200).Text(); got != "plain" {
			t.Errorf("%q: %q", coding, got)
		}
	}
	for _, coding := range []string{"deflate", "gzip, br", "gzip, gzip", "compress", "gzip;q=1", "br gzip", "*"} {
		wantHeader(t, post(cl, "/", coding, []byte("x")).Want(415), "Accept-Encoding", "zstd, br, gzip")
	}
	post(cl, "/", "gzip", []byte("x")).Header("Content-Encoding", "gzip").Want(415)

	one := quarttest.New(t, echoApp(t, middleware.DecompressConfig{Encodings: []string{"gzip"}}, 0))
	wantHeader(t, post(one, "/", "br", encode(t, "br", []byte("x"))).Want(415), "Accept-Encoding", "gzip")
	post(one, "/", "gzip", encode(t, "gzip", []byte("x"))).Want(200)
}

func TestDecompressLimits(t *testing.T) {
	zeros := make([]byte, 10<<20)
	text := []byte(strings.Repeat(page, 300)) // about 1 MiB
	tests := []struct {
		name   string
		cfg    middleware.DecompressConfig
		limit  int64
		data   []byte
		status int
	}{
		{"route's limit", middleware.DecompressConfig{MaxRatio: -1}, int64(len(text)), text, 200},
		{"over the route's limit", middleware.DecompressConfig{MaxRatio: -1}, int64(len(text)) - 1, text, 413},
		{"own limit", middleware.DecompressConfig{MaxRatio: -1, MaxSize: int64(len(text))}, -1, text, 200},
		{"over the own limit", middleware.DecompressConfig{MaxRatio: -1, MaxSize: int64(len(text)) - 1}, -1, text, 413},
		{"ratio", middleware.DecompressConfig{}, -1, zeros, 413},
		{"ratio of little", middleware.DecompressConfig{}, -1, zeros[:64<<10], 200},
		{"no ratio", middleware.DecompressConfig{MaxRatio: -1}, -1, zeros, 200},
		{"window", middleware.DecompressConfig{MaxRatio: -1, MaxWindow: 64 << 10}, -1, text, 413},
	}
	for _, tt := range tests {
		for _, coding := range codingNames {
			if tt.name == "window" && coding == "gzip" {
				continue // 32 KiB at most
			}
			t.Run(tt.name+" "+coding, func(t *testing.T) {
				cl := quarttest.New(t, echoApp(t, tt.cfg, tt.limit))
				resp := post(cl, "/", coding, encode(t, coding, tt.data)).Want(tt.status)
				if tt.status == 200 && !bytes.Equal(resp.Bytes(), tt.data) {
					t.Errorf("%d bytes, want %d", len(resp.Bytes()), len(tt.data))
				}
			})
		}
	}
}

func TestDecompressWireLimit(t *testing.T) {
	cl := quarttest.New(t, echoApp(t, middleware.DecompressConfig{MaxRatio: -1}, 1000))
	for _, coding := range codingNames {
		post(cl, "/", coding, encode(t, coding, randomBytes(1100))).Want(413)
		post(cl, "/", coding, encode(t, coding, randomBytes(900))).Want(200)
	}
}

func TestDecompressCorrupt(t *testing.T) {
	cl := quarttest.New(t, echoApp(t, middleware.DecompressConfig{}, 0))
	for _, coding := range codingNames {
		whole := encode(t, coding, append([]byte(page), randomBytes(3000)...))
		for _, n := range []int{1, 2, 5, len(whole) / 2, len(whole) - 1} {
			if got := post(cl, "/", coding, whole[:n]).Want(400).Text(); !strings.Contains(got, coding) {
				t.Errorf("%s cut at %d: %q", coding, n, got)
			}
		}
		post(cl, "/", coding, append(bytes.Clone(whole), "rest"...)).Want(400)
		post(cl, "/", coding, []byte("\x0b\xff\xff no coding at all")).Want(400)
		if coding != "br" { // which has no checksum
			broken := bytes.Clone(whole)
			broken[len(broken)-6] ^= 1
			post(cl, "/", coding, broken).Want(400)
		}
		// A faulty body leaves a decoder that works.
		post(cl, "/", coding, whole).Want(200)
	}
}

// TestDecompressCut: what fails below the decoder keeps its own status.
func TestDecompressCut(t *testing.T) {
	cl := quarttest.New(t, echoApp(t, middleware.DecompressConfig{}, 0))
	body := "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"
	if got := cl.Raw(body); !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "incomplete or malformed") {
		t.Errorf("%q", got)
	}
}

// zeroBomb is what n MiB of zeros are compressed to.
func zeroBomb(t testing.TB, coding string, n int) []byte {
	t.Helper()
	var buf bytes.Buffer
	z, err := newEncoder(coding, &buf)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	once := min(n, 16)
	if coding == "br" { // members and frames can follow one another, brotli streams cannot
		n = min(n, 64)
		once = n
	}
	for range once {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.Repeat(buf.Bytes(), n/once)
}

// TestDecompressBomb: of 1 GiB of zeros little is decoded before the ratio tells, and with no limit a handler that discards them sees
// them pass in constant memory.
func TestDecompressBomb(t *testing.T) {
	for _, coding := range codingNames {
		for _, tt := range []struct{ ratio, mib, status int }{{0, 1024, 413}, {-1, 64, 200}} {
			bomb := zeroBomb(t, coding, tt.mib)
			var read int64
			var failed error
			app := newApp(t, middleware.Decompress(middleware.DecompressConfig{MaxRatio: tt.ratio}))
			app.Post("/", func(c *quart.Ctx) error {
				read, failed = io.Copy(io.Discard, c.BodyReader())
				return failed
			}).BodyLimit(-1)
			s := newServed(app, "POST", "/", "Content-Encoding", coding)
			s.fc.Request.SetBodyRaw(bomb)
			before := allocated()
			s.once()
			grown := allocated() - before
			if got := s.fc.Response.StatusCode(); got != tt.status {
				t.Errorf("%s, ratio %d: status %d, want %d: %v", coding, tt.ratio, got, tt.status, failed)
			}
			if tt.status == 200 && read != int64(tt.mib)<<20 || tt.status == 413 && read > max(16<<20, 100*int64(len(bomb))) {
				t.Errorf("%s, ratio %d: %d bytes read, %d sent", coding, tt.ratio, read, len(bomb))
			}
			if grown > 36<<20 {
				t.Errorf("%s, ratio %d: %d MiB allocated", coding, tt.ratio, grown>>20)
			}
			t.Logf("%s, ratio %d: %d bytes sent, %d read, %d KiB allocated", coding, tt.ratio, len(bomb), read, grown>>10)
		}
	}
}

// allocated counts the bytes that were ever allocated.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestDecompressWindow: a few bytes do not make a decoder allocate more than its limit.
func TestDecompressWindow(t *testing.T) {
	app := echoApp(t, middleware.DecompressConfig{MaxWindow: 1 << 20}, 0)
	cl := quarttest.New(t, app)
	for name, data := range map[string]string{
		"zstd": "\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", // window descriptor 0xa8: 2 GiB
		"br":   "\xff\xff\xff\xff\xff\xff",             // 16 MiB
	} {
		before := allocated()
		post(cl, "/", name, []byte(data)).Want(413)
		if grown := allocated() - before; grown > 4<<20 {
			t.Errorf("%s: %d KiB allocated", name, grown>>10)
		}
	}
	post(cl, "/", "br", []byte("\x11\xff\xff\xff\xff")).Want(413) // large window
}

func TestDecompressTwice(t *testing.T) {
	app := newApp(t, middleware.Decompress(middleware.DecompressConfig{}), middleware.Decompress(middleware.DecompressConfig{}))
	app.Post("/", func(c *quart.Ctx) error {
		data, err := c.Body()
		if err != nil {
			return err
		}
		return c.Bytes(200, "text/plain", data)
	})
	if got := post(quarttest.New(t, app), "/", "gzip", encode(t, "gzip", []byte(page))).Want(200).Text(); got != page {
		t.Errorf("%d bytes", len(got))
	}
}

// TestDecompressLate: a layer around it reads what is left, and a decoder serves one request at a time.
func TestDecompressLate(t *testing.T) {
	app := newApp(t, func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if err := next(c); err != nil {
				return err
			}
			data, err := c.Body()
			if err != nil {
				return err
			}
			return c.Bytes(200, "text/plain", data)
		}
	}, middleware.Decompress(middleware.DecompressConfig{}))
	app.Post("/", (*quart.Ctx).NoContent)
	cl := quarttest.New(t, app)
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := range 40 {
				want := strings.Repeat(strconv.Itoa(w*100+i), 500)
				coding := codingNames[(w+i)%3]
				if got := post(cl, "/", coding, encode(t, coding, []byte(want))).Want(200).Text(); got != want {
					t.Errorf("%s: %.20q, want %.20q", coding, got, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestDecompressConfig(t *testing.T) {
	for want, cfg := range map[string]middleware.DecompressConfig{
		`encoding "deflate"`:    {Encodings: []string{"deflate"}},
		`encoding "gzip" twice`: {Encodings: []string{"gzip", "gzip"}},
		"MaxSize -1":            {MaxSize: -1},
		"MaxWindow 100":         {MaxWindow: 100},
	} {
		wantPanic(t, want, func() { middleware.Decompress(cfg) })
	}
}

func TestDecompressAllocs(t *testing.T) {
	if !allocsTold {
		t.Skip("allocations are not those of production in this build")
	}
	for _, coding := range codingNames {
		if n := decompressAllocs(t, coding); n != 0 {
			t.Errorf("%s: %v allocations, want 0", coding, n)
		}
	}
}

func decompressAllocs(t *testing.T, coding string) float64 {
	app := quart.New(quart.Config{})
	app.Post("/", func(c *quart.Ctx) error {
		_, err := c.Body()
		return err
	}).Use(middleware.Decompress(middleware.DecompressConfig{}))
	s := newServed(app, "POST", "/")
	data := encode(t, coding, []byte(page))
	once := func() {
		s.fc.Request.Header.Set("Content-Encoding", coding)
		s.fc.Request.SetBodyRaw(data)
		s.once()
	}
	once()
	if got := s.fc.Response.StatusCode(); got != fasthttp.StatusOK || len(data) == 0 {
		t.Fatalf("status %d", got)
	}
	return testing.AllocsPerRun(200, once)
}
