package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

const (
	browser = "text/html,application/xhtml+xml,*/*;q=0.8" // what a form's request accepts
	script  = "application/json"
)

// site is a served app with its folder.
type site struct {
	*quarttest.Client
	t   *testing.T
	dir string
}

func serve(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	s, err := openShelf(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	app := newApp(quart.Config{Log: quarttest.Log(t)}, &uploads{shelf: s, limit: 512 << 10, time: 90 * time.Second})
	return &site{quarttest.New(t, app), t, dir}
}

// wantFiles wants n files in the folder.
func (s *site) wantFiles(n int) {
	s.t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil || len(entries) != n {
		s.t.Errorf("the folder has %v, want %d files; %v", entries, n, err)
	}
}

// picture is a file of n bytes that begins as a PNG does.
func picture(n int) []byte {
	b := make([]byte, n)
	copy(b, "\x89PNG\r\n\x1a\n")
	for i := 8; i < n; i++ {
		b[i] = byte(i * i >> 3)
	}
	return b
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func TestReceive(t *testing.T) {
	s := serve(t)
	for _, n := range []int{8, headSize - 1, headSize, headSize + 1, 300_000} {
		data := picture(n)
		got := quarttest.Decode[[]file](s.Post("/files").Header("Accept", script).File("file", "p.png", "", data).Want(201))
		if len(got) != 1 || got[0].Size != int64(n) || got[0].SHA256 != sum(data) || got[0].Name != "p.png" || got[0].Type != "image/png" {
			t.Errorf("%d bytes: %+v, want sum %s", n, got, sum(data))
		}
		stored, err := os.ReadFile(filepath.Join(s.dir, got[0].ID))
		if err != nil || sum(stored) != sum(data) {
			t.Errorf("%d bytes: stored are %d others, %v", n, len(stored), err)
		}
	}
	s.wantFiles(5)
}

// TestForm: without JavaScript, a form of several files and a field leads back to the page.
func TestForm(t *testing.T) {
	s := serve(t)
	if page := s.Get("/").Header("Accept", browser).Want(200).Text(); !strings.Contains(page, "Nothing yet") {
		t.Errorf("no empty state: %s", page)
	}
	resp := s.Post("/files").Header("Accept", browser).Form("note", "x").
		File("file", "a&b.png", "", picture(9)).File("file", `C:\pictures\c.gif`, "", []byte("GIF89a")).Follow().Want(200)
	if len(resp.History) != 1 || resp.History[0].Header("Location") != "/#received" || resp.History[0].Status != 303 {
		t.Errorf("no redirect to the list: %v", resp.History)
	}
	for _, want := range []string{">a&amp;b.png<", ">c.gif<", "9 bytes", sum(picture(9))} {
		if !strings.Contains(resp.Text(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	s.wantFiles(2)
}

func TestRefused(t *testing.T) {
	big := picture(512<<10 + 1)
	tests := []struct {
		name    string
		request func(*quarttest.Request) *quarttest.Request
		status  int
		detail  string
	}{
		{"too large", func(r *quarttest.Request) *quarttest.Request { return r.File("file", "p.png", "", big) }, 413, "an upload may have 512 KiB"},
		{"another kind", func(r *quarttest.Request) *quarttest.Request {
			return r.File("file", "notes.png", "image/png", []byte("Dear diary"))
		}, 415, "notes.png is neither a picture nor sound nor film"},
		{"a script in a drawing", func(r *quarttest.Request) *quarttest.Request {
			return r.File("file", "x.svg", "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg">`))
		}, 415, "x.svg is neither a picture nor sound nor film"},
		{"an empty file", func(r *quarttest.Request) *quarttest.Request { return r.File("file", "p.png", "", nil) }, 415, "neither"},
		{"the second is of another kind", func(r *quarttest.Request) *quarttest.Request {
			return r.File("file", "p.png", "", picture(99)).File("file", "q", "", []byte("text"))
		}, 415, "q is neither a picture nor sound nor film"},
		{"no file chosen", func(r *quarttest.Request) *quarttest.Request { return r.File("file", "", "", nil) }, 422, "choose a file first"},
		{"no form", func(r *quarttest.Request) *quarttest.Request { return r.JSON("x") }, 415, "multipart/form-data"},
		{"cut short within a part", func(r *quarttest.Request) *quarttest.Request {
			return r.Body("multipart/form-data; boundary=x", append([]byte("--x\r\nContent-Disposition: form-data; name=file; filename=p\r\n\r\n"), picture(1000)...))
		}, 400, "incomplete or malformed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t)
			problem := tt.request(s.Post("/files").Header("Accept", script)).Want(tt.status)
			if got := quarttest.Decode[map[string]any](problem)["detail"]; !strings.Contains(fmt.Sprint(got), tt.detail) {
				t.Errorf("detail %q, want %q", got, tt.detail)
			}
			page := tt.request(s.Post("/files").Header("Accept", browser)).Want(tt.status)
			if !strings.Contains(strings.ToLower(page.Text()), strings.ToLower(tt.detail)) || !strings.Contains(page.Text(), `<form`) {
				t.Errorf("the page lacks %q or the form: %s", tt.detail, page.Text())
			}
			s.wantFiles(0)
		})
	}
}

// begin sends the head and n bytes of an upload that declares 500 kB, and waits until the server has the beginning of the file.
func (s *site) begin(n int, header string) net.Conn {
	s.t.Helper()
	conn := s.Dial()
	_, err := fmt.Fprintf(conn, "POST /files HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nContent-Type: multipart/form-data; boundary=x\r\n%s\r\n"+
		"--x\r\nContent-Disposition: form-data; name=file; filename=p.png\r\n\r\n%s", header, picture(n))
	if err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
	s.wantFiles(1)
	return conn
}

// TestCancelled: a client that leaves in the middle leaves nothing behind.
func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		conn := s.begin(100_000, "Content-Length: 500000\r\n")
		conn.Close()
		synctest.Wait()
		s.wantFiles(0)
	})
}

// TestTooSlow: an upload whose time is up is told so, even while bytes come.
func TestTooSlow(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pause time.Duration
		pings int
		want  time.Duration
	}{
		{"a few bytes now and then", 10 * time.Second, math.MaxInt, 90 * time.Second},
		{"none any more", 0, 0, 30 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t)
				conn := s.begin(100_000, "Content-Length: 500000\r\n")
				begin := time.Now()
				go func() {
					for range tt.pings {
						time.Sleep(tt.pause)
						if _, err := conn.Write([]byte("more")); err != nil {
							return
						}
					}
				}()
				answer, err := io.ReadAll(conn)
				if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") || !strings.Contains(string(answer), "an upload may take 90 seconds") {
					t.Errorf("answer %q, %v", answer, err)
				}
				if took := time.Since(begin); took < tt.want || took > tt.want+20*time.Second {
					t.Errorf("answered after %v, want about %v", took, tt.want)
				}
				conn.Close()
				synctest.Wait()
				s.wantFiles(0)
			})
		})
	}
}

// TestTooLargeChunked: a body that does not say its size is refused where it passes the limit.
func TestTooLargeChunked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		conn := s.Dial()
		head := "--x\r\nContent-Disposition: form-data; name=file; filename=p.png\r\n\r\n" + string(picture(1000))
		_, err := fmt.Fprintf(conn, "POST /files HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"+
			"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(head), head)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for range 2000 {
				if _, err := fmt.Fprintf(conn, "400\r\n%s\r\n", make([]byte, 1<<10)); err != nil {
					return
				}
			}
		}()
		answer := make([]byte, 1<<10)
		n, err := conn.Read(answer)
		if err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 413 ") {
			t.Errorf("answer %q, %v", answer[:n], err)
		}
		conn.Close()
		synctest.Wait()
		s.wantFiles(0)
	})
}

func TestDownload(t *testing.T) {
	s := serve(t)
	data := picture(100_000)
	got := quarttest.Decode[[]file](s.Post("/files").Header("Accept", script).File("file", "über.png", "", data).Want(201))
	resp := s.Get("/files/" + got[0].ID).Want(200)
	if string(resp.Bytes()) != string(data) || resp.Header("Content-Type") != "image/png" {
		t.Errorf("%d bytes of %s", len(resp.Bytes()), resp.Header("Content-Type"))
	}
	if d := resp.Header("Content-Disposition"); !strings.HasPrefix(d, "attachment;") || !strings.Contains(d, "%C3%BCber.png") {
		t.Errorf("Content-Disposition %q", d)
	}
	if part := s.Get("/files/"+got[0].ID).Header("Range", "bytes=-10").Want(206); string(part.Bytes()) != string(data[len(data)-10:]) {
		t.Errorf("the last ten bytes are %x", part.Bytes())
	}
	for _, id := range []string{"x", "..%2Fgo.mod", strings.ToLower(got[0].ID)} {
		s.Get("/files/" + id).Want(404)
	}
}

// TestShelf: the oldest files make room.
func TestShelf(t *testing.T) {
	s := serve(t)
	var first string
	for i := range kept + 1 {
		got := quarttest.Decode[[]file](s.Post("/files").Header("Accept", script).File("file", fmt.Sprint(i, ".png"), "", picture(10)).Want(201))
		if i == 0 {
			first = got[0].ID
		}
	}
	s.wantFiles(kept)
	s.Get("/files/" + first).Want(404)
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 bytes", 1: "1 byte", 1023: "1023 bytes", 1024: "1 KiB", 1536: "1.5 KiB", 1 << 20: "1 MiB", 1 << 30: "1 GiB", 5 << 50: "5120 TiB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		10 * time.Minute: "10 minutes", time.Minute: "1 minute", 90 * time.Second: "90 seconds", 1500 * time.Millisecond: "1.5s",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}
