//go:build linux

package proc_test

import (
	"bufio"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/goquart/quart/bench/internal/proc"
)

// TestTree finds what a child and a grandchild use, while they run and after they have been waited for.
func TestTree(t *testing.T) {
	const busy = `n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done`
	before, err := proc.Tree(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	// The subshell is not the last command, so it is a process of its own.
	cmd := exec.Command("/bin/sh", "-c", "("+busy+"; echo done; read line); exit 0")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	running, err := proc.Tree(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	after, err := proc.Tree(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	// The rest is rounded to ticks.
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	const ticks = 60 * time.Millisecond
	if running == 0 || running > used+ticks || running < used-ticks {
		t.Errorf("while it ran: %v, want about %v", running, used)
	}
	if after-before < used-ticks {
		t.Errorf("afterwards: %v, want %v or more", after-before, used)
	}
	if _, err := proc.Tree(cmd.Process.Pid); err == nil {
		t.Error("a process that is gone is no error")
	}
}
