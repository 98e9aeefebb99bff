package hub_test

import (
	"fmt"
	"testing"

	"github.com/goquart/quart/hub"
)

func BenchmarkMemoryPublish(b *testing.B) {
	ctx, msg := b.Context(), make([]byte, 128)
	for _, subscribers := range []int{0, 1, 16} {
		b.Run(fmt.Sprint("subscribers=", subscribers), func(b *testing.B) {
			b.ReportAllocs()
			m := hub.NewMemory(hub.MemoryConfig{})
			n := 0
			for range subscribers {
				cancel, _, _ := m.Subscribe("a", hub.Pos{}, func(_ hub.Pos, msg []byte) { n += len(msg) })
				defer cancel()
			}
			for b.Loop() {
				m.Publish(ctx, "a", msg)
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		m := hub.NewMemory(hub.MemoryConfig{})
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				m.Publish(ctx, memoryTopics[i%len(memoryTopics)], msg)
			}
		})
	})
}

// BenchmarkMemoryEvict publishes to ever new topics, each of which pushes another one out.
func BenchmarkMemoryEvict(b *testing.B) {
	names := make([]string, 30_000)
	for i := range names {
		names[i] = fmt.Sprint("topic ", i)
	}
	b.ReportAllocs()
	m := hub.NewMemory(hub.MemoryConfig{})
	msg := make([]byte, 128)
	i := 0
	for b.Loop() {
		m.Publish(b.Context(), names[i%len(names)], msg)
		i++
	}
}

func BenchmarkMemorySubscribe(b *testing.B) {
	b.ReportAllocs()
	m := hub.NewMemory(hub.MemoryConfig{})
	put(b, m, "a", "x")
	for b.Loop() {
		cancel, _, _ := m.Subscribe("a", hub.Pos{}, func(hub.Pos, []byte) {})
		cancel()
	}
}

var memoryTopics = []string{"lobby", "room 1", "room 2", "room 3", "room 4", "room 5", "room 6", "room 7"}
