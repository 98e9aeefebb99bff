package brokertest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart/hub"
)

// history: Subscribe has delivered all that is kept when it returns, and goes on with what comes.
func history(t *testing.T, h Harness) {
	backend := h.New(t, usual)
	a, b := backend.Connect(t), backend.Connect(t)
	want := publishAll(t, a, "topic", "m", 50)
	in, recovered := subscribe(t, b, "topic", hub.Pos{})
	same(t, in.all(), want)
	if !recovered {
		t.Error("recovered is false for the zero Pos, which is in front of all that there is")
	}
	want = append(want, publish(t, a, "topic", "live"))
	same(t, in.until("live"), want)
}

// resume: behind a position comes what was published after it, and nothing else.
func resume(t *testing.T, h Harness) {
	backend := h.New(t, usual)
	a, b := backend.Connect(t), backend.Connect(t)
	publishAll(t, a, "another", "x", 5)
	want := publishAll(t, a, "topic", "m", 20)
	publishAll(t, a, "another", "y", 5)
	newest := want[19].pos
	for _, c := range []struct {
		name      string
		since     hub.Pos
		behind    int // how many of want come
		recovered bool
	}{
		{"first", want[0].pos, 19, true},
		{"middle", want[9].pos, 10, true},
		{"last but one", want[18].pos, 1, true},
		{"newest", newest, 0, true},
		{"another epoch", hub.Pos{Epoch: newest.Epoch + 1, Seq: newest.Seq}, 20, false},
		{"an epoch before", hub.Pos{Epoch: newest.Epoch - 1, Seq: want[9].pos.Seq}, 20, false},
		{"another epoch, no number", hub.Pos{Epoch: newest.Epoch + 1}, 20, false},
		{"another epoch, a high number", hub.Pos{Epoch: newest.Epoch + 1, Seq: 1 << 60}, 20, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, recovered := subscribe(t, b, "topic", c.since)
			same(t, in.all(), want[20-c.behind:])
			if recovered != c.recovered {
				t.Errorf("recovered is %v, want %v", recovered, c.recovered)
			}
		})
	}
	in, _ := subscribe(t, b, "topic", newest)
	live := publish(t, a, "topic", "live")
	same(t, in.until("live"), []message{live})
}

// trimmed: a position that is too old says so, and the newest messages come.
func trimmed(t *testing.T, h Harness) {
	const keep = 20
	backend := h.New(t, Config{History: keep, Keep: usual.Keep})
	a, b := backend.Connect(t), backend.Connect(t)
	sent := publishAll(t, a, "topic", "m", 2*keep+h.Slack)
	all, _ := subscribe(t, b, "topic", hub.Pos{})
	got := all.all()
	if len(got) < keep || len(got) > keep+h.Slack {
		t.Fatalf("%d messages of a history of %d (slack %d)", len(got), keep, h.Slack)
	}
	kept := sent[len(sent)-len(got):]
	same(t, got, kept)

	old, recovered := subscribe(t, b, "topic", sent[0].pos)
	if recovered {
		t.Errorf("recovered behind the first of %d messages, although %d are kept", len(sent), len(kept))
	}
	same(t, old.all(), kept)

	oldest, recovered := subscribe(t, b, "topic", kept[0].pos)
	if !recovered {
		t.Error("not recovered behind the oldest message that is kept")
	}
	same(t, oldest.all(), kept[1:])

	// The last one that was dropped: all behind it is there, but a broker that cannot know that may say false.
	edge, recovered := subscribe(t, b, "topic", sent[len(sent)-len(kept)-1].pos)
	t.Logf("behind the last dropped message: recovered %v", recovered)
	same(t, edge.all(), kept)
}

// expired: messages go after Config.Keep, and a position in front of them says so.
func expired(t *testing.T, h Harness) {
	b := h.New(t, Config{History: usual.History, Keep: time.Second}).Connect(t)
	old := publishAll(t, b, "topic", "old", 3)
	deadline := time.Now().Add(patience)
	for { // a poll: it is the backend's clock that runs
		late := time.Now().After(deadline)
		in := newInbox(t)
		cancel, _, err := b.Subscribe("topic", hub.Pos{}, in.receive)
		if err != nil {
			t.Fatal(err)
		}
		left := len(in.all())
		cancel()
		in.shut.Store(true)
		if left == 0 {
			break
		}
		if late {
			t.Fatalf("%d messages are still there %v after they expired", left, patience)
		}
		time.Sleep(100 * time.Millisecond)
	}
	in, recovered := subscribe(t, b, "topic", old[0].pos)
	if recovered {
		t.Error("recovered, although messages behind the position have expired")
	}
	fresh := publish(t, b, "topic", "new")
	same(t, in.until("new"), []message{fresh})
	if last := old[2].pos; fresh.pos.Epoch == last.Epoch && fresh.pos.Seq <= last.Seq {
		t.Errorf("position %v was used again: now %v", last, fresh.pos)
	}
}

// seam: while publishers run, a new subscription has no gap and no double between its history and what is live.
func seam(t *testing.T, h Harness) {
	const senders, each, joiners = 4, 200, 25
	backend := h.New(t, roomy)
	a, b := backend.Connect(t), backend.Connect(t)
	witness, _ := subscribe(t, a, "topic", hub.Pos{})
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				if _, err := tryPublish(a, "topic", fmt.Sprint(s, "/", i), patience); err != nil {
					t.Errorf("Publish: %v", err)
					return
				}
			}
		})
	}
	type joiner struct {
		in   *inbox
		from int // how many messages are in front of what it gets
	}
	joined := make([]joiner, joiners)
	for i := range joined {
		// Spread over the run: each joins when its share has arrived.
		seen := witness.waitFor("the next share", func(got []message) bool { return len(got) >= i*senders*each/joiners })
		since, from := hub.Pos{}, 0
		if i%2 == 1 {
			from = len(seen)
			since = seen[from-1].pos
		}
		in, recovered := subscribe(t, b, "topic", since)
		if !recovered {
			t.Errorf("not recovered behind %v", since)
		}
		joined[i] = joiner{in, from}
	}
	wg.Wait()
	publish(t, b, "topic", "end")
	want := witness.until("end")
	if len(want) != senders*each+1 {
		t.Errorf("%d messages arrived, %d were published", len(want), senders*each+1)
	}
	for _, j := range joined {
		same(t, j.in.until("end"), want[j.from:])
	}
}
