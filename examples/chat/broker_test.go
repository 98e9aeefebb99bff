package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/goquart/quart/hub"
	"github.com/goquart/quart/quarttest"
)

// shaky is a broker that can be away.
type shaky struct {
	*hub.Memory
	away   atomic.Bool
	closed atomic.Bool
}

var errAway = errors.New("the broker is away")

func (s *shaky) Publish(ctx context.Context, topic string, msg []byte) (hub.Pos, error) {
	if s.away.Load() {
		return hub.Pos{}, errAway
	}
	return s.Memory.Publish(ctx, topic, msg)
}

func (s *shaky) Subscribe(topic string, since hub.Pos, fn func(hub.Pos, []byte)) (cancel func(), recovered bool, err error) {
	if s.away.Load() {
		return nil, false, errAway
	}
	return s.Memory.Subscribe(topic, since, fn)
}

func (s *shaky) Close() error {
	s.closed.Store(true)
	return nil
}

// TestBrokerAway: who is in a room stays there and is told what is not sent; who wants to come in is told to try again later.
func TestBrokerAway(t *testing.T) {
	b := &shaky{Memory: hub.NewMemory(hub.MemoryConfig{})}
	cl := newClient(t, settings{broker: b})
	ada, bob := newVisit(t, cl, "Ada"), newVisit(t, cl, "Bob")
	ada.join("lobby", "")
	b.away.Store(true)
	if answer, _ := ada.answer(command{Do: "say", Room: "lobby", Text: "hello", Key: "k"}); answer.Key != "k" || !strings.Contains(answer.Error, "Nobody knows") {
		t.Errorf("Ada is told %+v", answer)
	}
	bob.send(command{Do: "join", Room: "cellar"})
	if end := quarttest.ReadClose(t, bob.ws); end.Code != 1013 {
		t.Errorf("Bob is told %+v, want 1013", end)
	}
	b.away.Store(false)
	ada.say("lobby", "hello again")
	if m := ada.heard(); m.Text != "hello again" {
		t.Errorf("Ada hears %+v", m)
	}
	if err := cl.Stop(); err != nil {
		t.Error(err)
	}
	if !b.closed.Load() {
		t.Error("the broker is open when the app has stopped")
	}
}

func TestOpenBroker(t *testing.T) {
	if b, err := openBroker(t.Context(), ""); b != nil || err != nil {
		t.Errorf("%v, %v", b, err)
	}
	for _, url := range []string{"amqp://127.0.0.1", "127.0.0.1:4222", "redis://%zz", "nats://127.0.0.1:1"} {
		if b, err := openBroker(t.Context(), url); err == nil {
			t.Errorf("%q: no error", url)
			_ = b.Close()
		}
	}
}
