package quart_test

import (
	"strings"
	"testing"

	"github.com/goquart/quart"
)

func TestGroup(t *testing.T) {
	app := quiet()
	api := app.Group("/api")
	api.Get("", say("exact"))
	api.Get("/", say("slash"))
	api.Get("/x", say("x"))
	app.Group("/only").Get("/", say("only"))
	app.Group("").Get("/root", say("root"))
	app.Group("/").Get("/root2", say("root2"))
	app.Group("/users/{id:int}/").Get("/films/{film}", say("film"))

	alone := quart.NewGroup()
	alone.Get("/y", say("y"))
	app.Mount("/alone", alone)
	alone.Post("/late", say("late")) // after the mount
	exchanges(t, app, append(gets(
		[2]string{"/api", "exact"}, [2]string{"/api/", "slash"}, [2]string{"/api/x", "x"}, [2]string{"/x", "404"}, [2]string{"/apix", "404"},
		[2]string{"/only", "308 /only/"}, [2]string{"/root", "root"}, [2]string{"/root2", "root2"},
		[2]string{"/users/7/films/alien", "film 7 alien"}, [2]string{"/users/x/films/alien", "404"},
		[2]string{"/alone/y", "y"},
	), exchange{"POST", "/alone/late", 200, "late", nil}))
}

// TestGroupPrefix: a mount ends at a segment, its redirects and URLs carry the prefix, and nothing is served outside of it.
func TestGroupPrefix(t *testing.T) {
	site := quart.NewGroup().Name("site")
	site.Get("/dir/", func(c *quart.Ctx) error { return c.Text(200, c.URL(".dir")) }).Name("dir")
	app := quiet()
	app.Mount("/app", site)
	app.Get("/api", say("api"))
	exchanges(t, app, gets(
		[2]string{"/app/dir/", "/app/dir/"}, [2]string{"/app/dir", "308 /app/dir/"}, [2]string{"/dir/", "404"}, [2]string{"/appdir/", "404"}, [2]string{"/apix", "404"},
	))
}

func TestGroupTwice(t *testing.T) {
	g := quart.NewGroup().Name("api")
	g.Get("/leaf", func(c *quart.Ctx) error { return c.Text(200, c.URL(".leaf")+" "+c.URL(".other", "id", 5)) }).Name("leaf")
	g.Get("/other/{id}", say("other")).Name("other")
	app := quiet()
	app.Mount("/v1", g)
	app.Mount("/v2", g).Name("v2")
	exchanges(t, app, gets([2]string{"/v1/leaf", "/v1/leaf /v1/other/5"}, [2]string{"/v2/leaf", "/v2/leaf /v2/other/5"}))
	if a, b := app.URL("api.leaf"), app.URL("v2.leaf"); a != "/v1/leaf" || b != "/v2/leaf" {
		t.Errorf("URLs %q, %q", a, b)
	}
	wantPanic(t, freezing(func(app *quart.App) { app.Mount("/v1", g); app.Mount("/v2", g) }), `two routes are named "api.leaf"`, "Mount.Name")
}

func TestGroupNested(t *testing.T) {
	leaf := func(c *quart.Ctx) error {
		return c.Text(200, strings.Join([]string{c.URL(".leaf", "x", c.Param("x")), c.URL(".top"), c.URL("parent.child.leaf", "x", 1)}, " "))
	}
	app := quiet()
	app.Get("/top", func(c *quart.Ctx) error { return c.Text(200, c.URL(".top")) }).Name("top")
	parent := app.Group("/p").Name("parent")
	child := parent.Group("/{x}").Name("child")
	child.Get("/leaf", leaf).Name("leaf")
	parent.Group("/plain").Get("/leaf", say("plain")).Name("plain") // a group without a name adds none
	exchanges(t, app, gets([2]string{"/p/7/leaf", "/p/7/leaf /top /p/1/leaf"}, [2]string{"/top", "/top"}))
	if got := app.URL("parent.plain"); got != "/p/plain/leaf" {
		t.Errorf("URL of parent.plain: %q", got)
	}
	wantPanic(t, func() { app.URL("child.leaf", "x", 1) }, `no route is named "child.leaf"`, `did you mean`)
}

func TestGroupSelfMount(t *testing.T) {
	a, b, c := quart.NewGroup(), quart.NewGroup(), quart.NewGroup()
	a.Mount("/b", b)
	b.Mount("/c", c)
	wantPanic(t, func() { a.Mount("/a", a) }, "mounted in itself", "group_test.go:")
	wantPanic(t, func() { c.Mount("/a", a) }, "mounted in itself", "group_test.go:")
	wantPanic(t, func() { a.Mount("/n", nil) }, "nil group", "group_test.go:")
	wantPanic(t, func() { a.Use(nil) }, "nil middleware", "group_test.go:")
	a.Mount("/c", c) // twice below one group is no circle
}

// tracer is middleware that notes its way in and out in X-Trace.
func tracer(name string) quart.Middleware {
	return func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			c.AddHeader("X-Trace", "+"+name)
			err := next(c)
			c.AddHeader("X-Trace", "-"+name)
			return err
		}
	}
}

func trace(a *answer) string { return strings.Join(a.Header["X-Trace"], " ") }

func TestGroupMiddlewareOrder(t *testing.T) {
	app := quiet()
	parent := quart.NewGroup(tracer("parent"))
	child := parent.Group("/child", tracer("child"))
	child.Get("/x", say("x")).Use(tracer("route"))
	app.Mount("/parent", parent)
	parent.Use(tracer("parent2")) // after its routes: the same effect
	child.Use(tracer("child2"))
	app.Use(tracer("app"))
	app.Get("/y", say("y"))
	s := serveInMemory(t, app)
	for _, tt := range []struct{ method, target, want string }{
		{"GET", "/parent/child/x", "+app +parent +parent2 +child +child2 +route -route -child2 -child -parent2 -parent -app"},
		{"OPTIONS", "/parent/child/x", "+app +parent +parent2 +child +child2 +route -route -child2 -child -parent2 -parent -app"},
		{"GET", "/y", "+app -app"},
		{"GET", "/parent/none", "+app -app"}, // what matches nothing is the app's
		{"PUT", "/parent/child/x", "+app -app"},
		{"GET", "/parent/child//x", "+app -app"},
	} {
		if got := trace(s.do(tt.method, tt.target)); got != tt.want {
			t.Errorf("%s %s: %s, want %s", tt.method, tt.target, got, tt.want)
		}
	}
}
