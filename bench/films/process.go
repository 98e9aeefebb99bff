//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/goquart/quart/bench/internal/proc"
)

// Limits of time; beyond them a run ends.
const (
	startGrace  = time.Minute      // until a server answers: Python on a busy machine is slow to start
	loadGrace   = 15 * time.Second // over the time of a load
	verifyGrace = 3 * time.Minute
	stopGrace   = 5 * time.Second // between SIGTERM and SIGKILL
)

// dieWithParent has a child killed when this process ends, however that happens.
func dieWithParent(cmd *exec.Cmd) {
	// A group of its own: what a server starts can be killed with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
}

// A server is a running peer.
type server struct {
	addr   string
	cmd    *exec.Cmd
	output *tail
	ended  chan struct{}
	err    error // of Wait, once ended is closed
}

func (s *server) base() string { return "http://" + s.addr }

var errEnded = errors.New("it ended at its start")

// startServer returns when the server answers. It is killed when ctx is done; stop it all the same.
func startServer(ctx context.Context, command func(addr string) (*exec.Cmd, error)) (s *server, err error) {
	// The port is free now. Should another program take it meanwhile, the server ends and the next one is tried.
	for range 3 {
		if s, err = startOnce(ctx, command); !errors.Is(err, errEnded) {
			return s, err
		}
	}
	return nil, err
}

func startOnce(ctx context.Context, command func(addr string) (*exec.Cmd, error)) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	cmd, err := command(addr)
	if err != nil {
		return nil, err
	}
	s := &server{addr: addr, cmd: cmd, output: &tail{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = s.output, s.output
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = cmd.Wait()
		close(s.ended)
	}()
	if err := s.awaitAnswer(ctx); err != nil {
		s.stop()
		return nil, fmt.Errorf("%w; it printed: %s", err, s.output)
	}
	return s, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (s *server) awaitAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startGrace, errors.New("it does not answer"))
	defer cancel()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	for retry := time.NewTicker(50 * time.Millisecond); ; {
		resp, err := client.Get(s.base() + "/films/1/")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-retry.C:
		case <-s.ended:
			return fmt.Errorf("%w: %w", errEnded, s.err)
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// cpu is what the server and all of its processes used so far.
func (s *server) cpu() (time.Duration, error) { return proc.Tree(s.cmd.Process.Pid) }

// stop lets the server end, and kills what is left of it.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.ended:
	case <-time.After(stopGrace):
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // workers that outlived their master
	<-s.ended
}

// tail keeps the end of what a server prints.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if len(t.b) > tailBytes {
		t.b = bytes.Clone(t.b[len(t.b)-tailBytes:])
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.b))
}
