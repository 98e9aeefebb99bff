//go:build linux

package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
)

// A report is what -json prints.
type report struct {
	Go      string
	Load    string // of the closed loops
	Path    string
	Rounds  int
	Seconds float64
	Conns   int
	Closed  []closedTable
	Open    openTable
	Targets []target
}

// A closedTable holds the closed loops with Depth requests at once.
type closedTable struct {
	Depth   int
	Servers []closedRow
}

type closedRow struct {
	Server, Version string
	CPU             figure // of the server, microseconds per request
	Ratio           figure // of CPU, to raw fasthttp
	Rate            figure // requests per second
}

// An openTable holds the open loops, with Rate requests per second.
type openTable struct {
	Rate    float64
	Servers []openRow
}

// An openRow has microseconds, and their ratios to raw fasthttp.
type openRow struct {
	Server                        string
	P50, P99, P999, Late          figure
	RatioP50, RatioP99, RatioP999 figure
}

// A figure is a value of each round. A ratio is taken within a round, before
// the median.
type figure struct {
	Median, Min, Max float64
	Rounds           []float64
}

func figureOf(rounds []float64) figure {
	sorted := slices.Sorted(slices.Values(rounds))
	n := len(sorted)
	return figure{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1], Rounds: rounds}
}

func ratios(values, to []float64) []float64 {
	r := make([]float64, len(values))
	for i, v := range values {
		r[i] = v / to[i]
	}
	return r
}

func openRowOf(name string, got, ref []latency) openRow {
	column := func(of []latency, f func(latency) float64) (values []float64) {
		for _, l := range of {
			values = append(values, f(l))
		}
		return values
	}
	both := func(f func(latency) float64) (value, ratio figure) {
		values := column(got, f)
		return figureOf(values), figureOf(ratios(values, column(ref, f)))
	}
	row := openRow{Server: name, Late: figureOf(column(got, func(l latency) float64 { return l.Late }))}
	row.P50, row.RatioP50 = both(func(l latency) float64 { return l.P50 })
	row.P99, row.RatioP99 = both(func(l latency) float64 { return l.P99 })
	row.P999, row.RatioP999 = both(func(l latency) float64 { return l.P999 })
	return row
}

// A target is a row of the project's README: a ratio of quart to another, and
// its limit.
type target struct {
	What  string
	Ratio figure
	Limit float64
	Over  bool
}

// targets compares with the limits what was measured of quart, if it was.
func (r *report) targets() (all []target) {
	add := func(what string, ratio figure, limit float64) {
		all = append(all, target{what, ratio, limit, ratio.Median > limit})
	}
	for _, t := range r.Closed {
		i := slices.IndexFunc(t.Servers, func(row closedRow) bool { return row.Server == ours })
		if i < 0 {
			return nil
		}
		q := t.Servers[i]
		if t.Depth > 1 {
			add(fmt.Sprintf("CPU per request, %d pipelined, of fasthttp", t.Depth), q.Ratio, 1.10)
			continue
		}
		add("CPU per request, of fasthttp", q.Ratio, 1.03)
		for _, other := range t.Servers {
			switch other.Server {
			case netHTTP, "gin", "echo", "chi":
				add("CPU per request, of "+other.Server, figureOf(ratios(q.CPU.Rounds, other.CPU.Rounds)), 1/1.75)
			}
		}
	}
	for _, row := range r.Open.Servers {
		if row.Server == ours {
			add("p99 under an open-loop load, of fasthttp", row.RatioP99, 1.1)
			add("p99.9 under an open-loop load, of fasthttp", row.RatioP999, 1.1)
		}
	}
	return all
}

func newReport(cfg config) *report {
	return &report{
		Go: runtime.Version(), Load: cfg.Load, Path: cfg.Path,
		Rounds: cfg.Rounds, Seconds: cfg.Time.Seconds(), Conns: cfg.Conns,
	}
}

// print writes the tables for people.
func (r *report) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	p := func(format string, args ...any) { fmt.Fprintf(w, format, args...) } // Flush has the error
	p("GET %s, %d connections, load: %s, medians of %d rounds of %gs, %s\n", r.Path, r.Conns, r.Load, r.Rounds, r.Seconds, r.Go)
	for _, t := range r.Closed {
		p("\nclosed loop, %d at once\n", t.Depth)
		p("server\tCPU us/request\tof fasthttp\tmin\tmax\trequests/s\tversion\t\n")
		for _, row := range t.Servers {
			p("%s\t%.2f\t%.3f\t%.3f\t%.3f\t%.0f\t%s\t\n",
				row.Server, row.CPU.Median, row.Ratio.Median, row.Ratio.Min, row.Ratio.Max, row.Rate.Median, row.Version)
		}
	}
	p("\nopen loop, %.0f requests/s, microseconds (ratio to fasthttp)\n", r.Open.Rate)
	p("server\tp50\t\tp99\t\tp99.9\t\tsent late p99.9\t\n")
	for _, row := range r.Open.Servers {
		p("%s\t%.0f\t(%.3f)\t%.0f\t(%.3f)\t%.0f\t(%.3f)\t%.0f\t\n", row.Server, row.P50.Median, row.RatioP50.Median,
			row.P99.Median, row.RatioP99.Median, row.P999.Median, row.RatioP999.Median, row.Late.Median)
	}
	if len(r.Targets) > 0 {
		p("\nquart against its targets\nratio\tmin\tmax\tlimit\t\t\n")
	}
	for _, t := range r.Targets {
		verdict := "met"
		if t.Over {
			verdict = "OVER"
		}
		p("%.3f\t%.3f\t%.3f\t%.3f\t%s\t  %s\n", t.Ratio.Median, t.Ratio.Min, t.Ratio.Max, t.Limit, verdict, t.What)
	}
	return w.Flush()
}
