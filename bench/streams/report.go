//go:build linux

package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/goquart/quart/bench/internal/rounds"
)

// A report is what -json prints.
type report struct {
	Go      string
	Busy    int          // streams that got events
	Burst   int          // events of a burst in each
	Memory  []memoryRow  `json:",omitempty"`
	Bursts  []eventsRow  `json:",omitempty"`
	Singles []eventsRow  `json:",omitempty"`
	Uploads []uploadRow  `json:",omitempty"`
	Static  *staticTable `json:",omitempty"`
	Gone    []goneRow    `json:",omitempty"`
	Targets []target     `json:",omitempty"`
}

func newReport(cfg config) *report {
	return &report{Go: runtime.Version(), Busy: cfg.Busy, Burst: cfg.Burst}
}

// A target is a row of the project's README, and what was measured.
type target struct {
	What         string
	Value, Limit float64
	AtLeast      bool // Limit is the least, else the most
	Missed       bool
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

// limits of the tables' rows, by their names.
var (
	residentLimits  = map[string]float64{idle[0].Name: 10, idle[1].Name: 2} // KiB
	goroutineLimits = map[string]float64{idle[0].Name: 1, idle[1].Name: 0}
	burstLimit      = 4.0  // microseconds
	growthLimit     = 8.0  // MiB
	staticLimit     = 0.9  // of fasthttp
	goneLimit       = 10.0 // milliseconds
)

// targets compares with the limits what was measured of quart.
func (r *report) targets() (all []target) {
	most := func(value, limit float64, format string, args ...any) {
		all = append(all, target{fmt.Sprintf(format, args...), value, limit, false, value > limit})
	}
	for _, row := range r.Memory {
		if limit, ok := residentLimits[row.Source]; ok {
			most(row.Resident/kib, limit, "KiB resident for each stream: %s", row.Source)
			most(row.Goroutines, goroutineLimits[row.Source], "goroutines for each stream: %s", row.Source)
		}
	}
	for _, row := range r.Bursts {
		if row.Source == busy[0].Name || row.Source == busy[1].Name {
			most(row.CPU.Median, burstLimit, "CPU us for each event of a burst: %s", row.Source)
		}
	}
	for i, row := range r.Uploads {
		if uploads[i].server == ours {
			most(float64(row.Growth)/mib, growthLimit, "MiB of growth while %d MiB come: %s", row.Bytes/mib, row.Upload)
		}
	}
	if r.Static != nil && r.Static.Skipped == "" {
		v := r.Static.Ratio.Median
		all = append(all, target{"requests for a file of 4 KiB, of fasthttp.FS", v, staticLimit, true, v < staticLimit})
	}
	for _, row := range r.Gone {
		most(row.Median, goneLimit, "ms until a client is known to have left, median: %s", row.Client)
	}
	return all
}

// print writes the tables for people.
func (r *report) print(out io.Writer) error {
	t := rounds.NewTable(out)
	t.Line("%s", r.Go)
	r.printMemory(t)
	r.printEvents(t, fmt.Sprintf("bursts of %d events of 64 B in each of %d streams", r.Burst, r.Busy), r.Bursts)
	r.printEvents(t, fmt.Sprintf("a single event of 64 B in each of %d streams", r.Busy), r.Singles)
	r.printUploads(t)
	r.printStatic(t)
	r.printGone(t)
	r.printTargets(t)
	return t.Flush()
}

func (r *report) printMemory(t rounds.Table) {
	if len(r.Memory) == 0 {
		return
	}
	t.Title("%d open streams that wait: growth of the server for each", r.Memory[0].Streams)
	t.Row("KiB resident\theap\tstacks\tgoroutines\t")
	for _, m := range r.Memory {
		t.Row("%.2f\t%.2f\t%.2f\t%.3f\t  %s", m.Resident/kib, m.Heap/kib, m.Stacks/kib, m.Goroutines, m.Source)
	}
}

func (r *report) printEvents(t rounds.Table, title string, rows []eventsRow) {
	if len(rows) == 0 {
		return
	}
	t.Title("%s: server CPU, and time to a stream's first event", title)
	t.Row("CPU us/event\tmin\tmax\tp50 us\tp99 us\t")
	for _, e := range rows {
		t.Row("%.2f\t%.2f\t%.2f\t%.0f\t%.0f\t  %s", e.CPU.Median, e.CPU.Min, e.CPU.Max, e.P50.Median, e.P99.Median, e.Source)
	}
}

func (r *report) printUploads(t rounds.Table) {
	if len(r.Uploads) == 0 {
		return
	}
	t.Title("a body of %d MiB, read as it comes", r.Uploads[0].Bytes/mib)
	t.Row("MiB growth\tMB/s\tCPU s\t")
	for _, u := range r.Uploads {
		t.Row("%.2f\t%.0f\t%.2f\t  %s", float64(u.Growth)/mib, u.Rate/1e6, u.CPU, u.Upload)
	}
}

func (r *report) printStatic(t rounds.Table) {
	if r.Static == nil {
		return
	}
	t.Title("a file of 4 KiB, %d connections", staticConns)
	if r.Static.Skipped != "" {
		t.Line("not measured: %s", r.Static.Skipped)
		return
	}
	t.Row("requests/s\tmin\tmax\tCPU us/request\t")
	for _, s := range r.Static.Rows {
		t.Row("%.0f\t%.0f\t%.0f\t%.2f\t  %s", s.Rate.Median, s.Rate.Min, s.Rate.Max, s.CPU.Median, s.Server)
	}
	t.Row("%.3f\t%.3f\t%.3f\t\t  quart/fasthttp, requests/s", r.Static.Ratio.Median, r.Static.Ratio.Min, r.Static.Ratio.Max)
	t.Row("%.3f\t%.3f\t%.3f\t\t  quart/fasthttp, requests for a second of CPU", r.Static.CPU.Median, r.Static.CPU.Min, r.Static.CPU.Max)
}

func (r *report) printGone(t rounds.Table) {
	if len(r.Gone) == 0 {
		return
	}
	t.Title("from a client's close to the end of its context, %d tries each", r.Gone[0].Tries)
	t.Row("median ms\tp90\tmax\t")
	for _, g := range r.Gone {
		t.Row("%.3f\t%.3f\t%.3f\t  %s", g.Median, g.P90, g.Max, g.Client)
	}
}

func (r *report) printTargets(t rounds.Table) {
	if len(r.Targets) == 0 {
		return
	}
	t.Title("quart against its targets")
	t.Row("measured\tlimit\t\t")
	for _, target := range r.Targets {
		verdict, sign := "met", "<="
		if target.Missed {
			verdict = "MISSED"
		}
		if target.AtLeast {
			sign = ">="
		}
		t.Row("%.3f\t%s %g\t%s\t  %s", target.Value, sign, target.Limit, verdict, target.What)
	}
}
