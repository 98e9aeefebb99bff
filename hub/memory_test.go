package hub_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart/hub"
	"github.com/goquart/quart/hub/brokertest"
)

func TestMemory(t *testing.T) {
	brokertest.Run(t, brokertest.Harness{New: func(_ *testing.T, c brokertest.Config) brokertest.Backend {
		m := hub.NewMemory(hub.MemoryConfig{History: c.History, Keep: c.Keep})
		return brokertest.Backend{Connect: func(*testing.T) hub.Broker { return m }}
	}})
}

// put publishes and returns the position.
func put(t testing.TB, m *hub.Memory, topic, text string) hub.Pos {
	t.Helper()
	pos, err := m.Publish(context.Background(), topic, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return pos
}

// kept returns the messages behind since, as a new subscriber gets them.
func kept(t testing.TB, m *hub.Memory, topic string, since hub.Pos) (texts []string, recovered bool) {
	t.Helper()
	cancel, recovered, err := m.Subscribe(topic, since, func(_ hub.Pos, msg []byte) { texts = append(texts, string(msg)) })
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	return texts, recovered
}

func TestMemoryPositions(t *testing.T) {
	m, other := hub.NewMemory(hub.MemoryConfig{}), hub.NewMemory(hub.MemoryConfig{})
	a1, a2, b1 := put(t, m, "a", "x"), put(t, m, "a", "y"), put(t, m, "b", "z")
	if a1.Seq != 1 || a2.Seq != 2 || b1.Seq != 1 {
		t.Errorf("numbers %d, %d and %d, want 1, 2 and 1", a1.Seq, a2.Seq, b1.Seq)
	}
	if a1.Epoch == 0 || a1.Epoch != b1.Epoch || a1.Epoch == put(t, other, "a", "x").Epoch {
		t.Errorf("epochs %d and %d, and the other broker's", a1.Epoch, b1.Epoch)
	}
}

func TestMemoryResumeAtTheEdge(t *testing.T) {
	m := hub.NewMemory(hub.MemoryConfig{History: 3})
	var pos []hub.Pos
	for i := range 5 {
		pos = append(pos, put(t, m, "a", fmt.Sprint(i)))
	}
	for _, c := range []struct {
		since     hub.Pos
		want      string
		recovered bool
	}{
		{hub.Pos{}, "[2 3 4]", true},
		{pos[0], "[2 3 4]", false}, // 1 is lost
		{pos[1], "[2 3 4]", true},  // 1 itself is dropped, nothing behind it is
		{pos[2], "[3 4]", true},
		{pos[4], "[]", true},
		{hub.Pos{Epoch: pos[0].Epoch, Seq: 6}, "[2 3 4]", false}, // nobody has been there
		{hub.Pos{Epoch: pos[0].Epoch, Seq: 1<<64 - 1}, "[2 3 4]", false},
		{hub.Pos{Epoch: pos[0].Epoch}, "[2 3 4]", false},
	} {
		got, recovered := kept(t, m, "a", c.since)
		if fmt.Sprint(got) != c.want || recovered != c.recovered {
			t.Errorf("behind %d: %v, recovered %v; want %s, %v", c.since.Seq, got, recovered, c.want, c.recovered)
		}
	}
}

func TestMemoryNoHistory(t *testing.T) {
	m := hub.NewMemory(hub.MemoryConfig{History: -1})
	first := put(t, m, "a", "x")
	if got, recovered := kept(t, m, "a", first); len(got) != 0 || !recovered {
		t.Errorf("behind the newest: %q, recovered %v", got, recovered)
	}
	put(t, m, "a", "y")
	if got, recovered := kept(t, m, "a", first); len(got) != 0 || recovered {
		t.Errorf("behind one before: %q, recovered %v", got, recovered)
	}
}

func TestMemoryBytes(t *testing.T) {
	for _, c := range []struct {
		name      string
		bytes     int
		sizes     []int
		want      int  // messages that are kept
		recovered bool // of one who has seen none
	}{
		{"all fit", 10_000, []int{3000, 3000, 3000}, 3, true},
		{"one too many", 10_000, []int{3000, 3000, 3000, 3000}, 3, false},
		{"a long one in place of many", 10_000, []int{1000, 1000, 1000, 1000, 9000}, 1, false},
		{"one that is longer", 10_000, []int{1000, 1000, 10_001}, 0, false},
		{"and then others", 10_000, []int{1000, 10_001, 1000, 1000}, 2, false},
		{"empty ones take memory, too", 1000, make([]int, 100), 15, false},
		{"default", 0, []int{3 << 20, 1 << 20, 1 << 20}, 2, false},
		{"no bound", -1, []int{3 << 20, 3 << 20, 3 << 20}, 3, true},
	} {
		m := hub.NewMemory(hub.MemoryConfig{Bytes: c.bytes})
		first := put(t, m, "a", strings.Repeat("x", c.sizes[0]))
		newest := first
		for _, n := range c.sizes[1:] {
			newest = put(t, m, "a", strings.Repeat("x", n))
		}
		if got, _ := kept(t, m, "a", hub.Pos{}); len(got) != c.want {
			t.Errorf("%s: %d messages are kept, want %d", c.name, len(got), c.want)
		}
		first.Seq-- // in front of it
		if _, recovered := kept(t, m, "a", first); recovered != c.recovered {
			t.Errorf("%s: recovered is %v", c.name, recovered)
		}
		if _, recovered := kept(t, m, "a", newest); !recovered {
			t.Errorf("%s: not recovered behind the newest", c.name)
		}
	}
}

func TestMemoryExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hub.NewMemory(hub.MemoryConfig{Keep: time.Minute})
		cancel, _, _ := m.Subscribe("watched", hub.Pos{}, func(hub.Pos, []byte) {})
		defer cancel()
		old := put(t, m, "watched", "old")
		time.Sleep(59 * time.Second)
		put(t, m, "watched", "new")
		newest := put(t, m, "alone", "new")
		if got, recovered := kept(t, m, "watched", hub.Pos{}); fmt.Sprint(got) != "[old new]" || !recovered {
			t.Errorf("before it expires: %v, %v", got, recovered)
		}
		time.Sleep(time.Second)
		if got, recovered := kept(t, m, "watched", old); fmt.Sprint(got) != "[new]" || !recovered {
			t.Errorf("behind one that has expired: %v, %v", got, recovered)
		}
		time.Sleep(10 * time.Minute)
		if got, recovered := kept(t, m, "watched", old); len(got) != 0 || recovered {
			t.Errorf("behind two that have expired: %v, %v", got, recovered)
		}
		// The topic is forgotten by now, its numbers are not used again.
		if next := put(t, m, "alone", "later"); next.Seq <= newest.Seq {
			t.Errorf("number %d behind %d", next.Seq, newest.Seq)
		}
	})
}

// TestMemoryForgets looks at the heap: what has expired is freed without another call.
func TestMemoryForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const topics = 5000
		m := hub.NewMemory(hub.MemoryConfig{Keep: time.Minute, Topics: -1})
		before := heapInUse()
		msg := make([]byte, 1024)
		for i := range topics {
			name := fmt.Sprint("topic ", i)
			if i%2 == 0 {
				cancel, _, _ := m.Subscribe(name, hub.Pos{}, func(hub.Pos, []byte) {})
				defer cancel()
			}
			if _, err := m.Publish(t.Context(), name, msg); err != nil {
				t.Fatal(err)
			}
		}
		if full := heapInUse() - before; full < topics*1024 {
			t.Fatalf("%d bytes for %d messages of 1 KiB: this test measures nothing", full, topics)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if left := heapInUse() - before; left > topics*512 {
			t.Errorf("%d bytes are left", left)
		}
		runtime.KeepAlive(m)
	})
}

func heapInUse() int {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int(s.HeapAlloc)
}

// TestMemoryTimer: with nothing to forget no timer runs, which would keep the broker in memory.
func TestMemoryTimer(t *testing.T) {
	m := hub.NewMemory(hub.MemoryConfig{Keep: time.Millisecond})
	cancel, _, _ := m.Subscribe("a", hub.Pos{}, func(hub.Pos, []byte) {})
	put(t, m, "a", "x")
	cancel()
	put(t, m, "b", "x")
	gone := make(chan struct{})
	runtime.AddCleanup(m, func(gone chan struct{}) { close(gone) }, gone)
	m = nil
	for deadline := time.Now().Add(time.Minute); ; {
		runtime.GC()
		select {
		case <-gone:
			return
		case <-time.After(5 * time.Millisecond): // a poll: the collector gives no sign
		}
		if time.Now().After(deadline) {
			t.Fatal("the broker is still in memory")
		}
	}
}

func TestMemoryEvicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hub.NewMemory(hub.MemoryConfig{Topics: 3, Keep: -1})
		cancel, _, _ := m.Subscribe("watched", hub.Pos{}, func(hub.Pos, []byte) {})
		defer cancel()
		pos := map[string]hub.Pos{}
		for _, name := range []string{"watched", "a", "b", "c", "a", "d"} {
			time.Sleep(time.Second)
			pos[name] = put(t, m, name, "x")
		}
		for _, name := range []string{"watched", "a", "c", "d"} {
			if got, recovered := kept(t, m, name, pos[name]); len(got) != 0 || !recovered {
				t.Errorf("topic %s: %v, %v", name, got, recovered)
			}
		}
		if got, _ := kept(t, m, "b", hub.Pos{}); len(got) != 0 { // the one used least recently
			t.Errorf("topic b is still there: %v", got)
		}
		if next := put(t, m, "b", "y"); next.Seq <= pos["b"].Seq {
			t.Errorf("number %d was used again", next.Seq)
		}
	})
}

// TestMemoryComesBack: the last member of a quiet room loses its connection for a moment. Nothing was missed, so that is what it is told.
func TestMemoryComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hub.NewMemory(hub.MemoryConfig{Keep: time.Minute})
		cancel, _, _ := m.Subscribe("a", hub.Pos{}, func(hub.Pos, []byte) {})
		newest := put(t, m, "a", "x")
		put(t, m, "b", "x")
		put(t, m, "b", "y") // the numbers of others are higher
		time.Sleep(time.Hour)
		cancel()
		time.Sleep(59 * time.Second)
		if got, recovered := kept(t, m, "a", newest); len(got) != 0 || !recovered {
			t.Errorf("%v, recovered %v", got, recovered)
		}
		time.Sleep(time.Hour)
		if _, recovered := kept(t, m, "a", newest); recovered {
			t.Error("recovered in a topic that is forgotten")
		}
	})
}

func TestMemoryPublishInContext(t *testing.T) {
	m := hub.NewMemory(hub.MemoryConfig{})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("left"))
	if _, err := m.Publish(ctx, "a", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got, _ := kept(t, m, "a", hub.Pos{}); len(got) != 0 {
		t.Errorf("%q was published", got)
	}
}

// TestMemoryPanic: a fn that panics does not lock its topic for ever.
func TestMemoryPanic(t *testing.T) {
	m := hub.NewMemory(hub.MemoryConfig{})
	cancel, _, _ := m.Subscribe("a", hub.Pos{}, func(hub.Pos, []byte) { panic("fn") })
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not reach the publisher")
			}
		}()
		m.Publish(t.Context(), "a", nil)
	}()
	cancel()
	put(t, m, "a", "y")
}
