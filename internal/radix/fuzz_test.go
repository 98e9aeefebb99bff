package radix_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/goquart/quart/internal/radix"
)

// FuzzParse checks that what parses can be added, built and found again, and
// that errors point into the pattern.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "/", "/a/{x}", "/{x:int(min=1,max=9)?}/{y?}", "/{a:[0-9]{3}}-{b:any(x|y)}", "/{p:*}/edit/{x}", "/{x:float(signed,min=-1.5)}",
		"/{x:string(length=2)}.{ext}", `/{x:\{a\}}`, "/{x?:[a-z]+}/b", "/{x:(word)}", "/{x:list}", "/{", "/}", "/{x:itn}", "a.org/{x}", "/{a}{b}",
		"/{x:uint(fixed_digits=20,max=18446744073709551615)}", "/{int:id}", "/é{ü}",
	} {
		f.Add(s, "/a/b")
	}
	custom := radix.Converters{"list": func(v []byte) bool { return len(v) > 1 }, "all": nil}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		for _, parse := range []func(string, radix.Converters) (*radix.Pattern, error){radix.Parse, radix.ParseHost} {
			p, err := parse(pattern, custom)
			if err != nil {
				var syntax *radix.SyntaxError
				if !errors.As(err, &syntax) || syntax.Pattern != pattern || syntax.Offset < 0 || syntax.Offset > len(pattern) || syntax.Msg == "" {
					t.Fatalf("Parse(%q): %#v", pattern, err)
				}
				continue
			}
			checkParsed(t, p, path)
		}
	})
}

func checkParsed(t *testing.T, p *radix.Pattern, path string) {
	t.Helper()
	tree := new(radix.Tree[*radix.Pattern])
	if _, err := tree.Add(p, p); err != nil {
		t.Fatalf("Add(%q): %v", p, err)
	}
	if existing, err := tree.Add(p, nil); !errors.Is(err, radix.ErrConflict) || existing != p {
		t.Fatalf("Add(%q) again: %v", p, err)
	}
	if len(p.Params) > 6 || len(path) > 40 {
		return // the reference would take too long
	}
	all := shapes(p)
	checkPath(t, tree, all, path)
	checkPath(t, tree, all, "/"+path)
	values := map[string]string{}
	for i := range p.Params {
		for _, v := range []string{path, "a", "1", "1.5", "ab", "00"} {
			if p.Params[i].Accepts([]byte(v)) {
				values[p.Params[i].Name] = v
				break
			}
		}
	}
	if len(values) == len(p.Params) {
		built := build(p, values)
		if !checkPath(t, tree, all, built) {
			t.Fatalf("%q does not match %q, which was built from it", p, built)
		}
	}
}

// FuzzLookup compares trees of random patterns with the reference on any path.
func FuzzLookup(f *testing.F) {
	for _, s := range []string{"", "/", "/a-1-b.c", "//", "/1/2.5/a", "/a\x00/\xff", "/-1/--/.."} {
		f.Add(uint64(1), s)
	}
	f.Fuzz(func(t *testing.T, seed uint64, path string) {
		if len(path) > 60 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 2))
		tree := new(radix.Tree[*radix.Pattern])
		var all []shape
		for range 1 + r.IntN(8) {
			if p, err := radix.Parse(randomPattern(r), nil); err == nil {
				addBoth(t, tree, &all, p)
			}
		}
		sortShapes(all)
		checkPath(t, tree, all, path)
	})
}
