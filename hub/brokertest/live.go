package brokertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart/hub"
)

// order: what is published in turn arrives in turn, here and in another process, at the positions that Publish returned.
func order(t *testing.T, h Harness) {
	backend := h.New(t, usual)
	a, b := backend.Connect(t), backend.Connect(t)
	here, _ := subscribe(t, a, "topic", hub.Pos{})
	there, _ := subscribe(t, b, "topic", hub.Pos{})
	second, _ := subscribe(t, a, "topic", hub.Pos{})
	var want []message
	for i := range 200 {
		from := a
		if i%3 == 0 {
			from = b
		}
		want = append(want, publish(t, from, "topic", fmt.Sprint("m", i)))
	}
	for i, m := range want {
		if m.pos == (hub.Pos{}) || m.pos.Epoch != want[0].pos.Epoch || i > 0 && m.pos.Seq <= want[i-1].pos.Seq {
			t.Fatalf("Publish returned the positions %s", tail(want[:i+1]))
		}
	}
	for _, in := range []*inbox{here, there, second} {
		same(t, in.until("m199"), want)
	}
}

// payloads: any bytes arrive as they were, from a buffer that is overwritten as soon as Publish returns, live and from the history.
func payloads(t *testing.T, h Harness) {
	b := h.New(t, usual).Connect(t)
	live, _ := subscribe(t, b, "topic", hub.Pos{})
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	var want []message
	for _, text := range []string{"", string(every), "\r\n", "", strings.Repeat(string(every), 256), "ü", "end"} {
		want = append(want, publish(t, b, "topic", text))
	}
	same(t, live.until("end"), want)
	late, _ := subscribe(t, b, "topic", hub.Pos{})
	same(t, late.all(), want)
}

// publishers: many at a time in two processes. All messages arrive once, in one order for all, each publisher's in its own.
func publishers(t *testing.T, h Harness) {
	const senders, each = 8, 100
	backend := h.New(t, usual)
	brokers := []hub.Broker{backend.Connect(t), backend.Connect(t)}
	here, _ := subscribe(t, brokers[0], "topic", hub.Pos{})
	there, _ := subscribe(t, brokers[1], "topic", hub.Pos{})
	sent := make([][]message, senders)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				m, err := tryPublish(brokers[s%2], "topic", fmt.Sprint(s, "/", i), patience)
				if err != nil {
					t.Errorf("Publish: %v", err)
					return
				}
				sent[s] = append(sent[s], m)
			}
		})
	}
	wg.Wait()
	end := publish(t, brokers[0], "topic", "end")
	got := here.until("end")
	same(t, there.until("end"), got)
	checkOnce(t, got, append(sent, []message{end})...)
	if len(got) != senders*each+1 {
		t.Errorf("%d messages arrived, %d were published", len(got), senders*each+1)
	}
}

// checkOnce fails unless each list of sent is in got, in its order and at its positions, and nothing is in got twice.
func checkOnce(t *testing.T, got []message, sent ...[]message) {
	t.Helper()
	index := make(map[string]int, len(got))
	for i, m := range got {
		if j, twice := index[m.text]; twice {
			t.Errorf("%q arrived twice: at %v and %v", m.text, got[j].pos, m.pos)
		}
		index[m.text] = i
	}
	for _, list := range sent {
		last := -1
		for _, m := range list {
			i, ok := index[m.text]
			switch {
			case !ok:
				t.Errorf("%q at %v was acknowledged and did not arrive", m.text, m.pos)
				continue
			case got[i].pos != m.pos:
				t.Errorf("%q arrived at %v, Publish returned %v", m.text, got[i].pos, m.pos)
			case i < last:
				t.Errorf("%q arrived in front of one that was published before it", m.text)
			}
			last = i
		}
	}
}

// canceledContext: Publish gives up with its context.
func canceledContext(t *testing.T, h Harness) {
	b := h.New(t, usual).Connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	if _, err := b.Publish(ctx, "topic", []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Publish with a canceled context: error %v, want context.Canceled", err)
	}
	if d := time.Since(start); d > patience/2 {
		t.Errorf("Publish with a canceled context took %v", d)
	}
	publish(t, b, "topic", "still works")
}

// manyTopics: topics know nothing of each other.
func manyTopics(t *testing.T, h Harness) {
	const topics, rounds = 200, 3
	backend := h.New(t, usual)
	a, b := backend.Connect(t), backend.Connect(t)
	inboxes := make([]*inbox, topics)
	for i := range inboxes {
		inboxes[i], _ = subscribe(t, a, fmt.Sprint("room ", i), hub.Pos{})
	}
	want := make([][]message, topics)
	for r := range rounds {
		for i := range topics {
			want[i] = append(want[i], publish(t, b, fmt.Sprint("room ", i), fmt.Sprint(i, "/", r)))
		}
	}
	for i, in := range inboxes {
		same(t, in.until(fmt.Sprint(i, "/", rounds-1)), want[i])
	}
	none, recovered := subscribe(t, b, "room 200", hub.Pos{})
	if got := none.all(); len(got) != 0 || !recovered {
		t.Errorf("a topic without messages: recovered %v and %s", recovered, tail(got))
	}
}

// topicNames: any bytes up to 256 make a topic, and no two names the same one.
func topicNames(t *testing.T, h Harness) {
	names := []string{
		"", "a", "A", " ", "a b", "a  b", "a\tb", "a\r\nb", "a.b", "a_b", "a.", ".a", ".", "..", "*", "a.*", ">", "a.>", "$SYS", "$JS.API.>", "a:b", "a/b", "../a", "{a}", "{a}b", "a?b", "a\\b",
		"a%20b", "%", "%%", "_", "-", "=", "_20", "~", "\x00", "a\x00", "a\x00b", "ü", "u\u0308", "\xff", "\xfe\xff", "日本", "🦆", "6162", "YWI", "\"", "'", "[a]", "a^b",
		strings.Repeat("x", 256), strings.Repeat("x", 255) + "y", strings.Repeat("x", 255), strings.Repeat("ü", 128), strings.Repeat("\x00", 256), strings.Repeat(".", 256), strings.Repeat("\xff", 256),
	}
	backend := h.New(t, usual)
	a, b := backend.Connect(t), backend.Connect(t)
	live := make([]*inbox, len(names))
	for i, name := range names {
		live[i], _ = subscribe(t, a, name, hub.Pos{})
	}
	want := make([][]message, len(names))
	for i, name := range names {
		want[i] = []message{publish(t, b, name, fmt.Sprint("for ", i)), publish(t, a, name, "end")}
	}
	for i, name := range names {
		same(t, live[i].until("end"), want[i])
		late, _ := subscribe(t, b, name, hub.Pos{})
		same(t, late.all(), want[i])
	}
}
