package quart_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// fileApp serves the files of a directory by SendFile, with opt.
func fileApp(t testing.TB, dir string, opt quart.FileOptions) (*served, *logBuffer) {
	t.Helper()
	app, log := newApp(quart.Config{})
	app.Get("/{name}", func(c *quart.Ctx) error { return c.SendFile(filepath.Join(dir, c.Param("name")), opt) })
	return serve(t, app), log
}

// oldFile writes a file that was modified at condTime.
func oldFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, condTime, condTime); err != nil {
		t.Fatal(err)
	}
}

// pattern is n bytes of which each says where it is.
func pattern(n int) string { return longPattern()[:n] }

var longPattern = sync.OnceValue(func() string {
	var b strings.Builder
	for b.Len() < 3<<20 {
		fmt.Fprintf(&b, "%07d,", b.Len())
	}
	return b.String()
})

// fileSizes are read into the response, sent later by a small copy, and large.
var fileSizes = []int{0, 1, 4096, 16 << 10, 16<<10 + 1, 64 << 10, 3 << 20}

func TestSendFile(t *testing.T) {
	dir := t.TempDir()
	s, _ := fileApp(t, dir, quart.FileOptions{})
	for _, size := range fileSizes {
		content := pattern(size)
		oldFile(t, filepath.Join(dir, "a.txt"), content)
		a := s.get("/a.txt")
		if a.StatusCode != 200 || a.body != content || a.ContentLength != int64(size) || len(a.TransferEncoding) > 0 {
			t.Fatalf("%d bytes: %d with %d, Content-Length %d", size, a.StatusCode, len(a.body), a.ContentLength)
		}
		for name, want := range map[string]string{
			"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Last-Modified": condDate,
			"Cache-Control": "no-cache", "Accept-Ranges": "bytes", "Content-Disposition": "", "Content-Encoding": "",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%d bytes: %s %q, want %q", size, name, got, want)
			}
		}
		tag := a.Header.Get("ETag")
		if !strings.HasPrefix(tag, `"`) {
			t.Errorf("ETag %q of an old file", tag)
		}
		h := s.do("HEAD", "/a.txt", "")
		if h.StatusCode != 200 || h.body != "" || h.Header.Get("Content-Length") != itoa(size) || h.Header.Get("ETag") != tag {
			t.Errorf("HEAD: %d %v", h.StatusCode, h.Header)
		}
		if n := s.get("/a.txt", "If-None-Match: "+tag); n.StatusCode != 304 || n.body != "" || n.Header.Get("Cache-Control") != "no-cache" || n.Header.Get("ETag") != tag {
			t.Errorf("If-None-Match: %d %v", n.StatusCode, n.Header)
		}
	}
}

// rangeHeaders are about 100,000 bytes; body is nil for all of them.
var rangeHeaders = []struct {
	header       string
	status       int
	start, end   int
	contentRange string
}{
	{"bytes=0-0", 206, 0, 1, "bytes 0-0/100000"},
	{"bytes=0-99999", 206, 0, 100000, "bytes 0-99999/100000"},
	{"bytes=0-", 206, 0, 100000, "bytes 0-99999/100000"},
	{"bytes=100-199", 206, 100, 200, "bytes 100-199/100000"},
	{"bytes=50000-", 206, 50000, 100000, "bytes 50000-99999/100000"},
	{"bytes=99999-200000", 206, 99999, 100000, "bytes 99999-99999/100000"},
	{"bytes=-3", 206, 99997, 100000, "bytes 99997-99999/100000"},
	{"bytes=-200000", 206, 0, 100000, "bytes 0-99999/100000"},
	{"bytes=20-29,10-19,15-24", 206, 10, 30, "bytes 10-29/100000"},
	{"bytes=200000-,1-1", 206, 1, 2, "bytes 1-1/100000"},
	{"bytes=0-0,2-2", 200, 0, 100000, ""},
	{"bytes=0-0,-1", 200, 0, 100000, ""},
	{"bytes=100000-", 416, 0, 0, "bytes */100000"},
	{"bytes=-0", 416, 0, 0, "bytes */100000"},
	{"bytes=5-4", 200, 0, 100000, ""},
	{"bytes=x", 200, 0, 100000, ""},
	{"bytes=", 200, 0, 100000, ""},
	{"lines=0-0", 200, 0, 100000, ""},
	{"bytes=" + strings.Repeat("0-0,", 33), 200, 0, 100000, ""},
}

func TestSendFileRange(t *testing.T) {
	dir := t.TempDir()
	content := pattern(100_000)
	oldFile(t, filepath.Join(dir, "a"), content)
	s, _ := fileApp(t, dir, quart.FileOptions{})
	for _, tc := range rangeHeaders {
		a := s.get("/a", "Range: "+tc.header)
		if a.StatusCode != tc.status || a.Header.Get("Content-Range") != tc.contentRange {
			t.Errorf("%s: %d, %q", tc.header, a.StatusCode, a.Header.Get("Content-Range"))
			continue
		}
		if tc.status != 416 && a.body != content[tc.start:tc.end] {
			t.Errorf("%s: %d bytes %.20q", tc.header, len(a.body), a.body)
		}
		if tc.status == 416 && (a.Header.Get("ETag") != "" || a.Header.Get("Last-Modified") != "") {
			t.Errorf("%s: validators of the file: %v", tc.header, a.Header)
		}
		if h := s.do("HEAD", "/a", "", "Range: "+tc.header); h.StatusCode != 200 || h.Header.Get("Content-Length") != "100000" || h.Header.Get("Content-Range") != "" {
			t.Errorf("HEAD %s: %d %v", tc.header, h.StatusCode, h.Header)
		}
	}
	if a := s.get("/a", "Range: bytes=0-1", "Range: bytes=5-6"); a.StatusCode != 200 {
		t.Errorf("two Range lines: %d", a.StatusCode)
	}
}

func TestSendFileIfRange(t *testing.T) {
	dir := t.TempDir()
	oldFile(t, filepath.Join(dir, "a"), pattern(1000))
	s, _ := fileApp(t, dir, quart.FileOptions{})
	tag := s.get("/a").Header.Get("ETag")
	for header, want := range map[string]int{
		"If-Range: " + tag:         206,
		"If-Range: W/" + tag:       200,
		`If-Range: "other"`:        200,
		"If-Range: " + condDate:    206,
		"If-Range: " + condBefore:  200,
		"If-Range: " + condAfter:   200,
		"If-Range: rubbish":        200,
		"If-Range:":                200,
		"If-None-Match: " + tag:    304,
		`If-Match: "other"`:        412,
		`If-None-Match: "other"`:   206,
		"If-Modified-Since: never": 206,
	} {
		if a := s.get("/a", "Range: bytes=0-9", header); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", header, a.StatusCode, want)
		}
	}
	if a := s.get("/a", "Range: bytes=5000-", "If-Range: W/"+tag); a.StatusCode != 200 {
		t.Errorf("a range that does not hold, behind the end: %d", a.StatusCode)
	}
}

// TestSendFileRecent: while the time of a file may be that of the next state as well, its tag is weak and ranges do not rely on it.
func TestSendFileRecent(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	oldFile(t, name, pattern(1000))
	s, _ := fileApp(t, dir, quart.FileOptions{})
	future := time.Now().Add(time.Hour)
	if err := os.Chtimes(name, future, future); err != nil {
		t.Fatal(err)
	}
	a := s.get("/a")
	tag := a.Header.Get("ETag")
	if !strings.HasPrefix(tag, `W/"`) || a.Header.Get("Last-Modified") != "" {
		t.Errorf("%v", a.Header)
	}
	if a := s.get("/a", "If-None-Match: "+tag); a.StatusCode != 304 {
		t.Errorf("weak tag: %d", a.StatusCode)
	}
	if a := s.get("/a", "Range: bytes=0-9", "If-Range: "+tag); a.StatusCode != 200 {
		t.Errorf("If-Range with a weak tag: %d", a.StatusCode)
	}
	if a := s.get("/a", "Range: bytes=0-9", "If-Range: "+future.UTC().Format(http.TimeFormat)); a.StatusCode != 200 {
		t.Errorf("If-Range with a date that is too recent: %d", a.StatusCode)
	}
	epoch := time.Unix(0, 0)
	if err := os.Chtimes(name, epoch, epoch); err != nil {
		t.Fatal(err)
	}
	if a := s.get("/a"); a.Header.Get("ETag") != "" || a.Header.Get("Last-Modified") != "" {
		t.Errorf("validators of a file without a time: %v", a.Header)
	}
}

func TestSendFileOptions(t *testing.T) {
	dir := t.TempDir()
	oldFile(t, filepath.Join(dir, "page.HTML"), "<p>")
	oldFile(t, filepath.Join(dir, "unknown.xyz"), "?")
	date := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, tc := range []struct {
		file string
		opt  quart.FileOptions
		want map[string]string
	}{
		{"page.HTML", quart.FileOptions{}, map[string]string{"Content-Type": "text/html; charset=utf-8", "Content-Disposition": ""}},
		{"unknown.xyz", quart.FileOptions{}, map[string]string{"Content-Type": "application/octet-stream"}},
		{"unknown.xyz", quart.FileOptions{Attachment: true}, map[string]string{"Content-Disposition": `attachment; filename="unknown.xyz"`}},
		{"page.HTML", quart.FileOptions{Name: "a/b/Übersicht.csv"}, map[string]string{
			"Content-Disposition": `inline; filename="_bersicht.csv"; filename*=UTF-8''%C3%9Cbersicht.csv`, "Content-Type": "text/csv; charset=utf-8",
		}},
		{"page.HTML", quart.FileOptions{Name: "x\r\nSet-Cookie: a=b", Attachment: true, ContentType: "text/plain"}, map[string]string{
			"Content-Disposition": `attachment; filename="xSet-Cookie: a=b"`, "Set-Cookie": "", "Content-Type": "text/plain",
		}},
		{"page.HTML", quart.FileOptions{ETag: `"v7"`, ModTime: date}, map[string]string{"Etag": `"v7"`, "Last-Modified": "Mon, 03 Feb 2020 04:05:06 GMT"}},
		{"page.HTML", quart.FileOptions{MaxAge: time.Hour}, map[string]string{"Cache-Control": "private, max-age=3600"}},
		{"page.HTML", quart.FileOptions{MaxAge: -1}, map[string]string{"Cache-Control": ""}},
		{"page.HTML", quart.FileOptions{MaxAge: time.Millisecond}, map[string]string{"Cache-Control": "no-cache"}},
	} {
		s, _ := fileApp(t, dir, tc.opt)
		a := s.get("/" + tc.file)
		for name, want := range tc.want {
			if got := a.Header.Get(name); a.StatusCode != 200 || got != want {
				t.Errorf("%+v: %d, %s %q, want %q", tc.opt, a.StatusCode, name, got, want)
			}
		}
	}
	for _, opt := range []quart.FileOptions{{ETag: "v7"}, {ContentType: "text/plain\r\nX: y"}} {
		s, _ := fileApp(t, dir, opt)
		if a := s.get("/page.HTML"); a.StatusCode != 500 || a.Header.Get("X") != "" {
			t.Errorf("%+v: %d %v", opt, a.StatusCode, a.Header)
		}
	}
}

func TestSendFileKeepsCacheControl(t *testing.T) {
	dir := t.TempDir()
	oldFile(t, filepath.Join(dir, "a"), "a")
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		c.SetHeader("Cache-Control", "public, max-age=9")
		return c.SendFile(filepath.Join(dir, "a"), quart.FileOptions{MaxAge: time.Hour})
	})
	s := serve(t, app)
	for _, header := range []string{"X: y", "If-None-Match: *"} {
		if a := s.get("/", header); a.Header.Get("Cache-Control") != "public, max-age=9" {
			t.Errorf("%d %v", a.StatusCode, a.Header)
		}
	}
}

func TestSendFileMissing(t *testing.T) {
	dir := t.TempDir()
	oldFile(t, filepath.Join(dir, "file"), "x")
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	app, _ := newApp(quart.Config{})
	var path string
	app.Get("/", func(c *quart.Ctx) error { return c.SendFile(path, quart.FileOptions{MaxAge: time.Hour}) })
	s := serve(t, app)
	for _, path = range []string{
		filepath.Join(dir, "none"), filepath.Join(dir, "dir"), filepath.Join(dir, "file", "x"),
		filepath.Join(dir, "a\x00b"), filepath.Join(dir, strings.Repeat("x", 5000)), "", os.DevNull,
	} {
		a := s.get("/")
		if a.StatusCode != 404 || a.Header.Get("Cache-Control") != "" || strings.Contains(a.body, dir) {
			t.Errorf("%q: %d %v %s", path, a.StatusCode, a.Header, a.body)
		}
	}
}

// content is a reader that tells when it is closed, and panics when it is closed twice.
type content struct {
	*strings.Reader
	done chan struct{}
	err  error // of Read, after half
}

func newContent(s string) *content {
	return &content{Reader: strings.NewReader(s), done: make(chan struct{})}
}

func (r *content) Close() error { close(r.done); return nil }

// wantClosed waits, as the end of a body reaches the client first.
func (r *content) wantClosed(t *testing.T) {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(20 * time.Second):
		t.Fatal("not closed")
	}
}

func (r *content) Read(p []byte) (int, error) {
	if r.err == nil {
		return r.Reader.Read(p)
	}
	left := r.Len() - int(r.Size()/2)
	if left <= 0 {
		return 0, r.err
	}
	return r.Reader.Read(p[:min(len(p), left)])
}

// WriteTo hides that of strings.Reader.
func (r *content) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(struct{ io.Writer }{w}, struct{ io.Reader }{r})
}

func TestSendContent(t *testing.T) {
	app, _ := newApp(quart.Config{})
	var sent []*content
	size := 0
	app.Get("/", func(c *quart.Ctx) error {
		r := newContent(pattern(size))
		_, _ = r.Seek(int64(size/2), io.SeekStart) // it is sent from its start all the same
		sent = append(sent, r)
		return c.SendContent(r, quart.FileOptions{Name: "a.json", ModTime: condTime})
	})
	s := serve(t, app)
	for _, size = range fileSizes {
		s.get("/").want(t, 200, pattern(size))
		if size > 100 {
			s.get("/", "Range: bytes=-100").want(t, 206, pattern(size)[size-100:])
		}
		if a := s.get("/", "If-Modified-Since: "+condDate); a.StatusCode != 304 {
			t.Errorf("not modified: %d", a.StatusCode)
		}
		if a := s.get("/", `If-Match: "x"`); a.StatusCode != 412 {
			t.Errorf("If-Match: %d", a.StatusCode)
		}
		s.get("/", "Range: bytes="+itoa(size)+"-")
		if a := s.do("HEAD", "/", ""); a.Header.Get("Content-Length") != itoa(size) || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("HEAD: %v", a.Header)
		}
	}
	for _, r := range sent {
		r.wantClosed(t)
	}
}

// seekless fails to seek.
type seekless struct{ *content }

func (seekless) Seek(int64, int) (int64, error) { return 0, errors.New("no seek") }

func TestSendContentFails(t *testing.T) {
	app, log := newApp(quart.Config{})
	var r io.ReadSeeker
	app.Get("/", func(c *quart.Ctx) error { return c.SendContent(r, quart.FileOptions{}) })
	s := serve(t, app)

	failing := newContent(pattern(1000))
	failing.err = errors.New("disk on fire")
	r = failing
	if a := s.get("/"); a.StatusCode != 500 || strings.Contains(a.body, "fire") {
		t.Errorf("an error before the head: %d %s", a.StatusCode, a.body)
	}
	failing.wantClosed(t)
	failing = newContent("x")
	r = seekless{failing}
	if a := s.get("/"); a.StatusCode != 500 {
		t.Errorf("without seek: %d", a.StatusCode)
	}
	failing.wantClosed(t)
	failing = newContent(pattern(1 << 20))
	failing.err = errors.New("disk on fire")
	r = failing
	wantCut(t, s, "/")
	failing.wantClosed(t)
	if !strings.Contains(log.String(), "disk on fire") {
		t.Errorf("log: %s", log)
	}
}

// wantCut wants a 200 whose body ends before its length.
func wantCut(t *testing.T, s *served, target string) {
	t.Helper()
	nc := s.dial()
	send(t, nc, "GET "+target+" HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != 200 || resp.ContentLength <= n || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d, %d of %d bytes, %v", resp.StatusCode, n, resp.ContentLength, err)
	}
}

// TestSendFileShrinks: between the head and the body the file gets another size.
func TestSendFileShrinks(t *testing.T) {
	const size = 1 << 20
	name := filepath.Join(t.TempDir(), "a")
	app, log := newApp(quart.Config{})
	var then int64
	app.Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if err := next(c); err != nil {
				return err
			}
			return os.Truncate(name, then)
		}
	})
	app.Get("/", func(c *quart.Ctx) error { return c.SendFile(name, quart.FileOptions{}) })
	s := serve(t, app)
	for _, then = range []int64{0, 1, size / 2, size - 1} {
		oldFile(t, name, pattern(size))
		wantCut(t, s, "/")
	}
	if n := strings.Count(log.String(), "bytes are missing"); n != 4 {
		t.Errorf("%d of 4 cuts are logged: %s", n, log)
	}
	oldFile(t, name, pattern(size))
	then = 2 * size
	nc := s.dial()
	br := bufio.NewReader(nc)
	for range 2 { // the connection goes on
		send(t, nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		a := readAnswer(t, br, "GET")
		if len(a.body) != int(a.ContentLength) || !strings.HasPrefix(a.body, pattern(size)) {
			t.Errorf("grown: %d bytes", len(a.body))
		}
		then *= 2
	}
}

// TestSendFileReplaced: a responder that comes after it closes the file unsent.
func TestSendFileReplaced(t *testing.T) {
	app, _ := newApp(quart.Config{})
	var r *content
	send := func(c *quart.Ctx) error {
		r = newContent(pattern(1 << 20))
		return c.SendContent(r, quart.FileOptions{})
	}
	app.Get("/text", func(c *quart.Ctx) error {
		_ = send(c)
		return c.Text(200, "instead")
	})
	app.Get("/error", func(c *quart.Ctx) error {
		_ = send(c)
		return quart.ErrConflict
	})
	app.Get("/twice", func(c *quart.Ctx) error {
		_ = send(c)
		first := r
		err := send(c)
		first.wantClosed(t)
		return err
	})
	s := serve(t, app)
	s.get("/text").want(t, 200, "instead")
	r.wantClosed(t)
	if a := s.get("/error"); a.StatusCode != 409 || a.Header.Get("Accept-Ranges") != "" || a.Header.Get("Cache-Control") != "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	r.wantClosed(t)
	s.get("/twice").want(t, 200, pattern(1<<20))
	r.wantClosed(t)
}

func TestSendFileTypedResult(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.txt")
	oldFile(t, name, "file")
	app, _ := newApp(quart.Config{})
	quart.Get(app, "/", func(*quart.Ctx, quart.None) (fileResult, error) { return fileResult(name), nil })
	serve(t, app).get("/").want(t, 200, "file")
}

type fileResult string

func (f fileResult) Respond(c *quart.Ctx) error { return c.SendFile(string(f), quart.FileOptions{}) }

// capitals is a filter that tells when it is closed.
type capitals struct {
	w    io.Writer
	done chan struct{}
}

func (f capitals) Write(p []byte) (int, error) { return f.w.Write(bytes.ToUpper(p)) }
func (f capitals) Flush() error                { return nil }
func (f capitals) Close() error                { close(f.done); return nil }

// TestSendFileFilter: a whole file takes a filter, a range and encoded content do not, nor what is small.
func TestSendFileFilter(t *testing.T) {
	app, log := newApp(quart.Config{})
	var r *content
	filters := make(chan capitals, 1)
	app.Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if err := next(c); err != nil {
				return err
			}
			streaming := quart.Streaming(c)
			filtered := quart.FilterStream(c, func(w io.Writer) quart.StreamFilter {
				f := capitals{w, make(chan struct{})}
				filters <- f
				return f
			})
			c.SetHeader("X-Filter", fmt.Sprint(streaming, filtered))
			return nil
		}
	})
	body := strings.Repeat("abc\n", 50_000)
	app.Get("/", func(c *quart.Ctx) error {
		r = newContent(body)
		if c.Query("encoded") != "" {
			c.SetHeader("Content-Encoding", "gzip")
		}
		if c.Query("fails") != "" {
			r.err = errors.New("disk on fire")
		}
		return c.SendContent(r, quart.FileOptions{})
	})
	app.Get("/small", func(c *quart.Ctx) error {
		r = newContent("abc")
		return c.SendContent(r, quart.FileOptions{})
	})
	s := serve(t, app)
	filterClosed := func() {
		t.Helper()
		select {
		case f := <-filters:
			<-f.done
		default:
			t.Error("no filter")
		}
	}
	for _, tc := range []struct {
		method, target, header, want, body string
	}{
		{"GET", "/", "X: y", "true true", strings.ToUpper(body)},
		{"HEAD", "/", "X: y", "true true", ""},
		{"GET", "/", "Range: bytes=0-99999", "true false", body[:100_000]},
		{"GET", "/?encoded=1", "X: y", "true false", body},
		{"GET", "/small", "X: y", "false false", "abc"},
	} {
		a := s.do(tc.method, tc.target, "", tc.header)
		if a.body != tc.body || a.Header.Get("X-Filter") != tc.want {
			t.Errorf("%s %s: %d bytes, %v", tc.method, tc.target, len(a.body), a.Header)
		}
		if tc.want == "true true" && a.Header.Get("Accept-Ranges") != "" {
			t.Errorf("ranges of a filtered body: %v", a.Header)
		}
		r.wantClosed(t)
		if tc.want == "true true" && tc.method == "GET" {
			filterClosed()
		}
	}
	nc := s.dial() // HTTP/1.0: the close ends the body
	send(t, nc, "GET / HTTP/1.0\r\nHost: x\r\n\r\n")
	if a := readAnswer(t, newReader(nc), "GET"); a.body != strings.ToUpper(body) {
		t.Errorf("HTTP/1.0: %d bytes", len(a.body))
	}
	filterClosed()
	nc = s.dial()
	send(t, nc, "GET /?fails=1 HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(newReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("a file that fails has a proper end")
	}
	filterClosed()
	r.wantClosed(t)
	if len(filters) > 0 || !strings.Contains(log.String(), "disk on fire") {
		t.Errorf("%d more filters, log %s", len(filters), log)
	}
}

// TestSendFileForeign: in a server of somebody else's, files are sent and closed as well, with a filter or without.
func TestSendFileForeign(t *testing.T) {
	app, _ := newApp(quart.Config{})
	var r *content
	app.Get("/", func(c *quart.Ctx) error {
		r = newContent(strings.Repeat("abc\n", 50_000))
		return c.SendContent(r, quart.FileOptions{})
	}).Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			err := next(c)
			if c.Query("filter") != "" {
				quart.FilterStream(c, func(w io.Writer) quart.StreamFilter { return capitals{w, make(chan struct{})} })
			}
			return err
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &fasthttp.Server{Handler: app.Handler()}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	s := &served{t: t, addr: l.Addr().String()}
	s.get("/", "Connection: close").want(t, 200, strings.Repeat("abc\n", 50_000))
	r.wantClosed(t)
	s.get("/?filter=1", "Connection: close").want(t, 200, strings.Repeat("ABC\n", 50_000))
	r.wantClosed(t)
	if err := server.Shutdown(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
