package quart_test

import (
	"errors"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/goquart/quart"
)

func urlApp() *quart.App {
	app := quiet()
	app.Get("/", text).Name("root")
	app.Get("/film/{id:int}", text).Name("film")
	app.Get("/year/{y:int(fixed_digits=4,signed)}", text).Name("year")
	app.Get("/user/{name}/x", text).Name("user")
	app.Get("/wiki/{p:*}", text).Name("wiki")
	app.Get("/price/{v:float(signed)}", text).Name("price")
	app.Get("/id/{id:uuid}", text).Name("id")
	app.Get("/any/{v:any(a b|c)}", text).Name("any")
	app.Get("/opt/{a?}/{b?}", text).Name("opt")
	app.Get("/{lang?}/about", text).Name("lang")
	app.Get("/käse/{a}-{b}.html", text).Name("two")
	app.Get("/word/{w:[a-z]+}", text).Name("word")
	app.Host("{t}.Example.com").Get("/p/{x?}", text).Name("tenant")
	app.Host("fixed.example.com").Get("", text).Name("fixed")
	app.Host("{t}.example.net").Get("/{x?}", text).Name("front")
	return app
}

type (
	kind string
	uid  [16]byte
)

var someID = uid{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00}

func TestURLPath(t *testing.T) {
	app := urlApp()
	for _, tt := range []struct {
		name  string
		pairs []any
		want  string
	}{
		{"root", nil, "/"},
		{"film", []any{"id", 5}, "/film/5"},
		{"film", []any{"id", uint8(5)}, "/film/5"},
		{"film", []any{"id", "007"}, "/film/007"},
		{"film", []any{"id", int64(math.MaxInt64)}, "/film/9223372036854775807"},
		{"year", []any{"y", 42}, "/year/0042"},
		{"year", []any{"y", -42}, "/year/-0042"},
		{"user", []any{"name", "é/ü"[:2]}, "/user/%C3%A9/x"},
		{"user", []any{"name", "a b?c#d%e\\f+g&h"}, "/user/a%20b%3Fc%23d%25e%5Cf+g&h/x"},
		{"user", []any{"name", kind("k")}, "/user/k/x"},
		{"user", []any{"name", []byte("bytes")}, "/user/bytes/x"},
		{"user", []any{"name", true}, "/user/true/x"},
		{"wiki", []any{"p", "a/b c//d"}, "/wiki/a/b%20c//d"},
		{"price", []any{"v", -1.5}, "/price/-1.5"},
		{"price", []any{"v", float32(2)}, "/price/2.0"},
		{"id", []any{"id", "123E4567-E89B-12D3-A456-426614174000"}, "/id/123e4567-e89b-12d3-a456-426614174000"},
		{"id", []any{"id", someID}, "/id/123e4567-e89b-12d3-a456-426614174000"},
		{"any", []any{"v", "a b"}, "/any/a%20b"},
		{"opt", nil, "/opt"},
		{"opt", []any{"a", 1}, "/opt/1"},
		{"opt", []any{"b", 2, "a", 1}, "/opt/1/2"},
		{"opt", []any{"a", 1, "b", nil}, "/opt/1"},
		{"lang", nil, "/about"},
		{"lang", []any{"lang", "de"}, "/de/about"},
		{"two", []any{"a", "x", "b", 1}, "/k%C3%A4se/x-1.html"},
		{"tenant", []any{"t", "Acme"}, "//acme.example.com/p"},
		{"tenant", []any{"t", "a.b", "x", "ü"}, "//a.b.example.com/p/%C3%BC"},
		{"fixed", nil, "//fixed.example.com/"},
		{"front", []any{"t", "a"}, "//a.example.net/"},
	} {
		if got := app.URL(tt.name, tt.pairs...); got != tt.want {
			t.Errorf("URL(%q, %v) = %q, want %q", tt.name, tt.pairs, got, tt.want)
		}
		if got := string(app.AppendURL([]byte("<"), tt.name, tt.pairs...)); got != "<"+tt.want {
			t.Errorf("AppendURL(%q, %v) = %q, want %q", tt.name, tt.pairs, got, tt.want)
		}
	}
}

func TestURLQuery(t *testing.T) {
	app := urlApp()
	for _, tt := range []struct {
		pairs []any
		want  string
	}{
		{[]any{"q", "a b&c=d", "n", 5}, "/?q=a+b%26c%3Dd&n=5"},
		{[]any{"tag", []string{"x", "é"}, "n", []int{1, 2}, "none", []string{}}, "/?tag=x&tag=%C3%A9&n=1&n=2"},
		{[]any{"a", nil, "b", "", "c d", 1.5}, "/?b=&c+d=1.5"},
		{[]any{"raw", []byte("x y")}, "/?raw=x+y"},
		{[]any{"list", []any{1, "two", nil}}, "/?list=1&list=two"},
		{[]any{"id", someID}, "/?id=123e4567-e89b-12d3-a456-426614174000"},
	} {
		if got := app.URL("root", tt.pairs...); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.pairs, got, tt.want)
		}
	}
}

func TestURLAnchor(t *testing.T) {
	app := urlApp()
	for v, want := range map[any]string{"x y": "/film/5?t=1#x%20y", "a/b?c": "/film/5?t=1#a/b?c", "é#": "/film/5?t=1#%C3%A9%23", "": "/film/5?t=1", 7: "/film/5?t=1#7"} {
		if got := app.URL("film", quart.Anchor, v, "id", 5, "t", 1); got != want {
			t.Errorf("anchor %v: %q, want %q", v, got, want)
		}
	}
}

func TestURLPanics(t *testing.T) {
	app := urlApp()
	app.Get("/page/", text).Name("page").Default("page", 1)
	app.Get("/even/{n:even}", text).Name("even")
	app.Convert("even", quart.Converter{
		Parse:  func(v []byte) bool { return len(v)%2 == 0 },
		Format: func(any) (string, error) { return "", errors.New("out of numbers") },
	})
	for _, tt := range []struct {
		name  string
		pairs []any
		parts []string
	}{
		{"flim", nil, []string{`no route is named "flim", did you mean "film"?`}},
		{"nothing like it", nil, []string{`no route is named "nothing like it"`}},
		{".film", []any{"id", 5}, []string{`no route is named ".film"`}},
		{"film", nil, []string{`URL of "film" lacks a value for "id"`}},
		{"film", []any{"id", nil}, []string{`lacks a value for "id"`}},
		{"film", []any{"id"}, []string{"odd number"}},
		{"film", []any{5, "id"}, []string{"pair 0 is no string"}},
		{"film", []any{"id", "x"}, []string{`the pattern does not match "x" as "id"`}},
		{"film", []any{"id", -5}, []string{`does not match "-5"`}},
		{"film", []any{"id", uint64(math.MaxUint64)}, []string{"does not match"}},
		{"film", []any{"id", struct{}{}}, []string{"no place for a value of type struct {}"}},
		{"year", []any{"y", 12345}, []string{`does not match "12345"`}},
		{"user", []any{"name", "a/b"}, []string{`does not match "a/b"`}},
		{"user", []any{"name", ""}, []string{`does not match ""`}},
		{"wiki", []any{"p", "/evil.com"}, []string{`does not match "/evil.com"`}},
		{"price", []any{"v", math.Inf(1)}, []string{"does not match"}},
		{"id", []any{"id", "x"}, []string{"does not match"}},
		{"any", []any{"v", "d"}, []string{`does not match "d"`}},
		{"opt", []any{"b", 2}, []string{`lacks a value for "a"`}},
		{"word", []any{"w", "A"}, []string{`does not match "A"`}},
		{"tenant", []any{"t", "evil.com/"}, []string{`does not match "evil.com/"`}},
		{"tenant", []any{"t", "evil.com:80"}, []string{"does not match"}},
		{"tenant", []any{"t", "user@evil"}, []string{"does not match"}},
		{"page", []any{"page", 2}, []string{"differs from the default"}},
		{"even", []any{"n", 2}, []string{`URL of "even": n: out of numbers`}},
	} {
		wantPanic(t, func() { app.URL(tt.name, tt.pairs...) }, tt.parts...)
	}
}

func TestURLConverter(t *testing.T) {
	app := quiet()
	app.Convert("list", quart.Converter{Format: func(v any) (string, error) { return strings.Join(v.([]string), "+"), nil }})
	app.Get("/{tags:list}/{x}", text).Name("tags")
	if got := app.URL("tags", "tags", []string{"a", "é"}, "x", 1, "tag", []string{"q", "r"}); got != "/a+%C3%A9/1?tag=q&tag=r" {
		t.Errorf("URL = %q", got)
	}
	if got := string(app.AppendURL(nil, "tags", "tags", "a+b", "x", 1)); got != "/a+b/1" {
		t.Errorf("AppendURL = %q", got)
	}
}

func TestURLExternal(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/here/{x}", func(c *quart.Ctx) error {
		return c.Text(200, strings.Join([]string{
			c.ExternalURL("here", "x", "é"), c.ExternalURL("here", "x", 1, quart.URLScheme, "https", "q", 2),
			c.URL("here", "x", 1, quart.URLScheme, "https"), c.URL("here", "x", 1), c.ExternalURL("tenant", "t", "a"),
		}, " "))
	}).Name("here")
	app.Host("{t}.example.org").Get("/t", text).Name("tenant")
	exchanges(t, app, []exchange{
		atHost("Example.com:80", "/here/1", 200, "http://example.com/here/%C3%A9 https://example.com/here/1?q=2 https://example.com/here/1 /here/1 http://a.example.org/t"),
		atHost("example.com:8080", "/here/1", 200, "http://example.com:8080/here/%C3%A9 https://example.com:8080/here/1?q=2 https://example.com:8080/here/1 /here/1 http://a.example.org/t"),
	})
}

// TestURLExternalProxy: scheme and host are the client's where a trusted proxy says so, and only there.
func TestURLExternalProxy(t *testing.T) {
	app, _ := newApp(quart.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, ProxyHops: 1})
	app.Handle(quart.MethodWebSocket, "/ws", text).Name("ws")
	app.Get("/x", func(c *quart.Ctx) error { return c.Text(200, c.ExternalURL("x")+" "+c.URL("ws")) }).Name("x")
	forwarded := []string{"Host: inner:8080", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: pub.example"}
	serve(t, app).get("/x", forwarded...).want(t, 200, "https://pub.example/x wss://pub.example/ws")

	app, _ = newApp(quart.Config{})
	app.Get("/x", func(c *quart.Ctx) error { return c.Text(200, c.ExternalURL("x")) }).Name("x")
	serve(t, app).get("/x", forwarded...).want(t, 200, "http://inner:8080/x")
}

func TestURLWebSocket(t *testing.T) {
	app := quiet()
	app.Handle(quart.MethodWebSocket, "/ws/{room}", text).Name("ws")
	app.Get("/", func(c *quart.Ctx) error {
		return c.Text(200, c.URL("ws", "room", "a b")+" "+c.ExternalURL("ws", "room", 1)+" "+c.URL("ws", "room", 1, quart.URLScheme, "https"))
	})
	exchanges(t, app, gets([2]string{"/", "ws://example.com/ws/a%20b ws://example.com/ws/1 wss://example.com/ws/1"}))
	if got := app.URL("ws", "room", 1); got != "/ws/1" { // an app knows no host
		t.Errorf("App.URL = %q", got)
	}
}

func TestURLRelative(t *testing.T) {
	app := quiet()
	url := func(name string) quart.Handler {
		return func(c *quart.Ctx) error { return c.Text(200, c.URL(name)) }
	}
	app.Get("/leaf", text).Name("leaf")
	app.Get("/up", text).Name("up")
	app.Get("/from-app", url(".leaf"))
	g := app.Group("/g").Name("g")
	g.Get("/leaf", text).Name("leaf")
	g.Get("/own", url(".leaf"))
	g.Get("/up", url(".up"))
	g.Get("/none", url(".none"))
	inner := g.Group("/inner").Name("inner")
	inner.Get("/x", url(".leaf"))
	inner.Get("/y", url("leaf"))
	app.OnStatus(404, func(c *quart.Ctx, err error) error { return c.Text(200, c.URL(".leaf")) })
	exchanges(t, app, gets(
		[2]string{"/from-app", "/leaf"}, [2]string{"/g/own", "/g/leaf"}, [2]string{"/g/up", "/up"}, [2]string{"/g/inner/x", "/g/leaf"}, [2]string{"/g/inner/y", "/leaf"},
		[2]string{"/nothing", "/leaf"}, // no route: the app's
	))
	if a := serveInMemory(t, app).do("GET", "/g/none"); a.StatusCode != 500 || strings.Contains(a.body, "none") {
		t.Errorf("unknown name in a handler: %d %q", a.StatusCode, a.body)
	}
}

// FuzzURL: what URL builds comes back as the same values, through the whole app.
func FuzzURL(f *testing.F) {
	f.Add("x", "y", int64(5), "q")
	f.Add("a b/%?#\\", "é//x", int64(-7), "&=+ ")
	f.Add("..", ".", int64(math.MinInt64), "\xff\x00")
	f.Add("\r\n", "//", int64(0), "")
	app := quiet()
	app.Get("/r/{s}/{n:int(signed)}-{t:string(minlength=2)}/{p:*}/end", func(c *quart.Ctx) error {
		return c.Text(200, strconv.Quote(c.Param("s"))+c.Param("n")+strconv.Quote(c.Param("t"))+strconv.Quote(c.Param("p"))+strconv.Quote(c.Query("q")))
	}).Name("r")
	h := app.Handler()
	f.Fuzz(func(t *testing.T, s, p string, n int64, q string) {
		if s == "" || strings.Contains(s, "/") || p == "" || p[0] == '/' {
			return // refused by URL: TestURLPanics
		}
		url := app.URL("r", "s", s, "n", n, "t", s+"t", "p", p, "q", q)
		fc := request("GET", url)
		h(fc)
		// The number ends at the last hyphen that leaves a number before it: t may begin with one.
		want := strconv.Quote(s) + strconv.FormatInt(n, 10) + strconv.Quote(s+"t") + strconv.Quote(p) + strconv.Quote(q)
		if got := string(fc.Response.Body()); fc.Response.StatusCode() != 200 || got != want {
			t.Errorf("%q: %d %s, want %s", url, fc.Response.StatusCode(), got, want)
		}
	})
}
