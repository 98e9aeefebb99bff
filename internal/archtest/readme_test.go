package archtest_test

import (
	"bufio"
	"go/format"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeProgram builds the first Go program of README.md as a user's module would and talks to it: what a newcomer copies
// works.
func TestReadmeProgram(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, program, ok := strings.Cut(string(readme), "```go\n")
	program, _, closed := strings.Cut(program, "```")
	if !ok || !closed || !strings.Contains(program, `app.Run(":8080")`) {
		t.Fatal("README.md has no program that calls app.Run(\":8080\")")
	}
	if formatted, err := format.Source([]byte(program)); err != nil || string(formatted) != program {
		t.Errorf("README.md's program is not gofmt'd: %v", err)
	}
	program = strings.Replace(program, `":8080"`, `"127.0.0.1:0"`, 1)

	dir := t.TempDir()
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"main.go": program,
		"go.sum":  string(sum),
		"go.mod": "module hello\n\ngo 1.26.0\n\nrequire github.com/goquart/quart v0.0.0\n\nreplace github.com/goquart/quart => " +
			root + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-mod=mod", "-o", "hello", ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	talkTo(t, filepath.Join(dir, "hello"))
}

func talkTo(t *testing.T, program string) {
	t.Helper()
	cmd := exec.Command(program)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stderr).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(url, "http://")); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url+"/greetings", "application/json", strings.NewReader(`{"name":"Ada"}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(body) != `{"name":"Ada"}` {
		t.Errorf("/greetings: %d %q, %v", resp.StatusCode, body, err)
	}
	for path, want := range map[string]string{"/": "hello", "/hello/Ada%20L": "hello Ada L"} {
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || string(body) != want {
			t.Errorf("%s: %d %q, %v", path, resp.StatusCode, body, err)
		}
	}
}
