package http2_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// TestPriorities: urgent responses go first, those of one urgency take turns unless the client asks for one after the other (RFC 9218).
func TestPriorities(t *testing.T) {
	s := serve(t, http2.Config{}, func(ctx *fasthttp.RequestCtx) {
		ctx.SetBody(make([]byte, 4*frameLimit))
		if string(ctx.Path()) == "/fill" {
			ctx.SetBody(make([]byte, defaultWindow))
		}
	})
	const size = 4 * frameLimit
	for _, tt := range []struct {
		name       string
		priorities []string // of streams 1, 3, ...; "" for none
		updates    map[int]string
		before     bool   // the updates come before the streams
		want       string // the streams' numbers, as their DATA comes
	}{
		{"none", []string{"", ""}, nil, false, "0 1 0 1 0 1 0 1"},
		{"urgency", []string{"u=5", "u=1", "u=3"}, nil, false, "1 1 1 1 2 2 2 2 0 0 0 0"},
		{"urgency and the default", []string{"u=4", "", "u=2"}, nil, false, "2 2 2 2 1 1 1 1 0 0 0 0"},
		{"incremental", []string{"u=1, i", "u=1, i"}, nil, false, "0 1 0 1 0 1 0 1"},
		{"in order", []string{"u=1", "u=1"}, nil, false, "0 0 0 0 1 1 1 1"},
		{"PRIORITY_UPDATE", []string{"u=1", "u=2"}, map[int]string{0: "u=6"}, false, "1 1 1 1 0 0 0 0"},
		{"PRIORITY_UPDATE of a stream to come", []string{"", ""}, map[int]string{1: "u=0"}, true, "1 1 1 1 0 0 0 0"},
		{"nonsense", []string{"u=9", "i=maybe, u=x"}, nil, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.dialFor(t, setInitialWindow, 1<<20)
			c.stingy = true
			c.want(c.get("/fill"), "200", "*") // takes the connection's window
			update := func(base uint32) {
				for n, p := range tt.updates {
					c.send(frame(typePriorityUpdate, 0, 0, append(u32(base+2*uint32(n)), p...)...))
				}
			}
			base := c.next
			if tt.before {
				update(base)
			}
			for i, p := range tt.priorities {
				if p == "" {
					c.get("/")
				} else {
					c.get("/", "priority", p)
				}
				// In this order: which of two answers is there first is up to the handlers.
				c.until("the head", func() bool { return c.answer(base+2*uint32(i)).fields != nil })
			}
			if !tt.before {
				update(base)
			}
			c.sync()
			c.order = nil
			c.send(windowUpdate(0, uint32(len(tt.priorities)*size)))
			for i := range tt.priorities {
				c.want(base+2*uint32(i), "200", "*")
			}
			var order []string
			for _, id := range c.order {
				order = append(order, fmt.Sprint((id-base)/2))
			}
			if got := strings.Join(order, " "); tt.want != "" && got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
