package quart_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// TestRequestValues reads every accessor of one request.
func TestRequestValues(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/films/{title}/{n:int}", func(c *quart.Ctx) error {
		got := strings.Join([]string{
			c.Method(), c.Path(), c.Target(), c.Protocol(), c.Scheme(), c.Host(), c.RemoteIP().String(),
			c.Param("title"), itoa(c.ParamInt("n")), itoa(c.ParamInt("title")), c.Param("none"),
			c.Header("x-two"), strings.Join(slices.Collect(c.HeaderAll("X-Two")), "+"),
			c.Route().Value("k").(string),
		}, "|")
		return c.Text(200, got)
	}).Meta("k", "meta")
	s := serve(t, app)
	s.get("/films/caf%C3%A9%20x/7?q=1", "Host: Example.COM:80", "X-Two: a", "X-Two: b").want(t, 200,
		"GET|/films/café x/7|/films/caf%C3%A9%20x/7?q=1|HTTP/1.1|http|example.com|127.0.0.1|café x|7|0||a|a+b|meta")
	s.get("http://other.example:8080/films/a/1", "Host: example.com").want(t, 200,
		"GET|/films/a/1|http://other.example:8080/films/a/1|HTTP/1.1|http|other.example:8080|127.0.0.1|a|1|0||||meta")
}

func TestQuery(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/q", func(c *quart.Ctx) error {
		return c.Text(200, strings.Join([]string{
			c.Query("a"), strings.Join(slices.Collect(c.QueryAll("a")), "+"), c.Query("f"), c.Query("none"),
			itoa(c.QueryInt("n", 7)), itoa(c.QueryInt("bad", 7)), itoa(c.QueryInt("none", 7)), c.Query("sp ace"),
		}, "|"))
	})
	s := serve(t, app)
	s.get("/q?a=1&a=2+3&f&n=-5&bad=x&sp%20ace=%C3%A9").want(t, 200, "1|1+2 3|||-5|7|7|é")
	many := "/q?" + strings.Repeat("a&", 1000)
	s.get(many).want(t, 200, strings.Join([]string{"", strings.Repeat("+", 999), "", "", "7", "7", "7", ""}, "|"))
	if a := s.get(many + "a"); a.StatusCode != 400 || !strings.Contains(a.body, "1000") {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
}

func TestCookieRead(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, c.Cookie("a")+"|"+c.Cookie("b")+"|"+c.Cookie("c")) })
	s := serve(t, app)
	s.get("/", `Cookie: a=1; b="x y"; a=2; c=%20`).want(t, 200, "2|x y|%20")
	s.get("/", "Cookie: a=1", "Cookie: b=2").want(t, 200, "1|2|")
}

func TestNegotiation(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/type", func(c *quart.Ctx) error { return c.Text(200, c.Accepts("application/json", "text/html")) })
	app.Get("/lang", func(c *quart.Ctx) error { return c.Text(200, quart.AcceptsLanguage(c, "en", "de")) })
	app.Get("/enc", func(c *quart.Ctx) error { return c.Text(200, quart.AcceptsEncoding(c, "br", "gzip", "identity")) })
	s := serve(t, app)
	for _, tc := range []struct{ path, header, want string }{
		{"/type", "X: y", "application/json"},
		{"/type", "Accept: text/*;q=0.9, */*;q=0.1", "text/html"},
		{"/type", "Accept: text/html;q=0.5, application/json;q=0.6", "application/json"},
		{"/type", "Accept: image/png", ""},
		{"/type", "Accept: application/json;q=0, */*", "text/html"},
		{"/lang", "Accept-Language: de-AT, en;q=0.5", "de"},
		{"/lang", "Accept-Language: fr", ""},
		{"/enc", "Accept-Encoding: gzip;q=1, br;q=0.5", "gzip"},
		{"/enc", "X: y", "identity"},
		{"/enc", "Accept-Encoding: identity;q=0, deflate", ""},
	} {
		if a := s.get(tc.path, tc.header); a.body != tc.want {
			t.Errorf("%s %s: %q, want %q", tc.path, tc.header, a.body, tc.want)
		}
	}
	if a := s.get("/type", "Accept: image/png", "Accept: text/html"); a.body != "text/html" {
		t.Errorf("two Accept lines: %q", a.body)
	}
}

func TestAuthorization(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		scheme, cred := c.Authorization()
		user, password, ok := quart.BasicAuth(c)
		token, bearer := quart.BearerToken(c)
		if !ok {
			user = "-"
		}
		if !bearer {
			token = "-"
		}
		return c.Text(200, strings.Join([]string{scheme, cred, user, password, token}, "|"))
	})
	s := serve(t, app)
	s.get("/").want(t, 200, "||-||-")
	s.get("/", "Authorization: bAsIc QWxhZGRpbjpvcGVuOnNlc2FtZQ==").want(t, 200, "bAsIc|QWxhZGRpbjpvcGVuOnNlc2FtZQ==|Aladdin|open:sesame|-")
	s.get("/", "Authorization: Bearer abc.def").want(t, 200, "Bearer|abc.def|-||abc.def")
	s.get("/", "Authorization: Basic !!!").want(t, 200, "Basic|!!!|-||-")
}

func TestConditions(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		k := quart.ConditionsOf(c)
		ranges, err := k.Ranges(10)
		if err != nil {
			return c.Text(200, err.Error())
		}
		return c.JSON(200, map[string]any{"match": k.MatchesETag(`"v1"`), "since": k.IfModifiedSince.Unix(), "bad": k.IfUnmodifiedSince.IsZero(), "n": len(ranges), "first": append(ranges, quart.ByteRange{})[0]})
	})
	s := serve(t, app)
	a := s.get("/", `If-None-Match: "v0", W/"v1"`, "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", "If-Unmodified-Since: yesterday", "Range: bytes=-3")
	for _, want := range []string{`"match":true`, `"since":784111777`, `"bad":true`, `"n":1`, `{"Start":7,"Length":3}`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("%s lacks %s", a.body, want)
		}
	}
	if a := s.get("/", "Range: bytes=20-"); strings.HasPrefix(a.body, "{") {
		t.Errorf("unsatisfiable range: %s", a.body)
	}
}

func TestForwarded(t *testing.T) {
	local := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	show := func(c *quart.Ctx) error {
		return c.Text(200, c.RemoteIP().String()+" "+c.Scheme()+" "+c.Host())
	}
	for _, tc := range []struct {
		name   string
		cfg    quart.Config
		header []string
		want   string
	}{
		{"untrusted peer", quart.Config{}, []string{"X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil", "Forwarded: for=1.2.3.4"}, "127.0.0.1 http example.com"},
		{"one proxy", quart.Config{TrustedProxies: local}, []string{"X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: Shop.example:443"}, "1.2.3.4 https shop.example"},
		{"spoofed left part", quart.Config{TrustedProxies: local}, []string{"X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.0.0.9"}, "1.2.3.4 http example.com"},
		{"two lines", quart.Config{TrustedProxies: local}, []string{"X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 1.2.3.4"}, "1.2.3.4 http example.com"},
		{"hops", quart.Config{TrustedProxies: local, ProxyHops: 1}, []string{"X-Forwarded-For: 1.2.3.4, 10.0.0.9", "X-Forwarded-Proto: http, https"}, "10.0.0.9 https example.com"},
		{"hidden", quart.Config{TrustedProxies: local}, []string{"X-Forwarded-For: unknown"}, "invalid IP http example.com"},
		{"bad host", quart.Config{TrustedProxies: local}, []string{"X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: a/b"}, "1.2.3.4 http example.com"},
		{"no header", quart.Config{TrustedProxies: local}, nil, "127.0.0.1 http example.com"},
		{"RFC 7239", quart.Config{TrustedProxies: local, Forwarded: true}, []string{`Forwarded: for=6.6.6.6;host=evil, for="[2001:db8::1]:99";proto=https;host=shop.example, for=10.0.0.9;proto=http;host=inner`, "X-Forwarded-For: 7.7.7.7"}, "2001:db8::1 https shop.example"},
		{"RFC 7239 malformed", quart.Config{TrustedProxies: local, Forwarded: true}, []string{`Forwarded: for=1.2.3.4, ;;"`}, "127.0.0.1 http example.com"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app, _ := newApp(tc.cfg)
			app.Get("/", show)
			serve(t, app).get("/", tc.header...).want(t, 200, tc.want)
		})
	}
}

// TestContext: the context ends when the response is complete, not before.
func TestContext(t *testing.T) {
	app, _ := newApp(quart.Config{})
	ended := make(chan struct{})
	app.Get("/", func(c *quart.Ctx) error {
		ctx := c.Context()
		if ctx != c.Context() || ctx.Err() != nil {
			t.Error("context not one, or done at once")
		}
		go func() {
			<-ctx.Done()
			close(ended)
		}()
		return c.Text(200, "ok")
	})
	serve(t, app).get("/").want(t, 200, "ok")
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the context outlived the response")
	}
}

var userKey = quart.NewKey[*string]("user")

func TestKeys(t *testing.T) {
	count := quart.NewKey[int]("count")
	name := "ada"
	app, _ := newApp(quart.Config{})
	app.Get("/set", func(c *quart.Ctx) error {
		if _, ok := count.Get(c); ok {
			t.Error("a value of another request")
		}
		count.Set(c, 1)
		count.Set(c, 2)
		userKey.Set(c, &name)
		n, ok := count.Get(c)
		return c.Text(200, itoa(n)+*userKey.Must(c)+map[bool]string{true: "!"}[ok])
	})
	app.Get("/must", func(c *quart.Ctx) error {
		userKey.Must(c)
		return nil
	})
	s := serve(t, app)
	for range 3 {
		s.get("/set").want(t, 200, "2ada!")
	}
	if a := s.get("/must"); a.StatusCode != 500 {
		t.Fatalf("Must without a value: %d", a.StatusCode)
	}
}
