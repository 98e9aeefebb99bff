package browser_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// relay stands between a browser and a server, and breaks connections.
type relay struct {
	t      *testing.T
	ln     net.Listener
	target string

	mu    sync.Mutex
	off   bool
	muted bool // what the server says is kept back
	conns map[net.Conn]bool
}

func newRelay(t *testing.T, target string) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, ln: ln, target: target, conns: map[net.Conn]bool{}}
	go r.accept()
	t.Cleanup(func() {
		_ = ln.Close()
		r.cut(true)
	})
	return r
}

func (r *relay) addr() string { return r.ln.Addr().String() }

func (r *relay) accept() {
	for {
		c, err := r.ln.Accept()
		if err != nil {
			return
		}
		s, err := net.Dial("tcp", r.target)
		if err != nil || !r.add(c, s) {
			_ = c.Close()
			continue
		}
		go r.copy(s, c, false)
		go r.copy(c, s, true)
	}
}

func (r *relay) add(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		if r.off {
			_ = c.Close()
		} else {
			r.conns[c] = true
		}
	}
	return !r.off
}

func (r *relay) copy(dst, src net.Conn, answers bool) {
	defer dst.Close()
	defer src.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if err != nil {
			return
		}
		r.mu.Lock()
		silent := answers && r.muted
		r.mu.Unlock()
		if silent {
			_, _ = io.Copy(io.Discard, src)
			return
		}
		if _, err := dst.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cut breaks all connections and takes no more, or takes them again.
func (r *relay) cut(off bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.off, r.muted = off, false
	for c := range r.conns {
		_ = c.Close()
		delete(r.conns, c)
	}
}

// mute loses what the server says from now on.
func (r *relay) mute() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.muted = true
}
