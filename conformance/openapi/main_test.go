package openapi_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// tools is what all tests share: a folder that goes away after them, with the packages of npm and the scripts of this one.
var tools struct{ dir string }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "quart-openapi-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	tools.dir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// need skips the test where something is missing, or fails it on CI.
func need(t *testing.T) {
	t.Helper()
	err := install()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skip(err)
}

func chromium() string {
	if c := os.Getenv("CHROMIUM"); c != "" {
		return c
	}
	return "chromium"
}

// install puts the packages, as package-lock.json has them, and the scripts that use them into the shared folder, once.
var install = sync.OnceValue(func() error {
	var missing error
	for _, command := range []string{"go", "node", "npm", chromium()} {
		if _, err := exec.LookPath(command); err != nil {
			missing = errors.Join(missing, err)
		}
	}
	if missing != nil {
		return missing
	}
	for _, name := range []string{"package.json", "package-lock.json", "docs.mjs", "lint.mjs", "client.ts", "tsconfig.json"} {
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(tools.dir, name), text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	_, err := command("npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error")
	return err
})

// command runs a program in the shared folder, and returns what it says.
func command(name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = tools.dir
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", name, args[0], err, said.String(), out)
	}
	return out, err
}

// build builds a program, once: a folder of the repository.
func build(folder string) (string, error) {
	built.mu.Lock()
	defer built.mu.Unlock()
	path := filepath.Join(tools.dir, "bin", filepath.Base(folder))
	if built.done[path] {
		return path, nil
	}
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir = filepath.Join("..", "..", folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", folder, err, out)
	}
	built.done[path] = true
	return path, nil
}

var built = struct {
	mu   sync.Mutex
	done map[string]bool
}{done: map[string]bool{}}

// serve starts a program on a free port and returns its root, "http://127.0.0.1:12345/". It is stopped with the test.
func serve(t *testing.T, folder string, args ...string) string {
	t.Helper()
	path, err := build(folder)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stderr)
	first, readErr := lines.ReadString('\n')
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(t.Output(), lines)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-read
		_ = cmd.Wait()
	})
	url, ok := strings.CutPrefix(strings.TrimSpace(first), "listening on ")
	if !ok {
		t.Fatalf("%s says %q, %v", folder, first, readErr)
	}
	return url + "/"
}

func serveFilms(t *testing.T) string {
	t.Helper()
	return serve(t, "examples/films", "-db", filepath.Join(t.TempDir(), "films.db"))
}

func serveZoo(t *testing.T) string {
	t.Helper()
	return serve(t, "conformance/openapi/zoo")
}

func mustFind(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
