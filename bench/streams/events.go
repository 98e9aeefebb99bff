//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/goquart/quart/bench/internal/proc"
	"github.com/goquart/quart/bench/internal/rounds"
)

// A source is one way to send events.
type source struct {
	Name       string // in the tables
	server     string
	path       string
	goroutines int // expected for each stream
}

// idle are the streams whose memory is measured, busy those that send.
var (
	idle = []source{
		{"quart, loop", ours, tickPath, 1},
		{"quart, parked", ours, parkedPath, 0},
		{"fasthttp, body stream writer", raw, roundsPath, 2},
		{"net/http, Flush", netHTTP, roundsPath, 2},
	}
	busy = []source{
		{"quart, loop", ours, roundsPath, 1},
		{"quart, posted", ours, parkedPath, 0},
		{"fasthttp, body stream writer", raw, roundsPath, 2},
		{"net/http, Flush", netHTTP, roundsPath, 2},
	}
)

// withServer calls f on a new server process.
func (cfg *config) withServer(ctx context.Context, name, profile string, f func(context.Context, *proc.Server) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	s, err := proc.Start(ctx, cfg.cores.Server, name, profile, "")
	if err != nil {
		return err
	}
	defer s.Stop()
	return f(ctx, s)
}

// ---- memory ----

// A memoryRow is the cost of one open stream that waits, in bytes and goroutines of the server.
type memoryRow struct {
	Source                 string
	Streams                int
	Resident, Heap, Stacks float64 // growth of the process for each stream
	Goroutines             float64
}

func measureMemory(ctx context.Context, cfg config) (rows []memoryRow, err error) {
	for _, src := range idle {
		progress("memory: %s", src.Name)
		err := cfg.withServer(ctx, src.server, "", func(ctx context.Context, s *proc.Server) error {
			row, err := cfg.memoryOf(ctx, s, src)
			rows = append(rows, row)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", src.Name, err)
		}
	}
	return rows, nil
}

func (cfg *config) memoryOf(ctx context.Context, s *proc.Server, src source) (memoryRow, error) {
	goroutines, err := s.Ask1("goroutines")
	if err != nil {
		return memoryRow{}, err
	}
	// Some streams that come and go bring the code into memory, which is not what a stream costs.
	if err := cfg.openAndClose(ctx, s, src, min(cfg.Streams, 64)); err != nil {
		return memoryRow{}, err
	}
	if _, err := s.WaitGoroutines(cfg.Settle, goroutines+1); err != nil { // quart's sweeper
		return memoryRow{}, err
	}
	before, err := s.Ask("memory", 3)
	if err != nil {
		return memoryRow{}, err
	}
	if goroutines, err = s.Ask1("goroutines"); err != nil {
		return memoryRow{}, err
	}
	c, err := openStreams(ctx, s.Addr, src.path, cfg.Streams)
	if err != nil {
		return memoryRow{}, err
	}
	defer c.close()
	now, err := s.WaitGoroutines(cfg.Settle, goroutines+int64(src.goroutines*cfg.Streams))
	if err != nil {
		return memoryRow{}, err
	}
	after, err := s.Ask("memory", 3)
	if err != nil {
		return memoryRow{}, err
	}
	if file := cfg.profileFile("memory " + src.Name); file != "" {
		if _, err := s.Ask("heap "+file, 0); err != nil {
			return memoryRow{}, err
		}
	}
	each := func(before, after int64) float64 { return float64(after-before) / float64(cfg.Streams) }
	return memoryRow{
		Source: src.Name, Streams: cfg.Streams, Goroutines: each(goroutines, now),
		Resident: each(before[0], after[0]), Heap: each(before[1], after[1]), Stacks: each(before[2], after[2]),
	}, c.check(1)
}

func (cfg *config) openAndClose(ctx context.Context, s *proc.Server, src source, n int) error {
	c, err := openStreams(ctx, s.Addr, src.path, n)
	if err != nil {
		return err
	}
	c.close()
	_, err = s.Ask("round 4", 1) // those that only notice a client's leaving when they write
	return err
}

// ---- events ----

// An eventsRow is the cost of events, in microseconds.
type eventsRow struct {
	Source   string
	Events   int           // in each round
	CPU      rounds.Figure // of the server for each event
	P50, P99 rounds.Figure // from the start of a burst, or of a single event for all, to a stream's first event
}

// A sample is what one process gave.
type sample struct{ cpu, p50, p99 float64 }

// measureEvents sends bursts, and single events, to many streams at once.
func measureEvents(ctx context.Context, cfg config) (bursts, singles []eventsRow, err error) {
	burstOf, singleOf := map[string][]sample{}, map[string][]sample{}
	for round := range cfg.Rounds {
		progress("events: round %d of %d", round+1, cfg.Rounds)
		for _, src := range rounds.Turns(busy, round) {
			profile := cfg.profileFile(fmt.Sprintf("burst %s %d", src.Name, round))
			err := cfg.withServer(ctx, src.server, profile, func(ctx context.Context, s *proc.Server) error {
				burst, single, err := cfg.eventsOf(ctx, s, src)
				burstOf[src.Name] = append(burstOf[src.Name], burst)
				singleOf[src.Name] = append(singleOf[src.Name], single)
				return err
			})
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", src.Name, err)
			}
		}
	}
	for _, src := range busy {
		bursts = append(bursts, eventsRowOf(src.Name, cfg.Busy*cfg.Bursts*cfg.Burst, burstOf[src.Name]))
		singles = append(singles, eventsRowOf(src.Name, cfg.Busy*cfg.Singles, singleOf[src.Name]))
	}
	return bursts, singles, nil
}

func eventsRowOf(name string, events int, samples []sample) eventsRow {
	column := func(f func(sample) float64) rounds.Figure {
		var values []float64
		for _, s := range samples {
			values = append(values, f(s))
		}
		return rounds.Of(values)
	}
	return eventsRow{
		Source: name, Events: events,
		CPU: column(func(s sample) float64 { return s.cpu }),
		P50: column(func(s sample) float64 { return s.p50 }),
		P99: column(func(s sample) float64 { return s.p99 }),
	}
}

func (cfg *config) eventsOf(ctx context.Context, s *proc.Server, src source) (burst, single sample, err error) {
	c, err := openStreams(ctx, s.Addr, src.path, cfg.Busy)
	if err != nil {
		return burst, single, err
	}
	defer c.close()
	h := &hall{server: s, client: c, seen: 1}
	if _, err = h.perform(ctx, 2, cfg.Burst, cfg.Pause); err != nil { // warm-up
		return burst, single, err
	}
	if burst, err = h.perform(ctx, cfg.Bursts, cfg.Burst, cfg.Pause); err != nil {
		return burst, single, err
	}
	if single, err = h.perform(ctx, cfg.Singles, 1, cfg.Pause); err != nil {
		return burst, single, err
	}
	return burst, single, c.check(h.seen)
}

// A hall is a server and the streams that listen to it.
type hall struct {
	server *proc.Server
	client *client
	seen   int // events in each stream so far
}

// perform has rounds of n events sent to every stream, each one pause after the one before has arrived.
func (h *hall) perform(ctx context.Context, rounds, n int, pause time.Duration) (sample, error) {
	var delays []time.Duration
	before, err := h.server.Ask1("cpu")
	if err != nil {
		return sample{}, err
	}
	for range rounds {
		time.Sleep(pause)
		if err := h.server.Say(fmt.Sprintf("round %d", n)); err != nil {
			return sample{}, err
		}
		h.seen += n
		firsts, err := h.client.await(ctx, h.seen)
		if err != nil {
			return sample{}, err
		}
		began, err := h.server.Hear(1)
		if err != nil {
			return sample{}, err
		}
		for _, first := range firsts {
			delays = append(delays, time.Duration(first-began[0]))
		}
	}
	after, err := h.server.Ask1("cpu")
	if err != nil {
		return sample{}, err
	}
	slices.Sort(delays)
	perEvent := time.Duration(after-before).Seconds() * 1e6 / float64(rounds*n*len(h.client.streams))
	return sample{perEvent, quantile(delays, 0.5), quantile(delays, 0.99)}, nil
}

// quantile is the smallest value that a share q of the sorted values does not exceed, in microseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	i := min(int(q*float64(len(sorted))), len(sorted)-1)
	return float64(sorted[i].Nanoseconds()) / 1e3
}
