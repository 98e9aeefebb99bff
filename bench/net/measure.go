//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

const (
	pipelined  = 16 // requests at once on a connection, in the second table
	warmUp     = 200 * time.Millisecond
	extraGrace = 10 * time.Second // beyond three times its duration, one measurement is cut
)

// measure runs the closed loops, then the open ones at a rate taken from them.
func measure(ctx context.Context, cfg config) (*report, error) {
	rep := newReport(cfg)
	for _, depth := range []int{1, pipelined} {
		t, err := measureClosed(ctx, cfg, depth)
		if err != nil {
			return nil, err
		}
		rep.Closed = append(rep.Closed, t)
	}
	rate := cfg.Rate
	if rate == 0 {
		rate = rep.Closed[0].Servers[0].Rate.Median / 2
	}
	var err error
	if rep.Open, err = measureOpen(ctx, cfg, rate); err != nil {
		return nil, err
	}
	rep.Targets = rep.targets()
	return rep, nil
}

// turns is the order of one round: there and back, so that a drift of the
// machine meets both of a pair alike.
func turns(servers []framework, round int) []framework {
	servers = slices.Clone(servers)
	if round%2 == 1 {
		slices.Reverse(servers)
	}
	return servers
}

func measureClosed(ctx context.Context, cfg config, depth int) (closedTable, error) {
	cpu, rate := map[string][]float64{}, map[string][]float64{}
	for round := range cfg.Rounds {
		fmt.Fprintf(os.Stderr, "closed loop, %d at once: round %d of %d\n", depth, round+1, cfg.Rounds)
		for _, fw := range turns(cfg.Servers, round) {
			perRequest, v, err := cfg.closed(ctx, fw, depth, round)
			if err != nil {
				return closedTable{}, fmt.Errorf("%s, %d at once: %w", fw.name, depth, err)
			}
			cpu[fw.name] = append(cpu[fw.name], perRequest)
			rate[fw.name] = append(rate[fw.name], v.rate())
		}
	}
	t := closedTable{Depth: depth}
	for _, fw := range cfg.Servers {
		t.Servers = append(t.Servers, closedRow{
			Server: fw.name, Version: fw.version(),
			CPU: figureOf(cpu[fw.name]), Ratio: figureOf(ratios(cpu[fw.name], cpu[raw])), Rate: figureOf(rate[fw.name]),
		})
	}
	return t, nil
}

// withServer calls f on a new process of fw that has answered requests for a while.
func (cfg *config) withServer(ctx context.Context, fw framework, profile string, depth int, f func(context.Context, *server) error) error {
	ctx, cancel := context.WithTimeout(ctx, 3*cfg.Time+extraGrace)
	defer cancel()
	s, err := startServer(ctx, fw, cfg.cores.Server, profile)
	if err != nil {
		return err
	}
	defer s.stop()
	if _, err := cfg.ownLoop(ctx, s, depth, min(warmUp, cfg.Time)); err != nil {
		return fmt.Errorf("warm-up: %w", err)
	}
	return f(ctx, s)
}

func (cfg *config) ownLoop(ctx context.Context, s *server, depth int, d time.Duration) (volume, error) {
	l, err := newLoader(s.addr, cfg.Path, cfg.Conns, depth)
	if err != nil {
		return volume{}, err
	}
	defer l.close()
	return l.closedLoop(ctx, d)
}

// closed is one closed loop against one server: its CPU per request in
// microseconds, and the volume.
func (cfg *config) closed(ctx context.Context, fw framework, depth, round int) (perRequest float64, v volume, err error) {
	profile := cfg.profileFile(fw, fmt.Sprintf("x%d", depth), round)
	err = cfg.withServer(ctx, fw, profile, depth, func(ctx context.Context, s *server) error {
		before, err := s.cpu()
		if err != nil {
			return err
		}
		if cfg.Load == loadWrk {
			v, err = wrkLoop(ctx, s.addr, cfg.Path, cfg.Conns, depth, cfg.Time)
		} else {
			v, err = cfg.ownLoop(ctx, s, depth, cfg.Time)
		}
		if err != nil {
			return err
		}
		after, err := s.cpu()
		perRequest = micros(after-before) / float64(v.requests)
		return err
	})
	return perRequest, v, err
}

// measureOpen compares the latencies of raw fasthttp and quart.
func measureOpen(ctx context.Context, cfg config, rate float64) (openTable, error) {
	pair := slices.DeleteFunc(slices.Clone(cfg.Servers), func(fw framework) bool { return fw.name != raw && fw.name != ours })
	got := map[string][]latency{}
	for round := range cfg.Rounds {
		fmt.Fprintf(os.Stderr, "open loop: round %d of %d\n", round+1, cfg.Rounds)
		for _, fw := range turns(pair, round) {
			err := cfg.withServer(ctx, fw, cfg.profileFile(fw, "open", round), 1, func(ctx context.Context, s *server) error {
				l, err := newLoader(s.addr, cfg.Path, cfg.Conns, 1)
				if err != nil {
					return err
				}
				defer l.close()
				lat, err := l.openLoop(ctx, rate, cfg.Time)
				got[fw.name] = append(got[fw.name], lat)
				return err
			})
			if err != nil {
				return openTable{}, fmt.Errorf("%s, open loop: %w", fw.name, err)
			}
		}
	}
	t := openTable{Rate: rate}
	for _, fw := range pair {
		t.Servers = append(t.Servers, openRowOf(fw.name, got[fw.name], got[raw]))
	}
	return t, nil
}
