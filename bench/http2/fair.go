//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/goquart/quart/bench/internal/proc"
	"github.com/goquart/quart/bench/internal/rounds"
)

// crowd is how many answers of bigPath flow at once.
const crowd = 100

// A fairRow is what a small request has to wait for while many big answers flow on its connection.
type fairRow struct {
	Server        string
	Samples       int
	P50, P99, Max float64       // milliseconds, over all rounds
	Wall          rounds.Figure // milliseconds until all of the crowd had come
	CPU           rounds.Figure // of the server, microseconds per MiB
}

// A crowding is one server's share of a round.
type crowding struct {
	small []time.Duration
	wall  []time.Duration
	cpu   float64
}

func measureFair(ctx context.Context, cfg config) (rows []fairRow, err error) {
	all := map[string][]crowding{}
	for round := range cfg.Rounds {
		progress("fair: round %d of %d", round+1, cfg.Rounds)
		for _, srv := range rounds.Turns(cfg.Servers, round) {
			profile := cfg.profileFile(fmt.Sprintf("fair %s %d", srv.Name, round))
			err := cfg.withServer(ctx, srv.Name, profile, "", func(ctx context.Context, s *proc.Server) error {
				got, err := cfg.fairOnce(ctx, s)
				all[srv.Name] = append(all[srv.Name], got)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", srv.Name, err)
			}
		}
	}
	for _, srv := range cfg.Servers {
		rows = append(rows, fairRowOf(srv.Name, all[srv.Name]))
	}
	return rows, nil
}

func (cfg *config) fairOnce(ctx context.Context, s *proc.Server) (got crowding, err error) {
	c, err := dial(ctx, s.Addr, false)
	if err != nil {
		return got, err
	}
	defer c.close()
	if _, _, err := c.crowd(); err != nil { // warms up
		return got, err
	}
	before, err := s.Ask1("cpu")
	if err != nil {
		return got, err
	}
	for range cfg.Crowds {
		wall, small, err := c.crowd()
		if err != nil {
			return got, err
		}
		got.wall, got.small = append(got.wall, wall), append(got.small, small...)
	}
	after, err := s.Ask1("cpu")
	got.cpu = time.Duration(after-before).Seconds() * 1e6 / float64(cfg.Crowds*crowd*bigBytes>>20)
	return got, err
}

// crowd asks for all of the big answers, and then for one small answer after the other until the big ones have come. A small one that
// was asked for before and comes after them counts.
func (c *client) crowd() (wall time.Duration, small []time.Duration, err error) {
	start := time.Now()
	came := map[uint32]int{} // bytes of each big answer that is not complete
	for range crowd {
		stream, err := c.get(bigPath)
		if err != nil {
			return 0, nil, err
		}
		came[stream] = 0
	}
	for len(came) > 0 {
		asked := time.Now()
		stream, err := c.get(plainPath)
		if err != nil {
			return 0, nil, err
		}
		for p := (piece{}); p.stream != stream || !p.end; {
			if p, err = c.next(); err != nil {
				return 0, nil, err
			}
			if p.stream == stream {
				continue
			}
			if err := take(came, p); err != nil {
				return 0, nil, err
			}
			if len(came) == 0 {
				wall = time.Since(start)
			}
		}
		small = append(small, time.Since(asked))
	}
	return wall, small, nil
}

// take counts a piece of a big answer, which must be what belongs there.
func take(came map[uint32]int, p piece) error {
	at, ok := came[p.stream]
	if !ok {
		return fmt.Errorf("a frame came on stream %d, which has no request or had its answer", p.stream)
	}
	end := at + len(p.data)
	if end > bigBytes || !bytes.Equal(p.data, filler[at:end]) || p.end && end != bigBytes {
		return fmt.Errorf("stream %d: bytes %d to %d are not what they must be", p.stream, at, end)
	}
	if p.end {
		delete(came, p.stream)
		return nil
	}
	came[p.stream] = end
	return nil
}

func fairRowOf(name string, all []crowding) fairRow {
	var small []time.Duration
	var walls, cpus []float64
	for _, got := range all {
		small = append(small, got.small...)
		cpus = append(cpus, got.cpu)
		slices.Sort(got.wall)
		walls = append(walls, millis(got.wall[len(got.wall)/2]))
	}
	slices.Sort(small)
	return fairRow{
		Server: name, Samples: len(small), Wall: rounds.Of(walls), CPU: rounds.Of(cpus),
		P50: millis(percentile(small, 0.5)), P99: millis(percentile(small, 0.99)), Max: millis(small[len(small)-1]),
	}
}

func millis(d time.Duration) float64 { return d.Seconds() * 1e3 }

// percentile is the smallest of sorted values that at least a share p of them does not exceed.
func percentile(sorted []time.Duration, p float64) time.Duration {
	return sorted[max(0, int(math.Ceil(p*float64(len(sorted))))-1)]
}
