//go:build linux

// Sockets measures what websockets cost: quart beside fasthttp/websocket, gorilla, coder and gws, each in a process of its own on one
// core. See ../README.md.
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
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/goquart/quart/bench/internal/pin"
	"github.com/goquart/quart/bench/internal/proc"
)

// The parts of a run.
const (
	partEcho      = "echo"
	partBurst     = "burst"
	partLarge     = "large"
	partIdle      = "idle"
	partBroadcast = "broadcast"
	partHub       = "hub"
	partChurn     = "churn"
)

var parts = []string{partEcho, partBurst, partLarge, partIdle, partBroadcast, partHub, partChurn}

type config struct {
	Parts      []string
	Peers      []peer
	Rounds     int           // of processes; in each, every server has its turn
	Time       time.Duration // of each load
	Idle       int           // sockets and streams that are open at once
	IdleTLS    int
	Settle     time.Duration // how long a server may take to end what opening a connection needed
	Receivers  []int         // of a broadcast
	Singles    int           // broadcasts, one at a time, in each process
	Pause      time.Duration // between the arrival of one and the next
	Bursts     int           // of broadcasts back to back
	Burst      int           // broadcasts of a burst
	Churn      int           // sockets that come and go
	ProfileDir string
	cores      pin.Cores
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
		fmt.Fprintln(os.Stderr, "bench/sockets:", err)
		os.Exit(1)
	}
}

// quick is what -quick sets: everything once, and small.
var quick = map[string]string{
	"rounds": "1", "time": "200ms", "idle": "300", "idle-tls": "100", "settle": "300ms", "receivers": "100,300",
	"singles": "3", "pause": "5ms", "bursts": "2", "churn": "1000",
}

func parseFlags(args []string) (cfg config, asJSON bool, err error) {
	fs := flag.NewFlagSet("bench/sockets", flag.ContinueOnError)
	only := fs.String("only", "", "these parts only, separated by commas: "+strings.Join(parts, ","))
	names := fs.String("peers", "", "these servers only, separated by commas: "+strings.Join(peerNames(peers), ","))
	fs.IntVar(&cfg.Rounds, "rounds", 5, "echo, burst, large and broadcast: rounds; in each, every server has its turn, in a new process")
	fs.DurationVar(&cfg.Time, "time", 2*time.Second, "echo, burst and large: time of each load")
	fs.IntVar(&cfg.Idle, "idle", 9000, "idle and hub: sockets or streams that are open at once")
	fs.IntVar(&cfg.IdleTLS, "idle-tls", 2000, "idle: the same over TLS")
	fs.DurationVar(&cfg.Settle, "settle", 25*time.Second, "idle, hub and churn: time for goroutines to end; fasthttp's workers take up to 20 s")
	receivers := fs.String("receivers", "1000,5000,9000", "broadcast: numbers of receivers")
	fs.IntVar(&cfg.Singles, "singles", 20, "broadcast: messages, one at a time, in each process")
	fs.DurationVar(&cfg.Pause, "pause", 50*time.Millisecond, "broadcast: between the arrival of a message, or of a burst, and the next")
	fs.IntVar(&cfg.Bursts, "bursts", 3, "broadcast: bursts in each process")
	fs.IntVar(&cfg.Burst, "burst", 20, "broadcast: messages of a burst")
	fs.IntVar(&cfg.Churn, "churn", 10_000, "churn: sockets that come and go")
	fs.StringVar(&cfg.ProfileDir, "profiles", "", "write profiles of the servers into this directory: heap for idle and hub, else CPU")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	isQuick := fs.Bool("quick", false, "everything once and small, in some seconds: to see that it works")
	if err := fs.Parse(args); err != nil {
		return cfg, false, err
	}
	if *isQuick {
		if err := setOthers(fs, quick); err != nil {
			return cfg, false, err
		}
	}
	if cfg.Parts, err = selected(*only, parts); err != nil {
		return cfg, false, err
	}
	if cfg.Receivers, err = numbers(*receivers); err != nil {
		return cfg, false, err
	}
	chosen, err := selected(*names, peerNames(peers))
	for _, name := range chosen {
		cfg.Peers = append(cfg.Peers, peers[indexOf(peers, name)])
	}
	return cfg, asJSON, errors.Join(err, cfg.check())
}

// check wants what this program and the usual limits can do.
func (cfg *config) check() error {
	least := min(cfg.Rounds, cfg.Singles, cfg.Bursts, cfg.Burst, cfg.Churn, cfg.Idle, cfg.IdleTLS, slices.Min(cfg.Receivers))
	if least < 1 || cfg.Time <= 0 || cfg.Settle < 0 || cfg.Pause < 0 {
		return errors.New("want at least one of everything, some time, and no negative pause")
	}
	// A process may usually have 20,000 files, and a socket is one in each of two.
	if max(cfg.Idle, cfg.IdleTLS, slices.Max(cfg.Receivers)) > 15_000 {
		return errors.New("want at most 15000 sockets at once")
	}
	return nil
}

// setOthers sets the flags that were not given.
func setOthers(fs *flag.FlagSet, values map[string]string) error {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range values {
		if given[name] {
			continue
		}
		if err := fs.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

func peerNames(all []peer) (names []string) {
	for _, p := range all {
		names = append(names, p.Name)
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
			return nil, fmt.Errorf("nothing is named %q", name)
		}
	}
	return names, nil
}

func numbers(list string) (all []int, err error) {
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// run measures everything and prints it.
func run(ctx context.Context, cfg config, asJSON bool) error {
	var err error
	if cfg.cores, err = pin.Pick(); err != nil {
		return err
	}
	if cfg.ProfileDir != "" {
		if err := os.MkdirAll(cfg.ProfileDir, 0o777); err != nil {
			return err
		}
	}
	rep, err := measure(ctx, cfg)
	if err != nil {
		return err
	}
	if asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(rep)
	}
	return rep.print(os.Stdout)
}

// measure runs the selected parts.
func measure(ctx context.Context, cfg config) (*report, error) {
	if err := pin.Process(cfg.cores.Load); err != nil {
		return nil, err
	}
	rep := newReport(cfg)
	for _, name := range cfg.Parts {
		var err error
		switch name {
		case partEcho, partBurst, partLarge:
			var t echoTable
			t, err = measureEcho(ctx, cfg, loads[name])
			rep.Echo = append(rep.Echo, t)
		case partIdle:
			rep.Idle, err = measureIdle(ctx, cfg, cfg.idleSources())
		case partHub:
			rep.Hub, err = measureIdle(ctx, cfg, cfg.hubSources())
		case partBroadcast:
			rep.Broadcasts, err = measureBroadcasts(ctx, cfg)
		case partChurn:
			rep.Churn, err = measureChurn(ctx, cfg)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	rep.Targets = rep.targets()
	return rep, nil
}

// withServer calls f on a new server process, which is cut after five minutes.
func (cfg *config) withServer(ctx context.Context, name, profile, dir string, f func(context.Context, *proc.Server) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	s, err := proc.Start(ctx, cfg.cores.Server, name, profile, dir)
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
	clean := strings.NewReplacer("/", "-", " ", "-", ",", "").Replace(name)
	return filepath.Join(cfg.ProfileDir, clean+".pprof")
}
