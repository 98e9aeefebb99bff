//go:build unix

package quart

import (
	"syscall"

	"github.com/goquart/quart/pool"
)

// rawConnOf returns the handle of a descriptor that bytes can be written to and read from as they are, nil where there is none, or where TLS
// lies between, whose records must be written whole.
func rawConnOf(conn *connState) syscall.RawConn {
	sc, ok := conn.inner.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, _ := sc.SyscallConn()
	return raw
}

// trier writes to a socket without waiting.
type trier struct {
	once func(fd uintptr) bool
	p    []byte
	n    int
	err  error
}

// perf: a trier for each socket would be 100 B of it (bench/sockets, "hub").
var triers = pool.New(func(t *trier) { t.p, t.err = nil, nil })

func (t *trier) writeOnce(fd uintptr) bool {
	t.n, t.err = syscall.Write(int(fd), t.p)
	return true
}

// tryWrite writes what the kernel takes at once.
func tryWrite(conn *connState, raw syscall.RawConn, p []byte) (n int, ok bool, err error) {
	t := triers.Get()
	if t.once == nil {
		t.once = t.writeOnce
	}
	t.p, t.n = p, 0
	if err = raw.Write(t.once); err == nil {
		err = t.err
	}
	n = max(t.n, 0)
	triers.Put(t)
	if err == syscall.EAGAIN || err == syscall.EINTR {
		err = nil
	}
	conn.out.Add(uint64(n))
	return n, true, err
}
