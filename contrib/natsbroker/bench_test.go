package natsbroker_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/goquart/quart/contrib/natsbroker"
	"github.com/goquart/quart/contrib/natsbroker/embedded"
	"github.com/goquart/quart/hub"
)

// benchBroker is connected through TCP to a server in this process: its work is in the figures.
func benchBroker(b *testing.B) *natsbroker.Broker {
	b.Helper()
	srv, err := embedded.Start(embedded.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = srv.Close(context.Background()) })
	broker, err := natsbroker.New(b.Context(), natsbroker.Config{URL: srv.URL(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = broker.Close() })
	return broker
}

// BenchmarkPublish is the time until the server has stored the message.
func BenchmarkPublish(b *testing.B) {
	broker := benchBroker(b)
	msg := make([]byte, 128)
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := broker.Publish(b.Context(), "topic", msg); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("64 at a time", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := broker.Publish(b.Context(), "topic", msg); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// BenchmarkDeliver is the time from Publish to fn, by way of the server.
func BenchmarkDeliver(b *testing.B) {
	broker := benchBroker(b)
	arrived := make(chan struct{}, 1)
	cancel, _, err := broker.Subscribe("topic", hub.Pos{}, func(hub.Pos, []byte) { arrived <- struct{}{} })
	if err != nil {
		b.Fatal(err)
	}
	defer cancel()
	msg := make([]byte, 128)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := broker.Publish(b.Context(), "topic", msg); err != nil {
			b.Fatal(err)
		}
		<-arrived
	}
}

// BenchmarkSubscribe is one subscription more of ever new topics.
func BenchmarkSubscribe(b *testing.B) {
	broker := benchBroker(b)
	var n atomic.Int64
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := broker.Subscribe(fmt.Sprint("topic ", n.Add(1)), hub.Pos{}, func(hub.Pos, []byte) {}); err != nil {
			b.Fatal(err)
		}
	}
}
