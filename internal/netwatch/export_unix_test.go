//go:build unix && !aix

package netwatch

import (
	"syscall"
	"time"
)

// A PollWatcher is the watcher of unix systems without epoll, on any.
type PollWatcher struct{ w pollWatcher }

func NewPollWatcher(every time.Duration) *PollWatcher {
	return &PollWatcher{w: pollWatcher{every: every}}
}

func (w *PollWatcher) Watch(conn syscall.RawConn, gone Gone) (Handle, error) {
	return w.w.watch(conn, gone)
}
func (w *PollWatcher) Forget(h Handle) bool { return w.w.forget(h) }
func (w *PollWatcher) Close()               { w.w.close() }

// Running reports whether the goroutine runs.
func (w *PollWatcher) Running() bool {
	w.w.mu.Lock()
	defer w.w.mu.Unlock()
	return w.w.quit != nil
}

// Slots returns the length of the table.
func (w *PollWatcher) Slots() int { return len(w.w.table.slots) }

// Slots returns the length of the table.
func (w *Watcher) Slots() int { return len(w.w.table.slots) }

// Round returns a function that asks every connection once.
func (w *PollWatcher) Round() func() {
	r := newRound()
	return func() { w.w.round(&r, nil) }
}
