package main

import (
	"slices"
	"strings"

	"github.com/goquart/quart"
)

type fortune struct {
	id   int
	text string
}

// fortunesPage is rendered by fortunes.qtpl.
type fortunesPage struct{ rows []fortune }

// known are the rows that a database would hold.
var known = [12]fortune{
	{1, "A computer does what you tell it, not what you meant."},
	{2, "The cheapest, fastest and most reliable parts are those that are not there."},
	{3, "Two hours of debugging save five minutes of reading."},
	{4, "A list is only as long as its last \"last\" item."},
	{5, "Make it right before you make it fast & before you make it two."},
	{6, "It works on every machine that is mine."},
	{7, "Any program runs in no time, if the answer may be wrong."},
	{8, "Every cache is a promise to be late."},
	{9, "Naming things is hard; off by two is harder."},
	{10, "If 1 < 2 and 2 > 1, somebody will still ask for a benchmark."},
	{11, "<script>alert(\"This should not be displayed in a browser alert box.\");</script>"},
	{12, "フレームワークのベンチマーク"},
}

// fortunes adds a row to those known, sorts them by text and renders them, on every request.
func fortunes(c *quart.Ctx) error {
	rows := append(make([]fortune, 0, len(known)+1), known[:]...)
	rows = append(rows, fortune{0, "Additional fortune added at request time."})
	slices.SortFunc(rows, func(a, b fortune) int { return strings.Compare(a.text, b.text) })
	return c.Render(200, &fortunesPage{rows})
}
