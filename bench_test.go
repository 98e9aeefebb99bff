package quart_test

import (
	"bufio"
	"os"
	"strings"
	"testing"

	fasthttprouter "github.com/fasthttp/router"
	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
	"github.com/valyala/quicktemplate"
)

// The rows of README's table "in process": BenchmarkQuart* beside raw fasthttp (BenchmarkRaw*) and fasthttp/router
// (BenchmarkRouter*) on the same requests. A handler is called on one RequestCtx; what stays the same on both sides, parsing above all,
// is outside of the loop.

// request returns a RequestCtx as the server has it when it calls the handler: head and target are parsed.
func request(method, target string) *fasthttp.RequestCtx {
	fc := new(fasthttp.RequestCtx)
	fc.Init(&fasthttp.Request{}, nil, nil)
	head := method + " " + target + " HTTP/1.1\r\nHost: example.com\r\nCookie: a=1; b=two\r\n\r\n"
	if err := fc.Request.Header.Read(bufio.NewReaderSize(strings.NewReader(head), len(head))); err != nil {
		panic(err)
	}
	fc.URI()
	return fc
}

func run(b *testing.B, h fasthttp.RequestHandler, fc *fasthttp.RequestCtx, status int) {
	b.Helper()
	h(fc)
	if got := fc.Response.StatusCode(); got != status {
		b.Fatalf("status %d, want %d", got, status)
	}
	b.ReportAllocs()
	for b.Loop() {
		fc.Response.Reset()
		h(fc)
	}
}

func text(c *quart.Ctx) error { return c.Text(200, "Hello, World!") }

func pass(next quart.Handler) quart.Handler {
	return func(c *quart.Ctx) error { return next(c) }
}

var message = &struct {
	Message string `json:"message"`
}{"Hello, World!"}

var benchKey = quart.NewKey[int]("bench")

// hello is what qtc makes of {% func (p *hello) Render() %}Hello, {%s p.name %}!{% endfunc %}.
type hello struct{ name string }

func (p *hello) StreamRender(qw *quicktemplate.Writer) {
	qw.N().S("<p>Hello, ")
	qw.E().S(p.name)
	qw.N().S("!</p>")
}

var helloPage = &hello{"<World>"}

const five = "/p5/{a}/{b}/{c}/{d}/{e}"

func benchApp() *quart.App {
	app := quart.New(quart.Config{})
	app.Get("/plaintext", text)
	app.Post("/plaintext", text)
	app.Get("/users/{user}", func(c *quart.Ctx) error { return c.Text(200, c.Param("user")) }).Name("user")
	app.Get("/film/{id:int}", func(c *quart.Ctx) error { c.ParamInt("id"); return c.Text(200, "film") }).Name("film")
	app.Get(five, func(c *quart.Ctx) error {
		c.Param("a")
		c.Param("b")
		c.Param("c")
		c.Param("d")
		return c.Text(200, c.Param("e"))
	})
	app.Group("/mw", pass, pass, pass, pass, pass).Get("/five", text)
	app.Get("/json", func(c *quart.Ctx) error { return c.JSON(200, message) })
	app.Get("/page", func(c *quart.Ctx) error { return c.Render(200, helloPage) })
	app.Get("/key", func(c *quart.Ctx) error {
		benchKey.Set(c, 7)
		if v, _ := benchKey.Get(c); v != 7 {
			return quart.ErrConflict
		}
		return c.Text(200, "key")
	})
	app.Get("/cookie", func(c *quart.Ctx) error { return c.Text(200, c.Cookie("b")) })
	app.Get("/query", func(c *quart.Ctx) error { c.QueryInt("n", 0); return c.Text(200, c.Query("q")) })
	app.Get("/redirect", func(c *quart.Ctx) error { return c.Redirect(302, "/plaintext") })
	return app
}

func rawText(fc *fasthttp.RequestCtx) {
	fc.SetContentType("text/plain; charset=utf-8")
	fc.SetBodyString("Hello, World!")
}

// rawStatic is the least that a raw fasthttp program does: it looks at the path.
func rawStatic(fc *fasthttp.RequestCtx) {
	switch string(fc.Path()) {
	case "/plaintext", "/mw/five":
		rawText(fc)
	default:
		fc.NotFound()
	}
}

func BenchmarkRawStatic(b *testing.B) { run(b, rawStatic, request("GET", "/plaintext"), 200) }

func BenchmarkQuartStatic(b *testing.B) {
	run(b, benchApp().Handler(), request("GET", "/plaintext"), 200)
}

func BenchmarkRouterStatic(b *testing.B) {
	r := fasthttprouter.New()
	r.GET("/plaintext", rawText)
	run(b, r.Handler, request("GET", "/plaintext"), 200)
}

// BenchmarkRawParam1 cuts the parameter off by hand.
func BenchmarkRawParam1(b *testing.B) {
	run(b, func(fc *fasthttp.RequestCtx) {
		user, ok := strings.CutPrefix(string(fc.Path()), "/users/")
		if !ok {
			fc.NotFound()
			return
		}
		fc.SetContentType("text/plain; charset=utf-8")
		fc.SetBodyString(user)
	}, request("GET", "/users/gopher"), 200)
}

func BenchmarkQuartParam1(b *testing.B) {
	run(b, benchApp().Handler(), request("GET", "/users/gopher"), 200)
}

func BenchmarkRouterParam1(b *testing.B) {
	r := fasthttprouter.New()
	r.GET("/users/{user}", func(fc *fasthttp.RequestCtx) {
		fc.SetContentType("text/plain; charset=utf-8")
		fc.SetBodyString(fc.UserValue("user").(string))
	})
	run(b, r.Handler, request("GET", "/users/gopher"), 200)
}

func BenchmarkQuartParam5(b *testing.B) {
	run(b, benchApp().Handler(), request("GET", "/p5/one/two/three/four/five"), 200)
}

func BenchmarkRouterParam5(b *testing.B) {
	r := fasthttprouter.New()
	r.GET(five, func(fc *fasthttp.RequestCtx) {
		fc.SetContentType("text/plain; charset=utf-8")
		fc.SetBodyString(fc.UserValue("e").(string))
	})
	run(b, r.Handler, request("GET", "/p5/one/two/three/four/five"), 200)
}

func BenchmarkQuartMiddleware5(b *testing.B) {
	run(b, benchApp().Handler(), request("GET", "/mw/five"), 200)
}

func BenchmarkQuartJSON(b *testing.B) { run(b, benchApp().Handler(), request("GET", "/json"), 200) }
func BenchmarkQuartPage(b *testing.B) { run(b, benchApp().Handler(), request("GET", "/page"), 200) }
func BenchmarkQuartKey(b *testing.B)  { run(b, benchApp().Handler(), request("GET", "/key"), 200) }

func BenchmarkQuartNotFound(b *testing.B) {
	run(b, benchApp().Handler(), request("GET", "/nothing"), 404)
}

func BenchmarkQuartMethodNotAllowed(b *testing.B) {
	run(b, benchApp().Handler(), request("PUT", "/plaintext"), 405)
}

func BenchmarkQuartAppendURL(b *testing.B) {
	app := benchApp()
	app.Handler()
	var buf [64]byte
	b.ReportAllocs()
	id := 995
	for b.Loop() {
		id++
		if got := app.AppendURL(buf[:0], "film", "id", id); len(got) < 9 {
			b.Fatal(string(got))
		}
	}
}

// githubRoutes returns the 203 routes as method and pattern.
func githubRoutes(tb testing.TB) (routes [][2]string) {
	f, err := os.Open("testdata/github-routes.txt")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		methods, pattern, ok := strings.Cut(s.Text(), " ")
		if !ok || methods == "#" {
			continue
		}
		for m := range strings.SplitSeq(methods, ",") {
			routes = append(routes, [2]string{m, pattern})
		}
	}
	if len(routes) != 203 {
		tb.Fatalf("%d routes, want 203", len(routes))
	}
	return routes
}

// githubRequests are the routes with their parameters filled by their names.
func githubRequests(tb testing.TB) (reqs []*fasthttp.RequestCtx) {
	unbrace := strings.NewReplacer("{", "", "}", "")
	for _, r := range githubRoutes(tb) {
		reqs = append(reqs, request(r[0], unbrace.Replace(r[1])))
	}
	return reqs
}

func runGitHub(b *testing.B, h fasthttp.RequestHandler) {
	reqs := githubRequests(b)
	for _, fc := range reqs {
		if h(fc); fc.Response.StatusCode() != 200 {
			b.Fatalf("%s %s: %d", fc.Method(), fc.Path(), fc.Response.StatusCode())
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, fc := range reqs {
			fc.Response.Reset()
			h(fc)
		}
	}
}

func BenchmarkQuartGitHubAll(b *testing.B) {
	app := quart.New(quart.Config{})
	for _, r := range githubRoutes(b) {
		app.Handle(r[0], r[1], func(*quart.Ctx) error { return nil })
	}
	runGitHub(b, app.Handler())
}

func BenchmarkRouterGitHubAll(b *testing.B) {
	r := fasthttprouter.New()
	for _, route := range githubRoutes(b) {
		r.Handle(route[0], route[1], func(*fasthttp.RequestCtx) {})
	}
	runGitHub(b, r.Handler)
}
