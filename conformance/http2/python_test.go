package http2_test

import (
	"strings"
	"testing"
)

// python is Debian's, which has its packages.
const python = "/usr/bin/python3"

// TestPython: client.py, which plays with frames, windows and settings in ways that other clients do not.
func TestPython(t *testing.T) {
	if _, err := command(python, "-c", "import h2"); err != nil {
		missing(t, err)
	}
	s := start(t)
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			out, err := command(python, "client.py", s.url(tr, ""))
			if err != nil {
				t.Error(err)
			}
			if n := verdicts(t, out); n != 39 {
				t.Errorf("%d tests, want 39:\n%s", n, out)
			}
		})
	}
}

// verdicts makes a test of each line that is one.
func verdicts(t *testing.T, out string) (n int) {
	t.Helper()
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "ok "); ok {
			t.Run(name, func(*testing.T) {})
			n++
		} else if name, ok := strings.CutPrefix(line, "not ok "); ok {
			name, why, _ := strings.Cut(name, ": ")
			t.Run(name, func(t *testing.T) { t.Error(why) })
			n++
		} else {
			t.Log(line)
		}
	}
	return n
}
