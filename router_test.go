package quart_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

// inMemory serves an app by app.Handler in a plain fasthttp server: the gateway interface, without quart's listener.
type inMemory struct {
	t  testing.TB
	ln *fasthttputil.InmemoryListener
}

func serveInMemory(t testing.TB, app *quart.App) *inMemory {
	t.Helper()
	ln := fasthttputil.NewInmemoryListener()
	srv := &fasthttp.Server{Logger: log.New(io.Discard, "", 0), Handler: app.Handler(), StreamRequestBody: true, DisablePreParseMultipartForm: true, NoDefaultContentType: true}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	t.Cleanup(func() {
		ln.Close()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return &inMemory{t, ln}
}

// do sends one request with header lines "Name: value"; the Host is example.com unless a line says otherwise.
func (s *inMemory) do(method, target string, header ...string) *answer {
	s.t.Helper()
	nc, err := s.ln.Dial()
	if err != nil {
		s.t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	send(s.t, nc, requestHead(method, target, header))
	return readAnswer(s.t, bufio.NewReader(nc), method)
}

func requestHead(method, target string, header []string) string {
	head := method + " " + target + " HTTP/1.1\r\n"
	if !strings.Contains(strings.Join(header, "\n"), "Host:") {
		head += "Host: example.com\r\n"
	}
	for _, h := range header {
		head += h + "\r\n"
	}
	return head + "\r\n"
}

// exchange is a request and what is to come back: the body of a 200, Location of a 308, Allow of a 405 and of OPTIONS, nothing to
// see of others.
type exchange struct {
	method, target string
	status         int
	want           string
	header         []string
}

func (a *answer) sees(method string) string {
	switch {
	case a.StatusCode == 308:
		return a.Header.Get("Location")
	case a.StatusCode == 405 || method == "OPTIONS" && a.body == "":
		return a.Header.Get("Allow")
	case a.StatusCode == 200:
		return a.body
	}
	return ""
}

func exchanges(t *testing.T, app *quart.App, all []exchange) {
	t.Helper()
	s := serveInMemory(t, app)
	for _, e := range all {
		a := s.do(e.method, e.target, e.header...)
		if got := a.sees(e.method); a.StatusCode != e.status || got != e.want {
			t.Errorf("%s %s %q: %d %q, want %d %q", e.method, e.target, e.header, a.StatusCode, got, e.status, e.want)
		}
	}
}

// quiet returns an app that logs to nobody.
func quiet() *quart.App {
	app, _ := newApp(quart.Config{})
	return app
}

// say answers with s and the values of the route's parameters, in the order of the pattern.
func say(s string) quart.Handler {
	return func(c *quart.Ctx) error {
		for _, p := range c.Route().Info().Params {
			s := c.Param(p.Name)
			if s == "" {
				s = "-"
			}
			c.AddHeader("X-Param", s)
		}
		values := ""
		for _, v := range c.Fast().Response.Header.PeekAll("X-Param") {
			values += " " + string(v)
		}
		return c.Text(200, s+values)
	}
}

// gets are GET requests; a want in the form "308 x" is another status and what is seen of it, "404" that status.
func gets(wants ...[2]string) (all []exchange) {
	for _, w := range wants {
		e := exchange{method: "GET", target: w[0], status: 200, want: w[1]}
		if status, rest, _ := strings.Cut(w[1], " "); len(status) == 3 && (status[0] == '3' || status[0] == '4') {
			e.status, _ = strconv.Atoi(status)
			e.want = rest
		}
		all = append(all, e)
	}
	return all
}

// panicText returns what f panics with.
func panicText(t *testing.T, f func()) (text string) {
	t.Helper()
	defer func() {
		v := recover()
		if v == nil {
			t.Helper()
			t.Error("no panic")
		}
		text = fmt.Sprint(v)
	}()
	f()
	return ""
}

// wantPanic checks that f panics with a text that has all of parts.
func wantPanic(t *testing.T, f func(), parts ...string) {
	t.Helper()
	text := panicText(t, f)
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("panic %q is without %q", text, p)
		}
	}
}

func TestRouteMethods(t *testing.T) {
	app := quiet()
	app.Get("/x", say("get"))
	app.Post("/x", say("post"))
	app.Put("/x", say("put"))
	app.Patch("/x", say("patch"))
	app.Delete("/x", say("delete"))
	app.Handle("PROPFIND", "/x", say("propfind"))
	app.Get("", say("root"))
	exchanges(t, app, []exchange{
		{"GET", "/x", 200, "get", nil},
		{"HEAD", "/x", 200, "", nil},
		{"POST", "/x", 200, "post", nil},
		{"PUT", "/x", 200, "put", nil},
		{"PATCH", "/x", 200, "patch", nil},
		{"DELETE", "/x", 200, "delete", nil},
		{"PROPFIND", "/x", 200, "propfind", nil},
		{"propfind", "/x", 405, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PROPFIND, PUT", nil},
		{"GET", "/", 200, "root", nil},
	})
	wantPanic(t, func() { quiet().Handle("A B", "/x", say("")) }, `method "A B" of "/x"`, "router_test.go:")
	wantPanic(t, func() { quiet().Get("/x", nil) }, `nil handler for GET "/x"`, "router_test.go:")
}

func TestRouteOptions(t *testing.T) {
	app := quiet()
	app.Get("/films/{id:int}", say("film"))
	app.Put("/films/{name}", say("by name"))
	app.Delete("/films/{p:*}", say("below"))
	app.Get("/own", say("get"))
	app.Handle("OPTIONS", "/own", say("own options"))
	app.Get("/off", say("off")).NoAutoOptions()
	app.Get("/half", say("half")).NoAutoOptions()
	app.Post("/half", say("half"))
	app.Get("/dir/", say("dir"))
	exchanges(t, app, []exchange{
		{"OPTIONS", "/films/7", 200, "DELETE, GET, HEAD, OPTIONS, PUT", nil}, // over all patterns that match
		{"OPTIONS", "/films/x", 200, "DELETE, OPTIONS, PUT", nil},
		{"OPTIONS", "/films/x/y", 200, "DELETE, OPTIONS", nil},
		{"OPTIONS", "/own", 200, "own options", nil},
		{"PUT", "/own", 405, "GET, HEAD, OPTIONS", nil},
		{"OPTIONS", "/off", 405, "GET, HEAD", nil},
		{"OPTIONS", "/half", 200, "GET, HEAD, OPTIONS, POST", nil},
		{"OPTIONS", "/half", 200, "GET, HEAD, OPTIONS, POST", []string{"Access-Control-Request-Method: GET"}},
		{"OPTIONS", "/nowhere", 404, "", nil},
		{"OPTIONS", "/dir", 308, "/dir/", nil},
		{"OPTIONS", "*", 200, "DELETE, GET, HEAD, OPTIONS, POST, PUT", nil},
		{"GET", "*", 400, "", nil},
	})

	app, _ = newApp(quart.Config{NoAutoOptions: true})
	app.Get("/off", say("off"))
	app.Get("/dir/", say("dir"))
	app.Handle("OPTIONS", "/own", say("own options"))
	exchanges(t, app, []exchange{
		{"OPTIONS", "/off", 405, "GET, HEAD", nil},
		{"OPTIONS", "/dir", 404, "", nil},
		{"OPTIONS", "/own", 200, "own options", nil},
	})
}

// TestRouteOptionsOnion: an automatic OPTIONS passes through the middleware of the route that the browser asks about.
func TestRouteOptionsOnion(t *testing.T) {
	mark := func(s string) quart.Middleware {
		return quart.Before(func(c *quart.Ctx) error {
			c.AddHeader("X-Mark", s+" "+c.Route().Info().Method+" "+c.Param("id"))
			return nil
		})
	}
	app := quiet()
	app.Get("/x/{id}", say("get")).Use(mark("one"))
	app.Put("/x/{id}", say("put")).Use(mark("two"))
	s := serveInMemory(t, app)
	for asked, want := range map[string]string{"PUT": "two PUT 7", "GET": "one GET 7", "HEAD": "one GET 7", "BREW": "one GET 7", "": "one GET 7"} {
		a := s.do("OPTIONS", "/x/7", "Access-Control-Request-Method: "+asked)
		if got := a.Header.Get("X-Mark"); got != want || a.StatusCode != 200 {
			t.Errorf("asked for %q: %d %q, want %q", asked, a.StatusCode, got, want)
		}
	}
}

func TestRouteMethodNotAllowed(t *testing.T) {
	app := quiet()
	app.Get("/users/me", say("me"))
	app.Post("/users/{id}", say("user"))
	app.Handle("LOCK", "/{p:*}", say("lock"))
	exchanges(t, app, []exchange{
		{"GET", "/users/me", 200, "me", nil},
		{"POST", "/users/me", 200, "user me", nil}, // another method's pattern, less specific
		{"PUT", "/users/me", 405, "GET, HEAD, LOCK, OPTIONS, POST", nil},
		{"GET", "/users/you", 405, "LOCK, OPTIONS, POST", nil},
		{"HEAD", "/users/you", 405, "LOCK, OPTIONS, POST", nil},
		{"BREW", "/users/me", 405, "GET, HEAD, LOCK, OPTIONS, POST", nil},
		{"TRACE", "/else", 405, "LOCK, OPTIONS", nil},
		{"BREW", "/", 404, "", nil},
	})
}

func TestRouteHead(t *testing.T) {
	app := quiet()
	app.Get("/get", say("twelve bytes"))
	app.Post("/post", say("post"))
	app.Get("/own", say("get"))
	app.Handle("HEAD", "/own", func(c *quart.Ctx) error { c.SetHeader("X-Own", "yes"); return c.NoContent() })
	app.Get("/part/{x?}", say("get")) // HEAD has a route for one of its two paths
	app.Handle("HEAD", "/part", func(c *quart.Ctx) error { c.SetHeader("X-Own", "yes"); return c.NoContent() })
	s := serveInMemory(t, app)
	for _, tt := range []struct {
		target, own, length string
		status              int
	}{
		{"/get", "", "12", 200},
		{"/post", "", "", 405},
		{"/own", "yes", "", 204},
		{"/part", "yes", "", 204},
		{"/part/5", "", "5", 200},
		{"/nothing", "", "", 404},
	} {
		a := s.do("HEAD", tt.target)
		if a.StatusCode != tt.status || a.Header.Get("X-Own") != tt.own || a.body != "" {
			t.Errorf("%s: %d %q %q", tt.target, a.StatusCode, a.Header.Get("X-Own"), a.body)
		}
		if got := a.Header.Get("Content-Length"); tt.length != "" && got != tt.length {
			t.Errorf("%s: Content-Length %q, want %q", tt.target, got, tt.length)
		}
	}
}

func TestRouteStringParam(t *testing.T) {
	app := quiet()
	app.Get("/a/{v}", say("any"))
	app.Get("/b/{v:string(minlength=2,maxlength=3)}", say("bounded"))
	app.Get("/c/{v:string(length=2)}", say("two"))
	exchanges(t, app, gets(
		[2]string{"/a/x%20y", "any x y"}, [2]string{"/a/", "404"}, [2]string{"/a", "404"}, [2]string{"/a/x/y", "404"},
		[2]string{"/b/x", "404"}, [2]string{"/b/xy", "bounded xy"}, [2]string{"/b/x%C3%A9z", "bounded xéz"}, [2]string{"/b/wxyz", "404"},
		[2]string{"/c/xy", "two xy"}, [2]string{"/c/xyz", "404"},
	))
}

func TestRouteIntParam(t *testing.T) {
	app := quiet()
	number := func(c *quart.Ctx) error { return c.Text(200, itoa(c.ParamInt("n"))) }
	app.Get("/a/{n:int}", number)
	app.Get("/b/{n:int(min=1,max=9)}", number)
	app.Get("/c/{n:int(fixed_digits=4)}", number)
	app.Get("/d/{n:int(signed)}", number)
	exchanges(t, app, gets(
		[2]string{"/a/7", "7"}, [2]string{"/a/007", "7"}, [2]string{"/a/-1", "404"}, [2]string{"/a/+1", "404"}, [2]string{"/a/1x", "404"},
		[2]string{"/a/9223372036854775807", "9223372036854775807"}, [2]string{"/a/9223372036854775808", "404"},
		[2]string{"/b/0", "404"}, [2]string{"/b/1", "1"}, [2]string{"/b/10", "404"},
		[2]string{"/c/42", "404"}, [2]string{"/c/0042", "42"}, [2]string{"/c/00042", "404"},
		[2]string{"/d/-5", "-5"}, [2]string{"/d/5", "5"},
	))
}

func TestRouteFloatParam(t *testing.T) {
	app := quiet()
	app.Get("/a/{v:float}", say("float"))
	app.Get("/b/{v:float(signed,min=-0.5)}", say("float"))
	exchanges(t, app, gets(
		[2]string{"/a/1.5", "float 1.5"}, [2]string{"/a/1", "404"}, [2]string{"/a/1.", "404"}, [2]string{"/a/.5", "404"},
		[2]string{"/a/-1.5", "404"}, [2]string{"/a/1.5e3", "404"}, [2]string{"/b/-0.5", "float -0.5"}, [2]string{"/b/-0.6", "404"},
	))
}

func TestRouteUUIDParam(t *testing.T) {
	const id = "123e4567-e89b-12d3-a456-426614174000"
	app := quiet()
	app.Get("/{id:uuid}", say("uuid"))
	exchanges(t, app, gets(
		[2]string{"/" + id, "uuid " + id}, [2]string{"/" + strings.ToUpper(id), "uuid " + strings.ToUpper(id)},
		[2]string{"/" + strings.ReplaceAll(id, "-", ""), "404"}, [2]string{"/" + id + "0", "404"},
	))
}

func TestRouteAnyParam(t *testing.T) {
	app := quiet()
	app.Get("/{v:any(about|b.c|é)}", say("any"))
	exchanges(t, app, gets(
		[2]string{"/about", "any about"}, [2]string{"/b.c", "any b.c"}, [2]string{"/bxc", "404"}, [2]string{"/%C3%A9", "any é"}, [2]string{"/About", "404"},
	))
}

func TestRoutePathParam(t *testing.T) {
	app := quiet()
	app.Get("/w/{p:*}", say("page"))
	app.Get("/w/{p:path}/edit", say("edit"))
	exchanges(t, app, gets(
		[2]string{"/w/a/b", "page a/b"}, [2]string{"/w/a//b/", "page a//b/"}, [2]string{"/w/a%2Fb", "page a/b"},
		[2]string{"/w/", "404"}, [2]string{"/w", "404"},
		[2]string{"/w/a/b/edit", "edit a/b"}, [2]string{"/w/edit", "page edit"}, [2]string{"/w/edit/edit", "edit edit"}, [2]string{"/w/a/edit/x", "page a/edit/x"},
	))
}

func TestRouteConverter(t *testing.T) {
	app := quiet()
	app.Convert("even", quart.Converter{Parse: func(v []byte) bool { return (v[len(v)-1]-'0')%2 == 0 }})
	app.Get("/{n:even}", say("even"))
	app.Get("/{n:string}", say("other"))
	app.Get("/only/{n:even}", say("even"))
	exchanges(t, app, gets(
		[2]string{"/12", "even 12"}, [2]string{"/13", "other 13"}, // a refused segment is no match
		[2]string{"/only/4", "even 4"}, [2]string{"/only/5", "404"},
	))
	wantPanic(t, func() { quiet().Convert("int", quart.Converter{}) }, `cannot be named "int"`, "router_test.go:")
}

func TestRouteSegmentParams(t *testing.T) {
	app := quiet()
	app.Get("/range/{a:int}-{b:int}", say("range"))
	app.Get("/file/{name}.{ext}", say("file"))
	app.Get("/User:{u}", say("user"))
	exchanges(t, app, gets(
		[2]string{"/range/1-20", "range 1 20"}, [2]string{"/range/1-", "404"}, [2]string{"/range/1-2-3", "404"},
		[2]string{"/file/a.tar.gz", "file a.tar gz"}, [2]string{"/file/.gz", "404"},
		[2]string{"/User:ada", "user ada"}, [2]string{"/User:", "404"}, [2]string{"/user:ada", "404"},
	))
}

func TestRoutePriority(t *testing.T) {
	patterns := []string{"/a/new", "/a/{id:int(min=5)}", "/a/{id:int}", "/a/{n:float}", "/a/{x:[a-c]+}", "/a/{name}", "/a/{p:*}", "/{x}/new", "/{p:*}", "/a/{y:int}/b", "/a/{name}/c"}
	want := gets(
		[2]string{"/a/new", "/a/new"}, [2]string{"/a/7", "/a/{id:int(min=5)} 7"}, [2]string{"/a/3", "/a/{id:int} 3"}, [2]string{"/a/1.5", "/a/{n:float} 1.5"},
		[2]string{"/a/abc", "/a/{x:[a-c]+} abc"}, [2]string{"/a/xyz", "/a/{name} xyz"}, [2]string{"/a/x/y", "/a/{p:*} x/y"},
		[2]string{"/b/new", "/{x}/new b"}, [2]string{"/b/old", "/{p:*} b/old"},
		[2]string{"/a/7/b", "/a/{y:int}/b 7"}, [2]string{"/a/7/c", "/a/{name}/c 7"}, // the number's branch fails further down
	)
	for seed := range uint64(5) {
		app := quiet()
		for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(len(patterns)) {
			app.Get(patterns[i], say(patterns[i]))
		}
		exchanges(t, app, want)
	}
}

func TestRouteOptionalParam(t *testing.T) {
	app := quiet()
	app.Get("/page/{n:int?}", say("page"))
	app.Get("/a/{x?}/{y?}/z", say("a"))
	exchanges(t, app, gets(
		[2]string{"/page", "page -"}, [2]string{"/page/7", "page 7"}, [2]string{"/page/x", "404"}, [2]string{"/page/", "404"},
		[2]string{"/a/z", "a - -"}, [2]string{"/a/1/z", "a 1 -"}, [2]string{"/a/1/2/z", "a 1 2"},
	))
}

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
	}, `GET pattern "/p/{v}"`, `the parameter "v"`, "router_test.go:")
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
		wantPanic(t, func() { quiet().Redirect("/old", tt.to) }, tt.want, `redirect of "/old"`, "router_test.go:")
	}
	wantPanic(t, func() {
		app := quiet()
		app.Redirect("/old/{id}", "/new/{nr}")
		app.Handler()
	}, `no parameter "nr" for the redirect to "/new/{nr}"`, "router_test.go:")
}

func TestRouteUTF8(t *testing.T) {
	app := quiet()
	app.Get("/käse/{art}/", say("käse"))
	exchanges(t, app, gets(
		[2]string{"/k%C3%A4se/%E2%82%AC/", "käse €"}, [2]string{"/käse/€/", "käse €"}, [2]string{"/k%c3%a4se/x", "308 /k%C3%A4se/x/"}, [2]string{"/k%E4se/x/", "404"},
	))
}

func TestRouteEncodedSlash(t *testing.T) {
	app := quiet()
	app.Get("/s/{v}", say("one"))
	app.Get("/t/{a}/{b}", say("two"))
	exchanges(t, app, gets(
		[2]string{"/s/a%2Fb", "404"}, [2]string{"/t/a%2fb", "two a b"}, [2]string{"/s%2Fx", "one x"}, [2]string{"/s/a%252Fb", "one a%2Fb"}, [2]string{"/s/%zz", "400"},
	))
}

func TestRouteMethodAny(t *testing.T) {
	app := quiet()
	app.Handle(quart.MethodAny, "/x/{v}", say("any"))
	app.Get("/x/{v}", say("get"))
	app.Get("/x/special", say("special"))
	exchanges(t, app, []exchange{
		{"GET", "/x/1", 200, "get 1", nil},
		{"GET", "/x/special", 200, "special", nil},
		{"POST", "/x/special", 200, "any special", nil},
		{"BREW", "/x/1", 200, "any 1", nil},
		{"OPTIONS", "/x/1", 200, "any 1", nil},
		{"BREW", "/y", 404, "", nil},
	})
}

func TestRouteWebSocketAlone(t *testing.T) {
	upgrade := []string{"Connection: keep-alive, Upgrade", "Upgrade: WebSocket"}
	app := quiet()
	app.Handle(quart.MethodWebSocket, "/ws/{room}", say("socket"))
	app.Handle(quart.MethodWebSocket, "/both", say("socket"))
	app.Get("/both", say("page"))
	app.Post("/ws/{room}", say("post"))
	app.Handle(quart.MethodWebSocket, "/alone", say("socket"))
	exchanges(t, app, []exchange{
		{"GET", "/ws/a", 200, "socket a", upgrade},
		{"GET", "/ws/a", 426, "", nil},
		{"POST", "/ws/a", 200, "post a", nil},
		{"PUT", "/ws/a", 405, "GET, OPTIONS, POST", nil},
		{"POST", "/alone", 405, "GET", upgrade},
		{"OPTIONS", "/alone", 405, "GET", nil},
		{"GET", "/both", 200, "socket", upgrade},
		{"GET", "/both", 200, "page", nil},
		{"GET", "/none", 404, "", upgrade},
	})
	a := serveInMemory(t, app).do("GET", "/ws/a")
	if a.Header.Get("Upgrade") != "websocket" || !strings.EqualFold(a.Header.Get("Connection"), "upgrade") {
		t.Errorf("426 with %q", a.Header)
	}
}

func TestRouteListing(t *testing.T) {
	app := quiet()
	app.Post("/b", say(""))
	app.Get("/b", say("")).Name("b")
	app.Get("/a/{x}", say(""))
	app.Group("/a").Delete("", say(""))
	var got []string
	for r := range app.Routes() {
		got = append(got, r.Info().Method+" "+r.Info().Pattern+" "+r.Info().Name)
	}
	if s := strings.Join(got, ","); s != "DELETE /a ,GET /a/{x} ,GET /b b,POST /b " {
		t.Errorf("routes: %s", s)
	}
}

func TestRouteMeta(t *testing.T) {
	type key struct{}
	app := quiet()
	app.Get("/", func(c *quart.Ctx) error {
		if c.Route().Value("none") != nil {
			return quart.ErrConflict
		}
		return c.Text(200, c.Route().Value(key{}).(string))
	}).Meta(key{}, "old").Meta(key{}, "meta")
	exchanges(t, app, gets([2]string{"/", "meta"}))
}

func TestRouteConcurrent(t *testing.T) {
	app := quiet()
	app.Get("/{a}/{b:int}", say("x"))
	app.Host("{h}.example.com").Get("/{a}", say("host"))
	app.Post("/only/post", say(""))
	s := serveInMemory(t, app)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				target := fmt.Sprintf("/n%d/%d", i, j)
				if a := s.do("GET", target); a.body != fmt.Sprintf("x n%d %d", i, j) {
					t.Errorf("%s: %q", target, a.body)
				}
				if a := s.do("GET", "/v", fmt.Sprintf("Host: h%d.example.com", i)); a.body != fmt.Sprintf("host h%d v", i) {
					t.Errorf("host %d: %q", i, a.body)
				}
				if a := s.do("PUT", "/only/post"); a.Header.Get("Allow") != "OPTIONS, POST" {
					t.Errorf("Allow: %q", a.Header.Get("Allow"))
				}
			}
		})
	}
	wg.Wait()
}
