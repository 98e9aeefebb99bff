//go:build linux

package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/goquart/quart/bench/internal/rounds"
)

// A report is what -json prints.
type report struct {
	Go         string
	Rounds     int
	Seconds    float64
	Burst      int              // broadcasts of a burst
	Echo       []echoTable      `json:",omitempty"`
	Idle       []idleRow        `json:",omitempty"`
	Hub        []idleRow        `json:",omitempty"`
	Broadcasts []broadcastTable `json:",omitempty"`
	Churn      []churnRow       `json:",omitempty"`
	Targets    []target         `json:",omitempty"`
}

func newReport(cfg config) *report {
	return &report{Go: runtime.Version(), Rounds: cfg.Rounds, Seconds: cfg.Time.Seconds(), Burst: cfg.Burst}
}

const kib = 1 << 10

// print writes the tables for people.
func (r *report) print(out io.Writer) error {
	t := rounds.NewTable(out)
	t.Line("%s, medians of %d rounds", r.Go, r.Rounds)
	for _, table := range r.Echo {
		r.printEcho(t, table)
	}
	printIdle(t, "open sockets that wait after one message", r.Idle)
	printIdle(t, "members of a hub's topic that wait after one message", r.Hub)
	for _, table := range r.Broadcasts {
		printBroadcasts(t, fmt.Sprintf("%d B to %d receivers, one message at a time", broadcastBytes, table.Receivers), table.Singles)
		printBroadcasts(t, fmt.Sprintf("%d B to %d receivers, %d messages back to back", broadcastBytes, table.Receivers, r.Burst), table.Bursts)
	}
	printChurn(t, r.Churn)
	printTargets(t, r.Targets)
	return t.Flush()
}

func (r *report) printEcho(t rounds.Table, table echoTable) {
	title := fmt.Sprintf("%s: %d B binary, %d connections, %gs", table.Load, table.Bytes, echoConns, r.Seconds)
	if table.Depth > 1 {
		title += fmt.Sprintf(", %d messages in each write of a client", table.Depth)
	}
	t.Title("%s", title)
	t.Row("messages/s\tCPU us/message\tmin\tmax\tallocs/message\tB/message\tCPU to bare\tCPU to quart\trate to quart\t")
	bare, quart := table.row(bareName), table.row(ours)
	cpu := func(row echoRow) rounds.Figure { return row.CPU }
	rate := func(row echoRow) rounds.Figure { return row.Rate }
	for _, row := range table.Rows {
		t.Row("%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t%s\t%s\t%s\t  %s", row.Rate.Median, row.CPU.Median, row.CPU.Min, row.CPU.Max,
			row.Allocs.Median, row.Bytes.Median, ratio(cpu, row, bare), ratio(cpu, row, quart), ratio(rate, row, quart), strings.TrimSpace(row.Server+" "+row.Version))
	}
}

// row is that of a server; nil if it was not measured.
func (t *echoTable) row(server string) *echoRow {
	if i := slices.IndexFunc(t.Rows, func(row echoRow) bool { return row.Server == server }); i >= 0 {
		return &t.Rows[i]
	}
	return nil
}

// ratio is the median of the rounds' ratios.
func ratio(column func(echoRow) rounds.Figure, row echoRow, ref *echoRow) string {
	if ref == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", rounds.Of(rounds.Ratios(column(row).Rounds, column(*ref).Rounds)).Median)
}

func printIdle(t rounds.Table, title string, rows []idleRow) {
	if len(rows) == 0 {
		return
	}
	t.Title("%s: growth of the server for each", title)
	t.Row("KiB resident\theap\tstacks\tgoroutines\tconnections\t")
	for _, m := range rows {
		t.Row("%.2f\t%.2f\t%.2f\t%.3f\t%d\t  %s", m.Resident/kib, m.Heap/kib, m.Stacks/kib, m.Goroutines, m.Conns, m.Source)
	}
}

func printBroadcasts(t rounds.Table, title string, rows []broadcastRow) {
	if len(rows) == 0 {
		return
	}
	t.Title("%s", title)
	t.Row("CPU us/receiver\tmin\tmax\tto bare\tms/message\t")
	for _, row := range rows {
		bare := "-"
		if len(row.Ratio.Rounds) > 0 {
			bare = fmt.Sprintf("%.3f", row.Ratio.Median)
		}
		t.Row("%.2f\t%.2f\t%.2f\t%s\t%.2f\t  %s", row.CPU.Median, row.CPU.Min, row.CPU.Max, bare, row.Took.Median, row.Sender)
	}
}

func printChurn(t rounds.Table, rows []churnRow) {
	if len(rows) == 0 {
		return
	}
	t.Title("%d sockets came, had one message answered and went, at most %d at once", rows[0].Sockets, wave)
	t.Row("goroutines\tafter\theap KiB\tafter\tresident KiB\tafter\tCPU us/socket\t")
	for _, c := range rows {
		t.Row("%d\t%d\t%d\t%d\t%d\t%d\t%.1f\t  %s", c.GoroutinesBefore, c.GoroutinesAfter, c.HeapBefore/kib, c.HeapAfter/kib,
			c.ResidentBefore/kib, c.ResidentAfter/kib, c.CPU, c.Server)
	}
}

// ---- targets ----

// A target is a row of the project's README, and what was measured.
type target struct {
	What         string
	Value, Limit float64
	AtLeast      bool // Limit is the least, else the most
	Missed       bool
}

const (
	echoLimit      = 7.0  // microseconds
	largeLimit     = 27.0 // microseconds
	burstLimit     = 10.0 // of the peers' rate
	idleLimit      = 5.0  // KiB
	idleTLSLimit   = 15.0 // KiB
	streamLimit    = 2.0  // KiB
	broadcastLimit = 1.1  // of the bare write
	heapSlack      = 256  // KiB
)

// targets compares with the limits what was measured of quart.
func (r *report) targets() (all []target) {
	most := func(value, limit float64, format string, args ...any) {
		all = append(all, target{fmt.Sprintf(format, args...), value, limit, false, value > limit})
	}
	for _, t := range r.Echo {
		all = append(all, t.targets()...)
	}
	for _, row := range r.Idle {
		switch row.Source {
		case ours:
			most(row.Resident/kib, idleLimit, "KiB resident for each idle socket")
		case ours + ", TLS":
			most(row.Resident/kib, idleTLSLimit, "KiB resident for each idle socket over TLS")
		}
	}
	for _, row := range r.Hub {
		if row.Goroutines < 0.5 {
			most(row.Resident/kib, streamLimit, "KiB resident for each event stream of a topic")
		}
	}
	for _, t := range r.Broadcasts {
		for _, row := range t.Singles {
			if strings.HasPrefix(row.Sender, ours) && len(row.Ratio.Rounds) > 0 {
				most(row.Ratio.Median, broadcastLimit, "CPU for each of %d receivers, of a bare write: %s", t.Receivers, row.Sender)
			}
		}
	}
	for _, row := range r.Churn {
		if row.Server == ours {
			most(float64(row.GoroutinesAfter-row.GoroutinesBefore), 0, "goroutines left of %d sockets", row.Sockets)
			most(float64(row.HeapAfter-row.HeapBefore)/kib, heapSlack, "KiB of heap left of %d sockets", row.Sockets)
		}
	}
	return all
}

func (t *echoTable) targets() (all []target) {
	q := t.row(ours)
	if q == nil {
		return nil
	}
	most := func(value, limit float64, what string) {
		all = append(all, target{t.Load + ": " + what, value, limit, false, value > limit})
	}
	most(q.Allocs.Median, 0.01, "allocations for each message") // the odd one is the runtime's own
	switch t.Load {
	case partEcho:
		most(q.CPU.Median, echoLimit, "CPU us for each message")
	case partLarge:
		most(q.CPU.Median, largeLimit, "CPU us for each message")
	case partBurst:
		for _, row := range t.Rows {
			if row.Server == fastName || row.Server == gwsName {
				v := rounds.Of(rounds.Ratios(q.Rate.Rounds, row.Rate.Rounds)).Median
				all = append(all, target{"burst: messages/s, of " + row.Server, v, burstLimit, true, v < burstLimit})
			}
		}
	}
	return all
}

func printTargets(t rounds.Table, all []target) {
	if len(all) == 0 {
		return
	}
	t.Title("quart against its targets")
	t.Row("measured\tlimit\t\t")
	for _, target := range all {
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
