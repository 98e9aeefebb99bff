//go:build unix

package quart_test

import (
	"context"
	"crypto/tls"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/goquart/quart"
)

// TestSendFileIrregular: what is no regular file neither hangs nor is read.
func TestSendFileIrregular(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Skip(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "zero")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	app, _ := newApp(quart.Config{})
	app.Get("/sent/{name}", func(c *quart.Ctx) error { return c.SendFile(filepath.Join(dir, c.Param("name")), quart.FileOptions{}) })
	app.Static("/static", os.DirFS(dir))
	app.Static("/other", struct{ fs.StatFS }{os.DirFS(dir).(fs.StatFS)})
	s := serve(t, app)
	for _, name := range []string{"fifo", "socket", "zero", "loop"} {
		for _, prefix := range []string{"/sent/", "/static/", "/other/"} {
			if a := s.get(prefix + name); a.StatusCode != 404 {
				t.Errorf("%s%s: %d", prefix, name, a.StatusCode)
			}
		}
	}
}

func TestSendFileNoPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := t.TempDir()
	oldFile(t, filepath.Join(dir, "a"), "secret")
	if err := os.Chmod(filepath.Join(dir, "a"), 0); err != nil {
		t.Fatal(err)
	}
	s, log := fileApp(t, dir, quart.FileOptions{})
	if a := s.get("/a"); a.StatusCode != 404 || !strings.Contains(log.String(), "may not be read") {
		t.Errorf("%d, log %s", a.StatusCode, log)
	}
}

// TestSendFileTransports: over TLS and unix sockets there is no sendfile.
func TestSendFileTransports(t *testing.T) {
	dir := t.TempDir()
	want := pattern(1<<20 + 7)
	oldFile(t, filepath.Join(dir, "a"), want)
	self := httptest.NewTLSServer(nil)
	self.Close()
	for _, tc := range []struct {
		name, network, addr string
		tls                 bool
	}{
		{"tls", "tcp", "127.0.0.1:0", true},
		{"unix", "unix", filepath.Join(dir, "s"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := quart.Config{}
			if tc.tls {
				cfg.TLS = &tls.Config{Certificates: self.TLS.Certificates}
			}
			app, _ := newApp(cfg)
			app.Get("/", func(c *quart.Ctx) error { return c.SendFile(filepath.Join(dir, "a"), quart.FileOptions{}) })
			l, err := net.Listen(tc.network, tc.addr)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := contextWithCancel()
			done := make(chan error, 1)
			go func() { done <- app.Serve(ctx, l) }()
			client := &http.Client{Transport: &http.Transport{
				TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
				DialContext: func(context.Context, string, string) (net.Conn, error) {
					return net.Dial(tc.network, l.Addr().String())
				},
			}}
			scheme := "http"
			if tc.tls {
				scheme = "https"
			}
			for _, header := range []string{"", "bytes=100000-"} {
				req, _ := http.NewRequest("GET", scheme+"://example.com/", nil)
				req.Header.Set("Range", header)
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				expect := want
				if header != "" {
					expect = want[100_000:]
				}
				if err != nil || string(got) != expect {
					t.Errorf("%q: %d bytes, %v", header, len(got), err)
				}
			}
			client.CloseIdleConnections()
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
