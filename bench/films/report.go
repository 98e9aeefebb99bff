//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/goquart/quart/bench/internal/rounds"
)

// A report is what -json prints.
type report struct {
	Rounds  int
	Seconds float64 // of each load
	Conns   int
	Tools   []string // their versions
	Peers   []described
	Loads   []loadTable `json:",omitempty"`
	Best    []string    `json:",omitempty"` // of -tune
	Targets []target    `json:",omitempty"`
	tune    bool
}

// described is a peer with the versions of what it is made of.
type described struct {
	peer
	Version string
}

type loadTable struct {
	load
	Limits []limitRow
	Rows   []row
}

// A limitRow is what pgbench does without a server.
type limitRow struct {
	What     string
	Rate     rounds.Figure // statements per second
	Postgres rounds.Figure // CPU microseconds per statement
}

// A row is one peer under a load. A ratio is that of the rates in the same round; it has no rounds where the other was not
// measured.
type row struct {
	Peer          string
	Rate          rounds.Figure // requests per second
	CPU, Postgres rounds.Figure // microseconds per request
	P50, P99      rounds.Figure // milliseconds
	ToPython      rounds.Figure // to Quart on uvicorn
	ToPython2     rounds.Figure // to that in two processes
	ToGo          rounds.Figure // to the best of the other Go programs
	goServer      bool
}

func newReport(cfg config) report {
	return report{Rounds: cfg.Rounds, Seconds: cfg.Time.Seconds(), Conns: conns, tune: cfg.Tune}
}

// fill makes figures of the samples, as far as there are.
func (rep *report) fill(r *run) {
	for _, ld := range r.cfg.Loads {
		rep.Loads = append(rep.Loads, r.tableOf(ld))
	}
	if rep.tune {
		rep.Best = rep.best()
		return
	}
	rep.Targets = rep.targets()
}

func column[T any](of []T, f func(T) float64) (values []float64) {
	for _, v := range of {
		values = append(values, f(v))
	}
	return values
}

func (r *run) tableOf(ld load) loadTable {
	t := loadTable{load: ld}
	for _, name := range []string{ld.Name, pipelinedOne} {
		got := r.limits[name]
		if len(got) == 0 || name == pipelinedOne && ld.Name != loadOne {
			continue
		}
		t.Limits = append(t.Limits, limitRow{
			"pgbench, " + name, rounds.Of(column(got, func(l limit) float64 { return l.rate })),
			rounds.Of(column(got, func(l limit) float64 { return l.cpu })),
		})
	}
	for _, p := range r.cfg.Peers {
		got := r.samples[p.Name][ld.Name]
		if len(got) == 0 {
			continue
		}
		figure := func(f func(sample) float64) rounds.Figure { return rounds.Of(column(got, f)) }
		t.Rows = append(t.Rows, row{
			Peer: p.Name, goServer: p.goServer,
			Rate: figure(func(s sample) float64 { return s.rate }), CPU: figure(func(s sample) float64 { return s.cpu }),
			Postgres: figure(func(s sample) float64 { return s.postgres }),
			P50:      figure(func(s sample) float64 { return s.p50 }), P99: figure(func(s sample) float64 { return s.p99 }),
		})
	}
	t.addRatios()
	return t
}

func (t *loadTable) row(name string) (row, bool) {
	i := slices.IndexFunc(t.Rows, func(r row) bool { return r.Peer == name })
	if i < 0 {
		return row{}, false
	}
	return t.Rows[i], true
}

// bestGo is the fastest of the other Go programs.
func (t *loadTable) bestGo() (best row, ok bool) {
	for _, r := range t.Rows {
		if r.goServer && (!ok || r.Rate.Median > best.Rate.Median) {
			best, ok = r, true
		}
	}
	return best, ok
}

func (t *loadTable) addRatios() {
	python, hasPython := t.row(onPython)
	python2, hasPython2 := t.row(onPython2)
	best, hasGo := t.bestGo()
	for i := range t.Rows {
		r := &t.Rows[i]
		if hasPython {
			r.ToPython = ratio(r.Rate, python.Rate)
		}
		if hasPython2 {
			r.ToPython2 = ratio(r.Rate, python2.Rate)
		}
		if hasGo {
			r.ToGo = ratio(r.Rate, best.Rate)
		}
	}
}

// ratio is that of the rounds which both have: all, unless a run ended early.
func ratio(of, to rounds.Figure) rounds.Figure {
	n := min(len(of.Rounds), len(to.Rounds))
	return rounds.Of(rounds.Ratios(of.Rounds[:n], to.Rounds[:n]))
}

// best is the variant of each peer with the greatest product of its rates.
func (rep *report) best() (names []string) {
	product := map[string]float64{}
	fastest := map[string]string{}
	for _, t := range rep.Loads {
		for _, r := range t.Rows {
			product[r.Peer] += math.Log(r.Rate.Median)
		}
	}
	for _, p := range rep.Peers {
		if best, ok := fastest[p.base()]; !ok || product[p.Name] > product[best] {
			fastest[p.base()] = p.Name
		}
	}
	for _, p := range rep.Peers {
		if fastest[p.base()] == p.Name {
			names = append(names, p.Name)
		}
	}
	return names
}

// A target is a limit of the project, and what was measured.
type target struct {
	What   string
	Ratio  rounds.Figure
	Least  float64
	Missed bool
}

func (rep *report) targets() (all []target) {
	for _, t := range rep.Loads {
		quart, ok := t.row(ours)
		if !ok {
			continue
		}
		add := func(to string, ratio rounds.Figure, least float64) {
			if len(ratio.Rounds) > 0 {
				all = append(all, target{fmt.Sprintf("%s: requests/s, of %s", t.Name, to), ratio, least, ratio.Median < least})
			}
		}
		add(onPython, quart.ToPython, t.OverPython)
		add(onPython2, quart.ToPython2, t.OverPython)
		if best, ok := t.bestGo(); ok {
			add(best.Peer+", the best of the other Go programs", quart.ToGo, t.OverGo)
		}
	}
	return all
}

// markdown writes tables; Flush has the first error.
type markdown struct{ *bufio.Writer }

func (m markdown) line(format string, args ...any) { _, _ = fmt.Fprintf(m, format+"\n", args...) }

// head begins a table. The names of columns are separated by bars; the first column is text.
func (m markdown) head(title, columns string) {
	m.line("\n**%s**\n", title)
	m.line("| %s |", columns)
	m.line("| --- %s|", strings.Repeat("| ---: ", strings.Count(columns, "|")))
}

// print writes the tables for people.
func (rep *report) print(out io.Writer) error {
	m := markdown{bufio.NewWriter(out)}
	m.line("%s", strings.Join(rep.Tools, "; "))
	m.line("%d connections, %gs for each load, medians of %d rounds", rep.Conns, rep.Seconds, rep.Rounds)
	rep.printPeers(m)
	for _, t := range rep.Loads {
		t.print(m)
	}
	if len(rep.Best) > 0 {
		m.line("\nThe best of each, over these loads: %s.", strings.Join(rep.Best, "; "))
	}
	if len(rep.Targets) > 0 {
		m.head("against the targets", "what | measured | min | max | target | ")
	}
	for _, t := range rep.Targets {
		verdict := "met"
		if t.Missed {
			verdict = "MISSED"
		}
		m.line("| %s | %.2f | %.2f | %.2f | >= %g | %s |", t.What, t.Ratio.Median, t.Ratio.Min, t.Ratio.Max, t.Least, verdict)
	}
	return m.Flush()
}

func (rep *report) printPeers(m markdown) {
	if rep.tune || len(rep.Peers) == 0 {
		return
	}
	m.line("\n| server | what | processes x connections | GOMAXPROCS | versions |")
	m.line("| --- | --- | --- | --- | --- |")
	for _, p := range rep.Peers {
		procs := "-"
		if p.Procs > 0 {
			procs = strconv.Itoa(p.Procs)
		}
		m.line("| %s | %s | %s | %s | %s |", p.Name, p.What, p.size(), procs, p.Version)
	}
}

func (t *loadTable) print(m markdown) {
	m.head(t.Name+": "+t.What, "server | requests/s | min | max | server CPU us/request | PostgreSQL's | p50 ms | p99 ms | of "+
		onPython+" | of "+onPython2+" | of the best other Go")
	for _, l := range t.Limits {
		m.line("| %s | %.0f | %.0f | %.0f | - | %.1f | - | - | - | - | - |", l.What, l.Rate.Median, l.Rate.Min, l.Rate.Max, l.Postgres.Median)
	}
	for _, r := range t.Rows {
		m.line("| %s | %.0f | %.0f | %.0f | %.1f | %.1f | %.2f | %.2f | %s | %s | %s |", r.Peer, r.Rate.Median, r.Rate.Min, r.Rate.Max,
			r.CPU.Median, r.Postgres.Median, r.P50.Median, r.P99.Median, printRatio(r.ToPython), printRatio(r.ToPython2), printRatio(r.ToGo))
	}
}

func printRatio(f rounds.Figure) string {
	if len(f.Rounds) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", f.Median)
}
