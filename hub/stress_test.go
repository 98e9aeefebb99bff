package hub_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

// stuck is a topic of h whose only member takes nothing until the test ends, with as much published as is not waited for.
func stuck(t *testing.T, h *hub.Hub) *hub.Topic {
	topic := h.Topic("x")
	l := newLive(t)
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	l.onPost = func(*quart.Frame) error { <-done; return nil }
	join(t, topic, l, hub.Options{})
	publish(t, topic, "first")
	synctest.Wait() // it is with the member
	for range 1024 {
		publish(t, topic, "x")
	}
	return topic
}

// TestPublishersWait: those that are too fast wait side by side, a second at most and not beyond the end of their contexts.
func TestPublishersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := stuck(t, new(hub.Hub))
		for _, tt := range []struct {
			limit, want time.Duration
			err         error
		}{
			{500 * time.Millisecond, 500 * time.Millisecond, context.DeadlineExceeded},
			{time.Minute, time.Second, nil},
		} {
			begun := time.Now()
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
					defer cancel()
					if _, err := topic.Publish(ctx, []byte("x")); !errors.Is(err, tt.err) || err != nil && quart.StatusOf(err) != 503 {
						t.Errorf("with %v: %v", tt.limit, err)
					}
				})
			}
			wg.Wait()
			if took := time.Since(begun); took != tt.want {
				t.Errorf("20 publishers with %v took %v, want %v", tt.limit, took, tt.want)
			}
		}
	})
}

// TestPublishersElsewhere: what another process publishes is held up as well, but not a second for each message.
func TestPublishersElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := hub.NewMemory(hub.MemoryConfig{})
		stuck(t, hub.New(hub.Config{Broker: broker}))
		elsewhere := hub.New(hub.Config{Broker: broker}).Topic("x")
		begun := time.Now()
		for range 20 {
			publish(t, elsewhere, "x")
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("20 messages took %v, want a second", took)
		}
	})
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
