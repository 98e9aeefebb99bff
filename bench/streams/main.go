//go:build linux

// Streams measures what open event streams, uploads, files and clients that
// leave cost: quart beside fasthttp and net/http, each in a process of its own on
// one core. See ../README.md.
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

// The parts of a run.
const (
	partMemory = "memory"
	partBurst  = "burst"
	partUpload = "upload"
	partStatic = "static"
	partGone   = "gone"
)

var parts = []string{partGone, partMemory, partBurst, partUpload, partStatic}

type config struct {
	Parts       []string
	Streams     int           // open at once, where memory is measured
	Settle      time.Duration // how long a server may take to end what opening a stream needed
	Busy        int           // the same, where events are sent
	Rounds      int           // of processes; in each, every server has its turn
	Bursts      int           // in each process
	Burst       int           // events of a burst, in each stream
	Singles     int           // single events in each process
	Pause       time.Duration
	UploadBytes int64
	Tries       int           // clients that leave, of each kind
	Time        time.Duration // of each load of files
	ProfileDir  string
	cores       pin.Cores
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
		fmt.Fprintln(os.Stderr, "bench/streams:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (cfg config, asJSON bool, err error) {
	fs := flag.NewFlagSet("bench/streams", flag.ContinueOnError)
	only := fs.String("only", "", "these parts only, separated by commas: "+strings.Join(parts, ","))
	fs.IntVar(&cfg.Streams, "streams", 4000, "memory: streams that are open at once")
	fs.DurationVar(&cfg.Settle, "settle", 25*time.Second, "memory: time for the goroutines that opened the streams to end; fasthttp's workers take 10 s")
	fs.IntVar(&cfg.Busy, "busy", 1000, "burst: streams that get events")
	fs.IntVar(&cfg.Rounds, "rounds", 3, "burst and static: rounds; in each, every server has its turn, in a new process")
	fs.IntVar(&cfg.Bursts, "bursts", 10, "burst: bursts in each process")
	fs.IntVar(&cfg.Burst, "burst", 50, "burst: events of a burst in each stream")
	fs.IntVar(&cfg.Singles, "singles", 20, "burst: single events in each process")
	fs.DurationVar(&cfg.Pause, "pause", 50*time.Millisecond, "burst: between the arrival of a burst, or of a single event, and the next")
	mib := fs.Int64("mib", 1024, "upload: MiB of a body")
	fs.IntVar(&cfg.Tries, "tries", 200, "gone: clients that leave, of each kind")
	seconds := fs.Int("seconds", 3, "static: time of each load")
	fs.StringVar(&cfg.ProfileDir, "profiles", "", "write profiles of the servers into this directory: CPU for burst, upload and static, heap for memory")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	if err := fs.Parse(args); err != nil {
		return cfg, false, err
	}
	cfg.UploadBytes, cfg.Time = *mib<<20, time.Duration(*seconds)*time.Second
	// A process may usually have 20,000 files, and a stream is one in each of two.
	if most := max(cfg.Streams, cfg.Busy); min(cfg.Streams, cfg.Busy) < 1 || most > 15_000 {
		return cfg, false, errors.New("want 1 to 15000 streams")
	}
	if min(cfg.Rounds, cfg.Bursts, cfg.Burst, cfg.Singles, cfg.Tries, *seconds) < 1 || *mib < 1 || cfg.Pause < 0 {
		return cfg, false, errors.New("want at least one of everything, and no negative pause")
	}
	cfg.Parts, err = selectParts(*only)
	return cfg, asJSON, err
}

func selectParts(only string) ([]string, error) {
	if only == "" {
		return parts, nil
	}
	selected := strings.Split(only, ",")
	for _, name := range selected {
		if !slices.Contains(parts, name) {
			return nil, fmt.Errorf("no part is named %q", name)
		}
	}
	return selected, nil
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

// measure runs the selected parts. Clients that leave come first: client and server are one process, which all cores may run.
func measure(ctx context.Context, cfg config) (*report, error) {
	rep := newReport(cfg)
	var err error
	if cfg.has(partGone) {
		progress("clients that leave")
		if rep.Gone, err = measureGone(ctx, cfg.Tries); err != nil {
			return nil, fmt.Errorf("gone: %w", err)
		}
	}
	if err := pin.Process(cfg.cores.Load); err != nil {
		return nil, err
	}
	if cfg.has(partMemory) {
		if rep.Memory, err = measureMemory(ctx, cfg); err != nil {
			return nil, fmt.Errorf("memory: %w", err)
		}
	}
	if cfg.has(partBurst) {
		if rep.Bursts, rep.Singles, err = measureEvents(ctx, cfg); err != nil {
			return nil, fmt.Errorf("burst: %w", err)
		}
	}
	if cfg.has(partUpload) {
		if rep.Uploads, err = measureUploads(ctx, cfg); err != nil {
			return nil, fmt.Errorf("upload: %w", err)
		}
	}
	if cfg.has(partStatic) {
		if rep.Static, err = measureStatic(ctx, cfg); err != nil {
			return nil, fmt.Errorf("static: %w", err)
		}
	}
	rep.Targets = rep.targets()
	return rep, nil
}

func (cfg *config) has(part string) bool { return slices.Contains(cfg.Parts, part) }

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// profileFile names a profile of one server process; empty is none.
func (cfg *config) profileFile(name string) string {
	if cfg.ProfileDir == "" {
		return ""
	}
	clean := strings.NewReplacer("/", "-", " ", "-").Replace(name)
	return filepath.Join(cfg.ProfileDir, clean+".pprof")
}
