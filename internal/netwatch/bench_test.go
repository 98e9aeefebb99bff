//go:build unix && !aix

package netwatch_test

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/goquart/quart/internal/netwatch"
)

func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	if runtime.GOOS != "linux" {
		t.Skip("polling allocates per Watch")
	}
	const runs = 100
	w, n := new(netwatch.Watcher), newNote()
	defer w.Close()
	ps := newPairs(t, "unix")
	fresh := make([]syscall.RawConn, runs+1) // AllocsPerRun calls once more
	for i := range fresh {
		fresh[i] = ps.next().raw(t)
	}
	again := ps.next().raw(t)
	watch := func(raw syscall.RawConn) {
		h, err := w.Watch(raw, n)
		if err != nil || !w.Forget(h) {
			t.Fatal("Watch and Forget:", err)
		}
	}
	watch(again) // starts the goroutine
	i := 0
	for _, tt := range []struct {
		name string
		f    func()
	}{
		{"first watch of a connection", func() { watch(fresh[i]); i++ }},
		{"another watch", func() { watch(again) }},
	} {
		if got := testing.AllocsPerRun(runs, tt.f); got != 0 {
			t.Errorf("%s: %v allocations", tt.name, got)
		}
	}
}

// BenchmarkWatch is Watch and Forget: of a connection that was not watched before, of one that was, and the latter with
// SyscallConn.
func BenchmarkWatch(b *testing.B) {
	n := newNote()
	forget := func(b *testing.B, w watcher, h netwatch.Handle, err error) {
		if err != nil || !w.Forget(h) {
			b.Fatal("Watch and Forget:", err)
		}
	}
	b.Run("first", func(b *testing.B) {
		ps := newPairs(b, "tcp")
		conns := make([]syscall.RawConn, many(b, 1000))
		for i := range conns {
			conns[i] = ps.next().raw(b)
		}
		warm := ps.next().raw(b)
		w := new(netwatch.Watcher)
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			if i%len(conns) == 0 { // another epoll, which knows none of them
				b.StopTimer()
				w.Close()
				w = new(netwatch.Watcher)
				h, err := w.Watch(warm, n)
				forget(b, w, h, err)
				b.StartTimer()
			}
			h, err := w.Watch(conns[i%len(conns)], n)
			forget(b, w, h, err)
		}
		b.StopTimer()
		w.Close()
	})
	b.Run("again", func(b *testing.B) {
		w, raw := new(netwatch.Watcher), newPairs(b, "tcp").next().raw(b)
		defer w.Close()
		b.ReportAllocs()
		for b.Loop() {
			h, err := w.Watch(raw, n)
			forget(b, w, h, err)
		}
	})
	b.Run("again, SyscallConn", func(b *testing.B) {
		w, p := new(netwatch.Watcher), newPairs(b, "tcp").next()
		defer w.Close()
		b.ReportAllocs()
		for b.Loop() {
			raw, err := p.server.(syscall.Conn).SyscallConn()
			if err != nil {
				b.Fatal(err)
			}
			h, err := w.Watch(raw, n)
			forget(b, w, h, err)
		}
	})
	b.Run("poll", func(b *testing.B) {
		w, raw := netwatch.NewPollWatcher(0), newPairs(b, "tcp").next().raw(b)
		defer w.Close()
		b.ReportAllocs()
		for b.Loop() {
			h, err := w.Watch(raw, n)
			forget(b, w, h, err)
		}
	})
}

// BenchmarkGone is the time from the peer's close to PeerGone, among 1,000 watched connections.
func BenchmarkGone(b *testing.B) {
	w, ps := new(netwatch.Watcher), newPairs(b, "tcp")
	defer w.Close()
	for range many(b, 1000) {
		if _, err := w.Watch(ps.next().raw(b), newNote()); err != nil {
			b.Fatal(err)
		}
	}
	var times []time.Duration
	for b.Loop() {
		p, err := ps.dial()
		if err != nil {
			b.Fatal(err)
		}
		s := &stampNote{at: make(chan time.Time, 1)}
		if _, err := w.Watch(p.raw(b), s); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		p.client.Close()
		times = append(times, (<-s.at).Sub(start))
		p.server.Close()
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "µs-median")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "µs-p99")
}

type stampNote struct{ at chan time.Time }

func (s *stampNote) PeerGone() { s.at <- time.Now() }

// BenchmarkManyGone is 1,000 peers that leave together, from the first close to the last PeerGone.
func BenchmarkManyGone(b *testing.B) {
	n := many(b, 1000)
	w, ps := new(netwatch.Watcher), newPairs(b, "unix")
	defer w.Close()
	all := make([]pair, n)
	for range b.N {
		b.StopTimer()
		notes := make([]*note, n)
		for i := range all {
			var err error
			if all[i], err = ps.dial(); err != nil {
				b.Fatal(err)
			}
			notes[i] = newNote()
			if _, err := w.Watch(all[i].raw(b), notes[i]); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		for _, p := range all {
			p.client.Close()
		}
		for _, s := range notes {
			s.wait(b)
		}
		b.StopTimer()
		for _, p := range all {
			p.server.Close()
		}
		b.StartTimer()
	}
}

// BenchmarkPollRound is one look at 1,000 connections where there is no epoll.
func BenchmarkPollRound(b *testing.B) {
	n := many(b, 1000)
	w, ps := netwatch.NewPollWatcher(time.Hour), newPairs(b, "tcp")
	defer w.Close()
	for range n {
		if _, err := w.Watch(ps.next().raw(b), newNote()); err != nil {
			b.Fatal(err)
		}
	}
	round := w.Round()
	b.ReportAllocs()
	for b.Loop() {
		round()
	}
}
