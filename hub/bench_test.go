package hub_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
)

// counter is a connection that only counts, about as cheap as a Post can be.
type counter struct {
	ctx    context.Context
	posted int
	last   *quart.Frame
}

func (c *counter) Context() context.Context { return c.ctx }
func (c *counter) Close()                   {}
func (c *counter) Post(f *quart.Frame) error {
	c.posted++
	c.last = f
	return nil
}

// crowd makes n members, and another one that tells when it was posted to: it is the last.
func crowd(tb testing.TB, topic *hub.Topic, n int, format hub.Format) (posted chan struct{}, all []*counter) {
	for range n - 1 {
		c := &counter{ctx: context.Background()}
		all = append(all, c)
		if _, err := topic.JoinWith(c, hub.Options{Format: format}); err != nil {
			tb.Fatal(err)
		}
	}
	last := &signal{make(chan struct{}, 1)}
	if _, err := topic.JoinWith(last, hub.Options{Format: hub.Plain}); err != nil {
		tb.Fatal(err)
	}
	return last.posted, all
}

type signal struct{ posted chan struct{} }

func (s *signal) Context() context.Context { return context.Background() }
func (s *signal) Close()                   {}
func (s *signal) Post(*quart.Frame) error {
	s.posted <- struct{}{}
	return nil
}

// BenchmarkPublish is one message of 128 bytes after the other, each awaited, beside a loop that posts a frame to the same connections.
func BenchmarkPublish(b *testing.B) {
	msg := make([]byte, 128)
	for i := range msg {
		msg[i] = 'x'
	}
	for _, n := range []int{1, 1000, 9000} {
		topic := new(hub.Hub).Topic("bench")
		posted, all := crowd(b, topic, n, hub.Plain)
		lives := []quart.Live{}
		for _, c := range all {
			lives = append(lives, c)
		}
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := topic.Publish(context.Background(), msg); err != nil {
					b.Fatal(err)
				}
				<-posted
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/receiver")
		})
		b.Run(fmt.Sprintf("loop=%d", n), func(b *testing.B) {
			for b.Loop() {
				f := quart.NewFrame("", quart.Message{Data: msg})
				for _, l := range lives {
					if l.Post(f) != nil {
						b.Fatal()
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/receiver")
		})
	}
}

// BenchmarkJoin is joining and leaving, for connections with a context and for those that say themselves when they are over.
func BenchmarkJoin(b *testing.B) {
	topic := new(hub.Hub).Topic("bench")
	crowd(b, topic, 1000, hub.Plain)
	run := func(name string, make func(ctx context.Context) quart.Live) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ctx, cancel := context.WithCancel(context.Background())
				m, err := topic.JoinWith(make(ctx), hub.Options{})
				if err != nil {
					b.Fatal(err)
				}
				m.Leave()
				cancel()
			}
		})
	}
	run("context", func(ctx context.Context) quart.Live { return &counter{ctx: ctx} })
	run("notifier", func(ctx context.Context) quart.Live { return &notifier{counter: counter{ctx: ctx}} })
}

// notifier says itself when it is over.
type notifier struct {
	counter
	members []interface{ Gone() }
}

func (n *notifier) Notify(g interface{ Gone() }) { n.members = append(n.members, g) }
func (n *notifier) Forget(g interface{ Gone() }) {
	n.members = slices.DeleteFunc(n.members, func(m interface{ Gone() }) bool { return m == g })
}
