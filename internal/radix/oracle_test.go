package radix_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	fasthttprouter "github.com/fasthttp/router"
	router "github.com/fasthttp/router/radix"
	"github.com/goquart/quart/internal/radix"
	"github.com/valyala/fasthttp"
)

// fasthttp/router speaks the same language in static patterns, {name},
// {name:regexp}, {name?} and a {path:*} at the end. Where it differs, it is one
// of these; each has a name that exception returns.
const (
	// An empty segment or a part of one is a value there: /{a}/b matches //b.
	emptyValue = "an empty value"
	// /s/{p:*} matches /s/ and /s//x there.
	pathFromSlash = "a path parameter that is empty or begins with a slash"
	// Text after a parameter in a segment is part of a regular expression
	// there: {a}.{b} splits "x-y".
	textAsRegexp = "text in a segment with parameters is a regular expression"
	// A trailing-slash redirect is offered where a pattern of lower weight
	// matches, and the first branch that fits is never left.
	noBacktracking = "no backtracking"
	// A regular expression is not anchored at its end there, and is tried with
	// its preference: a|ab never matches "ab".
	looseRegexp = "a regular expression that is not anchored"
	// /{a}-{b}/ does not match /x-y/ there.
	slashAfterSplit = "a slash at the end after several parameters in a segment"
)

// oracle is a fasthttp/router tree.
type oracle struct {
	tree   *router.Tree
	called string
}

// add reports whether fasthttp/router takes the pattern.
func (o *oracle) add(pattern string) (ok bool) {
	defer func() { ok = recover() == nil }()
	o.tree.Add(pattern, func(*fasthttp.RequestCtx) { o.called = pattern })
	return true
}

// lookup returns the pattern and the values, or "".
func (o *oracle) lookup(path string) (string, map[string]string) {
	var ctx fasthttp.RequestCtx
	h, _ := o.tree.Get(path, &ctx)
	if h == nil {
		return "", nil
	}
	h(&ctx)
	values := map[string]string{}
	ctx.VisitUserValues(func(k []byte, v any) { values[string(k)] = fmt.Sprint(v) })
	return o.called, values
}

// commonPattern returns a random pattern of the common language, with several
// parameters in a segment if split is set.
func commonPattern(r *rand.Rand, split bool) string {
	var b strings.Builder
	n := 1 + r.IntN(4)
	for i := range n {
		b.WriteByte('/')
		kinds := 7
		if split {
			kinds = 8
		}
		switch name := fmt.Sprintf("p%d", i); r.IntN(kinds) {
		case 0, 1:
			fmt.Fprintf(&b, "{%s}", name)
		case 2:
			fmt.Fprintf(&b, "{%s:[a-z]+}", name)
		case 3:
			fmt.Fprintf(&b, "{%s:[0-9]{2}}", name)
		case 7:
			fmt.Fprintf(&b, "{%s}-{%sb}", name, name)
		case 4:
			if i == n-1 {
				fmt.Fprintf(&b, "{%s:*}", name)
				return b.String()
			}
			fallthrough
		default:
			b.WriteString([]string{"a", "ab", "b", "abc", "12"}[r.IntN(5)])
		}
	}
	if r.IntN(8) == 0 && n > 1 {
		b.WriteByte('/')
	}
	return b.String()
}

func commonPath(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(4) {
		b.WriteByte('/')
		b.WriteString([]string{"a", "ab", "b", "abc", "12", "34", "5", "x-y", "x-y-z", "-", "", "a1"}[r.IntN(12)])
	}
	return b.String()
}

// exception names the difference for a path that one of both matches, or
// both differently; the values are the router's.
func (o *oracle) exception(ours, theirs, path string, values map[string]string) string {
	for name, v := range values {
		if strings.Contains(theirs, "{"+name+":*}") && (v == "" || v[0] == '/') {
			return pathFromSlash
		}
		if v == "" {
			return emptyValue
		}
	}
	switch {
	case theirs == "" && o.alone(ours, path):
		return noBacktracking
	case theirs == "" && strings.Contains(ours, "}-{") && strings.HasSuffix(ours, "/"):
		return slashAfterSplit
	}
	return ""
}

// Each pattern alone: both must match the same paths with the same values.
func TestPatternsAgainstRouter(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 3))
		pattern := commonPattern(r, true)
		o := &oracle{tree: router.New()}
		if !o.add(pattern) {
			seen["refused by the router"]++
			continue
		}
		tree := patternTree(t, pattern)
		for range 30 {
			compareWithOracle(t, tree, o, commonPath(r), seen)
		}
	}
	t.Log(seen)
	if seen["equal"] < 1000 {
		t.Errorf("only %d equal matches: the test proves nothing", seen["equal"])
	}
	if seen[noBacktracking] > 0 {
		t.Errorf("%d paths of a single pattern are refused by the router only", seen[noBacktracking])
	}
}

// Several patterns: whatever the router matches, the tree matches too, with a
// pattern of at least the same weight; that weight is the reference's business.
func TestTablesAgainstRouter(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 4))
		o := &oracle{tree: router.New()}
		tree := new(radix.Tree[*radix.Pattern])
		for range 1 + r.IntN(6) {
			p := mustParse(t, commonPattern(r, false))
			if _, err := tree.Add(p, p); err != nil {
				continue
			}
			if !o.add(p.Source) {
				seen["refused by the router"]++
			}
		}
		for range 20 {
			compareWithOracle(t, tree, o, commonPath(r), seen)
		}
	}
	t.Log(seen)
	if seen["equal"] < 1000 {
		t.Errorf("only %d equal matches: the test proves nothing", seen["equal"])
	}
}

func compareWithOracle(t *testing.T, tree *radix.Tree[*radix.Pattern], o *oracle, path string, seen map[string]int) {
	t.Helper()
	theirs, theirValues := o.lookup(path)
	var m radix.Match
	p, ok := tree.Lookup([]byte(path), &m)
	ours := ""
	ourValues := map[string]string{}
	if ok {
		ours = p.Source
		for i := range p.Params {
			ourValues[p.Params[i].Name] = string(m.Value([]byte(path), i))
		}
	}
	switch {
	case ours == theirs && fmt.Sprint(ourValues) == fmt.Sprint(theirValues) && ok:
		seen["equal"]++
	case ours == theirs && !ok:
		seen["refused by both"]++
	case ok && ours != theirs && theirs != "" && o.alone(ours, path):
		seen["another pattern, which the router matches alone"]++
	default:
		name := o.exception(ours, theirs, path, theirValues)
		if name == "" {
			t.Errorf("%q: %q with %v, the router: %q with %v", path, ours, ourValues, theirs, theirValues)
		}
		seen[name]++
	}
}

// alone reports whether the router matches the path by the pattern alone.
func (o *oracle) alone(pattern, path string) bool {
	single := &oracle{tree: router.New()}
	if !single.add(pattern) {
		return false
	}
	got, _ := single.lookup(path)
	return got == pattern
}

// Differences that random patterns of the common language leave out.
func TestRouterExceptions(t *testing.T) {
	tests := []struct {
		name, patterns, path string
		ours, theirs         string
	}{
		{textAsRegexp, "/{a}.{b}", "/x-y", "", "/{a}.{b}"},
		{looseRegexp, "/{a:x|xy}", "/xy", "/{a:x|xy}", ""},
		{emptyValue, "/{a}/b", "//b", "", "/{a}/b"},
		{pathFromSlash, "/s/{p:*}", "/s/", "", "/s/{p:*}"},
		{pathFromSlash, "/s/{p:*}", "/s//x", "", "/s/{p:*}"},
		{noBacktracking, "/hello /has-cookie /{x}", "/h", "/{x}", ""},
		{slashAfterSplit, "/{a}-{b}/", "/x-y/", "/{a}-{b}/", ""},
	}
	for _, tt := range tests {
		o := &oracle{tree: router.New()}
		for s := range strings.FieldsSeq(tt.patterns) {
			if !o.add(s) {
				t.Fatalf("the router refuses %q", s)
			}
		}
		var m radix.Match
		ours, _ := newTree(t, strings.Fields(tt.patterns)...).Lookup([]byte(tt.path), &m)
		theirs, _ := o.lookup(tt.path)
		if ours != tt.ours || theirs != tt.theirs {
			t.Errorf("%s: %q matches %q, the router %q; want %q and %q", tt.name, tt.path, ours, theirs, tt.ours, tt.theirs)
		}
	}
}

// newRouter returns a whole router: it expands optional parameters, which its
// tree does not know.
func newRouter(o *oracle, pattern string) *fasthttprouter.Router {
	r := fasthttprouter.New()
	r.RedirectTrailingSlash = false
	r.RedirectFixedPath = false
	r.GET(pattern, func(*fasthttp.RequestCtx) { o.called = pattern })
	return r
}

// Optional parameters expand to the same paths as in fasthttp/router.
func TestOptionalAgainstRouter(t *testing.T) {
	tests := []struct{ pattern, path string }{
		{"/a/{x?}", "/a"},
		{"/a/{x?}", "/a/1"},
		{"/a/{x?}/{y?}", "/a"},
		{"/a/{x?}/{y?}", "/a/1"},
		{"/a/{x?}/{y?}", "/a/1/2"},
		{"/a/{x?}/{y?}", "/a/1/2/3"},
		{"/{x?}", "/"},
		{"/a/{x?:[a-z]+}", "/a/b"},
		{"/a/{x?:[a-z]+}", "/a/1"},
	}
	for _, tt := range tests {
		o := &oracle{}
		r := newRouter(o, tt.pattern)
		var ctx fasthttp.RequestCtx
		ctx.Request.SetRequestURI(tt.path)
		r.Handler(&ctx)
		theirs := o.called != ""
		var m radix.Match
		if _, ours := newTree(t, tt.pattern).Lookup([]byte(tt.path), &m); ours != theirs {
			t.Errorf("%q on %q: %v, the router %v", tt.pattern, tt.path, ours, theirs)
		}
	}
}
