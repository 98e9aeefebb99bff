package archtest_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	featuresFile = "docs/reference/flask.md"
	featureRows  = 207 // a row changes its state, it does not go away
)

// A feature is one row of the table of Flask's and Quart's features.
type feature struct {
	line   int
	number int
	state  string
	tests  []string
}

// parseFeatures reads the rows of all tables whose first column is a number:
// #, feature, behaviour, state, tests.
func parseFeatures(text string) ([]feature, []string) {
	var (
		out []feature
		bad []string
	)
	for i, line := range strings.Split(text, "\n") {
		cells := tableCells(line)
		if len(cells) == 0 {
			continue
		}
		number, err := strconv.Atoi(cells[0])
		if err != nil {
			continue // a heading, its rule, or another table
		}
		if len(cells) != 5 {
			bad = append(bad, fmt.Sprintf("line %d: row %d has %d cells, want 5", i+1, number, len(cells)))
			continue
		}
		out = append(out, feature{i + 1, number, cells[3], testNames(cells[4])})
	}
	return out, bad
}

// tableCells splits a row of a Markdown table; \| is a bar inside a cell.
func tableCells(line string) []string {
	line = strings.TrimSpace(line)
	if len(line) < 2 || line[0] != '|' || line[len(line)-1] != '|' {
		return nil
	}
	const bar = "\x00"
	cells := strings.Split(strings.ReplaceAll(line[1:len(line)-1], `\|`, bar), "|")
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(strings.ReplaceAll(cell, bar, "|"))
	}
	return cells
}

// testNames reads "`TestA`, `TestB/sub`"; of a subtest the function counts.
func testNames(cell string) []string {
	var names []string
	for name := range strings.FieldsFuncSeq(cell, func(r rune) bool { return strings.ContainsRune(" ,`", r) }) {
		name, _, _ = strings.Cut(name, "/")
		names = append(names, name)
	}
	return names
}

// checkFeatures is the rule that a row that claims to be done names a test,
// and that every test named by any row exists.
func checkFeatures(rows []feature, tests map[string]bool) []string {
	var bad []string
	last := 0
	for _, f := range rows {
		report := func(format string, a ...any) {
			bad = append(bad, fmt.Sprintf("line %d: row %d ", f.line, f.number)+fmt.Sprintf(format, a...))
		}
		if f.number <= last {
			report("comes after row %d", last)
		}
		last = f.number
		why, different := strings.CutPrefix(f.state, "different:")
		switch {
		case f.state == "done" && len(f.tests) == 0:
			report("is done, but names no test")
		case different && strings.TrimSpace(why) == "":
			report("is different, but does not say why")
		case !different && f.state != "done" && f.state != "planned":
			report("has state %q, want done, planned or different: why", f.state)
		}
		for _, name := range f.tests {
			if !tests[name] {
				report("names %s, which is in no _test.go", name)
			}
		}
	}
	return bad
}

// testSet collects the tests of the repository that a row may name; a
// benchmark asserts nothing, so it is none.
func testSet(srcs []source) map[string]bool {
	set := map[string]bool{}
	for _, src := range srcs {
		for _, name := range src.tests {
			set[name] = !strings.HasPrefix(name, "Benchmark")
		}
	}
	return set
}

func TestFeatureRule(t *testing.T) {
	known := map[string]bool{"TestA": true, "FuzzB": true, "ExampleApp_URL": true}
	tests := []struct{ name, text, want string }{
		{"planned", "| 1 | a | b | planned | |", ""},
		{"done", "| 1 | a | b | done | `TestA` |", ""},
		{"several", "| 1 | a | b | done | `TestA/sub`, `FuzzB`, `ExampleApp_URL` |", ""},
		{"bar in a cell", `| 1 | any(a\|b) | b | done | TestA |`, ""},
		{"heading and rule", "| # | feature |\n|---|---|\n| 1 | a | b | planned | |", ""},
		{"different", "| 1 | a | b | different: Go has none | |", ""},
		{"done without a test", "| 1 | a | b | done | |", "names no test"},
		{"no such test", "| 1 | a | b | done | `TestA`, `TestGone` |", "names TestGone"},
		{"no such test, planned", "| 1 | a | b | planned | `TestGone` |", "names TestGone"},
		{"no such state", "| 1 | a | b | almost | |", `state "almost"`},
		{"different without why", "| 1 | a | b | different: | |", "does not say why"},
		{"twice", "| 1 | a | b | planned | |\n| 1 | a | b | planned | |", "comes after row 1"},
		{"a cell short", "| 1 | a | planned | |", "has 4 cells"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows, bad := parseFeatures(tt.text)
			wantOne(t, append(bad, checkFeatures(rows, known)...), tt.want)
		})
	}
}

func TestTestSet(t *testing.T) {
	const text = "package x\n\nfunc TestA() {}\nfunc FuzzB() {}\nfunc ExampleC() {}\nfunc BenchmarkD() {}\nfunc (t T) TestE() {}\nfunc helper() {}\n"
	set := testSet(mustLoad(t, oneFile("a_test.go", text)))
	for name, want := range map[string]bool{"TestA": true, "FuzzB": true, "ExampleC": true, "BenchmarkD": false, "TestE": false, "helper": false} {
		if set[name] != want {
			t.Errorf("%s: %v, want %v", name, set[name], want)
		}
	}
	if got := testSet(mustLoad(t, oneFile("a.go", text))); len(got) != 0 {
		t.Errorf("tests in a file that is no test: %v", got)
	}
}

func featureCount(rows []feature) (n int) {
	numbers := make([]int, 0, len(rows))
	for _, f := range rows {
		numbers = append(numbers, f.number)
	}
	slices.Sort(numbers)
	return len(slices.Compact(numbers))
}
