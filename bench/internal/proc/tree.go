//go:build linux

package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// tick is the unit of times in /proc, the same on all of Go's architectures.
const tick = time.Second / 100

// Tree is the user and system time of a process and of all that it started, also of those that ended and were waited for.
func Tree(pid int) (time.Duration, error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	all := map[int]stat{}
	children := map[int][]int{}
	for _, name := range names {
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			return 0, err
		}
		s, err := readStat(name)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it ended meanwhile
		}
		if err != nil {
			return 0, err
		}
		all[id] = s
		children[s.parent] = append(children[s.parent], id)
	}
	if _, ok := all[pid]; !ok {
		return 0, fmt.Errorf("there is no process %d", pid)
	}
	var sum time.Duration
	for todo := []int{pid}; len(todo) > 0; {
		id := todo[len(todo)-1]
		todo = append(todo[:len(todo)-1], children[id]...)
		sum += all[id].cpu
	}
	return sum, nil
}

type stat struct {
	parent int
	cpu    time.Duration // with that of children which were waited for
}

// Fields of /proc/PID/stat behind the name of the program, which may have blanks and brackets (proc(5)).
const (
	statParent   = 1
	statFirstCPU = 11 // utime, stime, cutime, cstime
	statLastCPU  = 14
)

func readStat(name string) (s stat, err error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return s, err
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) <= statLastCPU {
		return s, fmt.Errorf("%s: %q is too short", name, b)
	}
	if s.parent, err = strconv.Atoi(string(fields[statParent])); err != nil {
		return s, err
	}
	for _, field := range fields[statFirstCPU : statLastCPU+1] {
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return s, err
		}
		s.cpu += time.Duration(ticks) * tick
	}
	return s, nil
}
