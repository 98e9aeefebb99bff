package browser_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// buildExamples builds the examples that have pages, once.
var buildExamples = sync.OnceValues(func() (dir string, err error) {
	dir = filepath.Join(tools.dir, "bin")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./chat", "./fruit", "./sse-clock", "./upload", "./video")
	cmd.Dir = filepath.Join("..", "..", "examples")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
})

// server is a running example.
type server struct {
	t      *testing.T
	cmd    *exec.Cmd
	addr   string // host:port
	exited chan struct{}
}

// serve starts an example on a free port. It is stopped with the test.
func serve(t *testing.T, example string, args ...string) *server {
	t.Helper()
	return serveAt(t, "127.0.0.1:0", example, args...)
}

func serveAt(t *testing.T, addr, example string, args ...string) *server {
	t.Helper()
	dir, err := buildExamples()
	if err != nil {
		t.Fatal(err)
	}
	return startServer(t, exec.Command(filepath.Join(dir, example), append([]string{"-addr", addr}, args...)...))
}

// startServer starts a program that says where it listens. It is stopped with the test.
func startServer(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{t: t, cmd: cmd, exited: make(chan struct{})}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stderr)
	first, readErr := lines.ReadString('\n')
	go func() {
		_, _ = io.Copy(t.Output(), lines)
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(func() { s.stop(syscall.SIGTERM) })
	url, ok := strings.CutPrefix(strings.TrimSpace(first), "listening on ")
	if !ok {
		t.Fatalf("%s says %q, %v", filepath.Base(cmd.Path), first, readErr)
	}
	s.addr = strings.TrimPrefix(url, "http://")
	return s
}

// stop sends a signal and waits for the end.
func (s *server) stop(sig os.Signal) {
	_ = s.cmd.Process.Signal(sig)
	<-s.exited
}

func (s *server) url(path string) string { return "http://" + s.addr + path }

// getJSON decodes what the server answers.
func getJSON[T any](s *server, path string) (v T) {
	s.t.Helper()
	resp, err := http.Get(s.url(path))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		s.t.Fatalf("%s: %s, %v", path, resp.Status, err)
	}
	return v
}

// eventually waits until ok, which is asked often, reports true.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}
