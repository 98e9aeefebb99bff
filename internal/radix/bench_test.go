package radix_test

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/radix"
)

// mustParse parses patterns that tests take for right.
func mustParse(tb testing.TB, pattern string) *radix.Pattern {
	tb.Helper()
	p, err := radix.Parse(pattern, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// newTree returns a tree in which each pattern is its own value.
func newTree(tb testing.TB, patterns ...string) *radix.Tree[string] {
	tb.Helper()
	tree := new(radix.Tree[string])
	for _, s := range patterns {
		if _, err := tree.Add(mustParse(tb, s), s); err != nil {
			tb.Fatalf("Add(%q): %v", s, err)
		}
	}
	return tree
}

// route is a line of the GitHub routes for one method.
type route struct {
	method, pattern string
	path            []byte // each parameter replaced by its name in capitals
}

func githubRoutes(tb testing.TB) []route {
	tb.Helper()
	f, err := os.Open("testdata/github-routes.txt")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()

	var routes []route
	for lines := bufio.NewScanner(f); lines.Scan(); {
		methods, pattern, ok := strings.Cut(lines.Text(), " ")
		if !ok || methods == "#" {
			continue
		}
		path := []byte(strings.Map(func(r rune) rune {
			if r == '{' || r == '}' {
				return -1
			}
			return r
		}, pattern))
		for method := range strings.SplitSeq(methods, ",") {
			routes = append(routes, route{method, pattern, path})
		}
	}
	return routes
}

func githubTrees(tb testing.TB) (map[string]*radix.Tree[string], []route) {
	tb.Helper()
	routes := githubRoutes(tb)
	trees := map[string]*radix.Tree[string]{}
	for _, r := range routes {
		if trees[r.method] == nil {
			trees[r.method] = new(radix.Tree[string])
		}
		if _, err := trees[r.method].Add(mustParse(tb, r.pattern), r.pattern); err != nil {
			tb.Fatal(err)
		}
	}
	return trees, routes
}

func benchmarkLookup(b *testing.B, path string, patterns ...string) {
	tree := newTree(b, patterns...)
	text := []byte(path)
	var m radix.Match
	if got, ok := tree.Lookup(text, &m); !ok || got != patterns[0] {
		b.Fatalf("Lookup(%q) = %q, %v", path, got, ok)
	}
	b.ReportAllocs()
	for b.Loop() {
		tree.Lookup(text, &m)
	}
}

func BenchmarkLookupStatic(b *testing.B) {
	benchmarkLookup(b, "/api/v1/films/latest", "/api/v1/films/latest", "/api/v1/films", "/api/v1/films/{id:int}", "/about", "/")
}

func BenchmarkLookupParam1(b *testing.B) {
	benchmarkLookup(b, "/films/tt0111161", "/films/{id}", "/films", "/about", "/")
}

func BenchmarkLookupInt(b *testing.B) {
	benchmarkLookup(b, "/films/995", "/films/{id:int}", "/films", "/about", "/")
}

func BenchmarkLookupParam5(b *testing.B) {
	benchmarkLookup(b, "/a/one/two/three/four/five", "/a/{a}/{b}/{c}/{d}/{e}", "/a", "/")
}

func BenchmarkLookupPath(b *testing.B) {
	benchmarkLookup(b, "/static/css/site.css", "/static/{p:*}", "/static", "/")
}

func BenchmarkLookupSplit2(b *testing.B) {
	benchmarkLookup(b, "/range/100-200", "/range/{from:int}-{to:int}", "/range", "/")
}

func BenchmarkLookupSplit3(b *testing.B) {
	benchmarkLookup(b, "/date/2024-01-31", "/date/{y:int}-{m:int}-{d:int}", "/date", "/")
}

func BenchmarkLookupBacktrack(b *testing.B) {
	benchmarkLookup(b, "/a/b/c/e", "/{x}/{y}/{z}/e", "/a/b/c/d", "/a/b/{z}/d", "/a/{y}/c/d", "/{x}/b/c/d")
}

func BenchmarkLookupMiss(b *testing.B) {
	trees, _ := githubTrees(b)
	path := []byte("/repos/owner/repo/unknown/thing")
	var m radix.Match
	b.ReportAllocs()
	for b.Loop() {
		trees["GET"].Lookup(path, &m)
	}
}

// BenchmarkGitHubAll matches each of the 203 routes once per iteration.
func BenchmarkGitHubAll(b *testing.B) {
	type call struct {
		tree *radix.Tree[string]
		path []byte
	}
	trees, routes := githubTrees(b)
	calls := make([]call, len(routes))
	for i, r := range routes {
		calls[i] = call{trees[r.method], r.path}
	}
	var m radix.Match
	b.ReportAllocs()
	for b.Loop() {
		for i := range calls {
			if _, ok := calls[i].tree.Lookup(calls[i].path, &m); !ok {
				b.Fatalf("%s does not match", calls[i].path)
			}
		}
	}
}
