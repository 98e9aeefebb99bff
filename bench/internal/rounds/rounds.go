// Package rounds puts servers in turns, and makes figures and tables of what the rounds gave.
package rounds

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Turns is the order of one round: there and back, so that a drift of the
// machine meets both of a pair alike.
func Turns[T any](all []T, round int) []T {
	all = slices.Clone(all)
	if round%2 == 1 {
		slices.Reverse(all)
	}
	return all
}

// A Figure is a value of each round. A ratio is taken within a round, before
// the median.
type Figure struct {
	Median, Min, Max float64
	Rounds           []float64
}

// Of makes a figure; it wants at least one round.
func Of(rounds []float64) Figure {
	sorted := slices.Sorted(slices.Values(rounds))
	n := len(sorted)
	return Figure{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1], Rounds: rounds}
}

// Ratios divides the values of each round.
func Ratios(values, to []float64) []float64 {
	r := make([]float64, len(values))
	for i, v := range values {
		r[i] = v / to[i]
	}
	return r
}

// A Table writes lines of columns.
type Table struct{ w *tabwriter.Writer }

// NewTable makes a table; Flush it at the end.
func NewTable(out io.Writer) Table {
	return Table{tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)}
}

// Line writes a line without columns.
func (t Table) Line(format string, args ...any) { fmt.Fprintf(t.w, format+"\n", args...) } // Flush has the error

// Title writes a line with an empty one before it.
func (t Table) Title(format string, args ...any) { t.Line("\n"+format, args...) }

// Row writes the columns of a line, with tabs between them.
func (t Table) Row(format string, args ...any) { t.Line(format+"\t", args...) }

// Flush has the first error of all that was written.
func (t Table) Flush() error { return t.w.Flush() }
