package redisbroker_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/goquart/quart/contrib/redisbroker"
	"github.com/goquart/quart/hub"
)

// TestKilledUnderLoad: the server is killed, and comes back, while 16 publishers are at work. Both processes get each message once.
func TestKilledUnderLoad(t *testing.T) {
	const publishers, each = 16, 500
	s := startServer(t)
	one, other := newBroker(t, redisbroker.Config{URL: s.url(), Timeout: patience}), newBroker(t, redisbroker.Config{URL: s.url(), Timeout: patience})
	here, there := subscribe(t, one, "topic", hub.Pos{}), subscribe(t, other, "topic", hub.Pos{})
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				if _, err := one.Publish(context.Background(), "topic", fmt.Appendf(nil, "%d/%d", p, i)); err != nil {
					t.Errorf("Publish: %v", err)
					return
				}
			}
		})
	}
	for n := range 2 {
		eventually(t, "a share of the messages", func() bool { return len(there.all()) > (n+1)*publishers*each/4 })
		s.kill()
		s.start(t)
	}
	wg.Wait()
	publish(t, one, "topic", "end")
	for _, in := range []*inbox{here, there} {
		next := make(map[int]int)
		got := in.until("end")
		for _, m := range got[:len(got)-1] {
			var p, i int
			if _, err := fmt.Sscanf(m.text, "%d/%d", &p, &i); err != nil || next[p] != i {
				t.Fatalf("%q, want number %d of that publisher", m.text, next[p])
			}
			next[p]++
			if m.pos.Epoch != got[0].pos.Epoch {
				t.Fatalf("another epoch at %q", m.text)
			}
		}
		if len(got) != publishers*each+1 {
			t.Errorf("%d messages, want %d", len(got), publishers*each+1)
		}
	}
}
