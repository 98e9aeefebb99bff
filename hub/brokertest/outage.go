package brokertest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart/hub"
)

// restart: the backend is killed and comes back while publishers and subscribers of two processes are at work. What was acknowledged
// arrives once and in order, without a word to anybody.
func restart(t *testing.T, h Harness) {
	const senders, before, after = 4, 40, 40
	backend := h.New(t, roomy)
	if backend.Stop == nil {
		t.Skip("there is nothing to restart")
	}
	brokers := []hub.Broker{backend.Connect(t), backend.Connect(t)}
	here, _ := subscribe(t, brokers[0], "topic", hub.Pos{})
	there, _ := subscribe(t, brokers[1], "topic", hub.Pos{})
	quiet, _ := subscribe(t, brokers[1], "quiet", hub.Pos{})
	calm := publish(t, brokers[0], "quiet", "before")

	var (
		sent    [senders][]message
		failed  atomic.Int32
		back    = make(chan struct{})
		halfway sync.WaitGroup
		wg      sync.WaitGroup
	)
	halfway.Add(senders)
	for s := range senders {
		wg.Go(func() {
			left := after // how many are published when the backend is back
			for i := 0; left > 0; i++ {
				m, err := tryPublish(brokers[s%2], "topic", fmt.Sprint(s, "/", i), patience)
				if err != nil {
					if len(sent[s]) < before {
						t.Errorf("Publish fails without an outage: %v", err)
						halfway.Done()
						return
					}
					if failed.Add(1) > 10_000 {
						t.Errorf("Publish fails on and on: %v", err)
						return
					}
					<-back // whoever does not wait within Publish waits here
					continue
				}
				if sent[s] = append(sent[s], m); len(sent[s]) == before {
					halfway.Done()
				}
				select {
				case <-back:
					left--
				default:
				}
			}
		})
	}
	halfway.Wait()
	backend.Stop(t)
	backend.Start(t)
	close(back)
	wg.Wait()
	t.Logf("%d publications failed", failed.Load())

	end := publishSooner(t, brokers[0], "topic", "end")
	got := here.until(end.text)
	same(t, there.until(end.text), got)
	checkOnce(t, got, append(sent[:], []message{end})...)
	for _, m := range got {
		if m.pos.Epoch != got[0].pos.Epoch {
			t.Fatalf("epoch %d became %d, although nothing was lost", got[0].pos.Epoch, m.pos.Epoch)
		}
	}
	calm2 := publishSooner(t, brokers[1], "quiet", "after")
	same(t, quiet.until(calm2.text), []message{calm, calm2})

	for _, b := range append(brokers, backend.Connect(t)) {
		i := len(got) - 1 - senders*after // roughly the last before the restart
		in, recovered := subscribe(t, b, "topic", got[i].pos)
		if !recovered {
			t.Error("not recovered behind a message from before the restart")
		}
		same(t, in.all(), got[i+1:])
	}
}

// publishSooner publishes text until it succeeds, each time with another number behind it: a publication that failed may still arrive.
func publishSooner(t *testing.T, b hub.Broker, topic, text string) message {
	t.Helper()
	deadline := time.Now().Add(patience)
	for i := 0; ; i++ {
		m, err := tryPublish(b, topic, fmt.Sprint(text, " ", i), patience/4)
		if err == nil {
			return m
		}
		if time.Now().After(deadline) {
			t.Fatalf("Publish does not come back: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // a pace, for brokers that fail at once
	}
}

// down: while the backend is away, Publish ends with its context and Subscribe with an error, and both work when it is back. A subscription
// that is canceled meanwhile ends.
func down(t *testing.T, h Harness) {
	backend := h.New(t, usual)
	if backend.Stop == nil {
		t.Skip("there is nothing to stop")
	}
	b := backend.Connect(t)
	first := publish(t, b, "topic", "first")
	stays, _ := subscribe(t, b, "topic", hub.Pos{})
	leaves := newInbox(t)
	cancel, _, err := b.Subscribe("topic", hub.Pos{}, leaves.receive)
	if err != nil {
		t.Fatal(err)
	}
	backend.Stop(t)

	start := time.Now()
	if _, err := tryPublish(b, "topic", "lost", 300*time.Millisecond); err == nil {
		t.Error("Publish succeeded without a backend")
	}
	if d := time.Since(start); d > patience/2 {
		t.Errorf("Publish took %v for a context of 300 ms", d)
	}
	start = time.Now()
	if _, _, err := b.Subscribe("topic", hub.Pos{}, func(hub.Pos, []byte) {}); err == nil {
		t.Error("Subscribe succeeded without a backend, so without the history")
	}
	if d := time.Since(start); d > patience/2 {
		t.Errorf("Subscribe took %v without a backend", d)
	}
	start = time.Now()
	cancel()
	leaves.shut.Store(true)
	if d := time.Since(start); d > patience/2 {
		t.Errorf("cancel took %v without a backend", d)
	}

	backend.Start(t)
	end := publishSooner(t, b, "topic", "end")
	got := stays.until(end.text)
	checkOnce(t, got, []message{first, end})
	again, recovered := subscribe(t, b, "topic", first.pos)
	if !recovered {
		t.Error("not recovered behind a message from before")
	}
	same(t, again.all(), got[1:])
	same(t, leaves.all(), got[:1])
}

// lost: a backend that comes back empty begins another epoch. Subscribers go on in it, from its first message.
func lost(t *testing.T, h Harness) {
	backend := h.New(t, usual)
	if backend.Lose == nil {
		t.Skip("the backend cannot lose its messages")
	}
	a, b := backend.Connect(t), backend.Connect(t)
	here, _ := subscribe(t, a, "topic", hub.Pos{})
	there, _ := subscribe(t, b, "topic", hub.Pos{})
	old := publishAll(t, a, "topic", "old", 30)
	same(t, here.until("old29"), old)
	same(t, there.until("old29"), old)

	backend.Lose(t)
	var sent []message
	for i := range 20 {
		sent = append(sent, publishSooner(t, a, "topic", fmt.Sprint("new ", i)))
	}
	for _, in := range []*inbox{here, there} {
		got := in.until(sent[19].text)
		same(t, got[:30], old)
		checkOnce(t, got, old, sent)
		for _, m := range got[30:] {
			if m.pos.Epoch == old[0].pos.Epoch {
				t.Fatalf("%q has position %v, of the epoch that was lost", m.text, m.pos)
			}
		}
	}
	got := here.all()[30:]
	late, recovered := subscribe(t, b, "topic", old[10].pos)
	if recovered {
		t.Error("recovered behind a message of the epoch that was lost")
	}
	same(t, late.all(), got)
	late, recovered = subscribe(t, backend.Connect(t), "topic", got[len(got)-1].pos)
	if !recovered {
		t.Error("not recovered behind the newest message of the new epoch")
	}
	same(t, late.all(), nil)
}
