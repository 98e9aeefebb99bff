//go:build linux

package pin

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Cores are the processors of the two sides. With one processor they are the
// same, and the figures say little.
type Cores struct{ Server, Load int }

// Pick takes the first two processors that this process may run on.
func Pick() (Cores, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return Cores{}, err
	}
	var usable []int
	for cpu := 0; cpu < len(set)*64 && len(usable) < 2; cpu++ {
		if set.IsSet(cpu) {
			usable = append(usable, cpu)
		}
	}
	if len(usable) == 0 {
		return Cores{}, errors.New("no processor may be used")
	}
	return Cores{Server: usable[0], Load: usable[len(usable)-1]}, nil
}

func thread(tid, core int) error {
	var set unix.CPUSet
	set.Set(core)
	return unix.SchedSetaffinity(tid, &set)
}

// Process moves all threads of this process to a core; those that they
// start stay there.
func Process(core int) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		if err := thread(tid, core); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// Start starts a command on a core: a child inherits the affinity of the
// thread that forks it.
func Start(core int, cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := thread(0, core); err != nil {
		return err
	}
	return errors.Join(cmd.Start(), unix.SchedSetaffinity(0, &before))
}
