package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// curl runs curl against the server; where there is none, the test is skipped, on CI it fails.
func (p *process) curl(target string, args ...string) (out string, exit int) {
	p.t.Helper()
	path, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			p.t.Fatal(err)
		}
		p.t.Skip(err)
	}
	cmd := exec.Command(path, append([]string{"-sN", "--noproxy", "*", "--max-time", "20", "http://" + p.addrs[0] + target}, args...)...)
	b, _ := cmd.Output()
	return string(b), cmd.ProcessState.ExitCode()
}

func TestStream(t *testing.T) {
	p := start(t, 1, "-addr", "127.0.0.1:0")
	for target, size := range map[string]int{
		"/stream?n=3&size=5": 15, "/stream?n=0": 0, "/stream?n=20&size=100000": 2_000_000, "/stream?n=500&size=1": 500,
	} {
		if out, exit := p.curl(target); exit != 0 || len(out) != size {
			t.Errorf("%s: %d bytes, exit code %d", target, len(out), exit)
		}
		if out, exit := p.curl(target, "--http1.0"); exit != 0 || len(out) != size {
			t.Errorf("%s by HTTP/1.0: %d bytes, exit code %d", target, len(out), exit)
		}
	}
	wantProblem(t, p.do("GET", "/stream?n=-1", ""), 400)
}

// TestFailIsIncomplete: curl says that the answer is not whole (18: partial file, 56: reset).
func TestFailIsIncomplete(t *testing.T) {
	p := start(t, 1, "-addr", "127.0.0.1:0")
	if out, exit := p.curl("/fail"); exit != 18 || out != "the first chunk\n" {
		t.Errorf("%q, exit code %d, want 18", out, exit)
	}
	if out, exit := p.curl("/fail", "--http1.0"); exit != 56 && exit != 18 || out != "the first chunk\n" {
		t.Errorf("HTTP/1.0: %q, exit code %d, want 56", out, exit)
	}
}

func TestTrailersAndHints(t *testing.T) {
	p := start(t, 1, "-addr", "127.0.0.1:0")
	got := p.do("GET", "/trailers", "")
	if got.Trailer.Get("X-Checksum") != "706694f8398f1cc3450dfecbf6d81321d16dfefa9fd7b0d4e145304c40235c86" {
		t.Errorf("trailer %v", got.Trailer)
	}
	if out, exit := p.curl("/trailers", "-i"); exit != 0 || !strings.Contains(out, "Trailer: X-Checksum\r\n") || !strings.Contains(out, "\r\n\r\nline 0\nline 1\nline 2\n") {
		t.Errorf("%q, exit code %d", out, exit)
	}
	out, exit := p.curl("/hints", "-i")
	if exit != 0 || !strings.HasPrefix(out, "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\nHTTP/1.1 200 OK\r\n") {
		t.Errorf("%q, exit code %d", out, exit)
	}
}

func TestStaticFiles(t *testing.T) {
	p := start(t, 1, "-addr", "127.0.0.1:0")
	if got := p.do("GET", "/static/hello.txt", ""); got.StatusCode != 200 || got.text != "hello" {
		t.Errorf("%d %q", got.StatusCode, got.text)
	}
	wantProblem(t, p.do("GET", "/static/", ""), 404)

	dir := t.TempDir()
	for name, text := range map[string]string{"secret.txt": "secret", "www/a.txt": "0123456789"} {
		path := filepath.Join(dir, name)
		_ = os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "secret.txt"), filepath.Join(dir, "www/link.txt")); err != nil {
		t.Fatal(err)
	}
	p = start(t, 1, "-addr", "127.0.0.1:0", "-www", filepath.Join(dir, "www"))
	for _, target := range []string{"/static/link.txt", "/static/../secret.txt", "/static/%2e%2e/secret.txt", "/static/..%2fsecret.txt", "/static/..%5csecret.txt"} {
		if out, _ := p.curl(target, "--path-as-is"); strings.Contains(out, "secret\n") || out == "secret" {
			t.Errorf("%s: %q", target, out)
		}
	}
	for args, want := range map[string]string{"0-3": "0123", "-2": "89", "8-": "89", "0-99": "0123456789"} {
		if out, exit := p.curl("/static/a.txt", "-r", args); exit != 0 || out != want {
			t.Errorf("-r %s: %q, exit code %d", args, out, exit)
		}
	}
	if out, _ := p.curl("/static/a.txt", "-r", "10-", "-i"); !strings.HasPrefix(out, "HTTP/1.1 416 ") || !strings.Contains(out, "Content-Range: bytes */10\r\n") {
		t.Errorf("-r 10-: %q", out)
	}
}

func TestSSE(t *testing.T) {
	p := start(t, 1, "-addr", "127.0.0.1:0")
	out, exit := p.curl("/sse?n=3&size=2")
	_, events, _ := strings.Cut(out, "\n\n")
	if want := "id: 1\ndata: xx\n\nid: 2\ndata: xx\n\nid: 3\ndata: xx\n\n"; exit != 0 || events != want {
		t.Errorf("%q, exit code %d", out, exit)
	}
	out, _ = p.curl("/sse?n=3&size=2", "-H", "Last-Event-ID: 2")
	if !strings.HasSuffix(out, "\n\nid: 3\ndata: xx\n\n") || strings.Contains(out, "id: 2") {
		t.Errorf("behind 2: %q", out)
	}
	if out, exit := p.curl("/sse?n=1&hold=1", "--max-time", "1"); exit != 28 || !strings.Contains(out, "id: 1\n") { // 28: timed out
		t.Errorf("hold: %q, exit code %d", out, exit)
	}
	resp, err := http.Get("http://" + p.addrs[0] + "/sse")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for want := 1; want <= 2 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "id: ") {
			if lines.Text() != fmt.Sprint("id: ", want) {
				t.Errorf("%q, want id %d", lines.Text(), want)
			}
			want++
		}
	}
}

// TestGone leaves a slow answer and asks who has been missed.
func TestGone(t *testing.T) {
	p := start(t, 1, "-addr", "127.0.0.1:0")
	if got := p.do("GET", "/gone", ""); got.text != "0" {
		t.Fatalf("before: %q", got.text)
	}
	const clients = 5
	for range clients {
		if _, exit := p.curl("/slow?ms=60000", "--max-time", "0.1"); exit != 28 {
			t.Fatalf("exit code %d", exit)
		}
	}
	for end := time.Now().Add(10 * time.Second); ; { // the last one may be on its way
		got := p.do("GET", "/gone", "")
		if got.text == fmt.Sprint(clients) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s clients were seen to leave, want %d", got.text, clients)
		}
	}
}
