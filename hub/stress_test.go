package hub_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
)

// TestHubRaces: publishers, joiners and leavers at once. Every member sees, of every publisher, one message after the other without a gap,
// from the first one on that it sees; who resumes sees all behind what it saw.
func TestHubRaces(t *testing.T) {
	const publishers, messages, joiners = 4, 300, 8
	b := hub.NewMemory(hub.MemoryConfig{History: 1 << 14})
	hubs := []*hub.Hub{
		hub.New(hub.Config{Broker: b, History: 1 << 14, HistoryBytes: -1}),
		hub.New(hub.Config{Broker: b, History: 1 << 14, HistoryBytes: -1}),
	}
	join(t, hubs[0].Topic("x"), newLive(t), hub.Options{As: "observer", Format: hub.Events})
	stayed := []*live{newLive(t), newLive(t)}
	join(t, hubs[0].Topic("x"), stayed[0], hub.Options{})
	join(t, hubs[1].Topic("x"), stayed[1], hub.Options{})
	var done atomic.Bool
	var publishing, joining sync.WaitGroup
	for p := range publishers {
		publishing.Go(func() {
			for i := range messages {
				if _, err := hubs[p%2].Topic("x").Publish(t.Context(), fmt.Appendf(nil, "%d:%d", p, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for j := range joiners {
		joining.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(j)))
			topic := hubs[j%2].Topic("x")
			since, all := "", []string(nil)
			for !done.Load() {
				l := newLive(t)
				m, err := topic.JoinWith(liveConn{l}, hub.Options{Since: since, Format: hub.Envelope, As: fmt.Sprint("who", j%3)})
				if err != nil {
					t.Error(err)
					return
				}
				if since != "" && since != hub.Recent && !m.Recovered() {
					t.Error("not recovered")
				}
				time.Sleep(time.Duration(random.IntN(300)) * time.Microsecond)
				if random.IntN(2) == 0 {
					m.Leave()
				} else {
					l.Close()
				}
				texts, id := opened(t, l.take())
				since = id
				all = append(all, texts...)
			}
			inOrder(t, fmt.Sprint("joiner ", j), all)
		})
	}
	publishing.Wait()
	done.Store(true)
	joining.Wait()
	for i, l := range stayed {
		var all []string
		for range 1000 {
			if all = append(all, l.take()...); len(all) == publishers*messages {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if len(all) != publishers*messages {
			t.Errorf("member %d got %d messages", i, len(all))
		}
		inOrder(t, fmt.Sprint("member ", i), all)
	}
	for _, h := range hubs {
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := h.Stats(); s.Members != 0 || s.Topics != 0 {
			t.Errorf("left behind: %+v", s)
		}
	}
}

// opened takes the envelopes off. id is what to resume from.
func opened(t *testing.T, envelopes []string) (texts []string, id string) {
	for _, s := range envelopes {
		if _, rest, ok := strings.Cut(s, `"id":"`); ok {
			id, _, _ = strings.Cut(rest, `"`)
		}
		if _, rest, ok := strings.Cut(s, `"data":"`); ok {
			texts = append(texts, strings.TrimSuffix(rest, `"}`))
		}
	}
	if id == "" {
		t.Error("no hello")
	}
	return texts, id
}

func inOrder(t *testing.T, who string, texts []string) {
	next := map[string]int{}
	for _, s := range texts {
		p, text, _ := strings.Cut(s, ":")
		n, err := strconv.Atoi(text)
		if expected, ok := next[p]; err != nil || ok && n != expected {
			t.Errorf("%s: got %s, want %s:%d", who, s, p, expected)
			return
		}
		next[p] = n + 1
	}
}

// TestHubBackpressure: publishers that are faster than the delivery wait for it.
func TestHubBackpressure(t *testing.T) {
	topic := new(hub.Hub).Topic("x")
	l := newLive(t)
	var posted, published atomic.Int64
	l.onPost = func(*quart.Frame) error {
		for published.Load() < min(4000, posted.Load()+1000) { // let it fall behind
			time.Sleep(time.Microsecond)
		}
		posted.Add(1)
		return nil
	}
	join(t, topic, l, hub.Options{})
	for range 5000 {
		publish(t, topic, "x")
		if n := published.Add(1) - posted.Load(); n > 1024+16+1 {
			t.Fatalf("%d messages wait", n)
		}
	}
}
