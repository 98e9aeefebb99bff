//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/bench/internal/pin"
	"github.com/goquart/quart/bench/internal/proc"
	"github.com/goquart/quart/bench/internal/rounds"

	"golang.org/x/net/http2"
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
	cfg := config{
		Parts: partNames(), Servers: servers, Rounds: 1, Few: 256, Time: time.Millisecond, Idle: 20, Crowds: 1, Downloads: 1, cores: cores,
	}
	if cfg.h2load, err = h2loadVersion(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Logf("idle and fair only: %v", err)
		cfg.Parts = []string{partIdle, partFair}
	}
	return cfg
}

// TestMeasure runs everything for a moment. The clients refuse an answer that is not right.
func TestMeasure(t *testing.T) {
	cfg := testConfig(t)
	rep, err := measure(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Idle) != 6 || len(rep.Fair) != 3 {
		t.Fatalf("rows are missing: %+v", rep)
	}
	for _, row := range rep.Idle {
		if row.Conns != 20 || row.Resident <= 0 || row.Heap <= 0 {
			t.Errorf("idle: %+v", row)
		}
	}
	for _, row := range rep.Fair {
		if row.Samples < 1 || row.P50 <= 0 || row.P99 < row.P50 || row.Max < row.P99 || row.Wall.Median <= 0 || row.CPU.Median <= 0 {
			t.Errorf("fair: %+v", row)
		}
	}
	want := []string{"idle: ", "net/http, TLS", "fair: ", "targets"}
	if cfg.needH2load() {
		checkLoads(t, rep)
		want = append(want, "get: GET /plaintext, 8 connections with 32", "post: POST", "large: 64 MiB", "fasthttp, http/1.1")
	}
	checkOutput(t, rep, want)
}

func checkLoads(t *testing.T, rep *report) {
	t.Helper()
	if len(rep.Loads) != len(loads) || len(rep.Large) != len(servers)+len(oldServers) {
		t.Fatalf("tables are missing: %+v", rep)
	}
	for i, table := range rep.Loads {
		if table.Name != loads[i].Name || len(table.Rows) != len(servers) {
			t.Fatalf("table %d: %+v", i, table)
		}
		for _, row := range table.Rows {
			if row.Rate.Median <= 0 || row.CPU.Median <= 0 || row.Ratio.Median <= 0 || row.Headers.Median <= 0 {
				t.Errorf("%s: %+v", table.Name, row)
			}
			// That allocations are counted at all can be seen of this one.
			if row.Server == netName && (row.Mallocs.Median < 5000 || row.Bytes.Median < 100_000) {
				t.Errorf("%s: %+v, want some allocations for each request", table.Name, row)
			}
		}
	}
	for _, row := range rep.Large {
		if row.Rate.Median <= 0 || row.CPU.Median <= 0 || row.Ratio.Median <= 0 || row.Wide.Median <= 0 {
			t.Errorf("large: %+v", row)
		}
	}
}

func checkOutput(t *testing.T, rep *report, want []string) {
	t.Helper()
	var text strings.Builder
	if err := rep.print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range want {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in the tables:\n%s", want, &text)
		}
	}
	columns := 0
	for line := range strings.Lines(text.String()) {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		if n := strings.Count(line, "|"); columns != 0 && n != columns {
			t.Errorf("%d bars, want %d as in the line before: %s", n, columns, line)
		}
		columns = strings.Count(line, "|")
	}
	b, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(b, &back); err != nil || len(back.Targets) != len(rep.Targets) || len(back.Loads) != len(rep.Loads) {
		t.Errorf("JSON does not come back: %v, %s", err, b)
	}
}

// TestServersAlike asks all servers for what h2load does not look into.
func TestServersAlike(t *testing.T) {
	cfg := testConfig(t)
	large := make([]byte, largeBytes)
	_, _ = filler.ReadAt(large, 0) // it has no error
	for _, srv := range servers {
		for _, secure := range []bool{false, true} {
			word := map[bool]string{true: overTLS}[secure]
			err := cfg.withServer(t.Context(), srv.Name, "", word, func(ctx context.Context, s *proc.Server) error {
				c, err := dial(ctx, s.Addr, secure)
				if err != nil {
					return err
				}
				defer c.close()
				for path, body := range map[string][]byte{
					plainPath: []byte(helloWorld), jsonPath: []byte(helloJSON), paramPath + "12345": []byte("12345"), bigPath: filler, largePath: large,
				} {
					if err := c.once(path, body); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s %s: %v", srv.Name, word, err)
			}
		}
	}
}

// serveBad is a server whose big answers, or small ones, are what they are told to be.
func serveBad(t *testing.T, h http.HandlerFunc) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.Serve(l) }() // it ends with the test
	t.Cleanup(func() { _ = s.Close() })
	return netip.MustParseAddrPort(l.Addr().String())
}

// TestCrowdRefuses sees that an answer which is wrong ends the run.
func TestCrowdRefuses(t *testing.T) {
	swapped := slices.Clone(filler)
	swapped[bigBytes-1]++
	tests := []struct {
		name string
		big  func(w http.ResponseWriter)
		err  string
	}{
		{"right", func(w http.ResponseWriter) { _, _ = w.Write(filler) }, ""},
		{"a wrong byte", func(w http.ResponseWriter) { _, _ = w.Write(swapped) }, "not what they must be"},
		{"too short", func(w http.ResponseWriter) { _, _ = w.Write(filler[:bigBytes-1]) }, "not what they must be"},
		{"too long", func(w http.ResponseWriter) { _, _ = w.Write(append(slices.Clone(filler), 0)) }, "not what they must be"},
		{"a wrong status", func(w http.ResponseWriter) { w.WriteHeader(503) }, `status "503"`},
		{"a reset", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "the server reset"},
	}
	for _, tt := range tests {
		addr := serveBad(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == bigPath {
				tt.big(w)
				return
			}
			_, _ = w.Write([]byte(helloWorld))
		})
		c, err := dial(t.Context(), addr, false)
		if err != nil {
			t.Fatal(err)
		}
		_, small, err := c.crowd()
		c.close()
		checkError(t, tt.name, err, tt.err)
		if tt.err == "" && len(small) == 0 {
			t.Errorf("%s: no small answer was timed", tt.name)
		}
	}
}

// TestCrowdCountsTheLast: the only small answer comes after all of the big ones.
func TestCrowdCountsTheLast(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan error, 1)
	go func() { served <- starve(l) }()
	c, err := dial(t.Context(), netip.MustParseAddrPort(l.Addr().String()), false)
	if err != nil {
		t.Fatal(err)
	}
	wall, small, err := c.crowd()
	c.close()
	if err != nil || len(small) != 1 || wall <= 0 {
		t.Errorf("%d small answers, want 1, and %v for the others: %v", len(small), wall, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// starve answers a crowd, and what was asked after it at the end.
func starve(l net.Listener) error {
	nc, err := l.Accept()
	if err != nil {
		return err
	}
	defer nc.Close()
	if _, err := io.ReadFull(nc, make([]byte, len(http2.ClientPreface))); err != nil {
		return err
	}
	framer := http2.NewFramer(nc, nc)
	if err := framer.WriteSettings(); err != nil {
		return err
	}
	var streams []uint32
	for len(streams) <= crowd {
		frame, err := framer.ReadFrame()
		if err != nil {
			return err
		}
		if h, ok := frame.(*http2.HeadersFrame); ok {
			streams = append(streams, h.StreamID)
		}
	}
	for i, stream := range streams {
		body := []byte(filler)
		if i == crowd {
			body = []byte(helloWorld)
		}
		status200 := []byte{0x88}
		err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: status200, EndHeaders: true})
		for piece := range slices.Chunk(body, 16<<10) {
			err = errors.Join(err, framer.WriteData(stream, false, piece))
		}
		if err := errors.Join(err, framer.WriteData(stream, true, nil)); err != nil {
			return err
		}
	}
	_, _ = io.Copy(io.Discard, nc) // until the client has closed: what it has not read yet must not be lost
	return nil
}

func TestFairRow(t *testing.T) {
	ms := func(values ...int) (all []time.Duration) {
		for _, v := range values {
			all = append(all, time.Duration(v)*time.Millisecond)
		}
		return all
	}
	got := fairRowOf("x", []crowding{{ms(9, 1, 3), ms(30, 10, 20), 5}, {ms(2), ms(40), 7}})
	if got.Samples != 4 || got.P50 != 2 || got.P99 != 9 || got.Max != 9 || got.Wall.Median != 30 || got.Wall.Min != 20 || got.CPU.Median != 6 {
		t.Errorf("%+v", got)
	}
}

func TestTargets(t *testing.T) {
	figure := func(v float64) rounds.Figure { return rounds.Of([]float64{v}) }
	row := func(name string, ratio, mallocs, headers float64) loadRow {
		return loadRow{Server: name, Ratio: figure(ratio), Mallocs: figure(mallocs), Headers: figure(headers)}
	}
	r := report{
		Loads: []loadTable{
			{loads[0], []loadRow{row(quartName, 0.09, 9, 12), row(rawName, 0.11, 11, 13), row(netName, 1, 36_000, 4)}},
			{loads[1], []loadRow{row(quartName, 0.39, 0, 5)}},
		},
		Idle: []idleRow{
			{Server: quartName, Resident: 16 << 10},
			{Server: rawName, Resident: 17 << 10},
			{Server: quartName, TLS: true, Resident: 40 << 10},
			{Server: netName, Resident: 40 << 10},
		},
		Large: []largeRow{
			{Server: quartName, Protocol: alpnHTTP2, Ratio: figure(0.8), Wide: figure(0.7)},
			{Server: fastName, Protocol: alpnHTTP1, Ratio: figure(1), Wide: figure(0.5)},
		},
	}
	var missed []bool
	for _, target := range r.targets() {
		missed = append(missed, target.Missed)
	}
	want := []bool{false, false, false, true, true, true, false, false, false, false, true, false, true}
	if !slices.Equal(missed, want) {
		t.Errorf("missed: %v, want %v of %+v", missed, want, r.targets())
	}
}

func TestFlags(t *testing.T) {
	cfg, asJSON, err := parseFlags([]string{"-only", "get,idle", "-servers", "net/http", "-json", "-tls"})
	if err != nil || !asJSON || !cfg.TLS || !slices.Equal(cfg.Parts, []string{"get", "idle"}) || len(cfg.Servers) != 1 || cfg.Servers[0].Name != netName {
		t.Errorf("%+v, %v", cfg, err)
	}
	if cfg.word() != overTLS || !cfg.needH2load() {
		t.Errorf("word %q, h2load %t", cfg.word(), cfg.needH2load())
	}
	tests := []struct{ flags, err string }{
		{"-only get2", `nothing is named "get2"; there are get, get1`},
		{"-servers fasthttp", `nothing is named "fasthttp"`},
		{"-rounds 0", "at least one"},
		{"-few 100", "at least one"},
		{"-time 0s", "at least one"},
		{"-idle 20000", "at most 15000"},
		{"get", "flags only"},
	}
	for _, tt := range tests {
		_, _, err := parseFlags(strings.Fields(tt.flags))
		checkError(t, tt.flags, err, tt.err)
	}
}

// TestFailures: a part that fails is named, and the others are run.
func TestFailures(t *testing.T) {
	cfg := testConfig(t)
	cfg.Servers = []server{{Name: "nobody"}}
	cfg.Parts = []string{partIdle, partFair}
	rep, err := measure(t.Context(), cfg)
	checkError(t, "idle", err, "idle: nobody")
	checkError(t, "fair", err, "fair: nobody")
	if len(rep.Idle)+len(rep.Fair) != 0 {
		t.Errorf("%+v", rep)
	}
}
