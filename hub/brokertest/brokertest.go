// Package brokertest says in code what a [hub.Broker] must do: an adapter's test calls [Run] with a [Harness] that starts the adapter's backend.
//
// The cases publish bursts that are longer than Config.History while somebody is subscribed, and expect every message to arrive. A backend that
// readers read from must therefore keep more than History: a reader that was away for a moment finds its place again.
package brokertest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart/hub"
)

// patience bounds everything that a case waits for. It is long because it is spent only by a broker that fails.
var patience = 60 * time.Second

// Config is what a case asks of the backend.
type Config struct {
	// History is how many messages of each topic are kept at least.
	History int
	// Keep is how long they are kept. A second is the shortest that is asked for.
	Keep time.Duration
}

// Harness makes backends for the cases.
type Harness struct {
	// New returns a backend without any messages, which nobody else uses. It ends with t.Cleanup.
	New func(t *testing.T, c Config) Backend

	// Slack is how many messages of a topic the backend may keep beyond Config.History, because it drops them in blocks for example.
	Slack int
}

// Backend is what the brokers of several processes have in common.
type Backend struct {
	// Connect returns a broker with connections of its own, as another process would have it; t.Cleanup closes it. An in-process broker
	// returns the same one again.
	Connect func(t *testing.T) hub.Broker

	// Stop kills the backend without a farewell, and Start brings it back at the same address with all that it had acknowledged. Nil, both,
	// where there is nothing to kill.
	Stop, Start func(t *testing.T)

	// Lose kills the backend and brings it back without its messages. Nil where that cannot happen.
	Lose func(t *testing.T)
}

// Run checks the contract, each case as a subtest. At the end no goroutine may be left that was not there before.
func Run(t *testing.T, h Harness) {
	goroutines := runtime.NumGoroutine()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, h) })
	}
	checkGoroutines(t, goroutines)
}

var cases = []struct {
	name string
	run  func(*testing.T, Harness)
}{
	{"order", order},
	{"payloads", payloads},
	{"publishers", publishers},
	{"context", canceledContext},
	{"topics", manyTopics},
	{"names", topicNames},
	{"history", history},
	{"resume", resume},
	{"trimmed", trimmed},
	{"expired", expired},
	{"seam", seam},
	{"cancel", cancels},
	{"cancel in flight", cancelInFlight},
	{"restart", restart},
	{"down", down},
	{"lost", lost},
}

// roomy keeps all that a case publishes.
var roomy = Config{History: 4096, Keep: 10 * time.Minute}

// usual is a history that the cases publish more than.
var usual = Config{History: 128, Keep: 10 * time.Minute}

// message is one that arrived, or that Publish acknowledged.
type message struct {
	pos  hub.Pos
	text string
}

// inbox is a subscriber: its receive is the fn of a subscription.
type inbox struct {
	t    *testing.T
	busy atomic.Int32 // calls of receive under way
	shut atomic.Bool  // cancel has returned

	mu      sync.Mutex
	got     []message
	arrived chan struct{} // closed and replaced at each message
}

func newInbox(t *testing.T) *inbox {
	return &inbox{t: t, arrived: make(chan struct{})}
}

func (in *inbox) receive(pos hub.Pos, msg []byte) {
	if in.busy.Add(1) != 1 {
		in.t.Error("two calls of fn at a time for one subscription")
	}
	defer in.busy.Add(-1)
	if in.shut.Load() {
		in.t.Errorf("fn was called with %.40q after cancel had returned", msg)
	}
	runtime.Gosched() // gives a second call the chance to come in between
	in.mu.Lock()
	defer in.mu.Unlock()
	if n := len(in.got); n > 0 && in.got[n-1].pos.Epoch == pos.Epoch && in.got[n-1].pos.Seq >= pos.Seq {
		in.t.Errorf("position %v of %.40q comes behind %v", pos, msg, in.got[n-1].pos)
	}
	in.got = append(in.got, message{pos, string(msg)})
	close(in.arrived)
	in.arrived = make(chan struct{})
}

// all returns what has arrived by now.
func (in *inbox) all() []message {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.got)
}

// waitFor waits until ok says yes to what has arrived, and returns it.
func (in *inbox) waitFor(what string, ok func([]message) bool) []message {
	in.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		in.mu.Lock()
		got, arrived := slices.Clone(in.got), in.arrived
		in.mu.Unlock()
		if ok(got) {
			return got
		}
		select {
		case <-arrived:
		case <-late.C:
			in.t.Fatalf("%s did not arrive within %v; %d messages did, the last: %s", what, patience, len(got), tail(got))
		}
	}
}

// until waits for the message of that text, and returns all that arrived up to now: nothing published before it can still be on its way.
func (in *inbox) until(text string) []message {
	in.t.Helper()
	return in.waitFor(fmt.Sprintf("message %q", text), func(got []message) bool {
		return slices.ContainsFunc(got, func(m message) bool { return m.text == text })
	})
}

// subscribe subscribes a new inbox, and cancels it at the end of the test.
func subscribe(t *testing.T, b hub.Broker, topic string, since hub.Pos) (in *inbox, recovered bool) {
	t.Helper()
	in = newInbox(t)
	cancel, recovered, err := b.Subscribe(topic, since, in.receive)
	if err != nil {
		t.Fatalf("Subscribe(%.40q, %v): %v", topic, since, err)
	}
	t.Cleanup(func() {
		cancel()
		in.shut.Store(true)
	})
	return in, recovered
}

// publish publishes text, which has to succeed.
func publish(t *testing.T, b hub.Broker, topic, text string) message {
	t.Helper()
	m, err := tryPublish(b, topic, text, patience)
	if err != nil {
		t.Fatalf("Publish(%.40q, %.40q): %v", topic, text, err)
	}
	return m
}

// publishAll publishes n messages that are called prefix and a number.
func publishAll(t *testing.T, b hub.Broker, topic, prefix string, n int) []message {
	t.Helper()
	all := make([]message, n)
	for i := range all {
		all[i] = publish(t, b, topic, fmt.Sprint(prefix, i))
	}
	return all
}

// tryPublish publishes text from a buffer that it overwrites afterwards.
func tryPublish(b hub.Broker, topic, text string, within time.Duration) (message, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	buf := []byte(text)
	pos, err := b.Publish(ctx, topic, buf)
	for i := range buf {
		buf[i] = '!'
	}
	return message{pos, text}, err
}

// same fails unless got is want, positions included.
func same(t *testing.T, got, want []message) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("message %d is %v %.40q, want %v %.40q", i, got[i].pos, got[i].text, want[i].pos, want[i].text)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d messages, the last: %s; want %d, the last: %s", len(got), tail(got), len(want), tail(want))
	}
}

// tail is the end of a list, for error messages.
func tail(all []message) string {
	s := ""
	for _, m := range all[max(0, len(all)-5):] {
		s += fmt.Sprintf("%v %.20q ", m.pos, m.text)
	}
	return s
}

// checkGoroutines waits until no more goroutines run than before.
func checkGoroutines(t *testing.T, before int) {
	t.Helper()
	deadline := time.Now().Add(patience / 2)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
			return
		}
		time.Sleep(10 * time.Millisecond) // a poll: goroutines give no sign when they end
	}
}
