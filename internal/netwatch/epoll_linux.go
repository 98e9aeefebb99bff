package netwatch

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type watcher = epollWatcher

// epollWatcher has one epoll for its connections, which the runtime's poller waits for in turn.
//
// Nothing is ever removed from the epoll: closing a socket does that, and a watch that ended leaves one event at most
// behind (EPOLLONESHOT), whose handle finds nothing.
type epollWatcher struct {
	// join orders watch and close. It is held during a system call, which costs no parallelism: the kernel takes a lock
	// per epoll for the same time. The goroutine and forget never take it.
	join    sync.Mutex
	file    *os.File // owns the epoll; nil before the first watch
	epoll   int
	done    chan struct{} // closed when the goroutine has ended
	closed  bool
	event   syscall.EpollEvent // what register adds
	err     error              // what register met
	control func(fd uintptr)   // register

	stopping atomic.Bool

	mu    sync.Mutex
	table table[Gone]
}

const (
	goneEvents = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR | syscall.EPOLLONESHOT
	batch      = 128 // events per system call
)

func (w *epollWatcher) watch(conn syscall.RawConn, gone Gone) (Handle, error) {
	w.join.Lock()
	defer w.join.Unlock()
	if w.closed {
		return 0, ErrClosed
	}
	if w.file == nil {
		if err := w.start(); err != nil {
			return 0, err
		}
	}
	w.mu.Lock()
	h := w.table.add(gone)
	w.mu.Unlock()

	// perf: one function for all calls in place of a closure for each (BenchmarkWatch).
	w.event = syscall.EpollEvent{Events: goneEvents, Fd: int32(h.index()), Pad: int32(h.gen())}
	w.err = ErrUnsupported // of a Control that calls nothing
	err := conn.Control(w.control)
	if err == nil {
		err = w.err
	}
	if err != nil {
		w.forget(h)
		return 0, err
	}
	return h, nil
}

// register runs under join, with the descriptor held open by Control.
func (w *epollWatcher) register(fd uintptr) {
	err := syscall.EpollCtl(w.epoll, syscall.EPOLL_CTL_ADD, int(fd), &w.event)
	if errors.Is(err, syscall.EEXIST) { // watched before
		err = syscall.EpollCtl(w.epoll, syscall.EPOLL_CTL_MOD, int(fd), &w.event)
	}
	switch {
	case err == nil:
		w.err = nil
	case errors.Is(err, syscall.EPERM): // not a thing that can be waited for
		w.err = ErrUnsupported
	default:
		w.err = os.NewSyscallError("epoll_ctl", err)
	}
}

func (w *epollWatcher) start() error {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(epoll, true); err != nil {
		_ = syscall.Close(epoll)
		return os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(epoll), "netwatch") // joins the runtime's poller, as it is non-blocking
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // fails when it did not join
	}
	if err != nil {
		_ = file.Close()
		return err
	}
	w.file, w.epoll, w.control, w.done = file, epoll, w.register, make(chan struct{})
	go w.run(raw)
	return nil
}

func (w *epollWatcher) run(raw syscall.RawConn) {
	defer close(w.done)
	events := make([]syscall.EpollEvent, batch)
	// Read calls this now and whenever the epoll has become readable, until the file is closed.
	_ = raw.Read(func(fd uintptr) bool {
		w.drain(int(fd), events)
		return false
	})
}

// drain reports until the epoll has no more events: the runtime's poller is told of changes only, and one that is
// announced during this round may be the last.
func (w *epollWatcher) drain(epoll int, events []syscall.EpollEvent) {
	for !w.stopping.Load() {
		n, err := syscall.EpollWait(epoll, events, 0)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil || n == 0:
			return
		}
		for i := range events[:n] {
			w.report(handle(uint32(events[i].Fd), uint32(events[i].Pad)))
		}
	}
}

func (w *epollWatcher) report(h Handle) {
	w.mu.Lock()
	gone, ok := w.table.take(h)
	w.mu.Unlock()
	if ok {
		gone.PeerGone()
	}
}

func (w *epollWatcher) forget(h Handle) bool {
	w.mu.Lock()
	_, ok := w.table.take(h)
	w.mu.Unlock()
	return ok
}

func (w *epollWatcher) close() {
	w.join.Lock()
	w.closed = true
	file := w.file
	w.join.Unlock()
	if file == nil {
		return
	}
	w.stopping.Store(true)
	_ = file.Close() // ends Read; from here no watch uses the descriptor
	<-w.done
}
