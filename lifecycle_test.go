package quart_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// journal records what happened in which order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, s)
}

func (j *journal) want(t *testing.T, lines ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.lines, lines) {
		t.Errorf("order:\n%q, want\n%q", j.lines, lines)
	}
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLifecycleOrder(t *testing.T) {
	app, _ := newApp(quart.Config{})
	j := new(journal)
	hook := func(name string) func(context.Context) error {
		return func(context.Context) error { j.add(name); return nil }
	}
	app.BeforeServing(hook("before 1"))
	app.BeforeServing(hook("before 2"))
	for _, n := range []string{"1", "2"} {
		app.WhileServing(func(context.Context) (func(context.Context) error, error) {
			j.add("while " + n)
			return hook("stop " + n), nil
		})
	}
	app.AfterServing(hook("after 1"))
	app.AfterServing(hook("after 2"))
	ctx, cancel := context.WithCancel(context.Background())
	app.Go(func(task context.Context) error {
		j.add("task")
		cancel()
		<-task.Done()
		j.add("task done")
		return nil
	})
	if err := app.Serve(ctx, listen(t)); err != nil {
		t.Fatal(err)
	}
	j.want(t, "before 1", "before 2", "while 1", "while 2", "task", "task done", "after 1", "after 2", "stop 2", "stop 1")
	if err := app.Serve(ctx, listen(t)); err == nil {
		t.Error("served twice")
	}
}

// TestStartHookFails: nothing is served, what was started is stopped, the error comes back.
func TestStartHookFails(t *testing.T) {
	boom := errors.New("boom")
	app, _ := newApp(quart.Config{})
	j := new(journal)
	app.WhileServing(func(context.Context) (func(context.Context) error, error) {
		return func(context.Context) error { j.add("stopped"); return nil }, nil
	})
	app.WhileServing(func(context.Context) (func(context.Context) error, error) { return nil, boom })
	app.AfterServing(func(context.Context) error { j.add("after"); return nil })
	l := listen(t)
	if err := app.Serve(context.Background(), l); !errors.Is(err, boom) {
		t.Fatalf("%v", err)
	}
	j.want(t, "stopped")
	if nc, err := net.Dial("tcp", l.Addr().String()); err == nil {
		nc.Close()
		t.Error("the listener is open")
	}
}

func TestStopHookErrors(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	app, _ := newApp(quart.Config{})
	app.AfterServing(func(context.Context) error { return a })
	app.WhileServing(func(context.Context) (func(context.Context) error, error) {
		return func(context.Context) error { return b }, nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := app.Serve(ctx, listen(t)); !errors.Is(err, a) || !errors.Is(err, b) {
		t.Fatalf("%v", err)
	}
}

func TestBackgroundTask(t *testing.T) {
	app, log := newApp(quart.Config{})
	ran := make(chan struct{}, 3)
	app.Get("/", func(c *quart.Ctx) error {
		c.App().Go(func(context.Context) error { ran <- struct{}{}; return errors.New("task error") })
		c.App().Go(func(context.Context) error { ran <- struct{}{}; panic("task panic") })
		return c.Text(200, "ok")
	})
	ctx, cancel := context.WithCancel(context.Background())
	l := listen(t)
	done := make(chan error)
	go func() { done <- app.Serve(ctx, l) }()
	s := &served{t: t, addr: l.Addr().String()}
	s.get("/").want(t, 200, "ok")
	<-ran
	<-ran
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"task error", "task panic"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q: %s", want, log)
		}
	}
	app.Go(func(context.Context) error { t.Error("ran after the stop"); return nil })
	if !strings.Contains(log.String(), "refused") {
		t.Error("a late task is not logged")
	}
}

// TestTaskThatStays: the stop does not wait for ever.
func TestTaskThatStays(t *testing.T) {
	app, _ := newApp(quart.Config{ShutdownGrace: 100 * time.Millisecond})
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	app.Go(func(context.Context) error { <-release; return nil })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := app.Serve(ctx, listen(t)); err == nil || !strings.Contains(err.Error(), "background task") {
		t.Fatalf("%v", err)
	}
}

// TestGracefulStop: a request under way is answered, with Connection: close; idle connections end.
func TestGracefulStop(t *testing.T) {
	app, _ := newApp(quart.Config{})
	entered, release := make(chan struct{}), make(chan struct{})
	app.Get("/slow", func(c *quart.Ctx) error {
		close(entered)
		<-release
		if c.Context().Err() != nil {
			t.Error("the context ended before the grace")
		}
		return c.Text(200, "done")
	})
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "ok") })
	ctx, cancel := context.WithCancel(context.Background())
	l := listen(t)
	done := make(chan error)
	go func() { done <- app.Serve(ctx, l) }()
	s := &served{t: t, addr: l.Addr().String()}
	idle := s.dial()
	idleReader := newReader(idle)
	send(t, idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	readAnswer(t, idleReader, "GET").want(t, 200, "ok")
	busy := s.dial()
	send(t, busy, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	cancel()
	if _, err := idleReader.ReadByte(); err == nil {
		t.Error("the idle connection got more")
	}
	close(release)
	a := readAnswer(t, newReader(busy), "GET")
	a.want(t, 200, "done")
	if !a.Close {
		t.Error("no Connection: close")
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestGraceEnds: what does not finish is cut off, its context first.
func TestGraceEnds(t *testing.T) {
	app, _ := newApp(quart.Config{ShutdownGrace: 100 * time.Millisecond})
	entered, ended := make(chan struct{}), make(chan struct{})
	app.Get("/", func(c *quart.Ctx) error {
		ctx := c.Context()
		close(entered)
		<-ctx.Done()
		close(ended)
		return c.Text(200, "late")
	})
	ctx, cancel := context.WithCancel(context.Background())
	l := listen(t)
	done := make(chan error)
	go func() { done <- app.Serve(ctx, l) }()
	s := &served{t: t, addr: l.Addr().String()}
	nc := s.dial()
	send(t, nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	cancel()
	<-ended
	if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v", err)
	}
}

func TestListenAddresses(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, c.RemoteIP().String()) })
	path := filepath.Join(t.TempDir(), "quart.sock")
	stale, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	stale.Close() // leaves a socket that nobody serves
	tcp := listen(t)
	addr := tcp.Addr().String()
	tcp.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	started := make(chan struct{})
	app.Go(func(context.Context) error { close(started); return nil })
	go func() { done <- app.Listen(ctx, "unix:"+path, "http://"+addr) }()
	select {
	case <-started:
	case err := <-done:
		t.Fatal(err)
	}
	for network, addr := range map[string]string{"unix": path, "tcp": addr} {
		nc, err := net.Dial(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		send(t, nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		want := map[string]string{"unix": "invalid IP", "tcp": "127.0.0.1"}[network]
		readAnswer(t, newReader(nc), "GET").want(t, 200, want)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Error("the socket is left behind")
	}
	for _, bad := range []string{"https://127.0.0.1:0", "fd:x", "fd:1", "127.0.0.1:bad", "unix:/nonexistent/dir/s"} {
		other, _ := newApp(quart.Config{})
		if err := other.Listen(context.Background(), bad); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// certificate is self-signed, for 127.0.0.1.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTLS(t *testing.T) {
	cert := certificate(t)
	show := func(c *quart.Ctx) error { return c.Text(200, c.Scheme()+" "+c.Host()) }
	for _, mixed := range []bool{false, true} {
		cfg := quart.Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}
		if mixed {
			cfg.TLS = nil
		}
		app, _ := newApp(cfg)
		app.Get("/", show)
		l := listen(t)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		var plain net.Listener
		if mixed {
			plain = listen(t)
			secure := tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}})
			go func() { done <- app.Serve(ctx, secure, plain) }()
		} else {
			go func() { done <- app.Serve(ctx, l) }()
		}
		nc, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		if p := nc.ConnectionState().NegotiatedProtocol; p != "http/1.1" && !mixed {
			t.Errorf("ALPN: %q", p)
		}
		br := newReader(nc)
		for range 2 {
			send(t, nc, "GET / HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
			readAnswer(t, br, "GET").want(t, 200, "https example.com")
		}
		nc.Close()
		if mixed {
			s := &served{t: t, addr: plain.Addr().String()}
			s.get("/").want(t, 200, "http example.com")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestRun runs this test binary as a server process: exit statuses, signals, the printed address.
func TestRun(t *testing.T) {
	if mode := os.Getenv("QUART_TEST_RUN"); mode != "" {
		runChild(mode)
		return
	}
	t.Run("SIGTERM finishes what is under way", func(t *testing.T) {
		child, addr := startChild(t, "ok")
		s := &served{t: t, addr: addr}
		nc := s.dial()
		send(t, nc, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
		br := newReader(nc)
		line, err := br.Peek(1) // the handler has begun: it sends an interim response
		if err != nil {
			t.Fatal(err, line)
		}
		if err := child.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		readInterim(t, br)
		readAnswer(t, br, "GET").want(t, 200, "done")
		if err := child.Wait(); err != nil {
			t.Errorf("exit: %v", err)
		}
	})
	t.Run("a second signal ends at once", func(t *testing.T) {
		child, addr := startChild(t, "ok")
		s := &served{t: t, addr: addr}
		nc := s.dial()
		send(t, nc, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
		br := newReader(nc)
		readInterim(t, br)
		_ = child.Process.Signal(syscall.SIGTERM)
		exited := make(chan error, 1)
		go func() { exited <- child.Wait() }()
		for {
			select {
			case err := <-exited:
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Success() {
					t.Errorf("exit: %v", err)
				}
				return
			case <-time.After(100 * time.Millisecond):
				_ = child.Process.Signal(syscall.SIGTERM)
			}
		}
	})
	for _, mode := range []string{"start fails", "bad address", "stop fails"} {
		t.Run(mode, func(t *testing.T) {
			child := childCommand(mode)
			out, err := child.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("exit: %v, %s", err, out)
			}
		})
	}
}

func childCommand(mode string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^TestRun$")
	cmd.Env = append(os.Environ(), "QUART_TEST_RUN="+mode)
	return cmd
}

func startChild(t *testing.T, mode string) (cmd *exec.Cmd, addr string) {
	t.Helper()
	cmd = childCommand(mode)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(stderr).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on http://")
	if err != nil || !ok {
		t.Fatalf("%q, %v", line, err)
	}
	return cmd, addr
}

// runChild is the server process.
func runChild(mode string) {
	app := quart.New(quart.Config{ShutdownGrace: time.Minute, ShutdownDelay: 50 * time.Millisecond})
	interim := func(c *quart.Ctx) {
		c.SetHeader("Link", "</a.css>; rel=preload")
		_ = c.Fast().EarlyHints()
	}
	app.Get("/slow", func(c *quart.Ctx) error {
		interim(c)
		time.Sleep(300 * time.Millisecond)
		return c.Text(200, "done")
	})
	app.Get("/never", func(c *quart.Ctx) error { interim(c); select {} })
	fail := func(context.Context) error { return errors.New("boom") }
	switch mode {
	case "start fails":
		app.BeforeServing(fail)
	case "bad address":
		app.Run("127.0.0.1:bad")
	case "stop fails":
		app.AfterServing(fail)
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			panic(err)
		}
		app.Go(func(context.Context) error { return self.Signal(os.Interrupt) })
	}
	app.Run("127.0.0.1:0")
	os.Exit(0)
}

// readInterim reads a 103.
func readInterim(t *testing.T, br *bufio.Reader) {
	t.Helper()
	for i := 0; ; i++ {
		line, err := br.ReadString('\n')
		if err != nil || i == 0 && !strings.HasPrefix(line, "HTTP/1.1 103") {
			t.Fatalf("%q, %v", line, err)
		}
		if line == "\r\n" {
			return
		}
	}
}

func TestHardTimeout(t *testing.T) {
	app, _ := newApp(quart.Config{})
	returned := make(chan error, 1)
	app.Get("/late", func(c *quart.Ctx) error {
		c.SetHardTimeout(100 * time.Millisecond)
		<-c.Context().Done()
		returned <- c.Context().Err()
		return c.Text(200, "late")
	})
	app.Get("/in-time", func(c *quart.Ctx) error {
		c.SetHardTimeout(10 * time.Second)
		return c.Text(200, "in time")
	})
	s := serve(t, app)
	for _, method := range []string{"GET", "HEAD"} {
		nc := s.dial()
		br := newReader(nc)
		send(t, nc, "GET /in-time HTTP/1.1\r\nHost: x\r\n\r\n")
		readAnswer(t, br, "GET").want(t, 200, "in time")
		send(t, nc, method+" /late HTTP/1.1\r\nHost: x\r\n\r\n")
		a := readAnswer(t, br, method)
		if a.StatusCode != 503 || !a.Close || strings.Contains(a.body, "late") || (method == "GET") != strings.Contains(a.body, `"status":503`) {
			t.Errorf("%s: %d %q", method, a.StatusCode, a.body)
		}
		if err := <-returned; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("context: %v", err)
		}
		if _, err := br.ReadByte(); err == nil {
			t.Error("the late answer was sent, too")
		}
	}
	// Behind an answer that is still in the buffer, an early 503 would be taken for that one's.
	nc := s.dial()
	send(t, nc, "GET /in-time HTTP/1.1\r\nHost: x\r\n\r\nGET /late HTTP/1.1\r\nHost: x\r\n\r\nGET /in-time HTTP/1.1\r\nHost: x\r\n\r\n")
	br := newReader(nc)
	line, err := br.ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "HTTP/1.1 200") {
		t.Errorf("pipelined: %q", line)
	}
	<-returned
}
