//go:build unix && !aix

package netwatch

import (
	"errors"
	"sync"
	"syscall"
	"time"
)

const (
	pollEvery = 250 * time.Millisecond
	pollBatch = 64 // connections per hold of the lock
)

// pollWatcher asks every connection again and again. It is for systems without epoll; on Linux for tests.
type pollWatcher struct {
	every time.Duration // 0 stands for pollEvery

	mu     sync.Mutex
	table  table[polled]
	quit   chan struct{} // ends the goroutine; nil when none runs
	closed bool
	ending sync.WaitGroup // also of a goroutine that found nothing to do any more
}

type polled struct {
	conn syscall.RawConn
	gone Gone
}

func (w *pollWatcher) watch(conn syscall.RawConn, gone Gone) (Handle, error) {
	// An end that shows already is left to the goroutine: it stays, even where this took a reset from the socket.
	if _, err := newProber().left(conn); err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, ErrClosed
	}
	h := w.table.add(polled{conn, gone})
	if w.quit == nil {
		quit := make(chan struct{})
		w.quit = quit
		w.ending.Go(func() { w.run(quit) })
	}
	return h, nil
}

func (w *pollWatcher) run(quit chan struct{}) {
	every := w.every
	if every == 0 {
		every = pollEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	r := newRound()
	for {
		select {
		case <-quit:
			return
		case <-tick.C:
			w.round(&r, quit)
		}
		if w.ended() {
			return
		}
	}
}

// ended lets the goroutine go when nothing is watched; the next watch starts another.
func (w *pollWatcher) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.table.used > 0 {
		return false // close ends it by quit, and waits
	}
	w.quit = nil
	return true
}

// A round's slices are reused by the next.
type round struct {
	*prober
	todo  []Handle
	conns []polled
}

func newRound() round {
	return round{prober: newProber(), todo: make([]Handle, 0, pollBatch), conns: make([]polled, 0, pollBatch)}
}

func (w *pollWatcher) round(r *round, quit chan struct{}) {
	for next := 0; next >= 0; {
		select {
		case <-quit:
			return
		default:
		}
		next = w.collect(r, next)
		for i, p := range r.conns {
			// A closed connection is one that is about to be forgotten.
			if left, err := r.left(p.conn); left && err == nil {
				w.report(r.todo[i])
			}
		}
		clear(r.conns) // a forgotten connection is not kept
	}
}

// collect copies the next watches from slot i on and returns where to go on, -1 at the end.
func (w *pollWatcher) collect(r *round, i int) int {
	r.todo, r.conns = r.todo[:0], r.conns[:0]
	w.mu.Lock()
	defer w.mu.Unlock()
	for stop := i + pollBatch; i < len(w.table.slots); i++ {
		if i == stop {
			return i
		}
		if s := &w.table.slots[i]; s.next == taken {
			r.todo = append(r.todo, handle(uint32(i), s.gen))
			r.conns = append(r.conns, s.value)
		}
	}
	return -1
}

func (w *pollWatcher) report(h Handle) {
	w.mu.Lock()
	p, ok := w.table.take(h)
	w.mu.Unlock()
	if ok {
		p.gone.PeerGone()
	}
}

func (w *pollWatcher) forget(h Handle) bool {
	w.mu.Lock()
	_, ok := w.table.take(h)
	w.mu.Unlock()
	return ok
}

func (w *pollWatcher) close() {
	w.mu.Lock()
	if w.quit != nil && !w.closed {
		close(w.quit)
	}
	w.closed = true
	w.mu.Unlock()
	w.ending.Wait()
}

// A prober asks one connection at a time, without a closure for each.
type prober struct {
	control func(fd uintptr) // peek
	buf     [1]byte
	ended   bool
	err     error
}

func newProber() *prober {
	p := new(prober)
	p.control = p.peek
	return p
}

// left reports whether the peer's end of input is next to be read.
func (p *prober) left(conn syscall.RawConn) (bool, error) {
	p.ended, p.err = false, ErrUnsupported // of a Control that calls nothing
	if err := conn.Control(p.control); err != nil {
		return false, err
	}
	return p.ended, p.err
}

func (p *prober) peek(fd uintptr) {
	// The sockets of package net do not block, but a file made of one (TCPConn.File) can make it.
	n, _, err := syscall.Recvfrom(int(fd), p.buf[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	p.err = nil
	switch {
	case n > 0: // whatever else: it also fails when it cannot read the sender's address
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
	case errors.Is(err, syscall.ENOTSOCK):
		p.err = ErrUnsupported
	default:
		p.ended = true // its end, a reset, a timeout
	}
}
