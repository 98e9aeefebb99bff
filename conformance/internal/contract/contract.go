// Package contract starts examples/contract for tests that talk to it from outside: as a process of its own, on free ports.
//
// A package that uses it calls [Remove] at the end of its TestMain.
package contract

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// folder holds the binary, once it is built.
var folder string

var build = sync.OnceValues(func() (binary string, err error) {
	if folder, err = os.MkdirTemp("", "quart-contract-"); err != nil {
		return "", err
	}
	binary = filepath.Join(folder, "contract")
	cmd := exec.Command("go", "build", "-o", binary, "./contract")
	cmd.Dir = filepath.Join("..", "..", "examples")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

// Remove removes what the tests have built.
func Remove() {
	if folder != "" {
		_ = os.RemoveAll(folder)
	}
}

// Server is a running server.
type Server struct {
	Addr    string // host:port without TLS
	TLSAddr string // host:port with TLS and a certificate of its own making
	PID     int

	t      testing.TB
	cmd    *exec.Cmd
	exited chan struct{}
}

// Start builds the server, at the first call, and starts it with these arguments more. It is stopped with the test, which fails if it
// does not end well.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-addr", "127.0.0.1:0", "-tls-addr", "127.0.0.1:0"}, args...)
	s := &Server{t: t, cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	s.cmd.Stderr = t.Output()
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.PID = s.cmd.Process.Pid
	lines := bufio.NewReader(stdout)
	s.Addr, s.TLSAddr = address(t, lines), address(t, lines)
	go func() {
		_, _ = io.Copy(t.Output(), lines)
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(func() { s.Stop() })
	return s
}

// address reads a line of what the server says first.
func address(t testing.TB, lines *bufio.Reader) string {
	t.Helper()
	line, err := lines.ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if _, _, splitErr := net.SplitHostPort(addr); !ok || splitErr != nil {
		t.Fatalf("the server says %q, %v", line, err)
	}
	return addr
}

// Stop sends SIGTERM and waits for the end, which should be one without an error.
func (s *Server) Stop() {
	s.t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	<-s.exited
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("the server ends with %d (%v)", code, s.cmd.ProcessState)
	}
}
