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

// A largeRow is one server's download over TLS, by one client, one after the other.
type largeRow struct {
	Server   string
	Protocol string
	Rate     rounds.Figure // MiB/s
	Ratio    rounds.Figure // of Rate, to fasthttp's over HTTP/1.1 in the same round
	Wide     rounds.Figure // the same to fasthttp's with a larger buffer
	CPU      rounds.Figure // of the server, microseconds per MiB
}

// A download is one server in one round.
type download struct{ rate, cpu float64 }

func measureLarge(ctx context.Context, cfg config) (rows []largeRow, err error) {
	all := slices.Concat(cfg.Servers, oldServers)
	rate, cpu := map[string][]float64{}, map[string][]float64{}
	for round := range cfg.Rounds {
		progress("large: round %d of %d", round+1, cfg.Rounds)
		for _, srv := range rounds.Turns(all, round) {
			profile := cfg.profileFile(fmt.Sprintf("large %s %d", srv.Name, round))
			err := cfg.withServer(ctx, srv.Name, profile, overTLS, func(ctx context.Context, s *proc.Server) error {
				got, err := cfg.largeOnce(ctx, s, srv.protocol())
				rate[srv.Name], cpu[srv.Name] = append(rate[srv.Name], got.rate), append(cpu[srv.Name], got.cpu)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", srv.Name, err)
			}
		}
	}
	for _, srv := range all {
		rows = append(rows, largeRow{
			Server: srv.Name, Protocol: srv.protocol(), Rate: rounds.Of(rate[srv.Name]), CPU: rounds.Of(cpu[srv.Name]),
			Ratio: rounds.Of(rounds.Ratios(rate[srv.Name], rate[fastName])), Wide: rounds.Of(rounds.Ratios(rate[srv.Name], rate[wideName])),
		})
	}
	return rows, nil
}

func (s server) protocol() string {
	if slices.ContainsFunc(oldServers, func(old server) bool { return old.Name == s.Name }) {
		return alpnHTTP1
	}
	return alpnHTTP2
}

func (cfg *config) largeOnce(ctx context.Context, s *proc.Server, protocol string) (download, error) {
	args := []string{"-c", "1", "-m", "1", "--npn-list", protocol, "https://" + s.Addr.String() + largePath}
	if _, err := h2load(ctx, 1, largeBytes, args...); err != nil { // warms up
		return download{}, err
	}
	before, err := s.Ask1("cpu")
	if err != nil {
		return download{}, err
	}
	v, err := h2load(ctx, cfg.Downloads, largeBytes, args...)
	if err != nil {
		return download{}, err
	}
	after, err := s.Ask1("cpu")
	mib := float64(v.Data >> 20)
	return download{rate: mib / v.Elapsed.Seconds(), cpu: time.Duration(after-before).Seconds() * 1e6 / mib}, err
}
