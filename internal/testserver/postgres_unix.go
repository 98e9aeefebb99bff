//go:build unix

package testserver

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// stopSignal is how a PostgreSQL server is told to stop.
type stopSignal = syscall.Signal

const (
	stopFast   = syscall.SIGINT  // cuts connections and writes a checkpoint
	stopAtOnce = syscall.SIGQUIT // recovers at the next start
	stopKill   = syscall.SIGKILL
)

func signalStop(p *os.Process, how stopSignal) error { return p.Signal(how) }

// attributes are those of a process in a session of its own, run by o.
func (o *owner) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if o != nil {
		attr.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
	return attr
}

func pause(pid int) error { return ignoreGone(syscall.Kill(pid, syscall.SIGSTOP)) }

func resume(pid int) error { return ignoreGone(syscall.Kill(pid, syscall.SIGCONT)) }

// ignoreGone: a connection's process may have ended since it was listed.
func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// childrenOf lists the processes that pid started. Each of PostgreSQL's has a session of its own, so that a signal to the
// process group of the server would not reach them.
func childrenOf(pid int) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, errors.ErrUnsupported)
	}
	var children []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state parent ...; a name may have spaces and parentheses
		_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
		fields := strings.Fields(rest)
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				return nil, err
			}
			children = append(children, child)
		}
	}
	return children, nil
}
