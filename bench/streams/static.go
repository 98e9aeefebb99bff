//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/goquart/quart/bench/internal/proc"
	"github.com/goquart/quart/bench/internal/rounds"
	"github.com/goquart/quart/bench/internal/wrk"
)

const (
	wrkCommand  = "wrk"
	staticConns = 64
	staticBytes = 4 << 10
)

// A staticTable compares requests for a small file.
type staticTable struct {
	Skipped string // why nothing was measured, or empty
	Rows    []staticRow
	Ratio   rounds.Figure // of the rates in one round, quart's to fasthttp's
	CPU     rounds.Figure // the same of the requests for one second of CPU
}

type staticRow struct {
	Server string
	Rate   rounds.Figure // requests per second
	CPU    rounds.Figure // of the server, microseconds per request
}

// staticServers are those that are compared, the reference first.
var staticServers = []string{raw, ours}

func measureStatic(ctx context.Context, cfg config) (*staticTable, error) {
	if _, err := exec.LookPath(wrkCommand); err != nil {
		if os.Getenv("CI") == "true" {
			return nil, err
		}
		return &staticTable{Skipped: "wrk is not installed"}, nil
	}
	dir, err := os.MkdirTemp("", "bench-streams-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, fileName), filler[:staticBytes], 0o666); err != nil {
		return nil, err
	}
	rate, cpu := map[string][]float64{}, map[string][]float64{}
	for round := range cfg.Rounds {
		progress("static: round %d of %d", round+1, cfg.Rounds)
		for _, name := range rounds.Turns(staticServers, round) {
			v, err := cfg.staticLoad(ctx, name, dir, round)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			rate[name], cpu[name] = append(rate[name], v.rate), append(cpu[name], v.cpu)
		}
	}
	t := &staticTable{Ratio: rounds.Of(rounds.Ratios(rate[ours], rate[raw])), CPU: rounds.Of(rounds.Ratios(cpu[raw], cpu[ours]))}
	for _, name := range staticServers {
		t.Rows = append(t.Rows, staticRow{name, rounds.Of(rate[name]), rounds.Of(cpu[name])})
	}
	return t, nil
}

// A volume is what one load achieved: requests per second, and microseconds of the server for each.
type volume struct{ rate, cpu float64 }

func (cfg *config) staticLoad(ctx context.Context, name, dir string, round int) (v volume, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*cfg.Time+stuck)
	defer cancel()
	profile := cfg.profileFile(fmt.Sprintf("static %s %d", name, round))
	s, err := proc.Start(ctx, cfg.cores.Server, name, profile, dir)
	if err != nil {
		return v, err
	}
	defer s.Stop()
	url := "http://" + s.Addr.String() + filesPath + fileName
	if err := checkFile(ctx, url); err != nil {
		return v, err
	}
	before, err := s.Ask1("cpu")
	if err != nil {
		return v, err
	}
	args := []string{"-t1", fmt.Sprintf("-c%d", staticConns), fmt.Sprintf("-d%ds", int(cfg.Time.Seconds())), url}
	out, err := exec.CommandContext(ctx, wrkCommand, args...).CombinedOutput()
	if err != nil {
		return v, errors.Join(ctx.Err(), fmt.Errorf("wrk: %w: %s", err, out))
	}
	after, err := s.Ask1("cpu")
	if err != nil {
		return v, err
	}
	requests, rate, err := wrk.Parse(string(out))
	return volume{rate, time.Duration(after-before).Seconds() * 1e6 / float64(requests)}, err
}

// checkFile wants the file, whole.
func checkFile(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err
	}
	req.Close = true
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 || string(body) != string(filler[:staticBytes]) {
		return fmt.Errorf("answer %s with %d bytes, want the file", resp.Status, len(body))
	}
	return nil
}
