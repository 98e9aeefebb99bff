//go:build linux

// Http2 measures what HTTP/2 costs: quart, its package http2 on its own, and net/http, each in a process of its own on one core.
// See ../README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/goquart/quart/bench/internal/pin"
	"github.com/goquart/quart/bench/internal/proc"
)

// The parts of a run besides the loads.
const (
	partIdle  = "idle"
	partFair  = "fair"
	partLarge = "large"
)

func partNames() (names []string) {
	for _, ld := range loads {
		names = append(names, ld.Name)
	}
	return append(names, partIdle, partFair, partLarge)
}

type config struct {
	Parts      []string
	Servers    []server
	TLS        bool          // loads
	Rounds     int           // of processes; in each, every server has its turn
	Few        int           // requests that warm a server up
	Time       time.Duration // of each load, about
	Idle       int           // connections that are open at once
	Settle     time.Duration // how long a server may take to end what opening a connection needed
	Crowds     int           // of big answers, in each process
	Downloads  int           // in each process
	ProfileDir string
	cores      pin.Cores
	h2load     string // its version
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == proc.Flag {
		exitOn(proc.Host(os.Args[2:], newSite))
		return
	}
	cfg, asJSON, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	exitOn(err)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exitOn(run(ctx, cfg, asJSON))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/http2:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (cfg config, asJSON bool, err error) {
	fs := flag.NewFlagSet("bench/http2", flag.ContinueOnError)
	only := fs.String("only", "", "these parts only, separated by commas: "+strings.Join(partNames(), ","))
	names := fs.String("servers", "", "these servers only, separated by commas: "+strings.Join(serverNames(servers), ","))
	fs.BoolVar(&cfg.TLS, "tls", false, "loads over TLS")
	fs.IntVar(&cfg.Rounds, "rounds", 5, "all but idle: rounds; in each, every server has its turn, in a new process")
	fs.IntVar(&cfg.Few, "few", 3000, "requests that warm a server up, before each load")
	fs.DurationVar(&cfg.Time, "time", time.Second, "time of each load, about")
	fs.IntVar(&cfg.Idle, "idle", 2000, "idle: connections that are open at once")
	fs.DurationVar(&cfg.Settle, "settle", 12*time.Second, "idle: time for goroutines to end; fasthttp's workers take 10 s")
	fs.IntVar(&cfg.Crowds, "crowds", 10, "fair: how often the big answers are asked for, in each process")
	fs.IntVar(&cfg.Downloads, "downloads", 8, "large: downloads in each process")
	fs.StringVar(&cfg.ProfileDir, "profiles", "", "write profiles of the servers into this directory: heap for idle, else CPU")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	if err := fs.Parse(args); err != nil {
		return cfg, false, err
	}
	if fs.NArg() > 0 {
		return cfg, false, fmt.Errorf("want flags only, not %q", fs.Arg(0))
	}
	if cfg.Parts, err = selected(*only, partNames()); err != nil {
		return cfg, false, err
	}
	chosen, err := selected(*names, serverNames(servers))
	for _, name := range chosen {
		s, _ := serverNamed(name)
		cfg.Servers = append(cfg.Servers, s)
	}
	return cfg, asJSON, errors.Join(err, cfg.check())
}

// check wants what this program and the usual limits can do.
func (cfg *config) check() error {
	if min(cfg.Rounds, cfg.Few/(loadConns*loadStreams), cfg.Idle, cfg.Crowds, cfg.Downloads) < 1 || cfg.Time <= 0 || cfg.Settle < 0 {
		return fmt.Errorf("want at least one of everything, %d requests to warm up, and some time", loadConns*loadStreams)
	}
	// A process may usually have 20,000 files, and a connection is one in each of two.
	if cfg.Idle > 15_000 {
		return errors.New("want at most 15000 connections at once")
	}
	return nil
}

// needH2load is whether a part that is selected loads with it.
func (cfg *config) needH2load() bool {
	return slices.ContainsFunc(cfg.Parts, func(part string) bool { return part != partIdle && part != partFair })
}

func serverNames(all []server) (names []string) {
	for _, s := range all {
		names = append(names, s.Name)
	}
	return names
}

// selected are the names in a list, each one of all; none is all.
func selected(list string, all []string) ([]string, error) {
	if list == "" {
		return all, nil
	}
	names := strings.Split(list, ",")
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("nothing is named %q; there are %s", name, strings.Join(all, ", "))
		}
	}
	return names, nil
}

// run measures everything and prints it, also what came before an error.
func run(ctx context.Context, cfg config, asJSON bool) error {
	var err error
	if cfg.needH2load() {
		if cfg.h2load, err = h2loadVersion(); err != nil {
			return err
		}
	}
	if cfg.cores, err = pin.Pick(); err != nil {
		return err
	}
	if cfg.ProfileDir != "" {
		if err := os.MkdirAll(cfg.ProfileDir, 0o777); err != nil {
			return err
		}
	}
	rep, err := measure(ctx, cfg)
	if asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return errors.Join(err, enc.Encode(rep))
	}
	return errors.Join(err, rep.print(os.Stdout))
}

// measure runs the selected parts. A part that fails does not keep the others from running.
func measure(ctx context.Context, cfg config) (*report, error) {
	rep := newReport(cfg)
	if err := pin.Process(cfg.cores.Load); err != nil {
		return rep, err
	}
	var failed []error
	for _, name := range cfg.Parts {
		if err := rep.measure(ctx, cfg, name); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	rep.Targets = rep.targets()
	return rep, errors.Join(failed...)
}

func (r *report) measure(ctx context.Context, cfg config, name string) (err error) {
	switch name {
	case partIdle:
		r.Idle, err = measureIdle(ctx, cfg)
	case partFair:
		r.Fair, err = measureFair(ctx, cfg)
	case partLarge:
		r.Large, err = measureLarge(ctx, cfg)
	default:
		i := slices.IndexFunc(loads, func(ld load) bool { return ld.Name == name })
		var t loadTable
		if t, err = measureLoad(ctx, cfg, loads[i]); err == nil {
			r.Loads = append(r.Loads, t)
		}
	}
	return err
}

// withServer calls f on a new server process, which is cut after a minute.
func (cfg *config) withServer(ctx context.Context, name, profile, word string, f func(context.Context, *proc.Server) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("it took a minute"))
	defer cancel()
	s, err := proc.Start(ctx, cfg.cores.Server, name, profile, word)
	if err != nil {
		return err
	}
	defer s.Stop()
	return f(ctx, s)
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// profileFile names a profile of one server process; empty is none.
func (cfg *config) profileFile(name string) string {
	if cfg.ProfileDir == "" {
		return ""
	}
	clean := strings.NewReplacer("/", "-", " ", "-").Replace(name)
	return filepath.Join(cfg.ProfileDir, clean+".pprof")
}
