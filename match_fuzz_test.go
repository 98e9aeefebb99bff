package quart_test

import (
	"fmt"
	"strings"
	"testing"

	fasthttprouter "github.com/fasthttp/router"
	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// fuzzPatterns are what FuzzMatch makes tables of: a parameter has one name for each level, because fasthttp/router wants it so.
var fuzzPatterns = []string{
	"/", "/a", "/a/", "/ab", "/a/b", "/a/b/", "/a/b/c", "/abc/{y}", "/{x}", "/{x}/", "/a/{y}", "/a/{y}/", "/{x}/b", "/{x}/{y}", "/a/{y}/c", "/{x}/{y}/{z}",
	"/a/{y:[0-9]+}", "/a/{y:[0-9]+}/c", "/b/{y?}", "/s/{p:*}", "/a/s/{p:*}", "/v{x}", "/f.{x}", "/{x}/d/{z}/e",
}

// FuzzMatch compares the whole app with fasthttp/router on tables of the patterns whose bits are set. What the two do not share:
//
//   - Percent-escapes: fasthttp/router matches the path as sent. Paths with one are left out.
//   - Leading slashes: quart collapses them, fasthttp/router does not. Left out, too.
//   - A parameter is never empty here, and {p:*} does not begin with a slash. Where fasthttp/router takes such a value, it does not count.
//   - Redirects: with fasthttp/router they are off, and quart's are taken for no match.
//   - Registration: each refuses tables that the other one takes. Those are left out.
//   - Backtracking: fasthttp/router can lose a route whose literal text begins like another one. Where it finds none and quart does, that
//     must be a pattern that matches; where both find one, it must be the same, unless fasthttp/router's is one of lower weight.
func FuzzMatch(f *testing.F) {
	for _, path := range []string{"/", "/a", "/a/", "/ab", "/a/b", "/a/7", "/a/7/c", "/x/y/z", "/b", "/b/x", "/s/x//y", "/s/", "/vx", "/f.x", "/a/d/b/e", "/abc/b", "//a", "/a//b", "/é/b", "/a/b?q=/x"} {
		for _, table := range []uint32{0x5a5a5a, 0xa51423, 0x1, 0x8009, 0x100, 0x200, 0x2408, 0xc0c000, 0x180300, 0x414010, 0x27d, 0x803} {
			f.Add(table, path)
		}
	}
	f.Fuzz(func(t *testing.T, table uint32, target string) {
		path, _, _ := strings.Cut(target, "?")
		if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || strings.ContainsAny(target, "%#") || strings.Contains(target, "://") || hasControl(target) {
			return
		}
		var patterns []string
		for i, p := range fuzzPatterns {
			if table&(1<<i) != 0 {
				patterns = append(patterns, p)
			}
		}
		oracle, known := oracleOf(patterns)
		if !known {
			return
		}
		want := matchOf(oracle, target)
		got := matchOf(quartOf(patterns), target)
		if got == want {
			return
		}
		if strings.Contains(want+" ", "= ") || strings.Contains(want, " p=/") {
			return
		}
		if got != "" && (want == "" || weight(got) < weight(want)) {
			only, _ := oracleOf([]string{strings.Split(got, " ")[0]})
			if alone := matchOf(only, target); alone == got {
				return // lost among others
			}
		}
		t.Errorf("%q on %q: %q, fasthttp/router %q", patterns, path, got, want)
	})
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\ufffd' })
}

// weight writes what quart promises: segment by segment, literal text before a regexp before a string before a path.
func weight(match string) string {
	pattern, _, _ := strings.Cut(match, " ")
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] != '{':
			b.WriteByte('0')
			continue
		case strings.HasPrefix(pattern[i:], "{p:*}"):
			b.WriteByte('3')
		case strings.Contains(pattern[i:i+3], ":"):
			b.WriteByte('1')
		default:
			b.WriteByte('2')
		}
		i += strings.IndexByte(pattern[i:], '}')
	}
	return b.String()
}

func quartOf(patterns []string) fasthttp.RequestHandler {
	app := quiet()
	for _, p := range patterns {
		app.Get(p, func(c *quart.Ctx) error {
			s := p
			for _, param := range c.Route().Info().Params {
				if v := c.Param(param.Name); v != "" {
					s += " " + param.Name + "=" + v
				}
			}
			return c.Text(200, s)
		})
	}
	return app.Handler()
}

// oracleOf returns a fasthttp/router table, unless it refuses the patterns.
func oracleOf(patterns []string) (h fasthttp.RequestHandler, ok bool) {
	defer func() { ok = recover() == nil }()
	r := fasthttprouter.New()
	r.RedirectTrailingSlash, r.RedirectFixedPath = false, false
	for _, p := range patterns {
		r.GET(p, func(fc *fasthttp.RequestCtx) {
			s := p
			for _, name := range []string{"x", "y", "z", "p"} {
				if v := fc.UserValue(name); v != nil {
					s += fmt.Sprintf(" %s=%s", name, v)
				}
			}
			fc.SetBodyString(s)
		})
	}
	return r.Handler, true
}

// matchOf returns the body of a 200, "" for all else.
func matchOf(h fasthttp.RequestHandler, target string) string {
	fc := request("GET", target)
	h(fc)
	if fc.Response.StatusCode() != 200 {
		return ""
	}
	return string(fc.Response.Body())
}
