// Package smallest tests the examples that are whole programs in a few lines: that they are short, and that they run as they stand.
package smallest

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// CheckLines fails if main.go has more than most lines, counted without blank lines, comments, imports and lines of brackets alone.
func CheckLines(t *testing.T, most int) {
	t.Helper()
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := countLines(string(text)); n > most {
		t.Errorf("the program has %d lines, want at most %d", n, most)
	}
}

func countLines(text string) (n int) {
	imports := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "import"):
			imports = line == "import ("
		case imports:
			imports = line != ")"
		case strings.Trim(line, "(){}[],") == "", strings.HasPrefix(line, "//"):
		default:
			n++
		}
	}
	return n
}

// Start builds main.go with a free port in place of 8080, and with more replacements, pairs of old and new text; it runs the program until the test is
// over, and returns its URL.
func Start(t *testing.T, replacements ...string) (url string) {
	t.Helper()
	binary := build(t, append([]string{`"127.0.0.1:8080"`, `"127.0.0.1:0"`}, replacements...))
	cmd := exec.Command(binary)
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
	return url
}

func build(t *testing.T, replacements []string) (binary string) {
	t.Helper()
	original, err := filepath.Abs("main.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copied, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: copied}})
	if err != nil {
		t.Fatal(err)
	}
	program := strings.NewReplacer(replacements...).Replace(string(text))
	for name, content := range map[string][]byte{copied: []byte(program), overlay: replace} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary = filepath.Join(dir, "program.exe")
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}
