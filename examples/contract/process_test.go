package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the server, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "contract")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "contract")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	args := []string{"build", "-o", binary}
	if race {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// process is a running server.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	addrs  []string // in the order of the listeners
	client *http.Client
	base   string // of the URLs that do asks for
	stderr bytes.Buffer
	exited chan struct{}
	killed bool // by the test: no clean end is due
}

// start runs the server with args and waits until it listens on n listeners. It is stopped when the test is over.
func start(t *testing.T, n int, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for len(p.addrs) < n && lines.Scan() {
		addr, ok := strings.CutPrefix(lines.Text(), "listening on ")
		if _, _, err := net.SplitHostPort(addr); !ok || err != nil {
			t.Errorf("stdout says %q, want listening on HOST:PORT", lines.Text())
		}
		p.addrs = append(p.addrs, addr)
	}
	go func() {
		if rest, _ := io.ReadAll(stdout); len(rest) > 0 {
			t.Errorf("stdout goes on: %q", rest)
		}
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.stop)
	if len(p.addrs) < n {
		<-p.exited
		t.Fatalf("%d listeners, want %d: %s", len(p.addrs), n, p.stderr.String())
	}
	p.client, p.base = client, "http://"+p.addrs[0]
	return p
}

// stop sends SIGTERM, unless the process has ended, and wants a clean end.
func (p *process) stop() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.exited
	if code := p.cmd.ProcessState.ExitCode(); code != 0 && !p.killed {
		p.t.Errorf("exit code %d, want 0: %s", code, p.stderr.String())
	}
	if strings.Contains(p.stderr.String(), "DATA RACE") {
		p.t.Errorf("the server has a data race: %s", p.stderr.String())
	}
}

// client speaks HTTP/1.1. It follows no redirect.
var client = newClient(func(p *http.Protocols) { p.SetHTTP1(true) })

func newClient(speak func(p *http.Protocols)) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: new(http.Protocols)}
	speak(transport.Protocols)
	return &http.Client{
		Transport:     transport,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// overProtocols runs test with a server of its own over HTTP/1.1, and over HTTP/2 without TLS and with it.
func overProtocols(t *testing.T, test func(t *testing.T, p *process)) {
	t.Helper()
	for name, speak := range map[string]func(p *http.Protocols){
		"h1":  func(p *http.Protocols) { p.SetHTTP1(true) },
		"h2c": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
		"h2":  func(p *http.Protocols) { p.SetHTTP2(true) },
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, 2, "-addr", "127.0.0.1:0", "-h2c", "-tls-addr", "127.0.0.1:0")
			p.client, p.base = newClient(speak), "http://"+p.addrs[0]
			if name == "h2" {
				p.base = "https://" + p.addrs[1]
			}
			t.Cleanup(p.client.CloseIdleConnections)
			if got, want := p.do("GET", "/plaintext", "").ProtoMajor, map[string]int{"h1": 1, "h2c": 2, "h2": 2}[name]; got != want {
				t.Fatalf("HTTP/%d, want HTTP/%d", got, want)
			}
			test(t, p)
		})
	}
}

type answer struct {
	*http.Response
	text string
}

// do sends a request with header lines "Name: value".
func (p *process) do(method, target, body string, header ...string) answer {
	p.t.Helper()
	req, err := http.NewRequest(method, p.base+target, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{resp, string(text)}
}
