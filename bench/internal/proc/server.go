//go:build linux

package proc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/goquart/quart/bench/internal/pin"
)

// A Server is a running server process, seen from outside. It is not for concurrent use.
type Server struct {
	Addr    netip.AddrPort
	Cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers *bufio.Reader
}

// Start starts a server of this program on one core, with GOMAXPROCS=1. It is killed when ctx is
// done; Stop it all the same.
func Start(ctx context.Context, core int, name, profile, word string) (*Server, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, exe, Flag, name, profile, word)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := pin.Start(core, cmd); err != nil {
		return nil, err
	}
	s := &Server{Cmd: cmd, stdin: stdin, answers: bufio.NewReader(stdout)}
	line, err := s.answers.ReadString('\n')
	if err == nil {
		s.Addr, err = netip.ParseAddrPort(strings.TrimSuffix(line, "\n"))
	}
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("%s did not start: %w", name, err)
	}
	return s, nil
}

// Say asks a question whose answer is read later.
func (s *Server) Say(question string) error {
	_, err := io.WriteString(s.stdin, question+"\n")
	return err
}

// Hear reads an answer of n integers.
func (s *Server) Hear(n int) ([]int64, error) {
	line, err := s.answers.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the server ended: %w", err)
	}
	var values []int64
	for word := range strings.FieldsSeq(line) {
		v, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	if len(values) != n {
		return nil, fmt.Errorf("answer %q, want %d numbers", line, n)
	}
	return values, nil
}

// Ask asks a question and reads the answer of n integers.
func (s *Server) Ask(question string, n int) ([]int64, error) {
	if err := s.Say(question); err != nil {
		return nil, err
	}
	return s.Hear(n)
}

// Ask1 is Ask for one integer.
func (s *Server) Ask1(question string) (int64, error) {
	v, err := s.Ask(question, 1)
	if err != nil {
		return 0, err
	}
	return v[0], nil
}

// WaitGoroutines waits until the server has no more than n goroutines, at most for settle, and returns how many it has in the end.
func (s *Server) WaitGoroutines(settle time.Duration, n int64) (int64, error) {
	for end := time.Now().Add(settle); ; time.Sleep(50 * time.Millisecond) {
		now, err := s.Ask1("goroutines")
		if err != nil || now <= n || time.Now().After(end) {
			return now, err
		}
	}
}

// Stop lets the process end by itself, and kills it if that takes long.
func (s *Server) Stop() {
	_ = s.stdin.Close()
	kill := time.AfterFunc(2*time.Second, func() { _ = s.Cmd.Process.Kill() })
	defer kill.Stop()
	_ = s.Cmd.Wait() // killed or ended: both are the end
}
