package redisbroker_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/goquart/quart/contrib/redisbroker"
	"github.com/goquart/quart/hub"
)

// BenchmarkPublish: one after the other, a round trip each. The server keeps nothing on disk here.
func BenchmarkPublish(b *testing.B) {
	s := startServer(b, "--appendonly", "no")
	broker := newBroker(b, redisbroker.Config{URL: s.url()})
	msg := make([]byte, 128)
	for b.Loop() {
		if _, err := broker.Publish(context.Background(), "topic", msg); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGathered: 64 publishers at a time, of one topic and of many.
func BenchmarkGathered(b *testing.B) {
	for _, topics := range []uint64{1, 64} {
		b.Run(fmt.Sprintf("topics=%d", topics), func(b *testing.B) {
			s := startServer(b, "--appendonly", "no")
			broker := newBroker(b, redisbroker.Config{URL: s.url()})
			msg := make([]byte, 128)
			var n atomic.Uint64
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				topic := fmt.Sprint(n.Add(1) % topics)
				for pb.Next() {
					if _, err := broker.Publish(context.Background(), topic, msg); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkDelivery: from Publish in one process to fn in another.
func BenchmarkDelivery(b *testing.B) {
	s := startServer(b, "--appendonly", "no")
	one, other := newBroker(b, redisbroker.Config{URL: s.url()}), newBroker(b, redisbroker.Config{URL: s.url()})
	came := make(chan struct{}, 1)
	cancel, _, err := other.Subscribe("topic", hub.Pos{}, func(hub.Pos, []byte) { came <- struct{}{} })
	if err != nil {
		b.Fatal(err)
	}
	defer cancel()
	msg := make([]byte, 128)
	for b.Loop() {
		if _, err := one.Publish(context.Background(), "topic", msg); err != nil {
			b.Fatal(err)
		}
		<-came
	}
}
