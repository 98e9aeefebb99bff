package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const mostLines = 12

// TestLines: the whole clock is short, counted without blank lines, comments, imports and lines of brackets alone.
func TestLines(t *testing.T) {
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := countLines(string(text)); n > mostLines {
		t.Errorf("the clock has %d lines, want at most %d", n, mostLines)
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

func TestCountLines(t *testing.T) {
	for text, want := range map[string]int{
		"": 0,
		"// Doc.\npackage main\n\nimport \"fmt\"\n\nfunc main() {\n\tfmt.Println()\n}\n": 3,
		"package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nvar x = f(func() {\n})\n":   2,
	} {
		if got := countLines(text); got != want {
			t.Errorf("%d lines, want %d:\n%s", got, want, text)
		}
	}
}

// TestProgram builds the program with another address and a faster clock, and listens.
func TestProgram(t *testing.T) {
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := strings.NewReplacer(`"127.0.0.1:8080"`, `"127.0.0.1:0"`, "time.Second", "10*time.Millisecond").Replace(string(text))
	copied, overlay, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "clock.exe")
	original, err := filepath.Abs("main.go")
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: copied}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{copied: []byte(program), overlay: replace} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	listen(t, start(t, binary))
}

// start runs the program until the test is over, and returns its address.
func start(t *testing.T, binary string) (url string) {
	t.Helper()
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

func listen(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url+"/clock", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Last-Event-ID", "41")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var ids []string
	lines := bufio.NewScanner(resp.Body)
	for len(ids) < 2 && lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			ids = append(ids, id)
		}
	}
	if strings.Join(ids, " ") != "42 43" {
		t.Errorf("ids %q, want 42 and 43; %v", ids, lines.Err())
	}
}
