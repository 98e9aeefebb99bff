package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart/contrib/natsbroker/embedded"
)

// natsDir, set for this program, makes it a NATS server that stores there: one that can be killed.
const natsDir = "CHAT_TEST_NATS_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(natsDir); dir != "" {
		runNATS(dir)
		return
	}
	dir, err := os.MkdirTemp("", "chat-test-")
	if err != nil {
		panic(err)
	}
	built.dir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// built is the chat as a program.
var built struct {
	dir  string
	once sync.Once
	path string
	err  error
}

func buildChat(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		built.path = filepath.Join(built.dir, "chat.exe")
		if out, err := exec.Command("go", "build", "-o", built.path, ".").CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// process is a program that says where it listens. It ends with the test at the latest.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// startProcess starts cmd and returns what its first line has behind prefix.
func startProcess(t *testing.T, cmd *exec.Cmd, prefix string) (p *process, addr string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	p = &process{cmd: cmd, exited: make(chan struct{})}
	t.Cleanup(p.kill)
	lines := bufio.NewReader(r)
	first, err := lines.ReadString('\n')
	copied := make(chan struct{})
	go func() {
		_, _ = io.Copy(t.Output(), lines)
		close(copied)
	}()
	go func() {
		_ = cmd.Wait()
		<-copied
		_ = r.Close()
		close(p.exited)
	}()
	addr, ok := strings.CutPrefix(strings.TrimSpace(first), prefix)
	if !ok {
		t.Fatalf("%s says %q, %v", filepath.Base(cmd.Path), first, err)
	}
	return p, addr
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// startChat starts a copy of the chat that shares its rooms by way of a broker, without a limit on what a visitor sends.
func startChat(t *testing.T, brokerURL string) (addr string) {
	t.Helper()
	_, addr = startProcess(t, exec.Command(buildChat(t), "-addr", "127.0.0.1:0", "-broker", brokerURL, "-rate", "0"), "listening on http://")
	return addr
}

// backend is a broker's server: killed and started again it has the same address and all that it has acknowledged.
type backend struct {
	url   string
	start func()
	kill  func()
}

// ---- NATS ----

// runNATS is the program that the tests kill.
func runNATS(dir string) {
	port, _ := strconv.Atoi(os.Getenv(natsDir + "_PORT"))
	s, err := embedded.Start(embedded.Config{Dir: dir, Port: port})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("NATS listens on", s.URL())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	<-ctx.Done()
	_ = s.Close(context.Background())
}

func startNATS(t *testing.T) *backend {
	t.Helper()
	dir, port := t.TempDir(), "0"
	var p *process
	b := &backend{}
	b.start = func() {
		t.Helper()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), natsDir+"="+dir, natsDir+"_PORT="+port)
		p, b.url = startProcess(t, cmd, "NATS listens on ")
		u, err := url.Parse(b.url)
		if err != nil {
			t.Fatal(err)
		}
		port = u.Port()
	}
	b.kill = func() { p.kill() }
	b.start()
	return b
}

// ---- Redis ----

func startRedis(t *testing.T) *backend {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	var cmd *exec.Cmd
	b := &backend{}
	try := func(port string) bool {
		cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--logfile", filepath.Join(dir, "log"),
			"--save", "", "--appendonly", "yes", "--appendfsync", "always")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return answersPing(net.JoinHostPort("127.0.0.1", port))
	}
	b.kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(func() { b.kill() })
	for range 5 { // the free port may be taken by another before the server has it
		port := freePort(t)
		if try(port) {
			b.url = "redis://127.0.0.1:" + port + "/0"
			b.start = func() {
				t.Helper()
				if !try(port) {
					t.Fatal("redis-server does not come back")
				}
			}
			return b
		}
		b.kill()
	}
	t.Fatal("redis-server does not start")
	return nil
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// answersPing waits for a Redis server that has loaded what it had stored.
func answersPing(addr string) bool {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(c, "PING\r\n")
		line, _ := bufio.NewReader(c).ReadString('\n')
		_ = c.Close()
		if strings.HasPrefix(line, "+PONG") {
			return true
		}
	}
	return false
}
