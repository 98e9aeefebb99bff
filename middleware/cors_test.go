package middleware_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

const (
	acao = "Access-Control-Allow-Origin"
	acac = "Access-Control-Allow-Credentials"
	aceh = "Access-Control-Expose-Headers"
	acam = "Access-Control-Allow-Methods"
	acah = "Access-Control-Allow-Headers"
	acma = "Access-Control-Max-Age"
	acpn = "Access-Control-Allow-Private-Network"

	acrm = "Access-Control-Request-Method"
	acrh = "Access-Control-Request-Headers"

	allMethods = "GET, HEAD, POST, OPTIONS, PUT, PATCH, DELETE"
)

func origins(list ...string) middleware.CORSConfig {
	return middleware.CORSConfig{AllowOrigins: list}
}

func corsApp(t testing.TB, cfg middleware.CORSConfig) *quarttest.Client {
	app := newApp(t, middleware.CORS(cfg))
	app.Get("/", hello)
	app.Delete("/", hello)
	app.Get("/boom", boom)
	app.Get("/refuse", refuse)
	return quarttest.New(t, app)
}

func TestCORSOrigin(t *testing.T) {
	quartCom := origins("https://quart.com", "https://other.example:8443")
	pattern := middleware.CORSConfig{AllowPatterns: []string{`https://[a-z]+\.quart\.com|https://quart\.com`}}
	tests := []struct {
		name       string
		cfg        middleware.CORSConfig
		origin     string
		acao, vary string
	}{
		{"zero value", middleware.CORSConfig{}, "https://anything.example", "*", ""},
		{"zero value, no origin", middleware.CORSConfig{}, "", "*", ""},
		{"star", origins("*"), "null", "*", ""},
		{"star among others", origins("https://quart.com", "*"), "https://quart.com", "*", ""},
		{"exact", quartCom, "https://quart.com", "https://quart.com", "Origin"},
		{"second", quartCom, "https://other.example:8443", "https://other.example:8443", "Origin"},
		{"no origin", quartCom, "", "", "Origin"},
		{"other", quartCom, "https://notquart.com", "", "Origin"},
		{"case", quartCom, "https://Quart.com", "", "Origin"},
		{"scheme", quartCom, "http://quart.com", "", "Origin"},
		{"port", quartCom, "https://quart.com:8443", "", "Origin"},
		{"longer", quartCom, "https://quart.com.evil.org", "", "Origin"},
		{"null", quartCom, "null", "", "Origin"},
		{"null allowed", origins("null"), "null", "null", "Origin"},
		{"pattern", pattern, "https://api.quart.com", "https://api.quart.com", "Origin"},
		{"pattern's other branch", pattern, "https://quart.com", "https://quart.com", "Origin"},
		{"longer than the pattern", pattern, "https://quart.com.evil.org", "", "Origin"},
		{"pattern inside", pattern, "https://evil.org?https://quart.com", "", "Origin"},
		{"case of the pattern", pattern, "https://API.quart.com", "", "Origin"},
		{"pattern alone is not star", pattern, "https://anything.example", "", "Origin"},
		{
			"pattern and exact",
			middleware.CORSConfig{AllowOrigins: []string{"https://a.example"}, AllowPatterns: []string{`https://b\.example`}},
			"https://b.example", "https://b.example", "Origin",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := corsApp(t, tt.cfg).Get("/")
			if tt.origin != "" {
				req.Header("Origin", tt.origin)
			}
			resp := req.Want(200)
			wantHeader(t, resp, acao, tt.acao)
			wantHeader(t, resp, "Vary", tt.vary)
			for _, name := range []string{acac, aceh, acam, acah, acma, acpn} {
				wantHeader(t, resp, name, "")
			}
		})
	}
}

func TestCORSCredentialsAndExposed(t *testing.T) {
	cfg := origins("https://quart.com")
	cfg.AllowCredentials = true
	cfg.ExposeHeaders = []string{"X-Special", "X-Other"}
	cl := corsApp(t, cfg)
	resp := cl.Get("/").Header("Origin", "https://quart.com").Want(200)
	wantHeader(t, resp, acao, "https://quart.com")
	wantHeader(t, resp, acac, "true")
	wantHeader(t, resp, aceh, "X-Special, X-Other")
	for _, resp := range []*quarttest.Response{
		cl.Get("/").Want(200),
		cl.Get("/").Header("Origin", "https://evil.org").Want(200),
	} {
		wantHeader(t, resp, acac, "")
		wantHeader(t, resp, aceh, "")
	}
}

// TestCORSOfErrors: a script must be able to read what went wrong.
func TestCORSOfErrors(t *testing.T) {
	cl := corsApp(t, origins("https://quart.com"))
	for target, status := range map[string]int{"/refuse": 403, "/boom": 500, "/nowhere": 404} {
		resp := cl.Get(target).Header("Origin", "https://quart.com").Want(status)
		wantHeader(t, resp, acao, "https://quart.com")
		wantHeader(t, resp, "Vary", "Origin")
	}
	wantHeader(t, cl.Post("/").Header("Origin", "https://quart.com").Want(405), acao, "https://quart.com")
}

func TestCORSAroundPanickingLayer(t *testing.T) {
	app := newApp(t, middleware.CORS(middleware.CORSConfig{}), panicking)
	app.Get("/", hello)
	cl := quarttest.New(t, app)
	wantHeader(t, cl.Get("/").Header("Origin", "https://quart.com").Want(500), acao, "*")
}

func TestCORSPreflight(t *testing.T) {
	type fields map[string]string
	limited := middleware.CORSConfig{
		AllowOrigins: []string{"https://quart.com"}, AllowMethods: []string{"GET", "PUT"}, AllowHeaders: []string{"X-Match", "x-other"},
		ExposeHeaders: []string{"X-Special"}, MaxAge: 10 * time.Minute, AllowCredentials: true, AllowPrivateNetwork: true,
	}
	const quartCom = "https://quart.com"
	granted := fields{acao: quartCom, acac: "true", acam: "GET, PUT", acma: "600", "Vary": "Origin"}
	with := func(name, value string) fields {
		f := fields{name: value}
		for k, v := range granted {
			f[k] = v
		}
		return f
	}
	tests := []struct {
		name string
		cfg  middleware.CORSConfig
		send fields
		want fields
	}{
		{"zero value", middleware.CORSConfig{}, fields{"Origin": quartCom, acrm: "DELETE"}, fields{acao: "*", acam: allMethods}},
		{"echoed headers", middleware.CORSConfig{}, fields{"Origin": quartCom, acrm: "GET", acrh: "x-a,X-B , c"}, fields{acao: "*", acam: allMethods, acah: "x-a, X-B, c"}},
		{"no tokens", middleware.CORSConfig{}, fields{"Origin": quartCom, acrm: "GET", acrh: "a b, , x-c, \"d\""}, fields{acao: "*", acam: allMethods, acah: "x-c"}},
		{"max-age 0", middleware.CORSConfig{MaxAge: -time.Hour}, fields{"Origin": quartCom, acrm: "GET"}, fields{acao: "*", acam: allMethods, acma: "0"}},
		{"any method", middleware.CORSConfig{AllowMethods: []string{"*"}}, fields{"Origin": quartCom, acrm: "PURGE"}, fields{acao: "*", acam: "PURGE"}},
		{"no method asked", limited, fields{"Origin": quartCom, acrh: "x-match"}, fields{acao: quartCom, acac: "true", "Vary": "Origin", aceh: "X-Special"}},
		{"method", limited, fields{"Origin": quartCom, acrm: "PUT"}, granted},
		{"method not allowed", limited, fields{"Origin": quartCom, acrm: "DELETE", acrh: "x-match"}, fields{acao: quartCom, acac: "true", "Vary": "Origin"}},
		{"method's case", limited, fields{"Origin": quartCom, acrm: "put"}, fields{acao: quartCom, acac: "true", "Vary": "Origin"}},
		{"header", limited, fields{"Origin": quartCom, acrm: "GET", acrh: "x-match"}, with(acah, "x-match")},
		{"intersection", limited, fields{"Origin": quartCom, acrm: "GET", acrh: "X-OTHER, x-no-match, x-match"}, with(acah, "X-OTHER, x-match")},
		{"no common header", limited, fields{"Origin": quartCom, acrm: "GET", acrh: "x-no-match"}, granted},
		{"private network", limited, fields{"Origin": quartCom, acrm: "GET", "Access-Control-Request-Private-Network": "true"}, with(acpn, "true")},
		{"private network not granted", middleware.CORSConfig{}, fields{"Origin": quartCom, acrm: "GET", "Access-Control-Request-Private-Network": "true"}, fields{acao: "*", acam: allMethods}},
		{"other origin", limited, fields{"Origin": "https://evil.org", acrm: "GET", acrh: "x-match"}, fields{"Vary": "Origin"}},
		{"no origin", limited, fields{acrm: "GET"}, fields{"Vary": "Origin"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := corsApp(t, tt.cfg).Do("OPTIONS", "/")
			for name, value := range tt.send {
				req.Header(name, value)
			}
			resp := req.Want(200)
			for _, name := range []string{acao, acac, aceh, acam, acah, acma, acpn, "Vary"} {
				wantHeader(t, resp, name, tt.want[name])
			}
			wantHeader(t, resp, "Allow", "DELETE, GET, HEAD, OPTIONS")
		})
	}
}

func TestCORSUnknownPath(t *testing.T) {
	resp := corsApp(t, middleware.CORSConfig{}).Do("OPTIONS", "/nowhere").Header("Origin", "https://quart.com").Header(acrm, "GET").Want(404)
	wantHeader(t, resp, acao, "*")
}

// TestCORSNested: app, group and route have a policy each; the nearest to the route counts, and it alone, for the preflight, too.
func TestCORSNested(t *testing.T) {
	app := newApp(t, middleware.CORS(middleware.CORSConfig{AllowOrigins: []string{"https://app.com"}, AllowCredentials: true, MaxAge: time.Hour}))
	app.Get("/app", hello)
	app.Get("/route", hello).Use(middleware.CORS(origins("https://route.com")))
	app.Post("/route", hello)
	app.Get("/star", hello).Use(middleware.CORS(middleware.CORSConfig{}))
	g := app.Group("/g", middleware.CORS(origins("https://group.com")))
	g.Get("/group", hello)
	g.Get("/route", hello).Use(middleware.CORS(origins("https://grouproute.com")))
	g.Get("/refuse", refuse)
	cl := quarttest.New(t, app)

	allowed := map[string]string{
		"GET /app": "https://app.com", "GET /route": "https://route.com", "POST /route": "https://app.com",
		"GET /g/group": "https://group.com", "GET /g/route": "https://grouproute.com", "GET /g/refuse": "https://group.com",
		"GET /nowhere": "https://app.com",
	}
	for route, right := range allowed {
		var method, path string
		fmt.Sscan(route, &method, &path)
		for _, origin := range []string{"https://app.com", "https://route.com", "https://group.com", "https://grouproute.com"} {
			want, credentials, maxAge := "", "", ""
			if origin == right {
				want = origin
			}
			if origin == right && right == "https://app.com" {
				credentials, maxAge = "true", "3600"
			}
			simple := cl.Do(method, path).Header("Origin", origin).Send()
			preflight := cl.Do("OPTIONS", path).Header("Origin", origin).Header(acrm, method).Send()
			for _, resp := range []*quarttest.Response{simple, preflight} {
				wantHeader(t, resp, acao, want)
				wantHeader(t, resp, acac, credentials)
				wantHeader(t, resp, "Vary", "Origin")
			}
			wantHeader(t, preflight, acma, maxAge)
			if t.Failed() {
				t.Fatalf("%s from %s", route, origin)
			}
		}
	}
	star := cl.Get("/star").Header("Origin", "https://app.com").Want(200)
	wantHeader(t, star, acao, "*")
	wantHeader(t, star, acac, "")
	wantHeader(t, star, "Vary", "")
}

// TestCORSBeforeAuth: a browser cannot log in for a preflight, so a layer inside that asks for it does not decide.
func TestCORSBeforeAuth(t *testing.T) {
	app := newApp(t, middleware.CORS(origins("https://quart.com")), middleware.Logger(middleware.LoggerConfig{}), middleware.BasicAuth(middleware.BasicAuthConfig{Users: users}))
	app.Put("/", hello)
	app.Put("/failed", hello).Use(func(quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			c.Fail(quart.ErrForbidden) // rendered, and not told the layers outside
			return nil
		}
	})
	cl := quarttest.New(t, app)
	preflight := func(origin string) *quarttest.Request {
		return cl.Do("OPTIONS", "/").Header("Origin", origin).Header(acrm, "PUT")
	}
	resp := preflight("https://quart.com").Want(204)
	wantHeader(t, resp, acao, "https://quart.com")
	wantHeader(t, resp, acam, allMethods)
	wantHeader(t, resp, "WWW-Authenticate", "")
	preflight("https://evil.org").Want(401)
	failed := cl.Do("OPTIONS", "/failed").Header("Origin", "https://quart.com").Header(acrm, "PUT").Basic("ada", "a:b").Want(204)
	wantHeader(t, failed, "Content-Type", "")
	wantHeader(t, cl.Put("/").Header("Origin", "https://quart.com").Want(401), acao, "https://quart.com")
	cl.Put("/").Header("Origin", "https://quart.com").Basic("ada", "a:b").Want(200)
}

func TestCORSVaryIsKept(t *testing.T) {
	app := newApp(t, middleware.CORS(origins("https://quart.com")))
	app.Get("/", func(c *quart.Ctx) error {
		quart.Vary(c, "Accept-Encoding")
		return hello(c)
	})
	app.Get("/own", func(c *quart.Ctx) error {
		quart.Vary(c, "origin")
		c.SetHeader(acao, "https://evil.org")
		return hello(c)
	})
	cl := quarttest.New(t, app)
	wantHeader(t, cl.Get("/").Want(200), "Vary", "Accept-Encoding, Origin")
	own := cl.Get("/own").Want(200)
	wantHeader(t, own, "Vary", "origin")
	wantHeader(t, own, acao, "")
}

func TestCORSConfig(t *testing.T) {
	tests := []struct {
		name, want string
		cfg        middleware.CORSConfig
	}{
		{"star and credentials", `the origin "*"`, middleware.CORSConfig{AllowOrigins: []string{"*"}, AllowCredentials: true}},
		{"default and credentials", `the origin "*"`, middleware.CORSConfig{AllowCredentials: true}},
		{"slash", `"https://a.example/"`, origins("https://a.example/")},
		{"no scheme", `"a.example"`, origins("a.example")},
		{"empty", `""`, origins("")},
		{"user", `"https://u@a.example"`, origins("https://u@a.example")},
		{"pattern", "missing closing", middleware.CORSConfig{AllowPatterns: []string{"a("}}},
		{"pattern out of its anchors", "unexpected )", middleware.CORSConfig{AllowPatterns: []string{"a)|(b"}}},
		{"method", `method "GET, PUT"`, middleware.CORSConfig{AllowMethods: []string{"GET, PUT"}}},
		{"header", `header "X A"`, middleware.CORSConfig{AllowHeaders: []string{"X A"}}},
		{"exposed", `header ""`, middleware.CORSConfig{ExposeHeaders: []string{""}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantPanic(t, tt.want, func() { middleware.CORS(tt.cfg) })
		})
	}
	middleware.CORS(middleware.CORSConfig{AllowOrigins: []string{"https://Quart.com", "http://[::1]:8080", "app://local", "null"}})
}

func TestCORSAllocs(t *testing.T) {
	for name, fields := range map[string][]string{
		"allowed": {"Origin", "https://quart.com"}, "other": {"Origin", "https://evil.org"}, "none": nil,
	} {
		if n := allocs(t, 200, middleware.CORS(origins("https://quart.com")), "GET", fields...); n != 0 {
			t.Errorf("%s origin: %v allocations, want 0", name, n)
		}
	}
}

func BenchmarkCORS(b *testing.B) {
	bench(b, middleware.CORS(origins("https://quart.com")), "Origin", "https://quart.com")
}
