//go:build unix && !aix

package netwatch_test

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/goquart/quart/internal/netwatch"
)

// Each way to leave, watched before and after.
func TestGone(t *testing.T) {
	pipelined := func(t *testing.T, p pair) {
		if _, err := p.client.Write(make([]byte, 4<<10)); err != nil {
			t.Fatal(err)
		}
	}
	shut := func(_ *testing.T, p pair) { p.client.Close() }
	half := func(t *testing.T, p pair) {
		if err := p.client.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	reset := func(t *testing.T, p pair) {
		if err := p.client.(*net.TCPConn).SetLinger(0); err != nil {
			t.Fatal(err)
		}
		p.client.Close()
	}
	deaf := func(t *testing.T, p pair) {
		if err := p.server.(interface{ CloseRead() error }).CloseRead(); err != nil {
			t.Fatal(err)
		}
	}
	unread := func(t *testing.T, p pair) { // input that the client never reads makes its close a reset
		if _, err := p.server.Write([]byte("unread")); err != nil {
			t.Fatal(err)
		}
		p.client.Close()
	}
	tests := []struct {
		name, network string
		prepare       func(*testing.T, pair)
		leave         func(*testing.T, pair)
		behind        bool // unread input is before the end
	}{
		{"close", "tcp", nil, shut, false},
		{"half close", "tcp", nil, half, false},
		{"reset", "tcp", nil, reset, false},
		{"reset by unread output", "tcp", nil, unread, false},
		{"our own CloseRead", "tcp", nil, deaf, false},
		{"close with input", "tcp", pipelined, shut, true},
		{"half close with input", "tcp", pipelined, half, true},
		{"reset with input", "tcp", pipelined, reset, true},
		{"unix close", "unix", nil, shut, false},
		{"unix half close", "unix", nil, half, false},
		{"unix reset by unread output", "unix", nil, unread, false},
		{"unix close with input", "unix", pipelined, shut, true},
	}
	each(t, func(t *testing.T, w watcher) {
		for _, tt := range tests {
			if _, polls := w.(*netwatch.PollWatcher); tt.behind && (polls || !behindInput) {
				continue
			}
			t.Run(tt.name, func(t *testing.T) {
				ps := newPairs(t, tt.network)
				before, after := ps.next(), ps.next()
				a, b := newNote(), newNote()
				for _, p := range []pair{before, after} {
					if tt.prepare != nil {
						tt.prepare(t, p)
					}
				}
				h, err := w.Watch(before.raw(t), a)
				if err != nil || h == 0 {
					t.Fatalf("Watch: %#x, %v", h, err)
				}
				tt.leave(t, before)
				a.wait(t)
				if w.Forget(h) {
					t.Error("Forget was in time after PeerGone")
				}
				tt.leave(t, after)
				if _, err := w.Watch(after.raw(t), b); err != nil {
					t.Fatal(err)
				}
				b.wait(t)
				if a.calls.Load() != 1 || b.calls.Load() != 1 {
					t.Errorf("PeerGone was called %d and %d times", a.calls.Load(), b.calls.Load())
				}
			})
		}
	})
}

// A client that is there is not gone: idle, sending, being written to.
func TestPresent(t *testing.T) {
	each(t, func(t *testing.T, w watcher) {
		ps := newPairs(t, "tcp")
		idle, sends, reads := ps.next(), ps.next(), ps.next()
		var handles []netwatch.Handle
		for _, p := range []pair{idle, sends, reads} {
			h, err := w.Watch(p.raw(t), newNote())
			if err != nil {
				t.Fatal(err)
			}
			handles = append(handles, h)
		}
		for range 5 {
			for _, c := range []net.Conn{sends.client, reads.server} {
				if _, err := c.Write([]byte("present")); err != nil {
					t.Fatal(err)
				}
			}
			roundTrip(t, w, ps)
		}
		for i, h := range handles {
			if !w.Forget(h) {
				t.Errorf("connection %d was reported", i)
			}
			if w.Forget(h) {
				t.Errorf("connection %d was forgotten twice", i)
			}
		}
		if w.Forget(0) {
			t.Error("the zero Handle was forgotten")
		}
	})
}

// roundTrip returns when the watcher has reported what happened before the call.
func roundTrip(t *testing.T, w watcher, ps *pairs) {
	t.Helper()
	for range 2 { // one may have joined a round of the poller that was under way
		p, n := ps.next(), newNote()
		if _, err := w.Watch(p.raw(t), n); err != nil {
			t.Fatal(err)
		}
		p.client.Close()
		n.wait(t)
	}
}

func TestGoneTLS(t *testing.T) {
	w := new(netwatch.Watcher)
	defer w.Close()
	ps := newPairs(t, "tcp")
	for _, tt := range []struct {
		name  string
		input bool // a pipelined request, and with the close an alert, stay unread
		leave func(p pair, client io.Closer)
	}{
		{"no alert", false, func(p pair, _ io.Closer) { p.client.Close() }},
		{"alert", true, func(_ pair, client io.Closer) { client.Close() }},
		{"input", true, func(p pair, _ io.Closer) { p.client.Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.input && !behindInput {
				t.Skip("ends behind input are not seen on this system")
			}
			p, n := ps.next(), newNote()
			server, client := secure(t, p)
			go io.WriteString(client, "GET / HTTP/1.1\r\n\r\n")
			if _, err := io.ReadFull(server, make([]byte, 18)); err != nil {
				t.Fatal(err)
			}
			if tt.name == "input" {
				if _, err := client.Write(make([]byte, 4<<10)); err != nil {
					t.Fatal(err)
				}
			}
			raw, err := server.NetConn().(syscall.Conn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			h, err := w.Watch(raw, n)
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, w, ps)
			if n.calls.Load() != 0 {
				t.Fatal("reported before it left")
			}
			tt.leave(p, client)
			n.wait(t)
			if w.Forget(h) {
				t.Error("Forget was in time after PeerGone")
			}
		})
	}
}

// What the documentation says of polling: input hides the end until it is read.
func TestPollBehindInput(t *testing.T) {
	w := netwatch.NewPollWatcher(time.Millisecond)
	defer w.Close()
	ps := newPairs(t, "tcp")
	p, n := ps.next(), newNote()
	if _, err := w.Watch(p.raw(t), n); err != nil {
		t.Fatal(err)
	}
	io.WriteString(p.client, "input")
	p.client.Close()
	roundTrip(t, w, ps)
	if n.calls.Load() != 0 {
		t.Fatal("seen behind input: the documentation can promise more")
	}
	if _, err := io.ReadFull(p.server, make([]byte, len("input"))); err != nil {
		t.Fatal(err)
	}
	n.wait(t)
}

// A connection that is forgotten and stays open can be watched again, as happens with each request of a keep-alive one.
func TestAgain(t *testing.T) {
	each(t, func(t *testing.T, w watcher) {
		p, last := newPairs(t, "tcp").next(), newNote()
		raw := p.raw(t)
		for range 100 {
			h, err := w.Watch(raw, newNote())
			if err != nil {
				t.Fatal(err)
			}
			if !w.Forget(h) {
				t.Fatal("reported while it was there")
			}
		}
		if _, err := w.Watch(raw, last); err != nil {
			t.Fatal(err)
		}
		p.client.Close()
		last.wait(t)

		after := newNote() // after the end, too
		if _, err := w.Watch(raw, after); err != nil {
			t.Fatal(err)
		}
		after.wait(t)
		if n := w.Slots(); n != 1 {
			t.Errorf("%d slots for one watch at a time", n)
		}
	})
}

func TestErrors(t *testing.T) {
	each(t, func(t *testing.T, w watcher) {
		file, err := os.Open("doc.go")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		regular, err := file.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		ps := newPairs(t, "tcp")
		closed := ps.next()
		raw := closed.raw(t)
		closed.server.Close()

		for _, tt := range []struct {
			name string
			conn syscall.RawConn
			want error
		}{
			{"a file", regular, netwatch.ErrUnsupported},
			{"a Control that calls nothing", idleConn{}, netwatch.ErrUnsupported},
			{"closed", raw, net.ErrClosed},
		} {
			h, err := w.Watch(tt.conn, newNote())
			if h != 0 || !errors.Is(err, tt.want) {
				t.Errorf("%s: %#x, %v, want %v", tt.name, h, err, tt.want)
			}
		}
		if !errors.Is(netwatch.ErrUnsupported, errors.ErrUnsupported) {
			t.Error("ErrUnsupported is not errors.ErrUnsupported")
		}

		open := ps.next()
		h, err := w.Watch(open.raw(t), newNote())
		if err != nil {
			t.Fatalf("after errors: %v", err)
		}
		if n := w.Slots(); n != 1 {
			t.Errorf("%d slots for one watch: failed ones stay", n)
		}
		w.Close()
		w.Close()
		if _, err := w.Watch(open.raw(t), newNote()); !errors.Is(err, netwatch.ErrClosed) {
			t.Errorf("Watch after Close: %v", err)
		}
		if !w.Forget(h) {
			t.Error("Forget after Close: false for a watch that was left")
		}
	})
	if _, err := new(netwatch.Watcher).Watch(nil, newNote()); !errors.Is(err, netwatch.ErrUnsupported) {
		t.Errorf("no connection: %v", err)
	}
}

// idleConn is a connection without a socket.
type idleConn struct{}

func (idleConn) Control(func(uintptr)) error    { return nil }
func (idleConn) Read(func(uintptr) bool) error  { return nil }
func (idleConn) Write(func(uintptr) bool) error { return nil }

// Nothing runs before the first Watch, and Close of an idle watcher returns.
func TestIdle(t *testing.T) {
	each(t, func(t *testing.T, w watcher) {
		noGoroutine(t)
		w.Forget(1)
		w.Close()
		if _, err := w.Watch(newPairs(t, "tcp").next().raw(t), newNote()); !errors.Is(err, netwatch.ErrClosed) {
			t.Errorf("Watch after Close: %v", err)
		}
	})
}

// The poller's goroutine ends when nothing is watched, and comes back.
func TestPollEnds(t *testing.T) {
	w := netwatch.NewPollWatcher(time.Microsecond)
	defer w.Close()
	ps := newPairs(t, "tcp")
	for range 3 {
		h, err := w.Watch(ps.next().raw(t), newNote())
		if err != nil {
			t.Fatal(err)
		}
		if !w.Running() {
			t.Fatal("no goroutine while a connection is watched")
		}
		w.Forget(h)
		for w.Running() {
			runtime.Gosched()
		}
	}
}

// Watchers hold one descriptor each and no thread, and leave none behind.
func TestDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts the entries of /proc/self")
	}
	p := newPairs(t, "tcp").next()
	descriptors, threads := entries(t, "/proc/self/fd"), entries(t, "/proc/self/task")
	watchers := make([]netwatch.Watcher, 64)
	for i := range watchers {
		if _, err := watchers[i].Watch(p.raw(t), newNote()); err != nil {
			t.Fatal(err)
		}
	}
	if n := entries(t, "/proc/self/fd") - descriptors; n != len(watchers) {
		t.Errorf("%d descriptors of %d watchers", n, len(watchers))
	}
	if n := entries(t, "/proc/self/task") - threads; n > len(watchers)/2 {
		t.Errorf("%d threads more with %d watchers", n, len(watchers))
	}
	for i := range watchers {
		watchers[i].Close()
	}
	if n := entries(t, "/proc/self/fd") - descriptors; n != 0 {
		t.Errorf("%d descriptors are left", n)
	}
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	e, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(e)
}

// PeerGone may use the watcher.
func TestUseInGone(t *testing.T) {
	each(t, func(t *testing.T, w watcher) {
		ps := newPairs(t, "tcp")
		second := newNote()
		u := &user{w: w, next: ps.next().raw(t), note: second}
		u.done.Add(1)
		p := ps.next()
		h, err := w.Watch(p.raw(t), u)
		if err != nil {
			t.Fatal(err)
		}
		u.own.Store(uint64(h)) // PeerGone may run before Watch has returned
		p.client.Close()
		u.done.Wait()
		if u.inTime || u.err != nil {
			t.Errorf("in PeerGone: Forget %v, Watch %v", u.inTime, u.err)
		}
		if !w.Forget(u.second) {
			t.Error("the watch that PeerGone began is unknown")
		}
	})
}

type user struct {
	w      watcher
	own    atomic.Uint64
	second netwatch.Handle
	next   syscall.RawConn
	note   *note
	inTime bool
	err    error
	done   sync.WaitGroup
}

func (u *user) PeerGone() {
	defer u.done.Done()
	u.inTime = u.w.Forget(netwatch.Handle(u.own.Load()))
	u.second, u.err = u.w.Watch(u.next, u.note)
}
