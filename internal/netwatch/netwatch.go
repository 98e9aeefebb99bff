package netwatch

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrUnsupported is returned by [Watcher.Watch] for what cannot be watched: a connection without a socket, or any
	// connection on a system without support. It wraps errors.ErrUnsupported.
	ErrUnsupported = fmt.Errorf("netwatch: this connection cannot be watched: %w", errors.ErrUnsupported)

	// ErrClosed is returned by [Watcher.Watch] after [Watcher.Close].
	ErrClosed = errors.New("netwatch: the watcher is closed")
)

// A Gone is told that a peer has left. It is an interface, so that a watched connection's own state can be stored
// without a closure.
type Gone interface {
	// PeerGone is called in the watcher's goroutine, where all others wait for it: it must not block and must not panic.
	// It may call Watch and Forget, never Close.
	PeerGone()
}

// A Handle names one watch of one watcher. The zero Handle names none. It fits an atomic.Uint64.
type Handle uint64

// A Watcher tells when the peers of connections leave; the package comment has what that means on which system. The zero
// value is ready to use, and must not be copied after the first use. Its methods may be called from any goroutine.
type Watcher struct{ w watcher }

// Watch calls gone.PeerGone once, in the watcher's goroutine, when the peer of conn has closed or reset its side. That
// may be before Watch returns; where the peer had left already, it is at once (off Linux within 250 ms).
//
// conn is what SyscallConn of the connection returns, under TLS of the one below (tls.Conn.NetConn). SyscallConn
// allocates: who watches a connection repeatedly keeps its answer. Watch itself allocates nothing on Linux, apart from
// the first call and the growth of a table; elsewhere it allocates twice.
//
// Watch ends with the call or with [Watcher.Forget], and keeps gone (off Linux conn, too) until then. A connection has
// one watch at a time: another one replaces it on Linux, and doubles it elsewhere; both must be forgotten.
//
// Errors are [ErrUnsupported], [ErrClosed], the connection's own, which wraps net.ErrClosed, when it is closed, and the
// system's, for instance EMFILE for the watcher's descriptor. After an error gone is not called.
func (w *Watcher) Watch(conn syscall.RawConn, gone Gone) (Handle, error) {
	if conn == nil {
		return 0, ErrUnsupported
	}
	return w.w.watch(conn, gone)
}

// Forget ends a watch whose connection is about to be closed, has been closed, or goes on unwatched. It reports whether
// it was in time: true means that gone has not been called and never will be, false that the call has begun, may be
// running still, or has ended. It never waits, and costs no system call. A handle that was forgotten, or the zero
// Handle, is none any more: false.
func (w *Watcher) Forget(h Handle) bool { return w.w.forget(h) }

// Close ends the watcher's goroutine and waits for it: after Close no PeerGone runs and none begins. Watches that are
// left can still be forgotten. Further calls return when the first has.
func (w *Watcher) Close() { w.w.close() }
