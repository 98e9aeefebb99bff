package quart_test

import (
	"net/netip"
	"testing"

	"github.com/goquart/quart"
)

func atHost(host, target string, status int, want string) exchange {
	return exchange{"GET", target, status, want, []string{"Host: " + host}}
}

func TestRouteHost(t *testing.T) {
	app := quiet()
	app.Get("/x", say("any host"))
	app.Get("/only", say("only here"))
	app.Post("/x", say("any host, post"))
	api := app.Host("API.example.com")
	api.Get("/x", say("api"))
	api.Get("/dir/", say("dir"))
	api.Group("/v1").Get("/{id:int}", say("v1"))
	tenant := app.Host("{Tenant}.example.com")
	tenant.Get("/x", say("tenant"))
	tenant.Get("/y/{p:*}", say("tenant path"))
	app.Host("{n:int}.example.com").Get("/x", say("number"))
	exchanges(t, app, []exchange{
		atHost("api.example.com", "/x", 200, "api"),
		atHost("Api.EXAMPLE.com:8080", "/x", 200, "api"),
		atHost("api.example.com", "/v1/7", 200, "v1 7"),
		atHost("api.example.com", "/dir", 308, "/dir/"),
		atHost("acme.example.com", "/x", 200, "tenant acme"),
		atHost("ACME.example.com:443", "/x", 200, "tenant acme"),
		atHost("a.b.example.com", "/y/1//2", 200, "tenant path a.b 1//2"),
		atHost("7.example.com", "/x", 200, "number 7"),
		atHost("acme.example.com", "/only", 200, "only here"), // falls through to routes without a host
		atHost("acme.example.com", "/v1/7", 404, ""),
		atHost("acme.example.com", "/dir", 404, ""),
		atHost("example.com", "/x", 200, "any host"),
		atHost("evil-example.com", "/x", 200, "any host"),
		atHost("[::1]:80", "/x", 200, "any host"),
		{"POST", "/x", 200, "any host, post", []string{"Host: api.example.com"}},
		{"PUT", "/x", 405, "GET, HEAD, OPTIONS, POST", []string{"Host: api.example.com"}},
		{"PUT", "/v1/7", 405, "GET, HEAD, OPTIONS", []string{"Host: api.example.com"}},
		{"GET", "http://api.example.com/x", 200, "api", []string{"Host: other.example.com"}}, // RFC 9112, section 3.2.2
		{"GET", "//api.example.com/x?://", 404, "", []string{"Host: other.example.com"}},     // a path, no host
	})
}

// TestRouteHostNames: parameter names of a host keep their case, defaults redirect within the host.
func TestRouteHostNames(t *testing.T) {
	app := quiet()
	g := app.Host("{Tenant:[a-z]+}.Example.com").Name("t")
	app.Host("{t}.example.net").Get("/{x?}", func(c *quart.Ctx) error { return c.Text(200, c.Param("t")+"|"+c.Param("x")) })
	g.Get("/who", func(c *quart.Ctx) error { return c.Text(200, c.Param("Tenant")) })
	g.Get("/page", say("short")).Name("page").Default("n", 1)
	g.Get("/page/{n:int}", say("long")).Name("page")
	exchanges(t, app, []exchange{
		atHost("Acme.example.com", "/who", 200, "acme"),
		atHost("a.example.net", "/", 200, "a|"),
		atHost("a.example.net", "/b", 200, "a|b"),
		atHost("acme.example.com", "/page/1", 308, "/page"),
		atHost("acme.example.com", "/page/2", 200, "long acme 2"),
	})
}

// TestRouteHostProxy: behind a trusted proxy the host is the one that the client asked for.
func TestRouteHostProxy(t *testing.T) {
	app, _ := newApp(quart.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	app.Host("api.example.com").Get("/x", say("api"))
	s := serve(t, app)
	s.get("/x", "Host: inner", "X-Forwarded-Host: api.example.com", "X-Forwarded-For: 192.0.2.1").want(t, 200, "api")
	if a := s.get("/x", "Host: inner"); a.StatusCode != 404 {
		t.Errorf("without a proxy's word: %d", a.StatusCode)
	}
}

func TestRouteTrustedHosts(t *testing.T) {
	app, _ := newApp(quart.Config{TrustedHosts: []string{"example.org", ".example.com"}})
	app.Get("/x", say("x"))
	app.OnStatus(400, func(c *quart.Ctx, err error) error { return c.Text(400, "not here") })
	for _, e := range []exchange{
		atHost("example.org", "/x", 200, "x"), atHost("EXAMPLE.ORG:8080", "/x", 200, "x"), atHost("www.example.org", "/x", 400, ""),
		atHost("example.com", "/x", 200, "x"), atHost("a.b.example.com", "/x", 200, "x"), atHost("evilexample.com", "/x", 400, ""),
		atHost("example.com.evil.org", "/x", 400, ""), atHost("evil.org", "/none", 400, ""), atHost("example.org", "/none", 404, ""),
		{"OPTIONS", "/x", 400, "", []string{"Host: evil.org"}},
	} {
		exchanges(t, app, []exchange{e})
	}
	if a := serveInMemory(t, app).do("GET", "/x", "Host: evil.org"); a.body != "not here" {
		t.Errorf("error handler: %q", a.body)
	}
}
