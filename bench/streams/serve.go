//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/goquart/quart/bench/internal/pin"

	"golang.org/x/sys/unix"
)

// serveFlag as the first argument makes this program one of the servers: its
// name follows, the file of a CPU profile or "", and the directory of its files or "".
//
// The server prints its address; each line that it then reads is answered by a
// line of integers. It ends with its standard input, so never later than who
// started it.
const serveFlag = "-serve"

// serveMain is main of a server process.
func serveMain(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("%s wants a name, the file of a profile and a directory", serveFlag)
	}
	serve, ok := servers[args[0]]
	if !ok {
		return fmt.Errorf("no server is named %q", args[0])
	}
	stopProfile, err := startProfile(args[1])
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	st := newStage(args[2])
	failed := make(chan error, 1)
	go func() { failed <- serve(l, st) }()
	ended := make(chan error, 1)
	go func() {
		fmt.Println(l.Addr())
		ended <- answerQuestions(st)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("%s: %w", args[0], err)
	case err := <-ended:
		return errors.Join(err, stopProfile())
	}
}

// answerQuestions answers in a goroutine that is there from the start, so that it is in every count.
func answerQuestions(st *stage) error {
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		name, arg, _ := strings.Cut(s.Text(), " ")
		values, err := answerTo(st, name, arg)
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

func answerTo(st *stage, name, arg string) ([]int64, error) {
	switch name {
	case "cpu": // nanoseconds, user and system
		var u unix.Rusage
		err := unix.Getrusage(unix.RUSAGE_SELF, &u)
		return []int64{u.Utime.Nano() + u.Stime.Nano()}, err
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
	case "round": // monotonic nanoseconds when it began
		n, err := strconv.Atoi(arg)
		if err != nil {
			return nil, err
		}
		began := monotonic()
		st.play(n)
		return []int64{began}, nil
	case "heap":
		return nil, writeHeap(arg)
	}
	return nil, errors.New("no such question")
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

// monotonic is a clock that all processes share.
func monotonic() int64 {
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

// A server is a running server process, seen from outside.
type server struct {
	addr    netip.AddrPort
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers *bufio.Reader
}

// startServer starts a server process on one core. It is killed when ctx is
// done; stop it all the same.
func startServer(ctx context.Context, name, profile, dir string, core int) (*server, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, exe, serveFlag, name, profile, dir)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := pin.Start(core, cmd); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, stdin: stdin, answers: bufio.NewReader(stdout)}
	line, err := s.answers.ReadString('\n')
	if err == nil {
		s.addr, err = netip.ParseAddrPort(strings.TrimSuffix(line, "\n"))
	}
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("%s did not start: %w", name, err)
	}
	return s, nil
}

// say asks a question whose answer is read later.
func (s *server) say(question string) error {
	_, err := io.WriteString(s.stdin, question+"\n")
	return err
}

// hear reads an answer of n integers.
func (s *server) hear(n int) ([]int64, error) {
	line, err := s.answers.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the server ended: %w", err)
	}
	var values []int64
	for word := range strings.FieldsSeq(line) {
		v, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	if len(values) != n {
		return nil, fmt.Errorf("answer %q, want %d numbers", line, n)
	}
	return values, nil
}

func (s *server) ask(question string, n int) ([]int64, error) {
	if err := s.say(question); err != nil {
		return nil, err
	}
	return s.hear(n)
}

func (s *server) ask1(question string) (int64, error) {
	v, err := s.ask(question, 1)
	if err != nil {
		return 0, err
	}
	return v[0], nil
}

// stop lets the process end by itself, and kills it if that takes long.
func (s *server) stop() {
	_ = s.stdin.Close()
	kill := time.AfterFunc(2*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	_ = s.cmd.Wait() // killed or ended: both are the end
}
