package sockets_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/goquart/quart/conformance/internal/contract"
)

// scratch is a folder for all tests, which goes away after them.
var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "quart-sockets-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	code := m.Run()
	contract.Remove()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// missing skips a test that lacks something of the machine, or fails it on CI.
func missing(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// command runs a program in dir, and returns what it prints.
func command(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, out)
	}
	return string(out), err
}
