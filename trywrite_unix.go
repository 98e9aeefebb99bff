//go:build unix

package quart

import (
	"syscall"
)

// trier writes to a socket without waiting.
type trier struct {
	conn *connState
	raw  syscall.RawConn // nil where that cannot be done
	once func(fd uintptr) bool
	p    []byte
	n    int
	err  error
}

func newTrier(conn *connState) *trier {
	t := &trier{conn: conn}
	if sc, ok := conn.inner.(syscall.Conn); ok { // not TLS, whose records must be written whole
		t.raw, _ = sc.SyscallConn()
	}
	t.once = t.writeOnce // made here, so that a write allocates nothing
	return t
}

func (t *trier) writeOnce(fd uintptr) bool {
	t.n, t.err = syscall.Write(int(fd), t.p)
	return true
}

func (t *trier) write(p []byte) (n int, ok bool, err error) {
	if t.raw == nil {
		return 0, false, nil
	}
	t.p, t.n, t.err = p, 0, nil
	err = t.raw.Write(t.once)
	t.p = nil
	if err != nil {
		return 0, true, err
	}
	if t.err != nil {
		if t.err == syscall.EAGAIN || t.err == syscall.EINTR {
			return 0, true, nil
		}
		return 0, true, t.err
	}
	t.conn.out.Add(uint64(t.n))
	return t.n, true, nil
}
