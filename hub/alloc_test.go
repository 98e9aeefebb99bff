//go:build !race && !quartdebug

package hub_test

import (
	"context"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
)

// fewest is the least of what three measurements of f say: what other tests have left behind allocates, too, and so does a pool that was emptied.
func fewest(f func()) float64 {
	n := testing.AllocsPerRun(500, f)
	for range 2 {
		n = min(n, testing.AllocsPerRun(500, f))
	}
	return n
}

// TestPublishAllocs: a message costs the same number of allocations whatever the number of members, for each form of it.
func TestPublishAllocs(t *testing.T) {
	msg := []byte("a message of some length, as they are")
	for _, tt := range []struct {
		name   string
		format hub.Format
		most   float64
	}{{"plain", hub.Plain, 10}, {"envelope and plain", hub.Envelope, 15}} {
		for _, n := range []int{1, 2, 1000} {
			topic := new(hub.Hub).Topic("x")
			posted, _ := crowd(t, topic, n, tt.format)
			allocs := fewest(func() {
				if _, err := topic.Publish(context.Background(), msg); err != nil {
					t.Fatal(err)
				}
				<-posted
			})
			if allocs > tt.most {
				t.Errorf("%s, %d members: %v allocations", tt.name, n, allocs)
			}
		}
	}
}

// TestJoinAllocs: the member, what it walks with, and the notifier's own.
func TestJoinAllocs(t *testing.T) {
	topic := new(hub.Hub).Topic("x")
	crowd(t, topic, 10, hub.Plain)
	var l quart.Live = &notifier{members: make([]interface{ Gone() }, 0, 1)}
	allocs := fewest(func() {
		m, err := topic.JoinWith(l, hub.Options{})
		if err != nil {
			t.Fatal(err)
		}
		m.Leave()
	})
	if allocs > 3 {
		t.Errorf("%v allocations", allocs)
	}
}
