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
	"time"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart/quarttest"
)

const mostLines = 16

// TestLines: the whole chat is short, counted without blank lines, comments, imports and lines of brackets alone.
func TestLines(t *testing.T) {
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := countLines(string(text)); n > mostLines {
		t.Errorf("the chat has %d lines, want at most %d", n, mostLines)
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

// TestProgram builds the program with another address, and talks.
func TestProgram(t *testing.T) {
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := strings.Replace(string(text), `"127.0.0.1:8080"`, `"127.0.0.1:0"`, 1)
	copied, overlay, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "chat.exe")
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
	talk(t, start(t, binary))
}

// start runs the program until the test is over, and returns its address.
func start(t *testing.T, binary string) (addr string) {
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
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on http://")
	if err != nil || !ok {
		t.Fatalf("%q, %v", line, err)
	}
	return addr
}

// talk: two hear each other in a room, a third in another one hears nothing of it, and one who comes later gets what was said.
func talk(t *testing.T, addr string) {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/lobby")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("the page: %s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	ada, bob, eve := dial(t, addr, "lobby"), dial(t, addr, "lobby"), dial(t, addr, "cellar")
	quarttest.WriteText(t, ada, "hello")
	for name, ws := range map[string]*websocket.Conn{"Ada": ada, "Bob": bob, "a late one": dial(t, addr, "lobby")} {
		if got := quarttest.ReadText(t, ws); got != "hello" {
			t.Errorf("%s hears %q", name, got)
		}
	}
	quarttest.WriteText(t, eve, "alone")
	if got := quarttest.ReadText(t, eve); got != "alone" {
		t.Errorf("in the other room Eve hears %q", got)
	}
}

func dial(t *testing.T, addr, room string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/"+room, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	if err := ws.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return ws
}
