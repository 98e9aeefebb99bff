package radix_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/goquart/quart/internal/radix"
)

// lookup returns the pattern that matches and its values, as "pattern a=1 b=2",
// or "".
func lookup(t *testing.T, tree *radix.Tree[*radix.Pattern], path string) string {
	t.Helper()
	var m radix.Match
	p, ok := tree.Lookup([]byte(path), &m)
	if !ok {
		if p != nil || m.N != 0 {
			t.Errorf("Lookup(%q) refuses with %v, N = %d", path, p, m.N)
		}
		return ""
	}
	s := p.Source
	for i := range p.Params {
		if v := m.Value([]byte(path), i); v != nil {
			s += " " + p.Params[i].Name + "=" + string(v)
		}
	}
	return s
}

func patternTree(t *testing.T, patterns string) *radix.Tree[*radix.Pattern] {
	t.Helper()
	tree := new(radix.Tree[*radix.Pattern])
	for s := range strings.FieldsSeq(patterns) {
		p := mustParse(t, s)
		if _, err := tree.Add(p, p); err != nil {
			t.Fatalf("Add(%q): %v", s, err)
		}
	}
	return tree
}

// matchTests are patterns, separated by spaces, and what paths match: the path,
// then the pattern and its values. A path alone matches nothing.
var matchTests = []struct {
	name     string
	patterns string
	paths    []string
}{
	{"empty tree", "", []string{"/", "", "a"}},
	{"static", "/ /a /a/ /ab /a/b /é", []string{
		"/ -> /", "/a -> /a", "/a/ -> /a/", "/ab -> /ab", "/a/b -> /a/b", "/é -> /é",
		"", "a", "//", "/b", "/a//", "/a/b/", "/A", "/\xc3", "/abc",
	}},
	{"raw bytes", "/a%20b /a+b /a\x00b", []string{"/a%20b -> /a%20b", "/a+b -> /a+b", "/a\x00b -> /a\x00b"}},
	{"string", "/u/{n}", []string{"/u/x -> /u/{n} n=x", "/u/é -> /u/{n} n=é", "/u/", "/u", "/u/x/", "/u/x/y", "/u//x", "/u//"}},
	{"segments", "/{a}/{b}", []string{"/x/y -> /{a}/{b} a=x b=y", "/x/", "//y", "/x//y", "/x/y/"}},
	{"priority", "/{s} /{r:[a-z0-9-]+} /{f:float} /{d:uuid} /{u:uint} /{i:int} /{w:any(any|7)} /new /{p:*}", []string{
		"/new -> /new", "/any -> /{w:any(any|7)} w=any", "/7 -> /{w:any(any|7)} w=7", "/8 -> /{i:int} i=8",
		"/9999999999999999999 -> /{u:uint} u=9999999999999999999",
		"/99999999999999999999 -> /{r:[a-z0-9-]+} r=99999999999999999999",
		"/1.5 -> /{f:float} f=1.5", "/00000000-0000-0000-0000-000000000000 -> /{d:uuid} d=00000000-0000-0000-0000-000000000000",
		"/abc -> /{r:[a-z0-9-]+} r=abc", "/ABC -> /{s} s=ABC", "/ABC/d -> /{p:*} p=ABC/d", "/new/x -> /{p:*} p=new/x",
	}},
	{"narrower first", "/{a:int} /{b:int(max=9)} /{c:int(max=99)} /{d:int(fixed_digits=3)} /{e:string(length=2)} /{f:string(maxlength=5)} /{g}", []string{
		"/5 -> /{b:int(max=9)} b=5", "/50 -> /{c:int(max=99)} c=50", "/500 -> /{d:int(fixed_digits=3)} d=500", "/5000 -> /{a:int} a=5000",
		"/ab -> /{e:string(length=2)} e=ab", "/abc -> /{f:string(maxlength=5)} f=abc", "/abcdef -> /{g} g=abcdef",
	}},
	{"longer text first", "/{x} /u{x} /user-{x} /user{x} /users /{x}.txt /{x}.tar.txt", []string{
		"/users -> /users", "/user-1 -> /user-{x} x=1", "/user1 -> /user{x} x=1", "/up -> /u{x} x=p", "/v -> /{x} x=v",
		"/user- -> /user{x} x=-", "/user -> /u{x} x=ser", "/u -> /{x} x=u",
		"/v.txt -> /{x}.txt x=v", "/v.tar.txt -> /{x}.tar.txt x=v", "/.tar.txt -> /{x}.txt x=.tar", "/.txt -> /{x} x=.txt",
	}},
	{"backtracking", "/a/b/c /a/{x}/d /{x}/b/e /{x:int}/z /{x}/y /{p:*}", []string{
		"/a/b/c -> /a/b/c", "/a/b/d -> /a/{x}/d x=b", "/a/b/e -> /{x}/b/e x=a", "/1/z -> /{x:int}/z x=1", "/1/y -> /{x}/y x=1",
		"/a/b/f -> /{p:*} p=a/b/f", "/a/y -> /{x}/y x=a", "/a/b -> /{p:*} p=a/b", "/a/b/c/ -> /{p:*} p=a/b/c/",
	}},
	{"path", "/s/{p:*} /s /t/{p:path}/edit /t/{p:path} /f/{p:path}.html /f/x{p:*}", []string{
		"/s -> /s", "/s/a -> /s/{p:*} p=a", "/s/a/b/ -> /s/{p:*} p=a/b/", "/s/a//b -> /s/{p:*} p=a//b", "/s/", "/s//", "/s//a",
		"/t/a/edit -> /t/{p:path}/edit p=a", "/t/a/b/edit -> /t/{p:path}/edit p=a/b", "/t/edit -> /t/{p:path} p=edit", "/t/edit/edit -> /t/{p:path}/edit p=edit",
		"/t/edit/edit/edit -> /t/{p:path}/edit p=edit/edit", "/t//edit", "/t/a/editx -> /t/{p:path} p=a/editx",
		"/f/a.html -> /f/{p:path}.html p=a", "/f/a/b.html -> /f/{p:path}.html p=a/b", "/f/.html", "/f/a/.html -> /f/{p:path}.html p=a/",
		"/f/xa.html -> /f/x{p:*} p=a.html", "/f/x/a.html -> /f/{p:path}.html p=x/a", "/f/x",
	}},
	{"more segments after a path first", "/{p:*}/a /{p:*}/b/a /{p:*}/{x}/{y} /{p:*}/{x:int}/{y} /{p:*}.txt", []string{
		"/x/b/a -> /{p:*}/b/a p=x", "/b/a -> /{p:*}/a p=b", "/z/x/a -> /{p:*}/{x}/{y} p=z x=x y=a", "/z/1/a -> /{p:*}/{x:int}/{y} p=z x=1 y=a",
		"/a.txt -> /{p:*}.txt p=a", "/a/b.txt -> /{p:*}.txt p=a/b", "/a/b/c.txt -> /{p:*}/{x}/{y} p=a x=b y=c.txt",
	}},
	{"parameters around a path", "/{v:int}-{p:*}.{ext}/{x}-{y}/end /q/{a}-{p:*}", []string{
		"/1-a/b.c/d.e/f-g-h/end -> /{v:int}-{p:*}.{ext}/{x}-{y}/end v=1 p=a/b.c/d ext=e x=f-g y=h",
		"/1-a.b.c/f-g/end -> /{v:int}-{p:*}.{ext}/{x}-{y}/end v=1 p=a.b ext=c x=f y=g",
		"/1-a/.c/f-g/end -> /{v:int}-{p:*}.{ext}/{x}-{y}/end v=1 p=a/ ext=c x=f y=g",
		"/1-/a.c/f-g/end", "/1-a.c/d/f-g/end", "/1-a.c/fg/end", "/x-a.c/f-g/end",
		"/q/x-y-z -> /q/{a}-{p:*} a=x-y p=z", "/q/x-y/z-w -> /q/{a}-{p:*} a=x p=y/z-w", "/q/x-/y", "/q/x/y-z",
		"/q/x-y-/z -> /q/{a}-{p:*} a=x p=y-/z",
	}},
	{"split", "/r/{a:int}-{b:int} /f/{name}.{ext} /g/{a}-{b}-{c} /U:{u} /v{a:int}.{b:int}x", []string{
		"/r/1-2 -> /r/{a:int}-{b:int} a=1 b=2", "/r/1-", "/r/-2", "/r/1-2-3", "/r/1-2x", "/r/1--2", "/r/1-2/3",
		"/f/a.tar.gz -> /f/{name}.{ext} name=a.tar ext=gz", "/f/a..b -> /f/{name}.{ext} name=a. ext=b", "/f/a.b. -> /f/{name}.{ext} name=a ext=b.", "/f/.a", "/f/a.", "/f/..", "/f/... -> /f/{name}.{ext} name=. ext=.", "/f/ab",
		"/g/1-2-3 -> /g/{a}-{b}-{c} a=1 b=2 c=3", "/g/1-2-3-4 -> /g/{a}-{b}-{c} a=1-2 b=3 c=4", "/g/----- -> /g/{a}-{b}-{c} a=- b=- c=-", "/g/----", "/g/1-2", "/g/1--2-3 -> /g/{a}-{b}-{c} a=1- b=2 c=3",
		"/U:me -> /U:{u} u=me", "/U:", "/Ume",
		"/v1.2x -> /v{a:int}.{b:int}x a=1 b=2", "/v1.2", "/v1.x",
	}},
	{"split that must give way", "/a/{x}-{n:int} /b/{x}-{n:int}-{y} /c/{n:int}0{m:int} /d/{r:[ab-]+}-{s:[b-]+}-{t:int} /e/{l:string(length=1)}-{x} /h/{x}.{f:float} /i/{a:any(x|x-y)}-{b} /j/{u:uuid}-{x} /k/{x}ab{y}", []string{
		"/a/x-1 -> /a/{x}-{n:int} x=x n=1", "/a/x-1-2 -> /a/{x}-{n:int} x=x-1 n=2", "/a/x-1-y",
		"/b/x-1-y -> /b/{x}-{n:int}-{y} x=x n=1 y=y", "/b/x-1-2-y -> /b/{x}-{n:int}-{y} x=x-1 n=2 y=y", "/b/x-1-a-y -> /b/{x}-{n:int}-{y} x=x n=1 y=a-y",
		"/c/101 -> /c/{n:int}0{m:int} n=1 m=1", "/c/1000 -> /c/{n:int}0{m:int} n=10 m=0", "/c/10", "/c/10x",
		"/d/a-b-b-1 -> /d/{r:[ab-]+}-{s:[b-]+}-{t:int} r=a-b s=b t=1", "/d/a-a-1", "/d/a-b-1 -> /d/{r:[ab-]+}-{s:[b-]+}-{t:int} r=a s=b t=1",
		"/e/a-b-c -> /e/{l:string(length=1)}-{x} l=a x=b-c", "/e/é-b -> /e/{l:string(length=1)}-{x} l=é x=b", "/e/ab-c",
		"/h/a.1.5 -> /h/{x}.{f:float} x=a f=1.5", "/h/1.5",
		"/i/x-y-z -> /i/{a:any(x|x-y)}-{b} a=x-y b=z", "/i/x-y -> /i/{a:any(x|x-y)}-{b} a=x b=y",
		"/j/00000000-0000-0000-0000-000000000000-x -> /j/{u:uuid}-{x} u=00000000-0000-0000-0000-000000000000 x=x",
		"/k/xaaby -> /k/{x}ab{y} x=xa y=y", "/k/ababab -> /k/{x}ab{y} x=ab y=ab",
	}},
	{"text or a parameter after the same text", "/{x}- /{x}-{y} /z/{l:string(maxlength=2)}-{x}", []string{
		"/a-- -> /{x}-{y} x=a y=-", "/a- -> /{x}- x=a", "/--- -> /{x}-{y} x=- y=-",
		"/z/éé-0123456789abcdef -> /z/{l:string(maxlength=2)}-{x} l=éé x=0123456789abcdef",
	}},
	{"optional", "/a/{x?} /b/{x:int?}/{y?} /c/{x?}/d /{x?} /e/{p:*?} /f/{x?}/", []string{
		"/a -> /a/{x?}", "/a/1 -> /a/{x?} x=1", "/a/",
		"/b -> /b/{x:int?}/{y?}", "/b/1 -> /b/{x:int?}/{y?} x=1", "/b/1/2 -> /b/{x:int?}/{y?} x=1 y=2", "/b/y",
		"/c/d -> /c/{x?}/d", "/c/1/d -> /c/{x?}/d x=1", "/c -> /{x?} x=c", "/ -> /{x?}",
		"/e -> /e/{p:*?}", "/e/a/b -> /e/{p:*?} p=a/b", "/e/", "/f/ -> /f/{x?}/", "/f/1/ -> /f/{x?}/ x=1", "/f/1", "/f -> /{x?} x=f",
	}},
	{"optional beside required", "/{x?}/{y:int} /{y:uuid}", []string{"/1 -> /{x?}/{y:int} y=1", "/a/1 -> /{x?}/{y:int} x=a y=1", "/1/2 -> /{x?}/{y:int} x=1 y=2", "/a"}},
	{"many children", "/a /b /c /d /e /f /g /h /i /j /k /l /m /n /o/{x}", []string{"/a -> /a", "/n -> /n", "/o/1 -> /o/{x} x=1", "/p", "/o"}},
	{"text splits in a rune", "/é /è /ê/{x}", []string{"/é -> /é", "/è -> /è", "/ê/1 -> /ê/{x} x=1", "/ë"}},
	{"empty segments", "/a//b /{x}//c", []string{"/a//b -> /a//b", "/a/b", "/q//c -> /{x}//c x=q", "/a//c -> /{x}//c x=a"}},
}

func TestLookup(t *testing.T) {
	for _, tt := range matchTests {
		t.Run(tt.name, func(t *testing.T) {
			fields := strings.Fields(tt.patterns)
			// The order of registration must not matter.
			for round := range 4 {
				tree := patternTree(t, strings.Join(fields, " "))
				if tree.Len() != len(fields) {
					t.Errorf("Len = %d, want %d", tree.Len(), len(fields))
				}
				for _, line := range tt.paths {
					path, want, _ := strings.Cut(line, " -> ")
					if got := lookup(t, tree, path); got != want {
						t.Errorf("%q matches %q, want %q", path, got, want)
					}
				}
				r := rand.New(rand.NewPCG(uint64(round), 0))
				r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
			}
		})
	}
}

func TestConflicts(t *testing.T) {
	tests := []struct {
		first, second string
		conflict      bool
	}{
		{"/a", "/a", true},
		{"/a", "/a/", false},
		{"/{a}", "/{b}", true},
		{"/{a}", "/{b:string}", true},
		{"/{a}", "/{b:string(minlength=1)}", true},
		{"/{a}", "/{b:string(minlength=2)}", false},
		{"/{a:string(length=2)}", "/{a:string(minlength=2,maxlength=2)}", true},
		{"/{a:int}", "/{a}", false},
		{"/{a:int}", "/{b:int()}", true},
		{"/{a:int}", "/{a:uint}", false},
		{"/{a:int(min=1,max=2)}", "/{a:int(max=2, min=01)}", true},
		{"/{a:int}", "/{a:int(min=0)}", true},
		{"/{a:int}", "/{a:int(signed)}", false},
		{"/{a:int}", "/{a:int(fixed_digits=2)}", false},
		{"/{a:uint}", "/{a:uint(min=0)}", true},
		{"/{a:float(min=1)}", "/{a:float(min=1.0)}", true},
		{"/{a:float(min=1)}", "/{a:float(max=1)}", false},
		{"/{a:any(x|y)}", "/{a:any(y|x)}", true},
		{"/{a:any(x|y)}", "/{a:any(x)}", false},
		{"/{a:[a-z]}", "/{b:[a-z]}", true},
		{"/{a:[a-z]}", "/{b:[a-y]}", false},
		{"/{a:list}", "/{b:list}", true},
		{"/{a:list}", "/{b:other}", false},
		{"/{p:*}", "/{q:path}", true},
		{"/{p:*}", "/x{q:path}", false},
		{"/{p:*}/a", "/{p:*}/b", false},
		{"/{p:*}/a", "/{q:*}/a", true},
		{"/{p:*}/a/{x}", "/{q:*}/a/{y}", true},
		{"/{p:*}/a/{x}", "/{q:*}/a/{y:int}", false},
		{"/{a}-{b}", "/{b}-{a}", true},
		{"/{a}-{b}", "/{b}.{a}", false},
		{"/{a}/x", "/{b}/y", false},
		{"/a/{x?}", "/a", true},
		{"/a/{x?}", "/a/{y}", true},
		{"/a/{x?}", "/a/{y:int}", false},
		{"/a/{x}", "/a/{y?}/b", false},
		{"/{x?}", "/", true},
	}
	custom := radix.Converters{"list": nil, "other": nil}
	for _, tt := range tests {
		for _, pair := range [][2]string{{tt.first, tt.second}, {tt.second, tt.first}} {
			tree := new(radix.Tree[string])
			var err error
			var existing string
			for _, s := range pair {
				p, parseErr := radix.Parse(s, custom)
				if parseErr != nil {
					t.Fatal(parseErr)
				}
				existing, err = tree.Add(p, s)
			}
			if tt.conflict && (!errors.Is(err, radix.ErrConflict) || existing != pair[0] || tree.Len() != 1) {
				t.Errorf("%q after %q: %v with %q, %d patterns, want a conflict", pair[1], pair[0], err, existing, tree.Len())
			}
			if !tt.conflict && (err != nil || existing != "" || tree.Len() != 2) {
				t.Errorf("%q after %q: %v with %q, %d patterns", pair[1], pair[0], err, existing, tree.Len())
			}
		}
	}
}

// A pattern that conflicts in one of its variants must not leave another behind.
func TestConflictAddsNothing(t *testing.T) {
	tree := patternTree(t, "/a/{x}/{y}")
	p := mustParse(t, "/a/{x?}/{y?}")
	if _, err := tree.Add(p, p); !errors.Is(err, radix.ErrConflict) {
		t.Fatalf("Add: %v", err)
	}
	for _, path := range []string{"/a", "/a/1"} {
		if got := lookup(t, tree, path); got != "" {
			t.Errorf("%q matches %q", path, got)
		}
	}
}

func TestHosts(t *testing.T) {
	tree := new(radix.Tree[*radix.Pattern])
	for _, s := range []string{"{n}.b.org/x/{id:int}", "a.b.org/x/{id}", "{n}.b.org/{p:*}", "{any}/x/{id}", "c.org/{x?}", "c.org/y/"} {
		p, err := radix.ParseHost(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tree.Add(p, p); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ path, want string }{
		{"a.b.org/x/5", "a.b.org/x/{id} id=5"},
		{"q.b.org/x/5", "{n}.b.org/x/{id:int} n=q id=5"},
		{"q.r.b.org/x/5", "{n}.b.org/x/{id:int} n=q.r id=5"},
		{"q.b.org/x/a", "{n}.b.org/{p:*} n=q p=x/a"},
		{"a.b.org/z", "{n}.b.org/{p:*} n=a p=z"},
		{".b.org/x/5", "{any}/x/{id} any=.b.org id=5"},
		{"else/x/5", "{any}/x/{id} any=else id=5"},
		{"c.org/", "c.org/{x?}"},
		{"c.org/1", "c.org/{x?} x=1"},
		{"c.org/y/", "c.org/y/"},
		{"c.org", ""},
		{"b.org/", ""},
		{"/x/5", ""},
	}
	for _, tt := range tests {
		if got := lookup(t, tree, tt.path); got != tt.want {
			t.Errorf("%q matches %q, want %q", tt.path, got, tt.want)
		}
	}
}

func TestMatchValue(t *testing.T) {
	tree := newTree(t, "/a/{x}/{y?}")
	path := []byte("/a/one")
	var m radix.Match
	if _, ok := tree.Lookup(path, &m); !ok {
		t.Fatal("no match")
	}
	x := m.Value(path, 0)
	if string(x) != "one" || cap(x) != 3 {
		t.Errorf("x = %q, capacity %d", x, cap(x))
	}
	for _, i := range []int{-1, 1, 2, radix.MaxParams, 1 << 40} {
		if v := m.Value(path, i); v != nil {
			t.Errorf("Value(%d) = %q, want nil", i, v)
		}
	}
	if _, ok := tree.Lookup([]byte("/b"), &m); ok || m.Value(path, 0) != nil {
		t.Error("a failed lookup leaves values")
	}
}

// The time of these is exponential without bounds: they would not end.
func TestAdversarialSplit(t *testing.T) {
	params := func(converter, separator string) string {
		var b strings.Builder
		b.WriteByte('/')
		for i := range radix.MaxParams {
			if i > 0 {
				b.WriteString(separator)
			}
			fmt.Fprintf(&b, "{p%d%s}", i, converter)
		}
		return b.String()
	}
	const n = 1 << 14
	tests := []struct {
		pattern, path string
		match         bool
	}{
		{params("", "-") + "x", "/" + strings.Repeat("-", n), false},
		{params("", "-"), "/" + strings.Repeat("-", n), true},
		{"/{a}-{b}-{c}-{d}-{e}-{f}-{g}-{n:int}", "/" + strings.Repeat("1-", n), false},
		{"/{a}-{b:int}-{c}-{d:int}-{e}-{f:int}-{g}-{n:int}", "/" + strings.Repeat("1-", n) + "x", false},
		{params(":int", "1"), "/" + strings.Repeat("1", n) + "x", false},
		{params(":int(signed)", "-"), "/" + strings.Repeat("-", n), false},
		{params(":[a-]+", "-"), "/" + strings.Repeat("a-", n) + "x", false},
		{params(":string(maxlength=99)", "-"), "/" + strings.Repeat("-", n), false},
		{params(":any(a|a-a|a-a-a)", "-"), "/" + strings.Repeat("a-", n) + "x", false},
		{params(":float", "."), "/" + strings.Repeat("1.", n), false},
		{"/{p:*}-{a}-{b}-{c}-{d}x", "/" + strings.Repeat("-/", n) + strings.Repeat("-", n), false},
		{"/{a}-{p:*}-{b}-{c:int}", "/" + strings.Repeat("-", n) + "/" + strings.Repeat("-", n), false},
		{strings.Repeat("/a", 200) + "/{x}", strings.Repeat("/a", n), false},
	}
	for _, tt := range tests {
		tree := newTree(t, tt.pattern)
		var m radix.Match
		if _, ok := tree.Lookup([]byte(tt.path), &m); ok != tt.match {
			t.Errorf("%.40s... on %.20q...: %v", tt.pattern, tt.path, ok)
		}
	}
}

// The work of the splitter is counted in the bytes that converters see: it must
// be linear in the length of the segment, whatever the number of parameters.
func TestSplitWorkIsLinear(t *testing.T) {
	work := 0
	custom := radix.Converters{"count": func(v []byte) bool { work += len(v); return true }}
	for _, params := range []int{2, 3, 8, radix.MaxParams} {
		pattern := "/"
		for i := range params - 1 {
			pattern += fmt.Sprintf("{p%d:count}-", i)
		}
		pattern += "{last:int}"
		p, err := radix.Parse(pattern, custom)
		if err != nil {
			t.Fatal(err)
		}
		tree := new(radix.Tree[int])
		if _, err := tree.Add(p, 1); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{10, 100, 1000, 10000, 100000} {
			work = 0
			var m radix.Match
			path := append([]byte("/"), bytes.Repeat([]byte("-"), n)...)
			if _, ok := tree.Lookup(path, &m); ok {
				t.Errorf("%q matches", pattern)
			}
			if limit := 8<<10 + 4*n; work > limit {
				t.Errorf("%d parameters, %d bytes: converters saw %d bytes, want at most %d", params, n, work, limit)
			}
		}
	}
}

// What has a match is found, although thousands of splits fail before.
func TestSplitBudgetSuffices(t *testing.T) {
	tests := []struct{ pattern, path, want string }{
		{"/{a:[a-z-]+}-{b:[a-z]+}-{c:int}-{d}", "/" + strings.Repeat("ab-", 20) + "7" + strings.Repeat("-cd", 6), " b=ab c=7 d=cd-cd-cd-cd-cd-cd"},
		{"/{a}-{b}-{c}-{n:int}-{d}", "/x-y-z-7" + strings.Repeat("-w", 2000), " a=x b=y c=z n=7 d=w-w"},
		{"/{a}-{b}-{c}-{d}-{n:int}-{e}", "/" + strings.Repeat("x-", 2000) + "7" + strings.Repeat("-w", 2000), " d=x n=7 e=w-w"},
		{"/{a:int}-{b}-{c:any(u|v)}-{d}", "/1-u-v" + strings.Repeat("-w", 2000), " a=1 b=u c=v d=w-w"},
	}
	for _, tt := range tests {
		if got := lookup(t, patternTree(t, tt.pattern), tt.path); !strings.Contains(got, tt.want) {
			t.Errorf("%.60q... matches %.60q..., want %q", tt.path, got, tt.want)
		}
	}
}

func TestManyParams(t *testing.T) {
	pattern, path, want := "", "", ""
	for i := range radix.MaxParams {
		pattern += fmt.Sprintf("/{p%d}", i)
		path += fmt.Sprintf("/v%d", i)
		want += fmt.Sprintf(" p%d=v%d", i, i)
	}
	tree := patternTree(t, pattern)
	if got := lookup(t, tree, path); got != pattern+want {
		t.Errorf("%q", got)
	}
	if got := lookup(t, tree, path+"/x"); got != "" {
		t.Errorf("%q", got)
	}
}

func TestConcurrentLookups(t *testing.T) {
	trees, routes := githubTrees(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var m radix.Match
			for _, r := range routes {
				if got, ok := trees[r.method].Lookup(r.path, &m); !ok || got != r.pattern {
					t.Errorf("%s matches %q, want %q", r.path, got, r.pattern)
				}
			}
		})
	}
	wg.Wait()
}

func TestGitHubRoutes(t *testing.T) {
	trees, routes := githubTrees(t)
	if len(routes) != 203 {
		t.Fatalf("%d routes, want 203", len(routes))
	}
	for _, r := range routes {
		var m radix.Match
		got, ok := trees[r.method].Lookup(r.path, &m)
		if !ok || got != r.pattern {
			t.Errorf("%s %s matches %q, want %q", r.method, r.path, got, r.pattern)
			continue
		}
		p := mustParse(t, got)
		for i := range p.Params {
			if v := m.Value(r.path, i); string(v) != p.Params[i].Name {
				t.Errorf("%s: %s = %q", r.path, p.Params[i].Name, v)
			}
		}
	}
}

func TestLookupAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	tests := []struct{ patterns, path string }{
		{"/a/b", "/a/b"},
		{"/a/{x}", "/a/1"},
		{"/{a}/{b}/{c}/{d}/{e}", "/1/2/3/4/5"},
		{"/{a:int}/{b:uint}/{c:uuid}", "/1/2/00000000-0000-0000-0000-000000000000"},
		{"/{a:float(min=0.5,max=9.5)}/{b:any(a|b)}/{c:string(length=2)}", "/" + strings.Repeat("0", 99) + "1.50/b/éé"},
		{"/{a:[a-z]+}", "/abc"},
		{"/{p:*}/edit/{x}", "/a/b/edit/1"},
		{"/{a:int}-{b:int}", "/1-2"},
		{"/{a}-{b:[a-z]+}-{c}-{d:int}", "/a-b-c-b-c-1"},
		{"/{a}" + strings.Repeat("-", 99) + "{b}", "/a" + strings.Repeat("-", 99) + "b"},
		{"/a/{x?}/{y?}", "/a/1"},
		{"/a/b/c /a/{x}/d /{x}/b/e", "/a/b/e"},
		{"/a/{x}", "/miss"},
	}
	for _, tt := range tests {
		tree := newTree(t, strings.Fields(tt.patterns)...)
		path := []byte(tt.path)
		var m radix.Match
		if _, ok := tree.Lookup(path, &m); ok == (tt.path == "/miss") {
			t.Errorf("%q on %q: %v", tt.path, tt.patterns, ok)
		}
		if n := testing.AllocsPerRun(200, func() { tree.Lookup(path, &m) }); n != 0 {
			t.Errorf("%q on %q: %v allocations, want 0", tt.path, tt.patterns, n)
		}
	}
}
