//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/bench/internal/pin"
)

// TestMain makes the test binary the servers too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == serveFlag {
		exitOn(serveMain(os.Args[2:]))
		return
	}
	os.Exit(m.Run())
}

func testConfig(t *testing.T) config {
	t.Helper()
	cores, err := pin.Pick()
	if err != nil {
		t.Fatal(err)
	}
	return config{
		Rounds: 1, Time: 200 * time.Millisecond, Conns: 16, Path: staticPath, Load: loadOwn,
		Rate: 500, Servers: frameworks, cores: cores,
	}
}

// TestMeasure runs everything for a short time. The loader refuses any answer
// that is not right.
func TestMeasure(t *testing.T) {
	rep, err := measure(t.Context(), testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Closed) != 2 {
		t.Fatalf("%d closed tables, want 2", len(rep.Closed))
	}
	for _, table := range rep.Closed {
		for i, row := range table.Servers {
			if row.Server != frameworks[i].name || row.CPU.Median <= 0 || row.Rate.Median <= 0 || row.Ratio.Median <= 0 {
				t.Errorf("depth %d, row %d: %+v", table.Depth, i, row)
			}
		}
	}
	for i, row := range rep.Open.Servers {
		if row.Server != frameworks[i].name || row.P50.Median <= 0 || row.P50.Median > row.P99.Median || row.P99.Median > row.P999.Median {
			t.Errorf("open loop, row %d: %+v", i, row)
		}
	}
	if len(rep.Targets) != 8 {
		t.Errorf("%d targets, want 8: %+v", len(rep.Targets), rep.Targets)
	}
	checkOutput(t, rep)
}

func checkOutput(t *testing.T, rep *report) {
	t.Helper()
	var text strings.Builder
	if err := rep.print(&text); err != nil {
		t.Fatal(err)
	}
	for _, fw := range frameworks {
		if !strings.Contains(text.String(), fw.name+"  ") {
			t.Errorf("%s is not in the tables:\n%s", fw.name, &text)
		}
	}
	b, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(b, &back); err != nil || len(back.Targets) != len(rep.Targets) {
		t.Errorf("JSON does not come back: %v, %s", err, b)
	}
}

// TestServers asks each server for the route with a parameter, and ends it.
func TestServers(t *testing.T) {
	cfg := testConfig(t)
	cfg.Path = usersPath + "gopher"
	for _, fw := range frameworks {
		t.Run(fw.name, func(t *testing.T) {
			s, err := startServer(t.Context(), fw, cfg.cores.Server, "")
			if err != nil {
				t.Fatal(err)
			}
			defer s.stop()
			v, err := cfg.ownLoop(t.Context(), s, pipelined, time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if v.requests < cfg.Conns*pipelined || v.requests%pipelined != 0 {
				t.Errorf("%d answers, want %d or a larger multiple of %d", v.requests, cfg.Conns*pipelined, pipelined)
			}
			if n, err := s.cpu(); err != nil || n <= 0 {
				t.Errorf("cpu: %v, %v", n, err)
			}
			if s.stop(); !s.cmd.ProcessState.Success() {
				t.Errorf("the server did not end by itself: %v", s.cmd.ProcessState)
			}
		})
	}
}

// TestProfile also shows that a server starts again and again.
func TestProfile(t *testing.T) {
	cfg := testConfig(t)
	cfg.Time, cfg.ProfileDir = 10*time.Millisecond, t.TempDir()
	fw, _ := frameworkNamed(netHTTP)
	if _, _, err := cfg.closed(t.Context(), fw, 1, 3); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(cfg.ProfileDir + "/net-http-x1-3.pprof"); err != nil || info.Size() == 0 {
		t.Errorf("no profile: %v", err)
	}
}

// TestWrk runs wrk for the second that it needs.
func TestWrk(t *testing.T) {
	if _, err := exec.LookPath(loadWrk); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("wrk is not installed")
		}
		t.Skip("wrk is not installed")
	}
	cfg := testConfig(t)
	cfg.Load, cfg.Time = loadWrk, time.Second
	fw, _ := frameworkNamed(ours)
	perRequest, v, err := cfg.closed(t.Context(), fw, pipelined, 0)
	if err != nil {
		t.Fatal(err)
	}
	if v.requests < cfg.Conns*pipelined || perRequest <= 0 {
		t.Errorf("%+v, %v us per request", v, perRequest)
	}
}

func TestParseWrk(t *testing.T) {
	const whole = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 64 connections\n  30000 requests in 1.10s, 3.72MB read\n"
	tests := []struct {
		name, out string
		requests  int
		fails     bool
	}{
		{"whole", whole + "Requests/sec:  27272.70\nTransfer/sec: 3.38MB\n", 30000, false},
		{"status", whole + "  Non-2xx or 3xx responses: 30000\nRequests/sec:  27272.70\n", 0, true},
		{"sockets", whole + "  Socket errors: connect 0, read 3, write 0, timeout 0\nRequests/sec:  27272.70\n", 0, true},
		{"no rate", whole, 0, true},
		{"nothing answered", "  0 requests in 1.10s, 0.00B read\nRequests/sec:  0.00\n", 0, true},
		{"refused", "unable to connect to 127.0.0.1:1 Connection refused\n", 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := parseWrk(tt.out)
			if v.requests != tt.requests || (err != nil) != tt.fails {
				t.Fatalf("got %+v, %v", v, err)
			}
			if err == nil && int(v.rate()+0.5) != 27273 {
				t.Errorf("rate %v", v.rate())
			}
		})
	}
}

func TestFlags(t *testing.T) {
	tests := []struct {
		name, args, servers string
		fails               bool
	}{
		{"defaults", "", "fasthttp,quart,fasthttp+,net/http,gin,echo,chi,fiber", false},
		{"fasthttp stays", "-only quart", "fasthttp,quart", false},
		{"fasthttp once", "-only chi,fasthttp", "fasthttp,chi", false},
		{"a parameter", "-path /users/gopher", "fasthttp,quart,fasthttp+,net/http,gin,echo,chi,fiber", false},
		{"unknown server", "-only martini", "", true},
		{"unknown path", "-path /users/", "", true},
		{"unknown load", "-load ab", "", true},
		{"wrk and parts of a second", "-load wrk -seconds 0.5", "", true},
		{"no rounds", "-rounds 0", "", true},
		{"no time", "-seconds 0", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, _, err := parseFlags(strings.Fields(tt.args))
			if (err != nil) != tt.fails || errors.Is(err, flag.ErrHelp) {
				t.Fatalf("error %v", err)
			}
			var names []string
			for _, fw := range cfg.Servers {
				names = append(names, fw.name)
			}
			if got := strings.Join(names, ","); err == nil && got != tt.servers {
				t.Errorf("servers %s, want %s", got, tt.servers)
			}
		})
	}
}

func TestTurns(t *testing.T) {
	for round, want := range []string{"fasthttp", "fiber", "fasthttp"} {
		if got := turns(frameworks, round); got[0].name != want || len(got) != len(frameworks) {
			t.Errorf("round %d begins with %s, want %s", round, got[0].name, want)
		}
	}
}

func TestFigures(t *testing.T) {
	tests := []struct {
		rounds           []float64
		median, min, max float64
	}{
		{[]float64{3}, 3, 3, 3},
		{[]float64{4, 1}, 2.5, 1, 4},
		{[]float64{9, 1, 2}, 2, 1, 9},
	}
	for _, tt := range tests {
		before := slices.Clone(tt.rounds)
		got := figureOf(tt.rounds)
		if got.Median != tt.median || got.Min != tt.min || got.Max != tt.max || !slices.Equal(got.Rounds, before) {
			t.Errorf("%v: %+v", tt.rounds, got)
		}
	}
	// A machine that was slow in one round leaves the ratio alone.
	if got := figureOf(ratios([]float64{2, 20, 2}, []float64{1, 10, 1})); got.Min != 2 || got.Max != 2 {
		t.Errorf("ratios %+v, want 2", got)
	}
}

// TestTargets puts quart on either side of each limit.
func TestTargets(t *testing.T) {
	row := func(name string, cpu float64) closedRow {
		return closedRow{Server: name, CPU: figureOf([]float64{cpu}), Ratio: figureOf([]float64{cpu})}
	}
	tests := []struct {
		name                         string
		cpu, pipelined, netHTTP, p99 float64
		over                         string
	}{
		{"all met", 1.03, 1.10, 1.82, 1.1, ""},
		{"CPU", 1.04, 1.10, 1.83, 1.1, "CPU per request, of fasthttp"},
		{"pipelined", 1.03, 1.11, 1.82, 1.1, "CPU per request, 16 pipelined, of fasthttp"},
		{"net/http", 1.03, 1.10, 1.79, 1.1, "CPU per request, of net/http"},
		{"p99", 1.03, 1.10, 1.82, 1.2, "p99 under an open-loop load, of fasthttp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := report{
				Closed: []closedTable{
					{Depth: 1, Servers: []closedRow{row(raw, 1), row(ours, tt.cpu), row(netHTTP, tt.netHTTP), row("fiber", 1)}},
					{Depth: pipelined, Servers: []closedRow{row(raw, 1), row(ours, tt.pipelined)}},
				},
				Open: openTable{Servers: []openRow{{Server: ours, RatioP99: figureOf([]float64{tt.p99}), RatioP999: figureOf([]float64{1})}}},
			}
			var over []string
			all := r.targets()
			for _, target := range all {
				if target.Over {
					over = append(over, target.What)
				}
			}
			if got := strings.Join(over, ","); got != tt.over || len(all) != 5 {
				t.Errorf("over: %q of %d, want %q of 5", got, len(all), tt.over)
			}
		})
	}
}
