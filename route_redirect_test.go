package quart_test

import (
	"strings"
	"testing"

	"github.com/goquart/quart"
)

func TestRouteSlashRedirect(t *testing.T) {
	app := quiet()
	app.Get("/foo/", say("foo"))
	app.Get("/bar", say("bar"))
	app.Get("/both", say("both"))
	app.Get("/both/", say("both/"))
	app.Get("/{name}/list/", say("list"))
	app.Handle(quart.MethodAny, "/any/", say("any"))
	exchanges(t, app, append(gets(
		[2]string{"/foo/", "foo"}, [2]string{"/foo", "308 /foo/"}, [2]string{"/foo?a=1&b=%2F+x", "308 /foo/?a=1&b=%2F+x"}, [2]string{"/foo?", "308 /foo/"},
		[2]string{"/bar", "bar"}, [2]string{"/bar/", "404"},
		[2]string{"/both", "both"}, [2]string{"/both/", "both/"},
		[2]string{"/a%20b/list", "308 /a%20b/list/"}, [2]string{"/a%3Fb/list?q", "308 /a%3Fb/list/?q"},
		[2]string{"http://example.com/foo?x=1", "308 /foo/?x=1"},
	), exchange{"HEAD", "/foo", 308, "/foo/", nil}, exchange{"BREW", "/any", 308, "/any/", nil}))
}

func TestRouteSlashMethod(t *testing.T) {
	app := quiet()
	app.Get("/get/", say("get"))
	app.Post("/post/", func(c *quart.Ctx) error {
		body, err := c.Body()
		if err != nil {
			return err
		}
		return c.Text(200, string(body))
	})
	exchanges(t, app, []exchange{
		{"POST", "/get", 404, "", nil},
		{"GET", "/post", 404, "", nil},
		{"POST", "/post", 308, "/post/", nil},
		{"POST", "/get/", 405, "GET, HEAD, OPTIONS", nil},
	})
}

func TestRouteLooseSlash(t *testing.T) {
	app := quiet()
	app.Get("/a", say("a")).LooseSlash()
	app.Get("/b/", say("b")).LooseSlash()
	app.Get("/c/{x}", say("c")).LooseSlash()
	app.Get("/", say("root")).LooseSlash()
	exchanges(t, app, gets(
		[2]string{"/a", "a"}, [2]string{"/a/", "a"}, [2]string{"/b", "b"}, [2]string{"/b/", "b"},
		[2]string{"/c/1", "c 1"}, [2]string{"/c/1/", "c 1"}, [2]string{"/c/", "404"}, [2]string{"/", "root"},
		[2]string{"/a//", "308 /a/"},
	))
}

func TestRouteMergedSlashes(t *testing.T) {
	app := quiet()
	app.Get("/mix/{n:int}", say("mix"))
	app.Get("/dir/{x}/", say("dir"))
	app.Get("/w/{p:*}", say("page"))
	app.Get("/v/{p:*}/", say("closed"))
	app.Get("/odd//", say("odd"))
	exchanges(t, app, append(gets(
		[2]string{"/mix//5", "308 /mix/5"}, [2]string{"/mix///5?q=//", "308 /mix/5?q=//"}, [2]string{"/mix/5//", "404"}, [2]string{"/mix//x", "404"},
		[2]string{"//mix/5", "mix 5"}, [2]string{"////mix/5", "mix 5"}, // a client's slip, or a joined prefix
		[2]string{"//mix//5", "308 /mix/5"},
		[2]string{"/dir//a", "308 /dir/a/"}, [2]string{"/dir//a//", "308 /dir/a/"},
		[2]string{"/w/a//b", "page a//b"}, [2]string{"/w//a", "308 /w/a"},
		[2]string{"/v/a//b", "308 /v/a//b/"}, [2]string{"/v/a//b/", "closed a//b"}, [2]string{"/odd//", "odd"}, [2]string{"/odd/", "404"},
	), exchange{"POST", "/mix//5", 404, "", nil}))
}

// TestRouteRedirectStaysHere: no target makes a redirect that leads to another host.
func TestRouteRedirectStaysHere(t *testing.T) {
	app := quiet()
	app.Get("/{a}/", say("a"))
	app.Get("/{a}/{b}/", say("a b"))
	app.Get("/x/{p:*}/", say("path"))
	app.Redirect("/old/{p:*}", "/{p}")
	s := serveInMemory(t, app)
	for _, target := range []string{
		"//evil.com", "///evil.com", "//evil.com/..", "//evil.com/%2e%2e", "/%2fevil.com", "/%2F%2fevil.com/x", "/%2f/evil.com", "//%2fevil.com",
		`/\evil.com`, `/%5cevil.com`, `/%5C%5Cevil.com`, `//\evil.com`, `/\/evil.com`, "/%09/evil.com", "/%0d%0a/evil.com", "/%00evil.com", "/%20//evil.com",
		"/x//evil.com", "/x/%2f/evil.com", "/old/%2fevil.com", "/old/%5cevil.com", "/old//evil.com", "/old/x//evil.com",
		"//evil.com?next=http://evil.com", "//evil.com/a?://", "/./evil.com", "/.//evil.com", "/..//evil.com", "http://evil.com//evil.com", "/é",
	} {
		a := s.do("GET", target)
		location := a.Header.Get("Location")
		if a.StatusCode != 308 {
			if location != "" {
				t.Errorf("%s: %d with Location %q", target, a.StatusCode, location)
			}
			continue
		}
		if len(location) < 2 || location[0] != '/' || location[1] == '/' || strings.ContainsAny(location, "\\\r\n\t ") {
			t.Errorf("%s: Location %q", target, location)
		}
		for _, b := range []byte(location) {
			if b >= 0x80 {
				t.Errorf("%s: Location %q is not encoded", target, location)
			}
		}
	}
	exchanges(t, app, gets([2]string{"//evil.com", "308 /evil.com/"}, [2]string{"/%2f%2fevil.com", "308 /evil.com/"}, [2]string{`/%5cevil.com`, "308 /%5Cevil.com/"}))
}

// TestRouteLeadingSlashes: fasthttp alone would take what follows two slashes for a host.
func TestRouteLeadingSlashes(t *testing.T) {
	app := quiet()
	app.Get("/a/{x}", func(c *quart.Ctx) error { return c.Text(200, c.Param("x")+" "+c.Host()+" "+c.Query("next")) })
	exchanges(t, app, gets([2]string{"//a/b?next=http://other.example/", "b example.com http://other.example/"}))
}

func TestRouteDefault(t *testing.T) {
	short := func(app *quart.App) { app.Get("/page/", say("short")).Name("page").Default("page", 1) }
	long := func(app *quart.App) { app.Get("/page/{page:int}", say("long")).Name("page") }
	for i, order := range [][2]func(*quart.App){{short, long}, {long, short}} {
		app := quiet()
		order[0](app)
		order[1](app)
		app.Post("/page/{page:int}", say("post")).Name("page") // another method: no redirect to a page that refuses it
		exchanges(t, app, append(gets(
			[2]string{"/page/", "short"}, [2]string{"/page/2", "long 2"}, [2]string{"/page/1", "308 /page/"}, [2]string{"/page/01?q=1", "308 /page/?q=1"}, [2]string{"/page", "308 /page/"},
		), exchange{"POST", "/page/1", 200, "post 1", nil}))
		for page, want := range map[int]string{1: "/page/", 2: "/page/2"} {
			if got := app.URL("page", "page", page); got != want {
				t.Errorf("order %d: URL of page %d = %q, want %q", i, page, got, want)
			}
		}
	}

	app := quiet() // a chain: the shortest is canonical at once
	app.Get("/l", say("l")).Name("l").Default("a", "x").Default("b", "y")
	app.Get("/l/{a}", say("l")).Name("l").Default("b", "y")
	app.Get("/l/{a}/{b}", say("l")).Name("l")
	app.Get("/d", func(c *quart.Ctx) error { return c.Text(200, c.Param("v")) }).Default("v", "given")
	exchanges(t, app, gets(
		[2]string{"/l/x/y", "308 /l"}, [2]string{"/l/z/y", "308 /l/z"}, [2]string{"/l/x", "308 /l"}, [2]string{"/l/x/z", "l x z"}, [2]string{"/l", "l"}, [2]string{"/d", "given"},
	))
	wantPanic(t, func() {
		app := quiet()
		app.Get("/p/{v}", say("")).Default("v", 1)
		app.Handler()
	}, `GET pattern "/p/{v}"`, `the parameter "v"`, "route_redirect_test.go:")
}

func TestRouteRedirectRule(t *testing.T) {
	app := quiet()
	app.Redirect("/old/{id:int}", "/new/{id}")
	app.Redirect("/tree/{p:*}", "/wiki/{p}/view")
	app.Redirect("/opt/{x?}", "/to/{x?}")
	app.Redirect("/maybe/{x?}", "/{x}/there")
	app.Group("/g/{who}").Redirect("/a", "/people/{who}")
	exchanges(t, app, append(gets(
		[2]string{"/old/007", "308 /new/007"}, [2]string{"/old/7?a=b", "308 /new/7?a=b"}, [2]string{"/old/x", "404"},
		[2]string{"/tree/a/b%20c", "308 /wiki/a/b%20c/view"}, [2]string{"/opt/", "404"}, [2]string{"/opt", "308 /to"}, [2]string{"/opt/%C3%A9", "308 /to/%C3%A9"},
		[2]string{"/maybe/a", "308 /a/there"}, [2]string{"/maybe", "308 /there"}, // never //there
		[2]string{"/g/ada%3F/a", "308 /people/ada%3F"},
	), exchange{"POST", "/old/7", 405, "GET, HEAD, OPTIONS", nil}))
	for _, tt := range []struct{ to, want string }{
		{"new", `pattern "new" at offset 0`}, {"//evil.com", "the target is a path"}, {"/a?b=1", "at offset 2: the target is a path"},
	} {
		wantPanic(t, func() { quiet().Redirect("/old", tt.to) }, tt.want, `redirect of "/old"`, "route_redirect_test.go:")
	}
	wantPanic(t, func() {
		app := quiet()
		app.Redirect("/old/{id}", "/new/{nr}")
		app.Handler()
	}, `no parameter "nr" for the redirect to "/new/{nr}"`, "route_redirect_test.go:")
}
