package radix_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/radix"
)

// The reference matcher tries all patterns in order of weight, each by plain
// backtracking over its pieces. It shares with the tree only the parser and
// Param.Accepts, which have table tests of their own.

// piece is a byte sequence or a parameter.
type piece struct {
	literal string
	param   *radix.Param
	index   int // in Pattern.Params
}

// shape is one way to choose the optional parameters of a pattern.
type shape struct {
	pattern *radix.Pattern
	pieces  []piece
}

func shapes(p *radix.Pattern) []shape {
	var all []shape
	for given := range uint32(1) << len(p.Params) {
		if p.Missing(given) >= 0 {
			continue
		}
		s := shape{pattern: p}
		for _, part := range p.Parts {
			if part.Param >= 0 && given&(1<<part.Param) == 0 {
				continue
			}
			s.literal(part.Literal)
			if part.Param >= 0 {
				s.pieces = append(s.pieces, piece{param: &p.Params[part.Param], index: part.Param})
			}
		}
		if !strings.Contains(s.text(), "/") {
			s.literal("/") // of a host, too, that only an optional segment follows
		}
		all = append(all, s)
	}
	return all
}

func (s *shape) literal(text string) {
	if n := len(s.pieces); n > 0 && s.pieces[n-1].param == nil {
		s.pieces[n-1].literal += text
	} else if text != "" {
		s.pieces = append(s.pieces, piece{literal: text})
	}
}

// match returns the values by parameter index, or nil.
func (s *shape) match(path string) []string {
	values := make([]string, len(s.pattern.Params))
	if !matchPieces(s.pieces, path, values) {
		return nil
	}
	return values
}

func matchPieces(pieces []piece, text string, values []string) bool {
	if len(pieces) == 0 {
		return text == ""
	}
	first := pieces[0]
	if first.param == nil {
		rest, ok := strings.CutPrefix(text, first.literal)
		return ok && matchPieces(pieces[1:], rest, values)
	}
	for end := len(text); end > 0; end-- {
		if first.param.Accepts([]byte(text[:end])) && matchPieces(pieces[1:], text[end:], values) {
			values[first.index] = text[:end]
			return true
		}
	}
	return false
}

func sortShapes(all []shape) { slices.SortFunc(all, compareShapes) }

// compareShapes orders shapes by weight.
func compareShapes(a, b shape) int {
	as, bs := a.segments(), b.segments()
	for i := range min(len(as), len(bs)) {
		if c := slices.CompareFunc(as[i], bs[i], comparePieces); c != 0 {
			// The more specific of two segments, one of which begins like the
			// other, is the longer one.
			if n := min(len(as[i]), len(bs[i])); slices.CompareFunc(as[i][:n], bs[i][:n], comparePieces) == 0 {
				return len(bs[i]) - len(as[i])
			}
			return c
		}
	}
	return len(bs) - len(as)
}

// segments cuts the pieces at slashes, up to the segment with a path parameter:
// that one goes to the end.
func (s *shape) segments() [][]piece {
	segments := [][]piece{nil}
	slashes := strings.Count(s.text(), "/")
	path := false
	for _, p := range s.pieces {
		last := &segments[len(segments)-1]
		if p.param != nil {
			path = path || p.param.Kind == radix.KindPath
			*last = append(*last, p)
			if p.param.Kind == radix.KindPath {
				// More segments after the path come first: as if they were text
				// of that length.
				slashesLeft := slashes - (len(segments) - 1)
				*last = append(*last, piece{literal: strings.Repeat("/", slashesLeft)})
			}
			continue
		}
		for i, text := range strings.Split(p.literal, "/") {
			if i > 0 && path {
				*last = append(*last, piece{})
			} else if i > 0 {
				segments = append(segments, nil)
				last = &segments[len(segments)-1]
			}
			if text != "" {
				*last = append(*last, piece{literal: text})
			}
		}
	}
	return segments
}

func (s *shape) text() string {
	var b strings.Builder
	for _, p := range s.pieces {
		b.WriteString(p.literal)
	}
	return b.String()
}

// comparePieces returns less than 0 for the more specific piece.
func comparePieces(a, b piece) int {
	switch {
	case a.param == nil && b.param == nil:
		return cmp.Or(len(b.literal)-len(a.literal), strings.Compare(a.literal, b.literal))
	case a.param == nil && a.literal == "" || b.param == nil && b.literal == "":
		// The end of a segment after a path parameter: last.
		return cmp.Compare(btoi(a.param == nil), btoi(b.param == nil))
	case a.param == nil:
		return -1
	case b.param == nil:
		return 1
	}
	return cmp.Or(
		cmp.Compare(a.param.Kind, b.param.Kind),
		cmp.Compare(slices.Index(byWidth, a.param.Converter), slices.Index(byWidth, b.param.Converter)),
	)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// byWidth has the converters that random patterns use; those of a kind stand in
// the order in which they must be tried.
var byWidth = []string{
	"any(a)", "any(a|b)", "any(a|a-b|1)",
	"int(max=1)", "int(min=1,max=11)", "int(fixed_digits=2)", "int", "int(signed)",
	"uint(max=9)", "uint",
	"float(min=1.5,max=2.5)", "float(min=1.5)", "float", "float(signed)",
	"[a-b-]+", "[a.]+", "a|b1",
	"string(length=1)", "string(maxlength=3)", "string(minlength=2)", "",
	"*",
}

// randomPattern makes short patterns over a small alphabet, so that they collide
// often.
func randomPattern(r *rand.Rand) string {
	var b strings.Builder
	names := 0
	path := false
	for range 1 + r.IntN(4) {
		b.WriteByte('/')
		literal := func() { b.WriteString([]string{"a", "b", "1", "ab", "a-", "-", ".", "-a", "1.", ""}[r.IntN(10)]) }
		start := b.Len()
		if r.IntN(2) == 0 {
			literal()
		}
		for i := range r.IntN(4) {
			if i > 0 {
				b.WriteString([]string{"-", ".", "--", "a", "-1", "1"}[r.IntN(6)])
			}
			c := byWidth[r.IntN(len(byWidth))]
			if r.IntN(3) == 0 {
				c = ""
			}
			if c == "*" {
				if path {
					c = ""
				}
				path = true
			}
			names++
			fmt.Fprintf(&b, "{p%d", names)
			whole := i == 0 && b.Len() == start+len("{p")+len(fmt.Sprint(names))
			if whole && r.IntN(6) == 0 {
				b.WriteByte('?')
				if c != "" {
					b.WriteByte(':')
				}
				b.WriteString(c + "}")
				break
			}
			if c != "" {
				b.WriteByte(':')
			}
			b.WriteString(c + "}")
			if r.IntN(2) == 0 {
				break
			}
		}
		if b.String()[b.Len()-1] != '}' || r.IntN(6) == 0 && !strings.HasSuffix(b.String(), "?}") && !strings.Contains(b.String()[start:], "?") {
			literal()
		}
	}
	return b.String()
}

func randomPath(r *rand.Rand, p *radix.Pattern) string {
	var b strings.Builder
	if p != nil && r.IntN(4) > 0 {
		// Likely to match p.
		for _, part := range p.Parts {
			if part.Param >= 0 && p.Params[part.Param].Optional && r.IntN(2) == 0 {
				continue
			}
			b.WriteString(part.Literal)
			if part.Param >= 0 {
				b.WriteString([]string{"a", "b", "1", "11", "a-b", "-1", "1.5", "2.75", "a.a", "a--b", "a1b", "0", "-", "a/b", "b1"}[r.IntN(15)])
			}
		}
		if b.Len() > 0 {
			return b.String()
		}
	}
	b.WriteByte('/')
	for range r.IntN(10) {
		b.WriteByte("aab11-..//"[r.IntN(10)])
	}
	return b.String()
}

func TestTreeAgainstReference(t *testing.T) {
	rounds := 5000
	if testing.Short() || raceEnabled {
		rounds = 1000
	}
	matched, refused := 0, 0
	for seed := range uint64(rounds) {
		m, n := checkRandomTree(t, seed)
		if t.Failed() {
			return
		}
		matched += m
		refused += n
	}
	t.Logf("%d paths matched, %d did not", matched, refused)
	if matched < rounds || refused < rounds {
		t.Errorf("%d paths matched and %d did not: the test proves nothing", matched, refused)
	}
}

// checkRandomTree compares a random tree with the reference.
func checkRandomTree(t *testing.T, seed uint64) (matched, refused int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	tree := new(radix.Tree[*radix.Pattern])
	var all []shape
	var patterns []*radix.Pattern
	for range 1 + r.IntN(12) {
		p, err := radix.Parse(randomPattern(r), nil)
		if err != nil {
			continue // adjacent parameters and ambiguous optional ones
		}
		if !addBoth(t, tree, &all, p) {
			continue
		}
		patterns = append(patterns, p)
	}
	sortShapes(all)
	for range 20 {
		var p *radix.Pattern
		if len(patterns) > 0 {
			p = patterns[r.IntN(len(patterns))]
		}
		path := randomPath(r, p)
		if checkPath(t, tree, all, path) {
			matched++
		} else {
			refused++
		}
		if t.Failed() {
			t.Logf("seed %d, patterns %q", seed, patterns)
			return
		}
	}
	return matched, refused
}

// addBoth adds the pattern to the tree and to the sorted shapes, unless both say
// that it conflicts.
func addBoth(t *testing.T, tree *radix.Tree[*radix.Pattern], all *[]shape, p *radix.Pattern) bool {
	t.Helper()
	conflict := false
	added := shapes(p)
	for _, s := range added {
		for _, other := range *all {
			conflict = conflict || compareShapes(s, other) == 0
		}
	}
	_, err := tree.Add(p, p)
	if errors.Is(err, radix.ErrConflict) != conflict {
		t.Errorf("Add(%q): %v, want a conflict: %v", p, err, conflict)
	}
	if conflict {
		return false
	}
	*all = append(*all, added...)
	return true
}

func checkPath(t *testing.T, tree *radix.Tree[*radix.Pattern], sorted []shape, path string) bool {
	t.Helper()
	var want *radix.Pattern
	var values []string
	for _, s := range sorted {
		if values = s.match(path); values != nil {
			want = s.pattern
			break
		}
	}
	var m radix.Match
	got, ok := tree.Lookup([]byte(path), &m)
	if got != want || ok != (want != nil) {
		t.Errorf("Lookup(%q) = %v, want %v", path, got, want)
		return false
	}
	if !ok {
		return false
	}
	if m.N != len(values) {
		t.Errorf("Lookup(%q) by %q: %d values, want %d", path, got, m.N, len(values))
	}
	for i, v := range values {
		if s := string(m.Value([]byte(path), i)); s != v {
			t.Errorf("Lookup(%q) by %q: %s = %q, want %q", path, got, got.Params[i].Name, s, v)
		}
	}
	return true
}
