//go:build linux

// Films measures what a database leaves of a framework's speed: quart's examples/films beside Fiber, Gin and net/http with pgx, Quart on
// uvicorn and on hypercorn, and Flask, over one PostgreSQL server. See ../README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

type config struct {
	Rounds  int           // in each, every peer has its turn
	Time    time.Duration // of each load, whole seconds
	Loads   []load
	Peers   []peer
	Tune    bool
	Pgbench bool
	DSN     string // empty: a server of its own
	Films   string // program; empty: built
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == serveFlag {
		exitOn(serveMain(os.Args[2:]))
		return
	}
	cfg, asJSON, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	exitOn(err)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	rep, err := measure(ctx, cfg)
	if asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		exitOn(errors.Join(err, enc.Encode(rep)))
		return
	}
	exitOn(errors.Join(err, rep.print(os.Stdout)))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/films:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (cfg config, asJSON bool, err error) {
	fs := flag.NewFlagSet("bench/films", flag.ContinueOnError)
	only := fs.String("only", "", "these loads only, separated by commas: "+strings.Join(loadNames(), ","))
	names := fs.String("peers", "", "these servers only, separated by commas: "+strings.Join(peerNames(), ","))
	seconds := fs.Int("seconds", 3, "time of each load; a second before that warms up")
	fs.IntVar(&cfg.Rounds, "rounds", 5, "rounds; in each, every server has its turn, in new processes")
	fs.BoolVar(&cfg.Tune, "tune", false, "compare numbers of processes, connections and, for Go, GOMAXPROCS of the servers instead")
	fs.BoolVar(&cfg.Pgbench, "pgbench", true, "measure PostgreSQL alone too")
	fs.StringVar(&cfg.DSN, "dsn", "", "`URL` of a database on this machine, for a superuser, whose tables film and review are written to (default: a server of its own)")
	fs.StringVar(&cfg.Films, "films", "", "the `program` of examples/films (default: it is built)")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	if err := fs.Parse(args); err != nil {
		return cfg, false, err
	}
	cfg.Time = time.Duration(*seconds) * time.Second
	if fs.NArg() > 0 || *seconds < 1 || *seconds > 600 || cfg.Rounds < 1 || cfg.Rounds > 1000 {
		return cfg, false, errors.New("want flags only, 1 to 600 seconds and 1 to 1000 rounds")
	}
	return cfg, asJSON, cfg.choose(*only, *names)
}

// choose sets the loads and the peers.
func (cfg *config) choose(only, names string) error {
	chosen, err := selected(only, loadNames())
	if err != nil {
		return err
	}
	for _, ld := range loads {
		if slices.Contains(chosen, ld.Name) {
			cfg.Loads = append(cfg.Loads, ld)
		}
	}
	if chosen, err = selected(names, peerNames()); err != nil {
		return err
	}
	for _, p := range peers {
		switch {
		case !slices.Contains(chosen, p.Name):
		case cfg.Tune:
			cfg.Peers = append(cfg.Peers, p.variants()...)
		default:
			cfg.Peers = append(cfg.Peers, p)
		}
	}
	return nil
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

// wrkVersion says how to get wrk where it is not.
func wrkVersion(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, wrkCommand, "-v").Output()
	if err != nil && len(out) == 0 { // it ends with status 1 even so
		return "", fmt.Errorf("wrk does not run (%w), as in: apt-get install wrk", err)
	}
	version, _, _ := strings.Cut(string(out), " Copyright")
	return version, nil
}
