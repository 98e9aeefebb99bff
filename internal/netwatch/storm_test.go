//go:build unix && !aix

package netwatch_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/goquart/quart/internal/netwatch"
)

// Many that leave together are all reported, among others that stay.
func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w watcher) {
		ps := newPairs(t, "unix")
		n := many(t, 5000)
		m := &manyNote{entered: make(chan struct{}), release: make(chan struct{})}
		m.missing.Add(n)
		all := make([]pair, n)
		handles := make([]netwatch.Handle, n)
		for i := range all {
			all[i] = ps.next()
			h, err := w.Watch(all[i].raw(t), m)
			if err != nil {
				t.Fatal(err)
			}
			handles[i] = h
		}
		// The first call waits for the others to leave, so that the last change is known before the watcher goes on.
		all[0].client.Close()
		<-m.entered
		const stay = 10
		for i := range n - stay {
			all[i].client.Close()
		}
		for i := n - stay; i < n; i++ {
			if !w.Forget(handles[i]) {
				t.Error("one that stayed was reported")
			}
			m.missing.Done()
		}
		close(m.release)
		m.missing.Wait()
		if s := w.Slots(); s != n {
			t.Errorf("%d slots for %d connections", s, n)
		}
	})
}

type manyNote struct {
	missing          sync.WaitGroup
	once             sync.Once
	entered, release chan struct{}
}

func (m *manyNote) PeerGone() {
	m.once.Do(func() { close(m.entered) })
	<-m.release
	m.missing.Done()
}

// The kernel may still have the event of a connection whose descriptor carries another one by now.
func TestReuse(t *testing.T) {
	each(t, func(t *testing.T, w watcher) {
		ps := newPairs(t, "unix")
		for range 2000 {
			old, err := ps.dial()
			if err != nil {
				t.Fatal(err)
			}
			h, err := w.Watch(old.raw(t), newNote())
			if err != nil {
				t.Fatal(err)
			}
			old.client.Close()
			w.Forget(h)
			old.server.Close()

			young, err := ps.dial()
			if err != nil {
				t.Fatal(err)
			}
			n := newNote()
			if h, err = w.Watch(young.raw(t), n); err != nil {
				t.Fatal(err)
			}
			runtime.Gosched()
			if !w.Forget(h) {
				t.Fatal("an event of the connection before was reported")
			}
			young.close()
		}
		if n := w.Slots(); n != 1 {
			t.Errorf("%d slots for one watch at a time", n)
		}
	})
}

// Everything at once: each watch ends in exactly one call or one Forget that was in time.
func TestStorm(t *testing.T) {
	each(t, func(t *testing.T, w watcher) {
		const workers, rounds = 8, 150
		var calls, forgotten atomic.Int64
		var wg sync.WaitGroup
		ps := newPairs(t, "unix")
		for i := range workers {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(1, uint64(i)))
				for range rounds {
					if err := stormOne(w, ps, rnd, &calls, &forgotten); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		w.Close()
		if c, f := calls.Load(), forgotten.Load(); c+f != workers*rounds {
			t.Errorf("%d calls and %d watches forgotten in time, want %d together", c, f, workers*rounds)
		}
		if n := w.Slots(); n > workers {
			t.Errorf("%d slots for %d watches at a time", n, workers)
		}
	})
}

func stormOne(w watcher, ps *pairs, rnd *rand.Rand, calls, forgotten *atomic.Int64) error {
	p, err := ps.dial()
	if err != nil {
		return err
	}
	defer p.close()
	raw, err := p.server.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	how := rnd.IntN(4)
	if how == 0 {
		p.client.Close() // before
	}
	s := &stormNote{calls: calls}
	h, err := w.Watch(raw, s)
	if err != nil {
		return err
	}
	switch how {
	case 1:
		go p.client.Close()
	case 2:
		p.client.Close()
		runtime.Gosched()
	case 3:
		p.server.Close()
	}
	if w.Forget(h) {
		s.forgotten.Store(true)
		forgotten.Add(1)
	}
	return nil
}

type stormNote struct {
	calls     *atomic.Int64
	forgotten atomic.Bool
}

func (s *stormNote) PeerGone() {
	if s.forgotten.Load() {
		panic("PeerGone after a Forget that was in time")
	}
	s.calls.Add(1)
}

// Close in the middle of events, from several goroutines: no call after it returned.
func TestCloseAmongEvents(t *testing.T) {
	each(t, func(t *testing.T, first watcher) {
		first.Close()
		ps := newPairs(t, "unix")
		for range 8 {
			var w watcher = new(netwatch.Watcher)
			if _, polls := first.(*netwatch.PollWatcher); polls {
				w = netwatch.NewPollWatcher(1)
			}
			closeAmongEvents(t, w, ps)
		}
	})
}

func closeAmongEvents(t *testing.T, w watcher, ps *pairs) {
	t.Helper()
	var closed atomic.Bool
	var calls, forgotten int64
	s := &lateNote{closed: &closed}
	handles := make([]netwatch.Handle, 300)
	all := make([]pair, len(handles))
	for i := range handles {
		var err error
		if all[i], err = ps.dial(); err != nil {
			t.Fatal(err)
		}
		defer all[i].close()
		if handles[i], err = w.Watch(all[i].raw(t), s); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, p := range all {
			p.client.Close()
		}
	})
	for range 3 {
		wg.Go(func() {
			for s.calls.Load() < 20 {
				runtime.Gosched()
			}
			w.Close()
			closed.Store(true)
		})
	}
	wg.Wait()
	for _, h := range handles {
		if w.Forget(h) {
			forgotten++
		}
	}
	if calls = s.calls.Load(); calls+forgotten != int64(len(handles)) {
		t.Errorf("%d calls and %d watches left, want %d together", calls, forgotten, len(handles))
	}
}

type lateNote struct {
	calls  atomic.Int64
	closed *atomic.Bool
}

func (s *lateNote) PeerGone() {
	if s.closed.Load() {
		panic("PeerGone after Close")
	}
	s.calls.Add(1)
}
