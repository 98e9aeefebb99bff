package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestStopLosesNothing sends SIGTERM while 64 connections send one request after the other and 8 wait for a slow answer. Every
// request that was sent on an accepted connection must be answered, and the process must exit with 0.
func TestStopLosesNothing(t *testing.T) {
	const loops, slows = 64, 8
	p := start(t, 1, "-addr", "127.0.0.1:0")
	l := &load{t: t, addr: p.addrs[0], many: make(chan struct{})}

	var clients sync.WaitGroup
	for range slows { // accepted first: the listener's queue is in order
		c := l.dial()
		if c == nil {
			t.Fatal("no connection to a running server")
		}
		clients.Go(func() {
			defer c.Close()
			if answer, _, err := c.get("/slow?ms=1500"); err != nil || answer != "slow" {
				t.Errorf("a slow request: %q, %v", answer, err)
			}
		})
	}
	for range loops {
		clients.Go(l.loop)
	}
	<-l.many
	l.stopped.Store(time.Now().UnixNano())
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	clients.Wait()
	<-p.exited
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
	if l.goodbyes.Load() < loops {
		t.Errorf("%d connections were told to close, want all %d", l.goodbyes.Load(), loops)
	}
	if l.late.Load() == 0 {
		t.Error("no connection was accepted during the shutdown delay")
	}
	t.Logf("%d answers, %d of them on connections opened after SIGTERM", l.answers.Load(), l.late.Load())
}

// load is what the loops share.
type load struct {
	t        *testing.T
	addr     string
	answers  atomic.Int64
	late     atomic.Int64
	goodbyes atomic.Int64 // answers with Connection: close
	stopped  atomic.Int64 // when SIGTERM was sent, 0 before
	many     chan struct{}
}

// loop sends requests until it is told to close; then once more on a new connection, if the server is sure to accept still.
func (l *load) loop() {
	c := l.dial()
	if c == nil {
		l.t.Error("no connection to a running server")
		return
	}
	defer c.Close()
	for {
		answer, last, err := c.get("/plaintext")
		if err != nil || answer != "Hello, World!" {
			l.t.Errorf("lost: %q, %v", answer, err)
			return
		}
		if l.answers.Add(1) == 5000 {
			close(l.many)
		}
		if last {
			l.goodbyes.Add(1)
			break
		}
	}
	const sure = 200 * time.Millisecond // of the 500 ms that the server goes on accepting
	if time.Since(time.Unix(0, l.stopped.Load())) > sure {
		return
	}
	again := l.dial()
	if again == nil {
		return
	}
	defer again.Close()
	answer, last, err := again.get("/plaintext")
	switch {
	case err == nil && answer == "Hello, World!" && last:
		l.late.Add(1)
	case time.Since(time.Unix(0, l.stopped.Load())) < 2*sure:
		l.t.Errorf("lost after SIGTERM: %q, closing %t, %v", answer, last, err)
	}
}

type conn struct {
	net.Conn
	reader *bufio.Reader
}

// dial returns nil when the server does not accept.
func (l *load) dial() *conn {
	nc, err := net.Dial("tcp", l.addr)
	if err != nil {
		return nil
	}
	_ = nc.SetDeadline(time.Now().Add(30 * time.Second))
	return &conn{nc, bufio.NewReader(nc)}
}

func (c *conn) get(target string) (answer string, last bool, err error) {
	if _, err := io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return "", false, err
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return "", false, err
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), resp.Close, err
}

func TestStopEndsAtOnceOnSecondSignal(t *testing.T) {
	p := start(t, 1, "-addr", "127.0.0.1:0")
	l := &load{t: t, addr: p.addrs[0]}
	c := l.dial()
	if c == nil {
		t.Fatal("no connection to a running server")
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /slow?ms=600000 HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	other := l.dial() // answers with Connection: close say that the first signal has arrived
	for other != nil {
		_, last, err := other.get("/plaintext")
		if err != nil || last {
			break
		}
	}
	for running := true; running; { // the first one is handled by a goroutine, which may be still on its way
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.exited:
			running = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Errorf("the process ended with %v, want by the signal", p.cmd.ProcessState)
	}
	p.killed = true
}

func TestBadFlagsExitWithOne(t *testing.T) {
	for _, args := range []string{"-addr 127.0.0.1:99999", "-addr 127.0.0.1:0 -tls-addr 127.0.0.1:0 -cert none.pem -key none.pem"} {
		out, err := exec.Command(binary, strings.Fields(args)...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.HasPrefix(string(out), "contract: ") {
			t.Errorf("%s: %v, %s", args, err, out)
		}
	}
}
