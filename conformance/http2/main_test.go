package http2_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/conformance/internal/contract"
)

// patience is how long a client may take. What hangs ends there, and fails.
const patience = 90 * time.Second

// scratch is a folder for all tests, which goes away after them; www, in it, is what the server's /static/ serves.
var scratch, www string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "quart-http2-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	defer contract.Remove()
	scratch, www = dir, filepath.Join(dir, "www")
	if err := writeFiles(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// large is what /static/large.bin has: more than any window, and not to be compressed.
var large = noise(24 << 20)

func writeFiles() error {
	if err := os.Mkdir(www, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(www, "large.bin"), large, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(www, "hello.txt"), []byte("hello"), 0o600)
}

// noise is n bytes that are the same in each run.
func noise(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

// digest is short enough to be compared by eye.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return fmt.Sprintf("%d bytes, %s", len(data), hex.EncodeToString(sum[:8]))
}

// digestOf reads to the end.
func digestOf(r io.Reader) (string, error) {
	data, err := io.ReadAll(r)
	return digest(data), err
}

// file is a path to a file of these bytes, which goes away with the test.
func file(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// server is a running examples/contract that speaks HTTP/2 on both of its ports.
type server struct{ *contract.Server }

// start starts a server, which is stopped with the test.
func start(t *testing.T) server {
	t.Helper()
	return server{contract.Start(t, "-h2c", "-www", www)}
}

// transport is a way to HTTP/2.
type transport struct {
	name string
	tls  bool
}

var transports = []transport{{"over TLS", true}, {"with prior knowledge", false}}

// url is the address of a path on the port of a transport.
func (s server) url(tr transport, path string) string {
	if tr.tls {
		return "https://" + s.TLSAddr + path
	}
	return "http://" + s.Addr + path
}

// missing skips a test that lacks something of the machine, or fails it on CI.
func missing(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// need skips or fails a test whose program is not there.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		missing(t, err)
	}
}

// command runs a program, and returns what it prints to its standard output. An error has what it prints besides that.
func command(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("no end within %v", patience)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, stderr.Bytes())
	}
	return stdout.String(), err
}

// eventually waits until ok, which is asked often, reports true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: ", what)
		}
	}
}

// memory is what the server holds at most, until now, in bytes; 0 where that cannot be known.
func memory(t *testing.T, s server) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes int
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// wantMemory wants the server's memory bounded, whatever was sent through it.
func wantMemory(t *testing.T, s server, before int) {
	t.Helper()
	after := memory(t, s)
	t.Logf("memory: %d MiB, before that %d MiB", after>>20, before>>20)
	if after > before+64<<20 {
		t.Errorf("the server's memory rose from %d to %d MiB", before>>20, after>>20)
	}
}
