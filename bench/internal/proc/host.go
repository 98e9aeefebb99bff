//go:build linux

package proc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Flag as the first argument makes a program one of its servers: the server's
// name follows, the file of a CPU profile or "", and one more word for the server.
const Flag = "-serve"

// A Site is what one server process runs.
type Site struct {
	Serve func(net.Listener) error
	// Answer answers the questions that all servers do not have in common with integers.
	Answer func(question, arg string) ([]int64, error)
}

// Host is main of a server process; args are those behind Flag. It listens on a free port of the loopback interface and
// prints its address; each line that it then reads is answered by a line of integers. It ends with its standard input, so never
// later than who started it.
func Host(args []string, site func(name, word string) (*Site, error)) error {
	if len(args) != 3 {
		return fmt.Errorf("%s wants a name, the file of a profile and a word", Flag)
	}
	st, err := site(args[0], args[2])
	if err != nil {
		return err
	}
	stopProfile, err := startProfile(args[1])
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- st.Serve(l) }()
	ended := make(chan error, 1)
	go func() {
		fmt.Println(l.Addr())
		ended <- st.answerQuestions()
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("%s: %w", args[0], err)
	case err := <-ended:
		return errors.Join(err, stopProfile())
	}
}

// answerQuestions answers in a goroutine that is there from the start, so that it is in every count.
func (st *Site) answerQuestions() error {
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		question, arg, _ := strings.Cut(s.Text(), " ")
		values, err := Answer(question, arg)
		if errors.Is(err, errQuestion) && st.Answer != nil {
			values, err = st.Answer(question, arg)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.Text(), err)
		}
		for _, v := range values {
			fmt.Print(v, " ")
		}
		fmt.Println()
	}
	return nil
}

var errQuestion = errors.New("no such question")

// Answer answers the questions that all servers have in common, about this process.
func Answer(question, arg string) ([]int64, error) {
	switch question {
	case "cpu": // nanoseconds, user and system
		cpu, err := cpuTime()
		return []int64{cpu}, err
	case "usage": // the same; allocations and allocated bytes since the start
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		cpu, err := cpuTime()
		return []int64{cpu, int64(m.Mallocs), int64(m.TotalAlloc)}, err
	case "goroutines":
		return []int64{int64(runtime.NumGoroutine())}, nil
	case "memory": // bytes: resident, heap objects, stacks
		collect()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		resident, err := statusBytes("VmRSS")
		return []int64{resident, int64(m.HeapAlloc), int64(m.StackInuse)}, err
	case "reset": // bytes resident; the peak starts here
		collect()
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
			return nil, err
		}
		resident, err := statusBytes("VmRSS")
		return []int64{resident}, err
	case "peak":
		peak, err := statusBytes("VmHWM")
		return []int64{peak}, err
	case "heap":
		return nil, writeHeap(arg)
	}
	return nil, errQuestion
}

func cpuTime() (int64, error) {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano(), err
}

// collect gives back all memory that is free. Two cycles empty the pools.
func collect() {
	runtime.GC()
	runtime.GC()
	debug.FreeOSMemory()
}

// statusBytes reads a size from /proc/self/status.
func statusBytes(field string) (int64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if string(name) == field {
			kib, err := strconv.ParseInt(strings.TrimSuffix(string(bytes.TrimSpace(value)), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", field)
}

// Monotonic is a clock that all processes share, in nanoseconds.
func Monotonic() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // the clock is always there
	}
	return t.Nano()
}

func writeHeap(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}

// startProfile does nothing for the name "".
func startProfile(name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
