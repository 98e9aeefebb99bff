//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/bench/internal/pin"
	"github.com/goquart/quart/bench/internal/proc"
	"github.com/goquart/quart/bench/internal/rounds"
	"github.com/goquart/quart/bench/internal/wrk"
)

// TestMain makes the test binary the servers too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == proc.Flag {
		exitOn(proc.Host(os.Args[2:], newSite))
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
		Parts: parts, Streams: 64, Settle: 100 * time.Millisecond, Busy: 20, Rounds: 1, Bursts: 2, Burst: 70, Singles: 3,
		Pause: time.Millisecond, UploadBytes: 3<<20 + 5, Tries: 3, Time: time.Second, cores: cores,
	}
}

// TestMeasure runs everything for a short time. The clients refuse any answer
// that is not right, and events that are missing or too many.
func TestMeasure(t *testing.T) {
	_, missing := exec.LookPath(wrkCommand)
	if missing != nil && os.Getenv("CI") == "true" {
		t.Fatal("wrk is not installed")
	}
	cfg := testConfig(t)
	rep, err := measure(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rep.Memory {
		// Up to the settling time a few workers are left over.
		if want := float64(idle[i].goroutines); row.Source != idle[i].Name || row.Streams != 64 || math.Abs(row.Goroutines-want) >= 0.5 {
			t.Errorf("memory, row %d: %+v, want %v goroutines", i, row, want)
		}
	}
	for i := range busy {
		burst, single := rep.Bursts[i], rep.Singles[i]
		if burst.Source != busy[i].Name || burst.Events != 20*2*70 || burst.CPU.Median <= 0 || burst.P50.Median > burst.P99.Median {
			t.Errorf("bursts, row %d: %+v", i, burst)
		}
		if single.Source != busy[i].Name || single.Events != 20*3 || single.CPU.Median <= 0 || single.P50.Median <= 0 {
			t.Errorf("single events, row %d: %+v", i, single)
		}
	}
	for i, row := range rep.Uploads {
		if row.Upload != uploads[i].Name || row.Bytes != cfg.UploadBytes || row.Rate <= 0 || row.Growth < 0 {
			t.Errorf("uploads, row %d: %+v", i, row)
		}
	}
	for i, row := range rep.Gone {
		if row.Tries != 3 || row.Median <= 0 || row.Median > row.P90 || row.P90 > row.Max {
			t.Errorf("gone, row %d: %+v", i, row)
		}
	}
	targets := 4 + 2 + 3 + 1 + 4
	if missing != nil {
		targets--
	}
	if len(rep.Memory) != len(idle) || len(rep.Uploads) != len(uploads) || len(rep.Gone) != 4 || len(rep.Targets) != targets {
		t.Errorf("rows are missing: %+v", rep)
	}
	checkOutput(t, rep)
}

func checkOutput(t *testing.T, rep *report) {
	t.Helper()
	var text strings.Builder
	if err := rep.print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{idle[1].Name, busy[1].Name, uploads[2].Name, "parked stream, TLS", "targets"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in the tables:\n%s", want, &text)
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

// TestMissingEvents asks for more than is sent, and for less.
func TestMissingEvents(t *testing.T) {
	cfg := testConfig(t)
	s, err := proc.Start(t.Context(), cfg.cores.Server, ours, "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c, err := openStreams(t.Context(), s.Addr, parkedPath, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if _, err := s.Ask1("round 5"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.await(t.Context(), 6); err != nil {
		t.Fatal(err)
	}
	if err := c.check(6); err != nil {
		t.Error(err)
	}
	if c.check(5) == nil || c.check(7) == nil {
		t.Error("another number of events is taken for right")
	}
	if _, err := s.Ask1("round 5"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.await(t.Context(), 7); err == nil {
		t.Error("events that are too many are taken for right")
	}
	s.Stop()
	if _, err := c.await(t.Context(), 1000); err == nil {
		t.Error("streams that end are taken for right")
	}
	if !s.Cmd.ProcessState.Success() {
		t.Errorf("the server did not end by itself: %v", s.Cmd.ProcessState)
	}
}

// TestUploadWire sends what is not whole pieces, and a body that the server must count wrong.
func TestUploadWire(t *testing.T) {
	cfg := testConfig(t)
	for _, u := range uploads {
		t.Run(u.Name, func(t *testing.T) {
			s, err := proc.Start(t.Context(), cfg.cores.Server, u.server, "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Stop()
			for _, size := range []int64{1, uploadPiece, 3*uploadPiece + 1} {
				if _, err := u.send(t.Context(), s.Addr, size); err != nil {
					t.Errorf("%d bytes: %v", size, err)
				}
			}
			u.path = "/nowhere"
			if _, err := u.send(t.Context(), s.Addr, 1); err == nil {
				t.Error("an answer that is not the count is taken for right")
			}
		})
	}
}

func TestProfiles(t *testing.T) {
	cfg := testConfig(t)
	cfg.ProfileDir = t.TempDir()
	cfg.Parts = []string{partMemory, partBurst}
	if _, err := measure(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"memory-quart,-parked", "burst-net-http,-Flush-0"} {
		if info, err := os.Stat(fmt.Sprintf("%s/%s.pprof", cfg.ProfileDir, name)); err != nil || info.Size() == 0 {
			t.Errorf("no profile: %v", err)
		}
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
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, rate, err := wrk.Parse(tt.out)
			if n != tt.requests || (err != nil) != tt.fails {
				t.Fatalf("got %d, %v, %v", n, rate, err)
			}
			if err == nil && rate != 27272.7 {
				t.Errorf("rate %v", rate)
			}
		})
	}
}

func TestFlags(t *testing.T) {
	tests := []struct {
		name, args, parts string
		fails             bool
	}{
		{"defaults", "", "gone,memory,burst,upload,static", false},
		{"some parts", "-only upload,gone", "upload,gone", false},
		{"unknown part", "-only websocket", "", true},
		{"more streams than files", "-streams 20000", "", true},
		{"no streams", "-busy 0", "", true},
		{"no time", "-seconds 0", "", true},
		{"a negative pause", "-pause -1s", "", true},
		{"no body", "-mib 0", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, _, err := parseFlags(strings.Fields(tt.args))
			if (err != nil) != tt.fails || errors.Is(err, flag.ErrHelp) {
				t.Fatalf("error %v", err)
			}
			if got := strings.Join(cfg.Parts, ","); got != tt.parts {
				t.Errorf("parts %s, want %s", got, tt.parts)
			}
		})
	}
}

// TestTargets puts quart on either side of each limit.
func TestTargets(t *testing.T) {
	report := func(f float64) *report {
		r := &report{
			Memory: []memoryRow{
				{Source: idle[0].Name, Resident: 10 * kib * f, Goroutines: f},
				{Source: idle[1].Name, Resident: 2 * kib * f, Goroutines: f - 1},
				{Source: idle[2].Name, Resident: 100 * kib, Goroutines: 2},
			},
			Bursts: []eventsRow{{Source: busy[0].Name, CPU: rounds.Of([]float64{4 * f})}, {Source: busy[3].Name, CPU: rounds.Of([]float64{40})}},
			Static: &staticTable{Ratio: rounds.Of([]float64{0.9 / f})},
			Gone:   []goneRow{{Median: 10 * f}},
		}
		for range uploads {
			r.Uploads = append(r.Uploads, uploadRow{Growth: int64(8 * mib * f)})
		}
		return r
	}
	for f, missed := range map[float64]bool{1: false, 1.01: true} {
		all := report(f).targets()
		if len(all) != 10 {
			t.Errorf("%d targets, want 10: %+v", len(all), all)
		}
		if i := slices.IndexFunc(all, func(got target) bool { return got.Missed != missed }); i >= 0 {
			t.Errorf("%v of the limits: %+v", f, all[i])
		}
	}
}
