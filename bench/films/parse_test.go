//go:build linux

package main

import (
	"slices"
	"testing"

	"github.com/goquart/quart/bench/internal/rounds"
)

func TestParseVolume(t *testing.T) {
	const good = `{"Requests":2000,"Micros":1000000,"Bytes":300000,"Failed":0,"Refused":0,"P50":1500,"P99":2500}`
	tests := []struct{ name, out, err string }{
		{"good", "Running 1s test\n  wrk's own words\n" + good + "\n", ""},
		{"nothing", "", "printed no counts"},
		{"no counts", "unable to connect\n", "printed no counts"},
		{"refused", `{"Requests":2000,"Micros":1000000,"Refused":1}`, "had errors"},
		{"broken", `{"Requests":2000,"Micros":1000000,"Failed":1}`, "had errors"},
		{"no answers", `{"Requests":0,"Micros":1000000}`, "no answers"},
	}
	for _, tt := range tests {
		v, err := parseVolume([]byte(tt.out))
		checkError(t, tt.name, err, tt.err)
		if err == nil && (v.rate() != 2000 || v.P50 != 1500 || v.P99 != 2500 || v.Bytes != 300000) {
			t.Errorf("%s: %+v", tt.name, v)
		}
	}
}

func TestParsePgbench(t *testing.T) {
	const good = `pgbench (15.8)
transaction type: one.sql
number of clients: 20
number of transactions actually processed: 10226
number of failed transactions: 0 (0.000%)
latency average = 1.944 ms
initial connection time = 25.163 ms
tps = 10288.731000 (without initial connection time)
`
	tests := []struct{ name, out, err string }{
		{"good", good, ""},
		{"nothing", "", "printed no counts"},
		{"nothing done", "number of transactions actually processed: 0\ntps = 0.1 (without initial connection time)\n", "did nothing"},
	}
	for _, tt := range tests {
		done, rate, err := parsePgbench(tt.out)
		checkError(t, tt.name, err, tt.err)
		if err == nil && (done != 10226 || rate != 10288.731) {
			t.Errorf("%s: %d, %f", tt.name, done, rate)
		}
	}
}

func TestParseFlags(t *testing.T) {
	tests := []struct {
		args  []string
		loads int
		peers int
		err   string
	}{
		{nil, 3, len(peers), ""},
		{[]string{"-only", "list,one", "-peers", "gin"}, 2, 1, ""},
		{[]string{"-peers", "quart,gin,flask", "-tune"}, 3, 2 + 2*4 + 9, ""},
		{[]string{"-only", "lists"}, 0, 0, `nothing is named "lists"`},
		{[]string{"-peers", "ginn"}, 0, 0, `nothing is named "ginn"`},
		{[]string{"-seconds", "0"}, 0, 0, "want flags only"},
		{[]string{"-rounds", "0"}, 0, 0, "want flags only"},
		{[]string{"more"}, 0, 0, "want flags only"},
	}
	for _, tt := range tests {
		cfg, _, err := parseFlags(tt.args)
		checkError(t, "flags", err, tt.err)
		if err == nil && (len(cfg.Loads) != tt.loads || len(cfg.Peers) != tt.peers) {
			t.Errorf("%q: %d loads, %d peers", tt.args, len(cfg.Loads), len(cfg.Peers))
		}
	}
}

// TestTargets compares with the best of the other Go programs, in the same round.
func TestTargets(t *testing.T) {
	r := &run{cfg: config{Loads: loads[:1], Peers: peers}, samples: map[string]map[string][]sample{}, limits: map[string][]limit{}}
	for name, rates := range map[string][]float64{ours: {120, 240, 130}, "gin": {60, 60, 60}, netHTTP: {80, 100, 80}, onPython: {11, 12, 10}, onPython2: {20, 20, 20}, "flask": {99, 99, 99}} {
		for _, rate := range rates {
			if r.samples[name] == nil {
				r.samples[name] = map[string][]sample{}
			}
			r.samples[name][loadOne] = append(r.samples[name][loadOne], sample{rate: rate})
		}
	}
	r.rep.fill(r)
	want := []target{
		{"one: requests/s, of quart-uvicorn", rounds.Of([]float64{120. / 11, 240. / 12, 130. / 10}), 12, false},
		{"one: requests/s, of quart-uvicorn-2", rounds.Of([]float64{6, 12, 6.5}), 12, true},
		{"one: requests/s, of net/http, the best of the other Go programs", rounds.Of([]float64{1.5, 2.4, 130. / 80}), 1.6, false},
	}
	same := func(a, b target) bool {
		return a.What == b.What && a.Least == b.Least && a.Missed == b.Missed && slices.Equal(a.Ratio.Rounds, b.Ratio.Rounds)
	}
	if !slices.EqualFunc(r.rep.Targets, want, same) {
		t.Errorf("%+v, want %+v", r.rep.Targets, want)
	}
	r.samples[ours][loadOne] = r.samples[ours][loadOne][:1] // a run that ended early
	r.rep = report{}
	if r.rep.fill(r); len(r.rep.Targets) != 3 || !r.rep.Targets[0].Missed || !r.rep.Targets[2].Missed {
		t.Errorf("%+v, want all missed", r.rep.Targets)
	}
}

func TestBest(t *testing.T) {
	figure := func(rate float64) rounds.Figure { return rounds.Of([]float64{rate}) }
	rep := report{
		Peers: []described{{peer: peer{Name: "gin, 1 x 4"}}, {peer: peer{Name: "gin, 1 x 8"}}, {peer: peer{Name: "flask, 1 x 5"}}},
		Loads: []loadTable{
			{Rows: []row{{Peer: "gin, 1 x 4", Rate: figure(100)}, {Peer: "gin, 1 x 8", Rate: figure(90)}, {Peer: "flask, 1 x 5", Rate: figure(1)}}},
			{Rows: []row{{Peer: "gin, 1 x 4", Rate: figure(10)}, {Peer: "gin, 1 x 8", Rate: figure(20)}, {Peer: "flask, 1 x 5", Rate: figure(1)}}},
		},
	}
	if got, want := rep.best(), []string{"gin, 1 x 8", "flask, 1 x 5"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
