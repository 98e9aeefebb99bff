//go:build linux

// Net measures what a request costs over the network: quart beside raw
// fasthttp, net/http, Gin, Echo, chi and Fiber, each in a process of its own
// on one core, under load from another core, in turns. See ../README.md.
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
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/goquart/quart/bench/internal/pin"
)

// Loads of the closed loops.
const (
	loadAuto = "auto"
	loadWrk  = "wrk"
	loadOwn  = "own"
)

type config struct {
	Rounds     int
	Time       time.Duration // of each load
	Conns      int
	Path       string
	Load       string  // wrk or own
	Rate       float64 // of the open loops; 0 is half of raw fasthttp's closed loop
	Servers    []framework
	ProfileDir string
	cores      pin.Cores
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
	exitOn(run(ctx, cfg, asJSON))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/net:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (cfg config, asJSON bool, err error) {
	fs := flag.NewFlagSet("bench/net", flag.ContinueOnError)
	fs.IntVar(&cfg.Rounds, "rounds", 5, "rounds; in each, every server has its turn")
	seconds := fs.Float64("seconds", 3, "time of each load")
	fs.IntVar(&cfg.Conns, "conns", 64, "keep-alive connections")
	fs.StringVar(&cfg.Path, "path", staticPath, "what is requested: "+staticPath+" or "+usersPath+"{user}")
	fs.StringVar(&cfg.Load, "load", loadAuto, "closed-loop load: wrk, own, or auto for wrk where it is installed")
	fs.Float64Var(&cfg.Rate, "rate", 0, "open-loop requests per second (0: half of raw fasthttp's rate)")
	only := fs.String("only", "", "these servers only, separated by commas")
	fs.StringVar(&cfg.ProfileDir, "profiles", "", "write CPU profiles of the servers into this directory")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	if err := fs.Parse(args); err != nil {
		return cfg, false, err
	}
	cfg.Time = time.Duration(*seconds * float64(time.Second))
	if cfg.Rounds < 1 || cfg.Rounds > 1000 || cfg.Time < 10*time.Millisecond || cfg.Conns < 1 || cfg.Conns > 1000 || cfg.Rate < 0 {
		return cfg, false, errors.New("want 1 to 1000 rounds and connections, at least 0.01 seconds, no negative rate")
	}
	if _, ok := answerTo(cfg.Path); !ok {
		return cfg, false, fmt.Errorf("the servers have no route for %s", cfg.Path)
	}
	if cfg.Servers, err = selectServers(*only); err != nil {
		return cfg, false, err
	}
	cfg.Load, err = selectLoad(cfg.Load, cfg.Time)
	return cfg, asJSON, err
}

// selectServers always takes raw fasthttp: it is what the ratios refer to.
func selectServers(only string) ([]framework, error) {
	if only == "" {
		return frameworks, nil
	}
	selected := frameworks[:1:1]
	for name := range strings.SplitSeq(only, ",") {
		fw, ok := frameworkNamed(name)
		if !ok {
			return nil, fmt.Errorf("no server is named %q", name)
		}
		if name != raw {
			selected = append(selected, fw)
		}
	}
	return selected, nil
}

func selectLoad(load string, d time.Duration) (string, error) {
	whole := d%time.Second == 0 // wrk knows no others
	_, missing := exec.LookPath(loadWrk)
	switch load {
	case loadOwn:
		return loadOwn, nil
	case loadWrk:
		if !whole {
			return "", errors.New("wrk takes whole seconds")
		}
		return loadWrk, missing
	case loadAuto:
		if whole && missing == nil {
			return loadWrk, nil
		}
		return loadOwn, nil
	}
	return "", fmt.Errorf("no load is named %q", load)
}

// run measures everything and prints it.
func run(ctx context.Context, cfg config, asJSON bool) error {
	var err error
	if cfg.cores, err = pin.Pick(); err != nil {
		return err
	}
	if err := pin.Process(cfg.cores.Load); err != nil {
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

// profileFile names the profile of one server process; empty is none.
func (cfg *config) profileFile(fw framework, load string, round int) string {
	if cfg.ProfileDir == "" {
		return ""
	}
	name := fmt.Sprintf("%s-%s-%d.pprof", strings.ReplaceAll(fw.name, "/", "-"), load, round)
	return filepath.Join(cfg.ProfileDir, name)
}
