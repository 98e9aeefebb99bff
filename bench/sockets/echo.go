//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/goquart/quart/bench/internal/proc"
	"github.com/goquart/quart/bench/internal/rounds"
)

const (
	echoConns  = 64
	burstDepth = 16
	warmUp     = 200 * time.Millisecond
)

// A load is what each of the connections writes at once, before it awaits the replies to all of it.
type load struct {
	name     string
	size     int // bytes of a message
	messages int
}

var loads = map[string]load{
	partEcho:  {partEcho, 64, 1},
	partBurst: {partBurst, 64, burstDepth},
	partLarge: {partLarge, 64 << 10, 1},
}

// An echoTable compares the servers under one load.
type echoTable struct {
	Load  string
	Bytes int // of a message
	Depth int // messages in one write of the client
	Rows  []echoRow
}

type echoRow struct {
	Server, Version string
	Rate            rounds.Figure // messages per second
	CPU             rounds.Figure // of the server, microseconds per message
	Allocs, Bytes   rounds.Figure // of the server's heap, per message
}

// A cost is what one process gave.
type cost struct{ rate, cpu, allocs, bytes float64 }

func measureEcho(ctx context.Context, cfg config, l load) (echoTable, error) {
	costs := map[string][]cost{}
	for round := range cfg.Rounds {
		progress("%s: round %d of %d", l.name, round+1, cfg.Rounds)
		for _, p := range rounds.Turns(cfg.Peers, round) {
			profile := cfg.profileFile(fmt.Sprintf("%s %s %d", l.name, p.Name, round))
			err := cfg.withServer(ctx, p.Name, profile, "", func(ctx context.Context, s *proc.Server) error {
				got, err := cfg.echo(ctx, s, l)
				costs[p.Name] = append(costs[p.Name], got)
				return err
			})
			if err != nil {
				return echoTable{}, fmt.Errorf("%s: %w", p.Name, err)
			}
		}
	}
	t := echoTable{Load: l.name, Bytes: l.size, Depth: l.messages}
	for _, p := range cfg.Peers {
		t.Rows = append(t.Rows, echoRowOf(p, costs[p.Name]))
	}
	return t, nil
}

func echoRowOf(p peer, costs []cost) echoRow {
	return echoRow{
		Server: p.Name, Version: p.version(),
		Rate:   figure(costs, func(c cost) float64 { return c.rate }),
		CPU:    figure(costs, func(c cost) float64 { return c.cpu }),
		Allocs: figure(costs, func(c cost) float64 { return c.allocs }),
		Bytes:  figure(costs, func(c cost) float64 { return c.bytes }),
	}
}

// figure is one column of the rounds' rows.
func figure[T any](rows []T, column func(T) float64) rounds.Figure {
	var values []float64
	for _, row := range rows {
		values = append(values, column(row))
	}
	return rounds.Of(values)
}

// echo is one load on one server.
func (cfg *config) echo(ctx context.Context, s *proc.Server, l load) (cost, error) {
	c, err := dial(ctx, s.Addr, echoPath, echoConns)
	if err != nil {
		return cost{}, err
	}
	defer c.close()
	message := bytes.Repeat(clientFrame(binaryByte, payload(l.size)), l.messages)
	reply := bytes.Repeat(serverFrame(binaryByte, payload(l.size)), l.messages)
	if _, _, err := c.rally(ctx, message, reply, min(warmUp, cfg.Time)); err != nil {
		return cost{}, err
	}
	before, err := s.Ask("usage", 3)
	if err != nil {
		return cost{}, err
	}
	replies, took, err := c.rally(ctx, message, reply, cfg.Time)
	if err != nil {
		return cost{}, err
	}
	after, err := s.Ask("usage", 3)
	if err != nil {
		return cost{}, err
	}
	n := float64(replies * l.messages)
	each := func(i int) float64 { return float64(after[i]-before[i]) / n }
	return cost{rate: n / took.Seconds(), cpu: each(0) / 1e3, allocs: each(1), bytes: each(2)}, nil
}
