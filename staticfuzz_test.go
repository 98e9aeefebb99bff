package quart_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// watchedFS notes names that no file system should be asked for.
type watchedFS struct {
	fs.FS
	bad *[]string
}

func (w watchedFS) Open(name string) (fs.File, error) {
	w.check(name)
	return w.FS.Open(name)
}

func (w watchedFS) Stat(name string) (fs.FileInfo, error) {
	w.check(name)
	return fs.Stat(w.FS, name)
}

func (w watchedFS) check(name string) {
	hidden := strings.Contains(strings.ReplaceAll("/"+name, "/.well-known", "/"), "/.") && name != "."
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") || hidden {
		*w.bad = append(*w.bad, name)
	}
}

// FuzzStaticPath: whatever a path says, nothing outside of the root is served, no hidden file, and no redirect leaves the host.
func FuzzStaticPath(f *testing.F) {
	root := staticDir(f)
	for name, to := range map[string]string{"outside": "../secret.txt", "outdir": "..", "css/up": "../.."} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			f.Skip(err)
		}
	}
	var bad []string
	app, _ := newApp(quart.Config{})
	opt := quart.StaticOptions{Index: "index.html", Fallback: "index.html"}
	app.Static("/dir", os.DirFS(root), opt)
	app.Static("/fs", watchedFS{os.DirFS(root), &bad}, opt)
	h := app.Handler()
	for _, path := range []string{
		"", "a.txt", "css/site.css", "docs", "docs/", "docs/../a.txt", "../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "css/..%5c..%5csecret.txt",
		"outside", "outdir/secret.txt", "css/up/secret.txt", ".env", ".git/config", "a.txt%00", "%ff", "//evil.example", "%2f%2fevil.example", ".well-known/change",
		"a/./b", "....//secret.txt", "..;/secret.txt", "%c0%ae%c0%ae/secret.txt", "css/%2e/site.css", "C:/secret.txt", "a?b=c", "index.html/", "docs//",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		for _, prefix := range []string{"/dir/", "/fs/"} {
			bad = bad[:0]
			fc := new(fasthttp.RequestCtx)
			fc.Init(&fasthttp.Request{}, nil, nil)
			fc.Request.Header.SetHost("example.com")
			fc.Request.Header.SetRequestURI(prefix + path)
			fc.Request.Header.Set("Accept", "text/html")
			h(fc)
			body := fc.Response.Body()
			if status := fc.Response.StatusCode(); status != 200 && status != 308 && status != 404 && status != 400 {
				t.Errorf("%q: status %d", path, status)
			}
			// Through a file system that follows links, links lead out: that is its own affair.
			if prefix == "/dir/" && bytes.Contains(body, []byte("SECRET")) || bytes.Contains(body, []byte("hidden")) {
				t.Errorf("%q: %q", path, body)
			}
			if len(bad) > 0 {
				t.Errorf("%q: the file system is asked for %q", path, bad)
			}
			to := string(fc.Response.Header.Peek("Location"))
			if to != "" && (to[0] != '/' || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`)) {
				t.Errorf("%q: redirect to %q", path, to)
			}
		}
	})
}
