//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/goquart/quart/bench/internal/pin"

	"golang.org/x/sys/unix"
)

// serveFlag as the first argument makes this program one of the servers:
// its name follows, then the file of a CPU profile or "".
//
// The server prints its address; each line that it then reads is answered by
// the nanoseconds of CPU, user and system, that its process has used. It ends
// with its standard input, so never later than who started it.
const serveFlag = "-serve"

// serveMain is main of a server process.
func serveMain(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("%s wants a name and the file of a profile", serveFlag)
	}
	fw, ok := frameworkNamed(args[0])
	if !ok {
		return fmt.Errorf("no server is named %q", args[0])
	}
	stopProfile, err := startProfile(args[1])
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- fw.serve(l) }()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fmt.Println(l.Addr())
		answerCPU(os.Stdin, os.Stdout)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("%s: %w", fw.name, err)
	case <-ended:
		return stopProfile()
	}
}

func answerCPU(questions io.Reader, answers io.Writer) {
	for s := bufio.NewScanner(questions); s.Scan(); {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			return
		}
		fmt.Fprintln(answers, u.Utime.Nano()+u.Stime.Nano())
	}
}

// startProfile does nothing for the name "".
func startProfile(name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// A server is a running server process, seen from outside.
type server struct {
	addr    netip.AddrPort
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers *bufio.Reader
}

// startServer starts a server process on one core. It is killed when ctx is
// done; stop it all the same.
func startServer(ctx context.Context, fw framework, core int, profile string) (*server, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, exe, serveFlag, fw.name, profile)
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
	s := &server{cmd: cmd, stdin: stdin, answers: bufio.NewReader(stdout)}
	line, err := s.readLine()
	if err == nil {
		s.addr, err = netip.ParseAddrPort(line)
	}
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("%s did not start: %w", fw.name, err)
	}
	return s, nil
}

func (s *server) readLine() (string, error) {
	line, err := s.answers.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// cpu is what the process has used so far.
func (s *server) cpu() (time.Duration, error) {
	if _, err := io.WriteString(s.stdin, "cpu\n"); err != nil {
		return 0, err
	}
	line, err := s.readLine()
	if err != nil {
		return 0, fmt.Errorf("the server ended: %w", err)
	}
	n, err := strconv.ParseInt(line, 10, 64)
	return time.Duration(n), err
}

// stop lets the process end by itself, and kills it if that takes long.
func (s *server) stop() {
	_ = s.stdin.Close()
	kill := time.AfterFunc(2*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	_ = s.cmd.Wait() // killed or ended: both are the end
}
