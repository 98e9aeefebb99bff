package sockets_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/goquart/quart/conformance/internal/contract"
)

// installNode puts client.mjs and the package that it uses, as package-lock.json has it, into the shared folder.
var installNode = sync.OnceValue(func() error {
	for _, command := range []string{"node", "npm"} {
		if _, err := exec.LookPath(command); err != nil {
			return err
		}
	}
	for _, name := range []string{"client.mjs", "package.json", "package-lock.json"} {
		data, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(scratch, name), data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	_, err := command(scratch, "npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error")
	return err
})

// python is Debian's, which has its packages.
const python = "/usr/bin/python3"

func findPython() error {
	_, err := command(".", python, "-c", "import websockets")
	return err
}

// TestClients: what people connect with. Each client has a program that runs its tests and says how they went.
func TestClients(t *testing.T) {
	clients := []struct {
		name  string
		find  func() error
		args  []string
		tests int // at least
	}{
		{"node ws", installNode, []string{"node", filepath.Join(scratch, "client.mjs")}, 29},
		{"python websockets", findPython, []string{python, "client.py"}, 28},
	}
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			if err := c.find(); err != nil {
				missing(t, err)
			}
			for _, scheme := range []string{"ws", "wss"} {
				t.Run(scheme, func(t *testing.T) {
					s := contract.Start(t)
					url := "ws://" + s.Addr
					if scheme == "wss" {
						url = "wss://" + s.TLSAddr
					}
					out, err := command(".", c.args[0], append(c.args[1:], url)...)
					if err != nil {
						t.Error(err)
					}
					if n := report(t, out); n < c.tests {
						t.Errorf("%d tests, want %d:\n%s", n, c.tests, out)
					}
				})
			}
		})
	}
}

// report makes a test of each line that is a verdict.
func report(t *testing.T, out string) (tests int) {
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "ok "); ok {
			t.Run(name, func(*testing.T) {})
			tests++
		} else if name, ok := strings.CutPrefix(line, "not ok "); ok {
			name, why, _ := strings.Cut(name, ": ")
			t.Run(name, func(t *testing.T) { t.Error(why) })
			tests++
		} else {
			t.Log(line)
		}
	}
	return tests
}
