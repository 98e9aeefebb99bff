//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goquart/quart/bench/internal/proc"
	"github.com/goquart/quart/bench/internal/rounds"
)

const (
	loadConns   = 8
	loadStreams = 32     // of each connection
	uniquePaths = 10_000 // in pathsFile
	firstPath   = 10_000 // so that all have five digits
)

// Files that h2load reads.
const (
	pathsFile = "paths.txt"
	postFile  = "post.bin"
)

// A load is one kind of request.
type load struct {
	Name    string
	What    string
	Path    string
	Streams int
	Bytes   int    // of an answer's body
	File    string // of the body, or of paths
	Ratio   float64
	Allocs  bool // there are to be none
}

// loads have the limits of the ratio to net/http.
var loads = []load{
	{"get", "GET " + plainPath, plainPath, loadStreams, len(helloWorld), "", 1 / 10.0, true},
	{"get1", "GET " + plainPath, plainPath, 1, len(helloWorld), "", 1 / 2.5, true},
	{"json", "GET " + jsonPath, jsonPath, loadStreams, len(helloJSON), "", 1 / 10.0, false},
	{"post", "POST " + lengthPath + ", 1 KiB", lengthPath, loadStreams, len("1024"), postFile, 1 / 10.0, true},
	{"paths", "GET " + paramPath + "{word}, " + strconv.Itoa(uniquePaths) + " paths", "", loadStreams, len("10000"), pathsFile, 1 / 10.0, true},
}

// writeFiles writes what h2load reads.
func writeFiles(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, postFile), filler[:postBytes], 0o666); err != nil {
		return err
	}
	var b strings.Builder
	for i := range uniquePaths {
		fmt.Fprintf(&b, "http://127.0.0.1%s%d\n", paramPath, firstPath+i) // -B has the port
	}
	return os.WriteFile(filepath.Join(dir, pathsFile), []byte(b.String()), 0o666)
}

// args are h2load's, for each connection with that many times the streams.
func (ld *load) args(base, dir string, times int) []string {
	args := []string{"-c", strconv.Itoa(loadConns), "-m", strconv.Itoa(ld.Streams * times)}
	switch ld.File {
	case pathsFile:
		return append(args, "-B", base, "-i", filepath.Join(dir, pathsFile))
	case postFile:
		args = append(args, "-d", filepath.Join(dir, postFile))
	}
	return append(args, base+ld.Path)
}

// A loadRow is one server under one load.
type loadRow struct {
	Server  string
	Rate    rounds.Figure // requests per second
	CPU     rounds.Figure // of the server, microseconds per request
	Ratio   rounds.Figure // of CPU, to net/http's in the same round; no rounds where that was not measured
	Mallocs rounds.Figure // per 1,000 requests
	Bytes   rounds.Figure // allocated, per 1,000 requests
	Headers rounds.Figure // bytes of the header block of an answer
}

type loadTable struct {
	load
	Rows []loadRow
}

// A sample is one server in one round.
type sample struct{ rate, cpu, mallocs, bytes, headers float64 }

func measureLoad(ctx context.Context, cfg config, ld load) (loadTable, error) {
	dir, err := os.MkdirTemp("", "bench-http2-")
	if err != nil {
		return loadTable{}, err
	}
	defer os.RemoveAll(dir)
	if err := writeFiles(dir); err != nil {
		return loadTable{}, err
	}
	samples := map[string][]sample{}
	for round := range cfg.Rounds {
		progress("%s: round %d of %d", ld.Name, round+1, cfg.Rounds)
		for _, srv := range rounds.Turns(cfg.Servers, round) {
			profile := cfg.profileFile(fmt.Sprintf("%s %s %d", ld.Name, srv.Name, round))
			err := cfg.withServer(ctx, srv.Name, profile, cfg.word(), func(ctx context.Context, s *proc.Server) error {
				got, err := cfg.loadOnce(ctx, s, ld, dir)
				samples[srv.Name] = append(samples[srv.Name], got)
				return err
			})
			if err != nil {
				return loadTable{}, fmt.Errorf("%s: %w", srv.Name, err)
			}
		}
	}
	return tableOf(ld, cfg.Servers, samples), nil
}

// word is for the server processes of the loads.
func (cfg *config) word() string {
	if cfg.TLS {
		return overTLS
	}
	return ""
}

func (cfg *config) base(s *proc.Server) string {
	if cfg.TLS {
		return "https://" + s.Addr.String()
	}
	return "http://" + s.Addr.String()
}

// loadOnce runs h2load four times: to learn the rate, with twice the streams so that the server's pools have in them what the last run needs at
// once, for the costs of connections and of asking, and for as many requests as take the time of the run.
func (cfg *config) loadOnce(ctx context.Context, s *proc.Server, ld load, dir string) (sample, error) {
	run := func(n, times int) (v volume, used [3]int64, err error) {
		return usage(s, func() (volume, error) { return h2load(ctx, n, ld.Bytes, ld.args(cfg.base(s), dir, times)...) })
	}
	few := cfg.Few
	v, _, err := run(few, 1)
	if err != nil {
		return sample{}, err
	}
	many := few + max(int(v.rate()*cfg.Time.Seconds()), few)
	if _, _, err := run(max(many/4, few), 2); err != nil {
		return sample{}, err
	}
	_, costs, err := run(few, 1)
	if err != nil {
		return sample{}, err
	}
	v, total, err := run(many, 1)
	if err != nil {
		return sample{}, err
	}
	// What both have in common is that of the connections. It may be off by a few, hence max.
	each := func(i int) float64 { return max(0, float64(total[i]-costs[i])/float64(many-few)) }
	return sample{
		rate: v.rate(), cpu: time.Duration(total[0]).Seconds() * 1e6 / float64(many),
		mallocs: each(1) * 1000, bytes: each(2) * 1000, headers: float64(v.Headers) / float64(v.Requests),
	}, nil
}

// usage is what the server used meanwhile: CPU in nanoseconds, allocations, allocated bytes.
func usage(s *proc.Server, f func() (volume, error)) (v volume, used [3]int64, err error) {
	before, err := s.Ask("usage", 3)
	if err != nil {
		return v, used, err
	}
	if v, err = f(); err != nil {
		return v, used, err
	}
	after, err := s.Ask("usage", 3)
	if err != nil {
		return v, used, err
	}
	for i := range used {
		used[i] = after[i] - before[i]
	}
	return v, used, nil
}

func tableOf(ld load, of []server, samples map[string][]sample) loadTable {
	column := func(name string, f func(sample) float64) (values []float64) {
		for _, s := range samples[name] {
			values = append(values, f(s))
		}
		return values
	}
	cpu := func(s sample) float64 { return s.cpu }
	t := loadTable{load: ld}
	ref := column(netName, cpu)
	for _, srv := range of {
		row := loadRow{Server: srv.Name, CPU: rounds.Of(column(srv.Name, cpu))}
		row.Rate = rounds.Of(column(srv.Name, func(s sample) float64 { return s.rate }))
		row.Mallocs = rounds.Of(column(srv.Name, func(s sample) float64 { return s.mallocs }))
		row.Bytes = rounds.Of(column(srv.Name, func(s sample) float64 { return s.bytes }))
		row.Headers = rounds.Of(column(srv.Name, func(s sample) float64 { return s.headers }))
		if len(ref) > 0 {
			row.Ratio = rounds.Of(rounds.Ratios(row.CPU.Rounds, ref))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
