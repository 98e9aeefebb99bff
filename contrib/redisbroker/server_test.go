package redisbroker_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestMain keeps go-redis from writing about each dial that failed: servers are killed here.
func TestMain(m *testing.M) {
	redis.SetLogger(quietLogger{})
	os.Exit(m.Run())
}

type quietLogger struct{}

func (quietLogger) Printf(context.Context, string, ...any) {}

// textLog writes lines.
func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// quiet is for brokers whose lines nobody looks at.
var quiet = textLog(io.Discard)

// server is a redis-server in a directory of its own, which writes each command to its disk before it answers.
type server struct {
	addr, dir string
	args      []string // besides the usual ones
	cmd       *exec.Cmd
	exited    chan struct{}
}

// startServer starts a server that ends with the test.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is needed: ", err)
		}
		t.Skip("redis-server is needed: ", err)
	}
	s := &server{dir: t.TempDir(), args: args}
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

func (s *server) url() string { return "redis://" + s.addr + "/0" }

// start starts it on the port it had, at first on a free one.
func (s *server) start(t testing.TB) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		if addr := s.addr; addr != "" {
			if s.tryStart(t, addr, deadline) {
				return
			}
		} else if addr := freeAddr(t); s.tryStart(t, addr, deadline) {
			s.addr = addr
			return
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			t.Fatalf("redis-server does not start:\n%s", log)
		}
	}
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// tryStart reports false when the process ended, because somebody has taken the port for one.
func (s *server) tryStart(t testing.TB, addr string, deadline time.Time) bool {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	args := []string{
		"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--logfile", filepath.Join(s.dir, "log"),
		"--save", "", "--appendonly", "yes", "--appendfsync", "always",
	}
	s.cmd = exec.Command("redis-server", append(args, s.args...)...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, exited := s.cmd, make(chan struct{})
	s.exited = exited
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	for time.Now().Before(deadline) {
		if strings.HasPrefix(ask(addr, "PING"), "+PONG") {
			return true
		}
		select {
		case <-exited:
			return false
		case <-time.After(5 * time.Millisecond): // a poll: the server gives no other sign
		}
	}
	s.kill()
	return false
}

// kill ends it without a farewell.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// lose kills it and starts it again without its data.
func (s *server) lose(t testing.TB) {
	t.Helper()
	s.kill()
	if err := os.RemoveAll(filepath.Join(s.dir, "appendonlydir")); err != nil {
		t.Fatal(err)
	}
	s.start(t)
}

// ask sends one inline command and returns the beginning of the answer.
func ask(addr, command string) string {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	_, _ = fmt.Fprintf(c, "%s\r\n", command)
	buf := make([]byte, 256)
	n, _ := c.Read(buf)
	return string(buf[:n])
}

// proxy stands between a broker and its server, and breaks connections.
type proxy struct {
	l  net.Listener
	wg sync.WaitGroup

	mu     sync.Mutex
	target string
	links  map[net.Conn]*link // by the connection from the broker
	joined int                // how many have subscribed to channels
	mute   bool               // no answers arrive
}

// link is a connection through the proxy.
type link struct {
	channel bool // it has subscribed to channels
	mute    bool // its answers do not arrive
}

func startProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, target: target, links: make(map[net.Conn]*link)}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.cut(everything)
		p.wg.Wait()
	})
	return p
}

func (p *proxy) url() string { return "redis://" + p.l.Addr().String() + "/0" }

func (p *proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		to := p.target
		p.mu.Unlock()
		s, err := net.Dial("tcp", to)
		if err != nil {
			c.Close()
			continue
		}
		p.mu.Lock()
		k := &link{}
		p.links[c] = k
		p.mu.Unlock()
		p.wg.Go(func() { p.copy(s, c, k, false) })
		p.wg.Go(func() { p.copy(c, s, k, true) })
	}
}

func (p *proxy) copy(dst, src net.Conn, k *link, answers bool) {
	defer dst.Close()
	defer src.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		mute := (p.mute || k.mute) && answers
		if !answers && !k.channel && bytes.Contains(buf[:n], []byte("\r\nsubscribe\r\n")) {
			k.channel = true
			p.joined++
		}
		p.mu.Unlock()
		if mute {
			continue
		}
		if _, err := dst.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cut ends the connections that which says yes to: channel tells those that subscribed.
func (p *proxy) cut(which func(channel bool) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c, k := range p.links {
		if which(k.channel) {
			c.Close()
			delete(p.links, c)
		}
	}
}

// freeze keeps the answers of the connections that there are from arriving.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.links {
		k.mute = true
	}
}

// joins is how many connections have subscribed to channels up to now.
func (p *proxy) joins() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.joined
}

func everything(bool) bool       { return true }
func commands(channel bool) bool { return !channel }
func channels(channel bool) bool { return channel }

func (p *proxy) setMute(mute bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = mute
}

func (p *proxy) setTarget(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = addr
}
