//go:build !race && !quartdebug

package hub_test

import (
	"testing"

	"github.com/goquart/quart/hub"
)

func TestMemoryAllocs(t *testing.T) {
	ctx, msg := t.Context(), make([]byte, 128)
	for _, c := range []struct {
		name   string
		config hub.MemoryConfig
		want   float64
	}{
		{"history", hub.MemoryConfig{}, 1},
		{"none", hub.MemoryConfig{History: -1}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := hub.NewMemory(c.config)
			n := 0
			cancel, _, _ := m.Subscribe("a", hub.Pos{}, func(_ hub.Pos, msg []byte) { n += len(msg) })
			defer cancel()
			for range 200 { // the ring is grown
				m.Publish(ctx, "a", msg)
			}
			if got := testing.AllocsPerRun(100, func() { m.Publish(ctx, "a", msg) }); got != c.want {
				t.Errorf("%v allocations, want %v", got, c.want)
			}
		})
	}
}
