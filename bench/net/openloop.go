//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A latency is the distribution of the answer times of one open loop, in
// microseconds.
type latency struct {
	P50, P99, P999 float64
	// Late is the 99.9th percentile of how long after its time a request was
	// sent. The loader's own delays are in it: a large value means that the
	// machine was not free.
	Late float64
}

// openLoop sends requests at a constant rate, whether or not earlier ones are
// answered, and takes each one's time from the moment when it was to be sent:
// a stall of the server counts for all requests that fall into it (no
// coordinated omission). A request that finds every connection waiting is
// sent late and pays for that as well. Between two requests the loop spins:
// a sleep would send in bursts.
func (l *loader) openLoop(ctx context.Context, rate float64, d time.Duration) (latency, error) {
	total := max(int(rate*d.Seconds()), 1)
	interval := float64(time.Second) / rate
	took, late := make([]time.Duration, 0, total), make([]time.Duration, 0, total)
	// First in, first out: all connections take their turn.
	free := make(chan *conn, len(l.conns))
	for _, c := range l.conns {
		free <- c
	}
	start := time.Now()
	giveUp := start.Add(2*d + stuck)
	for len(took) < total {
		now := time.Now()
		for len(late) < total && len(free) > 0 {
			due := start.Add(time.Duration(float64(len(late)) * interval))
			if due.After(now) {
				break
			}
			c := <-free
			c.due = due
			late = append(late, time.Since(due))
			if err := l.send(c); err != nil {
				return latency{}, err
			}
		}
		if now.After(giveUp) {
			return latency{}, fmt.Errorf("%d of %d requests answered: the server does not keep up with %.0f per second", len(took), total, rate)
		}
		ready, err := l.wait(ctx, 0)
		if err != nil {
			return latency{}, err
		}
		for _, event := range ready {
			c := l.conns[event.Fd]
			n, err := l.receive(c)
			if err != nil {
				return latency{}, err
			}
			if n > 0 {
				took = append(took, time.Since(c.due))
				free <- c
			}
		}
	}
	slices.Sort(took)
	slices.Sort(late)
	return latency{P50: quantile(took, 0.5), P99: quantile(took, 0.99), P999: quantile(took, 0.999), Late: quantile(late, 0.999)}, nil
}

// quantile is the smallest value that a share q of the sorted values does not
// exceed, in microseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	i := int(q * float64(len(sorted)))
	return micros(sorted[min(i, len(sorted)-1)])
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
