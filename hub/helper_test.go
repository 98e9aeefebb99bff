package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
)

// live is a connection that keeps what is posted to it.
type live struct {
	context.Context
	close  context.CancelFunc
	most   int                        // what it takes; 0 is all
	onPost func(f *quart.Frame) error // nil keeps f

	mu  sync.Mutex
	got []string
}

func newLive(t testing.TB) *live {
	l := &live{}
	l.Context, l.close = context.WithCancel(context.Background())
	t.Cleanup(l.close)
	return l
}

func (l *live) Close() { l.close() }

// liveConn hides the fields of live that are in the way of its methods' names.
type liveConn struct{ *live }

func (l liveConn) Context() context.Context { return l.live.Context }

func (l liveConn) Post(f *quart.Frame) error {
	if l.onPost != nil {
		return l.onPost(f)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live.Context.Err() != nil {
		return quart.ErrClosed
	}
	if l.most > 0 && len(l.got) >= l.most {
		l.close()
		return fmt.Errorf("fake: %w", quart.ErrQueueFull)
	}
	if e := f.Event(); e.Comment == "" { // a position without an event
		l.got = append(l.got, text(f))
	}
	return nil
}

// take returns what came since the last call.
func (l *live) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.got
	l.got = nil
	return got
}

// text is a frame as the test compares it: a named event's name in front, binary data in brackets.
func text(f *quart.Frame) string {
	m := f.Message()
	s := string(m.Data)
	if name := f.Event().Name; name != "" {
		s = name + " " + s
	}
	if m.Binary {
		s = "[" + s + "]"
	}
	return s
}

// helloID returns the id of the first envelope: what a client that got no more resumes from.
func helloID(t *testing.T, got []string) string {
	t.Helper()
	var e struct{ ID string }
	if len(got) == 0 || json.Unmarshal([]byte(got[0]), &e) != nil || e.ID == "" {
		t.Fatalf("no id in %q", got)
	}
	return e.ID
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func publish(t *testing.T, topic *hub.Topic, texts ...string) (last hub.Pos) {
	t.Helper()
	for _, s := range texts {
		pos, err := topic.Publish(t.Context(), []byte(s))
		if err != nil {
			t.Fatal(err)
		}
		last = pos
	}
	return last
}

func join(t *testing.T, topic *hub.Topic, l *live, o hub.Options) *hub.Member {
	t.Helper()
	m, err := topic.JoinWith(liveConn{l}, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// broker is one that a test can break.
type broker struct {
	hub.Broker
	mu         sync.Mutex
	away       bool
	subscribed map[string]int // subscriptions now
	total      int            // Subscribe calls
}

func newBroker(cfg hub.MemoryConfig) *broker {
	return &broker{Broker: hub.NewMemory(cfg), subscribed: map[string]int{}}
}

var errAway = errors.New("broker: away")

func (b *broker) setAway(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

func (b *broker) Publish(ctx context.Context, topic string, msg []byte) (hub.Pos, error) {
	b.mu.Lock()
	away := b.away
	b.mu.Unlock()
	if away {
		return hub.Pos{}, errAway
	}
	return b.Broker.Publish(ctx, topic, msg)
}

func (b *broker) Subscribe(topic string, since hub.Pos, fn func(hub.Pos, []byte)) (func(), bool, error) {
	b.mu.Lock()
	b.total++
	away := b.away
	if !away {
		b.subscribed[topic]++
	}
	b.mu.Unlock()
	if away {
		return nil, false, errAway
	}
	cancel, recovered, err := b.Broker.Subscribe(topic, since, fn)
	return func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.subscribed[topic]--; b.subscribed[topic] == 0 {
			delete(b.subscribed, topic)
		}
	}, recovered, err
}

func (b *broker) subscriptions() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.subscribed)
}

// scripted is a broker whose messages the test makes.
type scripted struct{ fn func(hub.Pos, []byte) }

func (b *scripted) Publish(context.Context, string, []byte) (hub.Pos, error) {
	return hub.Pos{}, errAway
}

func (b *scripted) Subscribe(_ string, _ hub.Pos, fn func(hub.Pos, []byte)) (func(), bool, error) {
	b.fn = fn
	return func() {}, true, nil
}

func (b *scripted) deliver(pos hub.Pos, raw string) { b.fn(pos, []byte(raw)) }

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// gate is a broker whose Subscribe waits.
type gate struct {
	*broker
	open chan struct{}
}

func (g *gate) Subscribe(topic string, since hub.Pos, fn func(hub.Pos, []byte)) (func(), bool, error) {
	cancel, recovered, err := g.broker.Subscribe(topic, since, fn)
	<-g.open
	return cancel, recovered, err
}
