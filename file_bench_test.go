package quart_test

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// A 4 KiB file by Static beside raw fasthttp's FS on the same requests. The response is written, to nowhere, because that is where the body of
// fasthttp's FS is made.

const browserHead = "Host: example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: text/css,*/*;q=0.1\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nReferer: https://example.com/\r\nCookie: a=1; b=two\r\n"

// fileRequest returns a RequestCtx as the server has it.
func fileRequest(target, more string) *fasthttp.RequestCtx {
	fc := new(fasthttp.RequestCtx)
	fc.Init(&fasthttp.Request{}, nil, nil)
	head := "GET " + target + " HTTP/1.1\r\n" + browserHead + more + "\r\n"
	if err := fc.Request.Header.Read(bufio.NewReaderSize(strings.NewReader(head), len(head))); err != nil {
		panic(err)
	}
	fc.URI()
	return fc
}

func benchFile(b *testing.B, h fasthttp.RequestHandler, fc *fasthttp.RequestCtx, status int) {
	b.Helper()
	out := bufio.NewWriter(io.Discard)
	once := func() {
		fc.Response.Reset()
		h(fc)
		if err := fc.Response.Write(out); err != nil {
			b.Fatal(err)
		}
	}
	once()
	if got := fc.Response.StatusCode(); got != status {
		b.Fatalf("status %d, want %d", got, status)
	}
	b.ReportAllocs()
	for b.Loop() {
		once()
	}
}

// benchDir has files that were modified long ago.
func benchDir(b testing.TB) string {
	dir := b.TempDir()
	for name, content := range map[string]string{
		"css/site.css": pattern(4096), "css/both.css": pattern(4096), "css/both.css.gz": pattern(1024), "large.bin": pattern(1 << 20),
	} {
		oldFile(b, filepath.Join(dir, name), content)
	}
	return dir
}

func staticApp(dir string) fasthttp.RequestHandler {
	app := quart.New(quart.Config{})
	app.Static("/static", os.DirFS(dir))
	app.Get("/sent", func(c *quart.Ctx) error { return c.SendFile(filepath.Join(dir, "css/site.css"), quart.FileOptions{}) })
	return app.Handler()
}

func rawFS(dir string) fasthttp.RequestHandler {
	files := &fasthttp.FS{Root: dir, PathRewrite: fasthttp.NewPathPrefixStripper(len("/static")), AcceptByteRange: true, GenerateETag: true}
	return files.NewRequestHandler()
}

func BenchmarkQuartStaticFile(b *testing.B) {
	benchFile(b, staticApp(benchDir(b)), fileRequest("/static/css/site.css", ""), 200)
}

func BenchmarkRawFS(b *testing.B) {
	benchFile(b, rawFS(benchDir(b)), fileRequest("/static/css/site.css", ""), 200)
}

// BenchmarkQuartStaticEncoded chooses a sibling by Accept-Encoding.
func BenchmarkQuartStaticEncoded(b *testing.B) {
	benchFile(b, staticApp(benchDir(b)), fileRequest("/static/css/both.css", ""), 200)
}

func BenchmarkQuartStaticNotModified(b *testing.B) {
	benchFile(b, staticApp(benchDir(b)), fileRequest("/static/css/site.css", "If-Modified-Since: "+condDate+"\r\n"), 304)
}

func BenchmarkRawFSNotModified(b *testing.B) {
	benchFile(b, rawFS(benchDir(b)), fileRequest("/static/css/site.css", "If-Modified-Since: "+condDate+"\r\n"), 304)
}

// BenchmarkQuartSendFile opens the file each time.
func BenchmarkQuartSendFile(b *testing.B) {
	benchFile(b, staticApp(benchDir(b)), fileRequest("/sent", ""), 200)
}

func BenchmarkQuartCheckConditions(b *testing.B) {
	app := quart.New(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		if done, err := quart.CheckConditions(c, `"v2"`, condTime); done {
			return err
		}
		return c.Text(200, "body")
	})
	benchFile(b, app.Handler(), fileRequest("/", `If-None-Match: "v1"`+"\r\n"), 200)
}
