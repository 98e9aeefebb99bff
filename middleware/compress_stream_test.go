package middleware_test

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
	"github.com/klauspost/compress/zstd"
	"github.com/molecule-man/go-brrr"
)

// streamReader decodes as it reads.
func streamReader(t *testing.T, coding string, r io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case "br":
		return brrr.NewReader(r)
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(z.Close)
		return z
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// exchange sends a GET and returns the response with its body still to be read.
func exchange(t *testing.T, cl *quarttest.Client, target, coding string) *http.Response {
	t.Helper()
	nc := cl.Dial()
	fmt.Fprintf(nc, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: %s\r\n\r\n", target, coding)
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// TestCompressStreamFlush: what was flushed can be decoded before anything follows.
func TestCompressStreamFlush(t *testing.T) {
	for _, coding := range codingNames {
		t.Run(coding, func(t *testing.T) {
			lines := make(chan string)
			app := newApp(t, middleware.Compress(middleware.CompressConfig{}))
			app.Get("/", func(c *quart.Ctx) error {
				c.SetHeader("ETag", `"v1"`)
				return c.Stream("application/x-ndjson", func(w *quart.StreamWriter) error {
					for line := range lines {
						if _, err := w.WriteString(line); err != nil {
							return err
						}
						if err := w.Flush(); err != nil {
							return err
						}
					}
					return nil
				})
			})
			// The producer gets a line when the client has decoded the one before.
			line := func(i int) string { return fmt.Sprintf("%d%s\n", i, strings.Repeat("x", i*i*i)) }
			go func() { lines <- line(0) }()
			resp := exchange(t, quarttest.New(t, app), "/", coding)
			if got := resp.Header; got.Get("Content-Encoding") != coding || got.Get("Vary") != "Accept-Encoding" || got.Get("ETag") != `W/"v1"` {
				t.Errorf("header %v", got)
			}
			body := bufio.NewReader(streamReader(t, coding, resp.Body))
			for i := range 20 {
				if got, err := body.ReadString('\n'); got != line(i) || err != nil {
					t.Fatalf("line %d: %.40q, %v", i, got, err)
				}
				if i < 19 {
					lines <- line(i + 1)
				}
			}
			close(lines)
			if rest, err := io.ReadAll(body); len(rest) > 0 || err != nil {
				t.Errorf("at the end: %q, %v", rest, err)
			}
		})
	}
}

// TestCompressStreamSizes: streams of all lengths, written in pieces of all lengths.
func TestCompressStreamSizes(t *testing.T) {
	app := newApp(t, middleware.Compress(middleware.CompressConfig{}))
	body := string(randomBytes(50<<10)) + strings.Repeat(page, 200)
	app.Get("/{size:int}/{piece:int}", func(c *quart.Ctx) error {
		rest, piece := body[:c.ParamInt("size")], c.ParamInt("piece")
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			for len(rest) > 0 {
				n := min(piece, len(rest))
				if _, err := w.WriteString(rest[:n]); err != nil {
					return err
				}
				rest = rest[n:]
			}
			return nil
		})
	})
	cl := quarttest.New(t, app)
	for _, coding := range codingNames {
		for _, size := range []int{0, 1, 500, 20 << 10, len(body)} {
			for _, piece := range []int{7, 4096, 1 << 20} {
				target := fmt.Sprintf("/%d/%d", size, piece)
				wantDecoded(t, cl.Get(target).Header("Accept-Encoding", coding).Want(200), coding, body[:size])
				head := cl.Head(target).Header("Accept-Encoding", coding).Want(200)
				wantHeader(t, head, "Content-Encoding", coding)
				wantHeader(t, head, "Content-Length", "")
			}
		}
		wantDecoded(t, cl.Get("/500/100").Want(200), "", body[:500])
	}
}

var errProducer = errors.New("the producer fails")

// TestCompressStreamFails: a client never takes a part for the whole.
func TestCompressStreamFails(t *testing.T) {
	app := newApp(t, middleware.Compress(middleware.CompressConfig{}))
	app.Get("/{sent:int}", func(c *quart.Ctx) error {
		n := c.ParamInt("sent")
		return c.Stream("text/plain", func(w *quart.StreamWriter) error {
			if n == 0 {
				return errProducer
			}
			_, err := w.Write(randomBytes(n))
			return errors.Join(err, w.Flush(), errProducer)
		})
	})
	cl := quarttest.New(t, app)
	for _, coding := range codingNames {
		for _, n := range []int{1, 100, 40 << 10, 400 << 10} {
			resp := exchange(t, cl, fmt.Sprintf("/%d", n), coding)
			wire, err := io.ReadAll(resp.Body)
			if resp.StatusCode != 200 || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s, %d bytes: status %d, end %v", coding, n, resp.StatusCode, err)
			}
			if _, err := decode(coding, wire); err == nil {
				t.Errorf("%s, %d bytes: the body has a proper end", coding, n)
			}
		}
		failed := exchange(t, cl, "/0", coding)
		if failed.StatusCode != 500 || failed.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: failed at once: %d %v", coding, failed.StatusCode, failed.Header)
		}
	}
}

// TestCompressStreamReplaced: a response in the place of a compressed stream is not said to be compressed.
func TestCompressStreamReplaced(t *testing.T) {
	app := newApp(t, func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if err := next(c); err != nil {
				return err
			}
			return quart.ErrForbidden
		}
	}, middleware.Compress(middleware.CompressConfig{}))
	app.Get("/", func(c *quart.Ctx) error {
		return c.Stream("text/plain", func(*quart.StreamWriter) error { return nil })
	})
	wantHeader(t, quarttest.New(t, app).Get("/").Header("Accept-Encoding", "gzip").Want(403), "Content-Encoding", "")
}

// TestCompressFile: files small and large, and parts of them, which stay as they are.
func TestCompressFile(t *testing.T) {
	large := strings.Repeat(page, 100)
	dir := t.TempDir()
	for name, data := range map[string]string{"small.txt": page, "large.txt": large, "large.png": large} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	app := newApp(t, middleware.Compress(middleware.CompressConfig{}))
	app.Get("/{name}", func(c *quart.Ctx) error {
		return c.SendFile(filepath.Join(dir, filepath.Base(c.Param("name"))), quart.FileOptions{ETag: `"v1"`})
	})
	cl := quarttest.New(t, app)
	for _, coding := range codingNames {
		for name, body := range map[string]string{"/small.txt": page, "/large.txt": large} {
			get := func(fields ...string) *quarttest.Request {
				req := cl.Get(name).Header("Accept-Encoding", coding)
				for i := 0; i < len(fields); i += 2 {
					req.Header(fields[i], fields[i+1])
				}
				return req
			}
			resp := get().Want(200)
			wantDecoded(t, resp, coding, body)
			wantHeader(t, resp, "Accept-Ranges", "")
			wantHeader(t, resp, "ETag", `W/"v1"`)
			wantHeader(t, get("If-None-Match", `W/"v1"`).Want(304), "ETag", `W/"v1"`)
			part := get("Range", "bytes=10-2999").Want(206)
			wantDecoded(t, part, "", body[10:3000])
			wantHeader(t, part, "ETag", `"v1"`)
			wantHeader(t, part, "Vary", "Accept-Encoding")
			// A weak tag is not good enough to add a part to.
			wantDecoded(t, get("Range", "bytes=10-2999", "If-Range", `W/"v1"`).Want(200), coding, body)
			head := cl.Head(name).Header("Accept-Encoding", coding).Want(200)
			wantHeader(t, head, "Content-Encoding", coding)
			if got := head.Header("Content-Length"); got != resp.Header("Content-Length") {
				t.Errorf("HEAD %s: Content-Length %q, GET has %q", name, got, resp.Header("Content-Length"))
			}
		}
		wantDecoded(t, cl.Get("/large.png").Header("Accept-Encoding", coding).Want(200), "", large)
	}
}
