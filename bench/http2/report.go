//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"strings"
)

// A report is what -json prints.
type report struct {
	Go      string
	H2load  string // version; empty where it was not needed
	Rounds  int
	Seconds float64
	TLS     bool        // loads
	Loads   []loadTable `json:",omitempty"`
	Idle    []idleRow   `json:",omitempty"`
	Fair    []fairRow   `json:",omitempty"`
	Large   []largeRow  `json:",omitempty"`
	Targets []target    `json:",omitempty"`
}

func newReport(cfg config) *report {
	return &report{Go: runtime.Version(), H2load: cfg.h2load, Rounds: cfg.Rounds, Seconds: cfg.Time.Seconds(), TLS: cfg.TLS}
}

const kib = 1 << 10

// markdown writes tables; Flush has the first error.
type markdown struct{ *bufio.Writer }

func (m markdown) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// head begins a table. The names of columns are separated by bars; the first column is text.
func (m markdown) head(title, columns string) {
	m.line("\n**%s**\n", title)
	m.line("| %s |", columns)
	m.line("| --- %s|", strings.Repeat("| ---: ", strings.Count(columns, "|")))
}

// print writes the tables for people.
func (r *report) print(out io.Writer) error {
	m := markdown{bufio.NewWriter(out)}
	m.line("%s, medians of %d rounds", strings.TrimSpace(r.Go+" "+r.H2load), r.Rounds)
	for _, t := range r.Loads {
		r.printLoad(m, t)
	}
	printIdle(m, r.Idle)
	printFair(m, r.Fair)
	printLarge(m, r.Large)
	printTargets(m, r.Targets)
	return m.Flush()
}

func (r *report) printLoad(m markdown, t loadTable) {
	over := "cleartext"
	if r.TLS {
		over = "TLS"
	}
	m.head(fmt.Sprintf("%s: %s, %d connections with %d streams at once, about %gs, %s", t.Name, t.What, loadConns, t.Streams, r.Seconds, over),
		"server | CPU us/request | min | max | of net/http | requests/s | mallocs/1,000 | min | bytes/1,000 | header bytes/answer")
	for _, row := range t.Rows {
		ratio := "-"
		if len(row.Ratio.Rounds) > 0 {
			ratio = fmt.Sprintf("%.3f", row.Ratio.Median)
		}
		m.line("| %s | %.2f | %.2f | %.2f | %s | %.0f | %.1f | %.1f | %.0f | %.1f |", row.Server, row.CPU.Median, row.CPU.Min, row.CPU.Max, ratio,
			row.Rate.Median, row.Mallocs.Median, row.Mallocs.Min, row.Bytes.Median, row.Headers.Median)
	}
}

func printIdle(m markdown, rows []idleRow) {
	if len(rows) == 0 {
		return
	}
	m.head(fmt.Sprintf("idle: growth of the server for each of %d connections that wait after one request", rows[0].Conns),
		"server | KiB resident | heap | stacks | goroutines")
	for _, row := range rows {
		m.line("| %s | %.2f | %.2f | %.2f | %.3f |", row.name(), row.Resident/kib, row.Heap/kib, row.Stacks/kib, row.Goroutines)
	}
}

func (row idleRow) name() string {
	if row.TLS {
		return row.Server + ", TLS"
	}
	return row.Server
}

func printFair(m markdown, rows []fairRow) {
	if len(rows) == 0 {
		return
	}
	m.head(fmt.Sprintf("fair: a small request beside %d answers of 1 MiB on its connection, milliseconds", crowd),
		"server | small p50 | p99 | max | small requests | all big ones | min | max | CPU us/MiB")
	for _, row := range rows {
		m.line("| %s | %.2f | %.2f | %.2f | %d | %.1f | %.1f | %.1f | %.0f |", row.Server, row.P50, row.P99, row.Max, row.Samples,
			row.Wall.Median, row.Wall.Min, row.Wall.Max, row.CPU.Median)
	}
}

func printLarge(m markdown, rows []largeRow) {
	if len(rows) == 0 {
		return
	}
	m.head(fmt.Sprintf("large: %d MiB over TLS, one after the other", largeBytes>>20),
		"server | MiB/s | of "+fastName+" | min | max | of "+wideName+" | CPU us/MiB")
	for _, row := range rows {
		m.line("| %s, %s | %.0f | %.3f | %.3f | %.3f | %.3f | %.0f |", row.Server, row.Protocol, row.Rate.Median, row.Ratio.Median, row.Ratio.Min, row.Ratio.Max,
			row.Wide.Median, row.CPU.Median)
	}
}

// ---- targets ----

// A target is a limit of the project, and what was measured.
type target struct {
	What         string
	Value, Limit float64
	AtLeast      bool // Limit is the least, else the most
	Missed       bool
}

const (
	headerLimit = 12.0 // bytes of an answer
	allocsLimit = 10.0 // per 1,000 requests: the odd one is the runtime's own
	idleLimit   = 16.0 // KiB of a cleartext connection
	largeLimit  = 0.8  // of fasthttp's throughput
)

// targets compares with the limits what was measured of quart and of its engine.
func (r *report) targets() (all []target) {
	most := func(value, limit float64, format string, args ...any) {
		all = append(all, target{fmt.Sprintf(format, args...), value, limit, false, value > limit})
	}
	for _, t := range r.Loads {
		for _, row := range t.Rows {
			if row.Server == netName {
				continue
			}
			if len(row.Ratio.Rounds) > 0 {
				most(row.Ratio.Median, t.Ratio, "%s, %s: CPU per request, of net/http", row.Server, t.Name)
			}
			if t.Allocs {
				// A round in which more requests than ever were open at once has made the pools grow; what each request allocates is in all rounds.
				most(row.Mallocs.Min, allocsLimit, "%s, %s: mallocs per 1,000 requests, the least of the rounds", row.Server, t.Name)
			}
			most(row.Headers.Median, headerLimit, "%s, %s: header bytes per answer", row.Server, t.Name)
		}
	}
	for _, row := range r.Idle {
		if row.Server != netName && !row.TLS {
			most(row.Resident/kib, idleLimit, "%s: KiB resident for each idle connection", row.Server)
		}
	}
	for _, row := range r.Large {
		if row.Protocol != alpnHTTP2 || row.Server == netName {
			continue
		}
		what := row.Server + ": throughput of a large download over TLS, of HTTP/1.1 by "
		all = append(
			all, target{what + fastName, row.Ratio.Median, largeLimit, true, row.Ratio.Median < largeLimit},
			target{what + wideName, row.Wide.Median, largeLimit, true, row.Wide.Median < largeLimit},
		)
	}
	return all
}

func printTargets(m markdown, all []target) {
	if len(all) == 0 {
		return
	}
	m.head("against the targets", "what | measured | limit | ")
	for _, t := range all {
		verdict, sign := "met", "<="
		if t.Missed {
			verdict = "MISSED"
		}
		if t.AtLeast {
			sign = ">="
		}
		m.line("| %s | %.3f | %s %.4g | %s |", t.What, t.Value, sign, t.Limit, verdict)
	}
}
