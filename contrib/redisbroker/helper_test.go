package redisbroker_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart/contrib/redisbroker"
	"github.com/goquart/quart/hub"
	"github.com/redis/go-redis/v9"
)

// patience bounds every wait of a test. It is spent by those alone that fail.
const patience = 30 * time.Second

// newBroker returns a broker that is closed at the end of the test. It pings, and looks for what it missed, all the time.
func newBroker(t testing.TB, cfg redisbroker.Config) *redisbroker.Broker {
	t.Helper()
	return newTicking(t, cfg, 50*time.Millisecond)
}

func newTicking(t testing.TB, cfg redisbroker.Config, tick time.Duration) *redisbroker.Broker {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = quiet
	}
	b, err := redisbroker.NewTicking(cfg, tick)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// newClient returns a client of the server's, for a look behind the scenes.
func newClient(t testing.TB, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { c.Close() })
	return c
}

type message struct {
	pos  hub.Pos
	text string
}

// inbox gathers what a subscription gets.
type inbox struct {
	t         testing.TB
	cancel    func()
	recovered bool
	mu        sync.Mutex
	got       []message
}

func (in *inbox) receive(pos hub.Pos, msg []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.got = append(in.got, message{pos, string(msg)})
}

func (in *inbox) all() []message {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.got)
}

func (in *inbox) texts() (texts []string) {
	for _, m := range in.all() {
		texts = append(texts, m.text)
	}
	return texts
}

// until waits for that text and returns all there is then.
func (in *inbox) until(text string) []message {
	in.t.Helper()
	var got []message
	eventually(in.t, "message "+text, func() bool {
		got = in.all()
		return slices.ContainsFunc(got, func(m message) bool { return m.text == text })
	})
	return got
}

func subscribe(t testing.TB, b hub.Broker, topic string, since hub.Pos) *inbox {
	t.Helper()
	in := &inbox{t: t}
	var err error
	in.cancel, in.recovered, err = b.Subscribe(topic, since, in.receive)
	if err != nil {
		t.Fatalf("Subscribe: %v", err)
	}
	t.Cleanup(in.cancel)
	return in
}

func publish(t testing.TB, b hub.Broker, topic string, texts ...string) (pos hub.Pos) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, text := range texts {
		var err error
		if pos, err = b.Publish(ctx, topic, []byte(text)); err != nil {
			t.Fatalf("Publish: %v", err)
		}
	}
	return pos
}

// eventually polls: what it waits for happens in another process, or has no event of its own.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// same fails unless the texts are want.
func same(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %.200q, want %.200q", got, want)
	}
}
