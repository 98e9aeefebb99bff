package testserver_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/internal/testserver"
)

// childEnv makes the test binary a process that starts a server and ends without stopping it.
const childEnv = "TESTSERVER_CHILD"

func TestMain(m *testing.M) {
	if how := os.Getenv(childEnv); how != "" {
		child(how)
	}
	os.Exit(m.Run())
}

func child(how string) {
	p, err := testserver.StartPostgres(testserver.PostgresOptions{Dir: os.Getenv(childEnv + "_DIR")})
	if err == nil && (how == "paused" || how == "refusing") {
		err = p.Pause()
	}
	if err == nil && how == "refusing" {
		err = p.Quit() // which it sees when it goes on, and then the connection that came meanwhile
	}
	fmt.Println(p.Port(), err)
	if how == "panics" {
		panic("as a test may")
	}
	select {}
}

func TestPostgres(t *testing.T) {
	p := testserver.NeedPostgres(t, testserver.PostgresOptions{Settings: map[string]string{"max_connections": "12"}})
	if !strings.Contains(p.Version(), "PostgreSQL") {
		t.Errorf("version %q", p.Version())
	}
	if want := fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", p.Port()); p.DSN() != want {
		t.Errorf("%q, want %q", p.DSN(), want)
	}
	port := p.Port()
	mustAnswer(t, port)
	for range 2 {
		must(t, p.Down())
		if _, err := dial(port); err == nil {
			t.Error("it is down, and takes connections")
		}
	}
	must(t, p.Up())
	if err := p.Up(); err == nil {
		t.Error("a second Up is no error")
	}
	if p.Port() != port {
		t.Errorf("the port is %d, was %d", p.Port(), port)
	}
	mustAnswer(t, port)
	must(t, p.Stop())
	must(t, p.Stop())
	if err := p.Up(); err == nil {
		t.Error("Up after Stop is no error")
	}
}

func TestPause(t *testing.T) {
	p := testserver.NeedPostgres(t, testserver.PostgresOptions{})
	if err := p.Pause(); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	conn, err := dial(p.Port())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// However long this waits, there is no answer.
	must(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a paused server: error %v, want a deadline", err)
	}
	must(t, p.Resume())
	must(t, p.Resume())
	must(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Errorf("resumed: %v", err)
	}
	must(t, p.Pause())
	must(t, p.Stop()) // also of a paused one
}

func TestStartFails(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	_, err := testserver.StartPostgres(testserver.PostgresOptions{Dir: dir, Settings: map[string]string{"no_such_setting": "1"}})
	if errors.Is(err, testserver.ErrMissing) {
		testserver.Need(t, err)
	}
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("error %v, want the server's own words", err)
	}
	mustBeEmpty(t, dir)
}

// TestOwnerEnds: whatever ends the process, its server ends, and the directory goes.
func TestOwnerEnds(t *testing.T) {
	for _, how := range []string{"panics", "killed", "paused", "refusing"} {
		t.Run(how, func(t *testing.T) {
			p := testserver.NeedPostgres(t, testserver.PostgresOptions{}) // or there is none
			must(t, p.Stop())
			dir := t.TempDir()
			must(t, os.Chmod(filepath.Dir(dir), 0o755))
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), childEnv+"="+how, childEnv+"_DIR="+dir)
			stdout, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			line, err := bufio.NewReader(stdout).ReadString('\n')
			must(t, err)
			words := strings.Fields(line)
			port, err := strconv.Atoi(words[0])
			if err != nil || words[1] != "<nil>" {
				t.Fatalf("the child says %q", line)
			}
			conn, err := dial(port)
			must(t, err)
			defer conn.Close()
			if how == "panics" || how == "killed" {
				mustRefuseTLS(t, conn) // it is accepted, before the server ends
			}
			if how != "panics" {
				must(t, cmd.Process.Kill())
			}
			if err := cmd.Wait(); err == nil {
				t.Fatal("the child ended well")
			}
			// The server's end ends the connection; the directory goes a moment later.
			must(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the server did not end")
			}
			waitUntil(t, func() bool {
				entries, err := os.ReadDir(dir)
				return err == nil && len(entries) == 0
			})
		})
	}
}

func waitUntil(t *testing.T, done func() bool) {
	t.Helper()
	for begun := time.Now(); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			t.Fatal("the directory is still there")
		}
	}
}

// dial asks whether TLS is possible: the answer of one byte needs no login.
func dial(port int) (net.Conn, error) {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	_, err = conn.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f})
	return conn, err
}

func mustAnswer(t *testing.T, port int) {
	t.Helper()
	conn, err := dial(port)
	must(t, err)
	defer conn.Close()
	mustRefuseTLS(t, conn)
}

func mustRefuseTLS(t *testing.T, conn net.Conn) {
	t.Helper()
	b := make([]byte, 1)
	if _, err := io.ReadFull(conn, b); err != nil || b[0] != 'N' {
		t.Fatalf("%q, %v: no PostgreSQL", b, err)
	}
}

func mustBeEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) > 0 {
		t.Errorf("%s is not empty", dir)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
