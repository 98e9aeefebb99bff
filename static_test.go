package quart_test

import (
	"embed"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

//go:embed testdata/static
var staticEmbed embed.FS

// plainFS hides what a file system is.
type plainFS struct{ fs.FS }

// staticDir is a directory of files, with a secret beside it.
func staticDir(t testing.TB) (root string) {
	t.Helper()
	top := t.TempDir()
	root = filepath.Join(top, "public")
	for name, content := range map[string]string{
		"public/a.txt":                  "a",
		"public/css/site.css":           "body{}",
		"public/css/big.css":            pattern(200_000),
		"public/docs/index.html":        "<h1>docs</h1>",
		"public/index.html":             "<h1>home</h1>",
		"public/empty/.keep":            "",
		"public/.env":                   "hidden",
		"public/.git/config":            "hidden",
		"public/.well-known/change":     "https://example.com/password",
		"public/name with ü & %41.txt":  "odd",
		"public/..dots":                 "hidden",
		"public/a..b":                   "dots",
		"secret.txt":                    "SECRET",
		"public/nested/deep/er/file.js": "deep",
	} {
		oldFile(t, filepath.Join(top, name), content)
	}
	return root
}

func TestStatic(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Static("/static", os.DirFS(staticDir(t)))
	s := serve(t, app)
	for target, want := range map[string]string{ // "" is 404
		"/static/a.txt":                                "a",
		"/static/css/site.css":                         "body{}",
		"/static/css/big.css":                          pattern(200_000),
		"/static/docs/index.html":                      "<h1>docs</h1>",
		"/static/name%20with%20%C3%BC%20&%20%2541.txt": "odd",
		"/static/a..b":                                 "dots",
		"/static/.well-known/change":                   "https://example.com/password",
		"/static/css/../a.txt":                         "a",
		"/static/css/%2e%2e/a.txt":                     "a",
		"/static/./a.txt":                              "a",
		"/static/css%2fsite.css":                       "body{}",
		"/static":                                      "",
		"/static/":                                     "",
		"/static/docs":                                 "",
		"/static/docs/":                                "",
		"/static/a.txt/":                               "",
		"/static/a.txt/x":                              "",
		"/static/A.TXT":                                "",
		"/static/css//site.css":                        "",
		"/static/none":                                 "",
		"/static/..":                                   "",
		"/static/.":                                    "",
		"/static/../secret.txt":                        "",
		"/static/..%2fsecret.txt":                      "",
		"/static/%2e%2e/secret.txt":                    "",
		"/static/%2e%2e%2fsecret.txt":                  "",
		"/static/css/../../secret.txt":                 "",
		"/static/css/..%2f..%2fsecret.txt":             "",
		"/static/..%5csecret.txt":                      "",
		"/static/css%5c..%5c..%5csecret.txt":           "",
		"/static/%252e%252e/secret.txt":                "",
		"/static/a.txt%00":                             "",
		"/static/a.txt%00.css":                         "",
		"/static/%00":                                  "",
		"/static/.env":                                 "",
		"/static/css/../.env":                          "",
		"/static/%2eenv":                               "",
		"/static/.git/config":                          "",
		"/static/.git/":                                "",
		"/static/..dots":                               "",
		"/static/" + strings.Repeat("x", 4000):         "",
		"/static/" + strings.Repeat("../", 50) + "etc/passwd": "",
		"/static/" + strings.Repeat("a/", 500) + "x":          "",
	} {
		a := s.get(target)
		switch {
		case want == "" && (a.StatusCode != 404 || strings.Contains(a.body, "SECRET")):
			t.Errorf("%.80s: %d %.80q, want 404", target, a.StatusCode, a.body)
		case want != "" && (a.StatusCode != 200 || a.body != want):
			t.Errorf("%.80s: %d %.80q", target, a.StatusCode, a.body)
		}
	}
}

func TestStaticMethods(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Static("/static", os.DirFS(staticDir(t)))
	s := serve(t, app)
	if a := s.do("HEAD", "/static/a.txt", ""); a.StatusCode != 200 || a.body != "" || a.Header.Get("Content-Length") != "1" {
		t.Errorf("HEAD: %d %v", a.StatusCode, a.Header)
	}
	if a := s.do("HEAD", "/static/css/big.css", ""); a.StatusCode != 200 || a.body != "" || a.Header.Get("Content-Length") != "200000" {
		t.Errorf("HEAD of a large one: %d %v", a.StatusCode, a.Header)
	}
	if a := s.do("OPTIONS", "/static/a.txt", ""); a.StatusCode != 200 || a.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("OPTIONS: %d %v", a.StatusCode, a.Header)
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		if a := s.do(method, "/static/a.txt", ""); a.StatusCode != 405 {
			t.Errorf("%s: %d", method, a.StatusCode)
		}
	}
}

func TestStaticHeaders(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Static("/default", os.DirFS(staticDir(t)))
	app.Static("/year", os.DirFS(staticDir(t)), quart.StaticOptions{MaxAge: 365 * 24 * time.Hour, Immutable: true})
	app.Static("/none", os.DirFS(staticDir(t)), quart.StaticOptions{MaxAge: -1, Immutable: true})
	s := serve(t, app)
	for target, want := range map[string]string{
		"/default/a.txt":           "no-cache",
		"/year/a.txt":              "public, max-age=31536000, immutable",
		"/year/css/big.css":        "public, max-age=31536000, immutable",
		"/year/docs/index.html":    "no-cache",
		"/none/a.txt":              "",
		"/none/docs/index.html":    "",
		"/default/docs/index.html": "no-cache",
	} {
		a := s.get(target)
		if got := a.Header.Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control %q, want %q", target, got, want)
		}
		if a.Header.Get("Last-Modified") != condDate || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Accept-Ranges") != "bytes" || a.Header.Get("Vary") != "" {
			t.Errorf("%s: %v", target, a.Header)
		}
		n := s.get(target, "If-None-Match: "+a.Header.Get("ETag"))
		if n.StatusCode != 304 || n.Header.Get("Cache-Control") != want {
			t.Errorf("%s: %d %v", target, n.StatusCode, n.Header)
		}
		if p := s.get(target, "Range: bytes=0-0", "If-Range: "+a.Header.Get("ETag")); p.StatusCode != 206 || p.body != a.body[:1] {
			t.Errorf("%s: %d %q", target, p.StatusCode, p.body)
		}
		if p := s.get(target, "Range: bytes=-2"); p.StatusCode != 206 || p.body != a.body[max(0, len(a.body)-2):] {
			t.Errorf("%s: %d %q", target, p.StatusCode, p.body)
		}
		if p := s.get(target, "Range: bytes=1000000-"); p.StatusCode != 416 || p.Header.Get("Content-Range") != "bytes */"+itoa(len(a.body)) {
			t.Errorf("%s: %d %v", target, p.StatusCode, p.Header)
		}
	}
}

func TestStaticIndex(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Static("/s", os.DirFS(staticDir(t)), quart.StaticOptions{Index: "index.html"})
	app.Get("/s/lit", func(c *quart.Ctx) error { return c.Text(200, "a route") })
	s := serve(t, app)
	for _, tc := range []struct {
		target   string
		status   int
		body     string
		location string
	}{
		{"/s", 308, "", "/s/"},
		{"/s?a=b", 308, "", "/s/?a=b"},
		{"/s/", 200, "<h1>home</h1>", ""},
		{"/s/index.html", 200, "<h1>home</h1>", ""},
		{"/s/docs", 308, "", "/s/docs/"},
		{"/s/docs?x=%2F", 308, "", "/s/docs/?x=%2F"},
		{"/s/docs/", 200, "<h1>docs</h1>", ""},
		{"/s/css/../docs/", 200, "<h1>docs</h1>", ""},
		{"/s/docs/..", 200, "<h1>home</h1>", ""},
		{"/s/empty", 404, "", ""},
		{"/s/empty/", 404, "", ""},
		{"/s/none/", 404, "", ""},
		{"/s/docs/index.html/", 404, "", ""},
		{"/s/lit", 200, "a route", ""},
		{"/s/.git", 404, "", ""},
	} {
		for range 2 { // the second time from memory
			a := s.get(tc.target)
			if a.StatusCode != tc.status || tc.body != "" && a.body != tc.body || a.Header.Get("Location") != tc.location {
				t.Errorf("%s: %d %q %q", tc.target, a.StatusCode, a.body, a.Header.Get("Location"))
			}
		}
	}
}

// TestStaticRedirectsInside: the redirect of a directory names no other host, whatever the directory is called.
func TestStaticRedirectsInside(t *testing.T) {
	files := fstest.MapFS{"evil.example/index.html": {Data: []byte("x")}, "a:b/index.html": {Data: []byte("x")}}
	app, _ := newApp(quart.Config{})
	app.Static("/", files, quart.StaticOptions{Index: "index.html"})
	s := serve(t, app)
	for target, want := range map[string]string{
		"/evil.example":    "/evil.example/",
		"//evil.example":   "/evil.example/",
		"/%2fevil.example": "/evil.example",
		"/%5cevil.example": "",
		"/a:b":             "/a:b/",
	} {
		if a := s.get(target); a.Header.Get("Location") != want {
			t.Errorf("%s: %d %q", target, a.StatusCode, a.Header.Get("Location"))
		}
	}
}

func TestStaticFallback(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Static("/", os.DirFS(staticDir(t)), quart.StaticOptions{Fallback: "index.html", MaxAge: time.Hour})
	app.Get("/api/x", func(c *quart.Ctx) error { return c.Text(200, "api") })
	s := serve(t, app)
	const page = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, tc := range []struct {
		target, accept string
		want           string // "" is 404
	}{
		{"/", page, "<h1>home</h1>"},
		{"/films/7", page, "<h1>home</h1>"},
		{"/films/7/", page, "<h1>home</h1>"},
		{"/docs", page, "<h1>home</h1>"},
		{"/docs/", page, "<h1>home</h1>"},
		{"/a.txt/x", page, "<h1>home</h1>"},
		{"/api/x", page, "api"},
		{"/films/7", "Accept: */*", ""},
		{"/films/7", "Accept: application/json", ""},
		{"/films/7", "X: y", ""},
		{"/gone.js", page, ""},
		{"/.env", page, ""},
		{"/..%2fsecret", page, ""},
		{"/a.txt", page, "a"},
	} {
		a := s.get(tc.target, tc.accept)
		if tc.want == "" && a.StatusCode != 404 || tc.want != "" && (a.StatusCode != 200 || a.body != tc.want) {
			t.Errorf("%s with %s: %d %q", tc.target, tc.accept, a.StatusCode, a.body)
		}
		if tc.want == "<h1>home</h1>" && (a.Header.Get("Cache-Control") != "no-cache" || a.Header.Get("Vary") != "Accept") {
			t.Errorf("%s: %v", tc.target, a.Header)
		}
	}
}

func TestStaticPrecompressed(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"app.js": "plain", "app.js.br": "as br", "app.js.zst": "as zstd", "app.js.gz": "as gzip",
		"one.css": "plain", "one.css.gz": "as gzip",
		"old.css": "plain", "old.css.gz": "too old",
		"big.svg": pattern(100_000), "big.svg.br": pattern(90_000),
		"a.png": "plain", "a.png.gz": "as gzip",
		"only.css.gz": "as gzip",
	} {
		oldFile(t, filepath.Join(dir, name), content)
	}
	if err := os.Mkdir(filepath.Join(dir, "one.css.br"), 0o755); err != nil {
		t.Fatal(err)
	}
	older := condTime.Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "old.css.gz"), older, older); err != nil {
		t.Fatal(err)
	}
	app, _ := newApp(quart.Config{})
	app.Static("/", os.DirFS(dir))
	s := serve(t, app)
	for _, tc := range []struct{ target, accept, encoding, body, vary string }{
		{"/app.js", "gzip, deflate, br, zstd", "br", "as br", "Accept-Encoding"},
		{"/app.js", "gzip, zstd", "zstd", "as zstd", "Accept-Encoding"},
		{"/app.js", "gzip", "gzip", "as gzip", "Accept-Encoding"},
		{"/app.js", "gzip;q=1, br;q=0.5", "gzip", "as gzip", "Accept-Encoding"},
		{"/app.js", "deflate", "", "plain", "Accept-Encoding"},
		{"/app.js", "", "", "plain", "Accept-Encoding"},
		{"/app.js", "br;q=0, identity", "", "plain", "Accept-Encoding"},
		{"/app.js", "*;q=0", "", "plain", "Accept-Encoding"},
		{"/one.css", "br, gzip", "gzip", "as gzip", "Accept-Encoding"},
		{"/one.css", "br", "", "plain", "Accept-Encoding"},
		{"/old.css", "gzip", "", "plain", ""},
		{"/big.svg", "br", "br", pattern(90_000), "Accept-Encoding"},
		{"/big.svg", "gzip", "", pattern(100_000), "Accept-Encoding"},
		{"/a.png", "gzip", "", "plain", ""},
		{"/app.js.gz", "gzip", "", "as gzip", ""},
	} {
		a := s.get(tc.target, "Accept-Encoding: "+tc.accept)
		if a.StatusCode != 200 || a.body != tc.body || a.Header.Get("Content-Encoding") != tc.encoding || a.Header.Get("Vary") != tc.vary {
			t.Errorf("%s with %q: %d %.20q %v", tc.target, tc.accept, a.StatusCode, a.body, a.Header)
			continue
		}
		wantType := map[string]string{"/app.js": "text/javascript; charset=utf-8", "/big.svg": "image/svg+xml", "/app.js.gz": "application/gzip"}[tc.target]
		if wantType != "" && a.Header.Get("Content-Type") != wantType {
			t.Errorf("%s: %q", tc.target, a.Header.Get("Content-Type"))
		}
		n := s.get(tc.target, "Accept-Encoding: "+tc.accept, "If-None-Match: "+a.Header.Get("ETag"))
		if n.StatusCode != 304 || n.Header.Get("Vary") != tc.vary || n.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s with %q: %d %v", tc.target, tc.accept, n.StatusCode, n.Header)
		}
		p := s.get(tc.target, "Accept-Encoding: "+tc.accept, "Range: bytes=1-2")
		if p.StatusCode != 206 || p.body != tc.body[1:3] || p.Header.Get("Content-Encoding") != tc.encoding {
			t.Errorf("%s with %q: %d %q", tc.target, tc.accept, p.StatusCode, p.body)
		}
	}
	tags := map[string]bool{}
	for _, accept := range []string{"br", "zstd", "gzip", "identity"} {
		tags[s.get("/app.js", "Accept-Encoding: "+accept).Header.Get("ETag")] = true
	}
	if len(tags) != 4 {
		t.Errorf("tags of the encodings: %v", tags)
	}
	if a := s.get("/only.css"); a.StatusCode != 404 {
		t.Errorf("a sibling alone: %d", a.StatusCode)
	}
}

func TestStaticFileSystems(t *testing.T) {
	sub, err := fs.Sub(staticEmbed, "testdata/static")
	if err != nil {
		t.Fatal(err)
	}
	big := pattern(300_000)
	for name, files := range map[string]fs.FS{
		"embed": sub,
		"map":   fstest.MapFS{"hello.txt": {Data: []byte("hello\n")}, "big.bin": {Data: []byte(big)}},
		"dir":   os.DirFS("testdata/static"),
		"plain": plainFS{os.DirFS("testdata/static")},
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp(quart.Config{})
			app.Static("/", files)
			s := serve(t, app)
			a := s.get("/hello.txt")
			a.want(t, 200, "hello\n")
			tag := a.Header.Get("ETag")
			if tag == "" || s.get("/hello.txt", "If-None-Match: "+tag).StatusCode != 304 {
				t.Errorf("ETag %q", tag)
			}
			if name == "embed" || name == "map" {
				if a.Header.Get("Last-Modified") != "" || tag != quart.ETagOf([]byte("hello\n")) {
					t.Errorf("without a time: %v", a.Header)
				}
			}
			s.get("/hello.txt", "Range: bytes=1-2").want(t, 206, "el")
			if name == "map" {
				b := s.get("/big.bin")
				if b.body != big || b.Header.Get("ETag") != quart.ETagOf([]byte(big)) {
					t.Errorf("large: %d bytes, %v", len(b.body), b.Header)
				}
				s.get("/big.bin", "Range: bytes=-8").want(t, 206, big[len(big)-8:])
			}
		})
	}
}

// streamFS has files that cannot seek.
type streamFS struct{ fs.FS }

func (s streamFS) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	return struct{ fs.File }{f}, err
}

func TestStaticCannotSeek(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Static("/", streamFS{os.DirFS(staticDir(t))})
	s := serve(t, app)
	a := s.get("/css/big.css", "Range: bytes=5-6")
	if a.StatusCode != 200 || a.body != pattern(200_000) || a.Header.Get("Accept-Ranges") != "" {
		t.Errorf("%d, %d bytes, %v", a.StatusCode, len(a.body), a.Header)
	}
	s.get("/a.txt", "Range: bytes=0-0").want(t, 206, "a")
}

func TestStaticGroups(t *testing.T) {
	g := quart.NewGroup(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			c.SetHeader("X-Group", "yes")
			return next(c)
		}
	})
	dir := os.DirFS(staticDir(t))
	g.Static("/files", dir)
	app, _ := newApp(quart.Config{})
	app.Mount("/a", g).Name("a")
	app.Mount("/b/{tenant}", g).Name("b")
	app.Static("/static", dir)
	s := serve(t, app)
	for _, target := range []string{"/a/files/a.txt", "/b/acme/files/a.txt"} {
		if a := s.get(target); a.body != "a" || a.Header.Get("X-Group") != "yes" {
			t.Errorf("%s: %d %q %v", target, a.StatusCode, a.body, a.Header)
		}
	}
	for _, tc := range [][2]string{
		{app.URL("static", "path", "css/a b.css"), "/static/css/a%20b.css"},
		{app.URL("a.static", "path", "x"), "/a/files/x"},
		{app.URL("b.static", "tenant", "acme", "path", "x"), "/b/acme/files/x"},
	} {
		if tc[0] != tc[1] {
			t.Errorf("URL %q, want %q", tc[0], tc[1])
		}
	}
}

// TestStaticUse: what guards the route guards the index of its root, too.
func TestStaticUse(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Static("/s", os.DirFS(staticDir(t)), quart.StaticOptions{Index: "index.html"}).Use(func(quart.Handler) quart.Handler {
		return func(*quart.Ctx) error { return quart.ErrUnauthorized }
	})
	s := serve(t, app)
	for _, target := range []string{"/s/", "/s/index.html", "/s/none"} {
		if a := s.get(target); a.StatusCode != 401 {
			t.Errorf("%s: %d", target, a.StatusCode)
		}
	}
}

func TestStaticHiddenOption(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Static("/", os.DirFS(staticDir(t)), quart.StaticOptions{Hidden: true})
	s := serve(t, app)
	s.get("/.env").want(t, 200, "hidden")
	s.get("/.git/config").want(t, 200, "hidden")
	if a := s.get("/../secret.txt"); a.StatusCode != 404 {
		t.Errorf("%d", a.StatusCode)
	}
}

// TestStaticSymlinks: a link inside of the root is followed, one that leads out of it is not, nor through a fs.Sub.
func TestStaticSymlinks(t *testing.T) {
	root := staticDir(t)
	for name, to := range map[string]string{
		"inside": "a.txt", "indir": "css", "outside": "../secret.txt", "outdir": "..", "css/up": "../..",
		"absolute": filepath.Join(filepath.Dir(root), "secret.txt"), "passwd": "/etc/passwd",
	} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Skip(err)
		}
	}
	sub, err := fs.Sub(os.DirFS(filepath.Dir(root)), "public")
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := fs.Sub(sub, "css")
	if err != nil {
		t.Fatal(err)
	}
	app, _ := newApp(quart.Config{})
	app.Static("/dir", os.DirFS(root), quart.StaticOptions{Index: "secret.txt", Fallback: "outside"})
	app.Static("/sub", sub)
	app.Static("/deeper", deeper)
	s := serve(t, app)
	s.get("/dir/inside").want(t, 200, "a")
	s.get("/sub/indir/site.css").want(t, 200, "body{}")
	s.get("/deeper/site.css").want(t, 200, "body{}")
	for _, target := range []string{
		"/dir/outside", "/dir/outdir/secret.txt", "/dir/outdir", "/dir/outdir/", "/dir/css/up/secret.txt", "/dir/absolute", "/dir/passwd", "/dir/none",
		"/sub/outside", "/sub/outdir/secret.txt", "/sub/css/up/secret.txt", "/sub/absolute", "/sub/passwd", "/deeper/up/secret.txt",
	} {
		if a := s.get(target, "Accept: text/html"); a.StatusCode != 404 || strings.Contains(a.body, "SECRET") {
			t.Errorf("%s: %d %q", target, a.StatusCode, a.body)
		}
	}
}

// TestStaticChanges: a change is seen within a second, and not looked for more often. The bubble's time is fake, the file system's is not.
func TestStaticChanges(t *testing.T) {
	root := staticDir(t)
	synctest.Test(t, func(t *testing.T) {
		app := quart.New(quart.Config{Log: quarttest.Log(t), ShutdownDelay: -1})
		app.Static("/", os.DirFS(root))
		cl := quarttest.New(t, app)
		want := func(target, body string) {
			t.Helper()
			if got := cl.Get(target).Want(200).Text(); got != body {
				t.Errorf("%s: %.20q, want %.20q", target, got, body)
			}
		}
		want("/a.txt", "a")
		oldFile(t, filepath.Join(root, "a.txt"), "longer")
		want("/a.txt", "a")
		time.Sleep(time.Second)
		want("/a.txt", "longer")

		oldFile(t, filepath.Join(root, "a.txt.gz"), "as gzip")
		time.Sleep(time.Second)
		if got := cl.Get("/a.txt").Header("Accept-Encoding", "gzip").Want(200).Text(); got != "as gzip" {
			t.Errorf("a new sibling: %q", got)
		}
		if err := os.Remove(filepath.Join(root, "a.txt.gz")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := cl.Get("/a.txt").Header("Accept-Encoding", "gzip").Want(200).Text(); got != "longer" {
			t.Errorf("a sibling that is gone: %q", got)
		}

		want("/css/big.css", pattern(200_000)) // not in memory: at once
		oldFile(t, filepath.Join(root, "css/big.css"), pattern(150_000))
		want("/css/big.css", pattern(150_000))
		oldFile(t, filepath.Join(root, "css/big.css"), "small")
		want("/css/big.css", "small")

		if err := os.Remove(filepath.Join(root, "a.txt")); err != nil {
			t.Fatal(err)
		}
		want("/a.txt", "longer")
		time.Sleep(time.Second)
		cl.Get("/a.txt").Want(404)
		oldFile(t, filepath.Join(root, "a.txt"), "back")
		want("/a.txt", "back")
	})
}

// countedFS counts looks at files.
type countedFS struct {
	fs.FS
	stats *atomic.Int32
}

func (c countedFS) Stat(name string) (fs.FileInfo, error) {
	c.stats.Add(1)
	return fs.Stat(c.FS, name)
}

// TestStaticLooks: a file in use is looked at once a second, whatever path leads to it, and a tag that was weak becomes strong.
func TestStaticLooks(t *testing.T) {
	root := staticDir(t)
	synctest.Test(t, func(t *testing.T) {
		var stats atomic.Int32
		app := quart.New(quart.Config{Log: quarttest.Log(t), ShutdownDelay: -1})
		app.Static("/", countedFS{os.DirFS(root), &stats})
		cl := quarttest.New(t, app)
		png := filepath.Join(root, "a.png") // no siblings are looked for
		oldFile(t, png, "png")
		if err := os.Chtimes(png, time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
		cl.Get("/a.png").Want(200)
		stats.Store(0)
		for range 20 {
			cl.Get("/a.png").Want(200)
			cl.Get("/css/../a.png").Want(200)
		}
		if n := stats.Load(); n != 0 {
			t.Errorf("%d looks within a second", n)
		}
		weak := cl.Get("/a.png").Want(200).Header("ETag")
		time.Sleep(3 * time.Second)
		for range 20 {
			cl.Get("/css/../a.png").Want(200)
		}
		if n := stats.Load(); n == 0 || n > 2 {
			t.Errorf("%d looks after it", n)
		}
		if strong := cl.Get("/a.png").Want(200).Header("ETag"); weak != "W/"+strong {
			t.Errorf("the tag %s becomes %s", weak, strong)
		}
	})
}

func TestStaticPanics(t *testing.T) {
	dir := os.DirFS(staticDir(t))
	for want, f := range map[string]func(*quart.App){
		"no such file":         func(a *quart.App) { a.Static("/x", os.DirFS("does/not/exist")) },
		"/a.txt":               func(a *quart.App) { a.Static("/x", os.DirFS(staticDir(t)+"/a.txt")) },
		"no file system":       func(a *quart.App) { a.Static("/x", nil) },
		"more than once":       func(a *quart.App) { a.Static("/x", dir, quart.StaticOptions{}, quart.StaticOptions{}) },
		"no path below":        func(a *quart.App) { a.Static("/x", dir, quart.StaticOptions{Index: "../x"}) },
		`"/y" is no path`:      func(a *quart.App) { a.Static("/x", dir, quart.StaticOptions{Fallback: "/y"}) },
		"the root is no direc": func(a *quart.App) { a.Static("/x", fstest.MapFS{".": {Mode: 0o644}}) },
	} {
		func() {
			defer func() {
				t.Helper()
				got, _ := recover().(string)
				if !strings.Contains(got, want) || !strings.Contains(got, `Static "/x"`) || !strings.Contains(got, "static_test.go:") {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			f(quart.New(quart.Config{}))
		}()
	}
}

func TestStaticContentTypes(t *testing.T) {
	files := fstest.MapFS{}
	want := map[string]string{
		"a.html": "text/html; charset=utf-8", "a.HTML": "text/html; charset=utf-8", "a.js": "text/javascript; charset=utf-8", "a.mjs": "text/javascript; charset=utf-8",
		"a.css": "text/css; charset=utf-8", "a.json": "application/json", "a.svg": "image/svg+xml", "a.wasm": "application/wasm", "a.woff2": "font/woff2",
		"a.webmanifest": "application/manifest+json", "a.mp4": "video/mp4", "a.tar.gz": "application/gzip", "a": "application/octet-stream",
		"a.": "application/octet-stream", "a.exe": "application/octet-stream", "a." + strings.Repeat("x", 99): "application/octet-stream", "html": "application/octet-stream",
	}
	for name := range want {
		files[name] = &fstest.MapFile{Data: []byte("<script>"), ModTime: condTime}
	}
	app, _ := newApp(quart.Config{})
	app.Static("/", files)
	s := serve(t, app)
	for name, contentType := range want {
		if a := s.get("/" + name); a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != contentType {
			t.Errorf("%s: %d %q, want %q", name, a.StatusCode, a.Header.Get("Content-Type"), contentType)
		}
	}
}
