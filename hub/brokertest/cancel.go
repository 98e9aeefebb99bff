package brokertest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart/hub"
)

// cancels: a canceled subscription gets nothing, the others everything; cancel may be called again; the topic can be subscribed again.
func cancels(t *testing.T, h Harness) {
	b := h.New(t, usual).Connect(t)
	stays, _ := subscribe(t, b, "topic", hub.Pos{})
	leaves := newInbox(t)
	cancel, _, err := b.Subscribe("topic", hub.Pos{}, leaves.receive)
	if err != nil {
		t.Fatal(err)
	}
	first := publish(t, b, "topic", "first")
	same(t, leaves.until("first"), []message{first})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(cancel)
	}
	wg.Wait()
	leaves.shut.Store(true)
	want := append([]message{first}, publishAll(t, b, "topic", "m", 20)...)
	same(t, stays.until("m19"), want)
	cancel()
	same(t, leaves.all(), want[:1])

	again, recovered := subscribe(t, b, "topic", first.pos)
	if !recovered {
		t.Error("not recovered behind the last message before cancel")
	}
	same(t, again.all(), want[1:])
	want = append(want, publish(t, b, "topic", "end"))
	same(t, again.until("end"), want[1:])
	same(t, stays.until("end"), want)
}

// cancelInFlight: while messages pour in, fn never runs after its cancel has returned. inbox.receive checks it.
func cancelInFlight(t *testing.T, h Harness) {
	const rounds, subscribers = 20, 4
	b := h.New(t, usual).Connect(t)
	stop := make(chan struct{})
	var pouring, leaving sync.WaitGroup
	for s := range 2 {
		pouring.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := tryPublish(b, "topic", fmt.Sprint(s, "/", i), patience); err != nil {
					t.Errorf("Publish: %v", err)
					return
				}
			}
		})
	}
	for range subscribers {
		leaving.Go(func() {
			for range rounds {
				in := newInbox(t)
				cancel, _, err := b.Subscribe("topic", hub.Pos{}, in.receive)
				if err != nil {
					t.Errorf("Subscribe: %v", err)
					return
				}
				had := len(in.all())
				in.mu.Lock()
				arrived := in.arrived
				in.mu.Unlock()
				if had%2 == 0 { // in the middle of what is live, else at once
					select {
					case <-arrived:
					case <-time.After(patience):
						t.Error("nothing arrives although messages are published")
					}
				}
				cancel()
				in.shut.Store(true)
			}
		})
	}
	leaving.Wait()
	close(stop)
	pouring.Wait()
}
