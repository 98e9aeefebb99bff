package quart_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/goquart/quart"
)

// freezing is what panics for a mistake in a registration.
func freezing(register func(app *quart.App)) func() {
	return func() {
		app := quiet()
		register(app)
		app.Handler()
	}
}

func TestRoutePatternPanics(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		parts   []string
	}{
		{"/x/{id:foo}", []string{`pattern "/x/{id:foo}" at offset 7`, `unknown converter "foo"`}},
		{"/x/{int:id}", []string{"did you mean {id:int}?"}},
		{"/x/{id:innt}", []string{`did you mean "int"?`}},
		{"/x/{id:int(mim=1)}", []string{"at offset 11", `unknown argument "mim"`}},
		{"/x/{id:int(min=5,max=1)}", []string{"min is greater than max"}},
		{"/x/{id", []string{"at offset 3", "not closed"}},
		{"/x}", []string{"at offset 2"}},
		{"/{a}/{a}", []string{"at offset 6", `"a" occurs twice`}},
		{"/{a}{b}", []string{"at offset 4"}},
		{"/{p:*}/{q:*}", []string{"second path parameter"}},
		{"/{x:[}", []string{"at offset 4"}},
		{"/a{x?}", []string{"whole segment"}},
		{"x", []string{`pattern "x" at offset 0`, "begins with '/'"}},
		{"//x", []string{"at offset 0", "two slashes"}},
		{manyParams(17), []string{"more than 16 parameters"}},
	} {
		wantPanic(t, freezing(func(app *quart.App) { app.Get(tt.pattern, say("")) }), append(tt.parts, "quart: GET ", "registration_test.go:")...)
	}
	group := freezing(func(app *quart.App) { app.Group("/v1").Group("/in").Get("/{id:foo}", say("")) })
	text := panicText(t, group)
	if !strings.Contains(text, `pattern "/v1/in/{id:foo}" at offset 11`) || strings.Count(text, "registration_test.go:") != 3 || strings.Count(text, "mounted at") != 2 {
		t.Errorf("in a group: %q", text)
	}
	wantPanic(t, freezing(func(app *quart.App) { app.Group("/v1").Get("x", say("")) }), `pattern "/v1x" at offset 3`, "begins with '/'")
	wantPanic(t, freezing(func(app *quart.App) { app.Group("v1") }), `prefix "v1" at offset 0`, "registration_test.go:")
	wantPanic(t, freezing(func(app *quart.App) { app.Host("{h:foo}.org").Get("/", say("")) }), `pattern "{h:foo}.org/" at offset 3`)
	wantPanic(t, freezing(func(app *quart.App) { app.Host("a/b").Get("x", say("")) }), "begins with '/'")
	wantPanic(t, func() { quiet().Host("") }, "empty pattern")
}

func manyParams(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("/{p" + itoa(i) + "}")
	}
	return b.String()
}

func TestRouteDuplicate(t *testing.T) {
	get := func(patterns ...string) func(*quart.App) {
		return func(app *quart.App) {
			for _, p := range patterns {
				app.Get(p, say(p))
			}
		}
	}
	for _, tt := range []struct {
		name     string
		register func(app *quart.App)
		parts    []string
	}{
		{"same", get("/a", "/a"), []string{`GET pattern "/a" at offset 0`}},
		{"other parameter name", get("/{a:int}", "/{b:int}"), []string{`pattern "/{b:int}" at offset 0: matches the same paths as "/{a:int}"`}},
		{"optional", get("/a/{x?}", "/a"), []string{`pattern "/a" at offset 0: matches the same paths as "/a/{x?}"`}},
		{"optional, other order", get("/a/b", "/a/{x}", "/a/{y?}"), []string{`matches the same paths as "/a/{x}"`}},
		{"loose slash", func(app *quart.App) { app.Get("/a/", say("")); app.Get("/a", say("")).LooseSlash() }, []string{`pattern "/a/" at offset 0: matches the same paths as "/a/"`}},
		{"websocket", func(app *quart.App) {
			app.Handle(quart.MethodWebSocket, "/a", say(""))
			app.Handle(quart.MethodWebSocket, "/a", say(""))
		}, []string{"WEBSOCKET pattern"}},
		{"any", func(app *quart.App) {
			app.Handle(quart.MethodAny, "/a", say(""))
			app.Handle(quart.MethodAny, "/a", say(""))
		}, []string{"* pattern"}},
		{"head", func(app *quart.App) { app.Handle("HEAD", "/a", say("")); app.Handle("HEAD", "/a", say("")) }, []string{"HEAD pattern"}},
		{"group beside", func(app *quart.App) {
			app.Get("/v1/a/{id}", say(""))
			app.Group("/v1").Group("/a").Get("/{nr}", say(""))
		}, []string{`pattern "/v1/a/{nr}" at offset 5`, "mounted at"}},
		{"hosts", func(app *quart.App) {
			app.Host("{a}.example.com").Get("/x", say(""))
			app.Host("{b}.EXAMPLE.com").Get("/x", say(""))
		}, []string{`pattern "{b}.example.com/x" at offset 15`, `"{a}.example.com/x"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := panicText(t, freezing(tt.register))
			for _, p := range append(tt.parts, "registered at ", " and at ") {
				if !strings.Contains(text, p) {
					t.Errorf("panic %q is without %q", text, p)
				}
			}
			if strings.Count(text, "registration_test.go:") < 2 {
				t.Errorf("panic %q lacks a place", text)
			}
		})
	}

	twice := func(app *quart.App) {
		g := quart.NewGroup()
		g.Get("/{id}", say(""))
		app.Mount("/v", g)
		app.Mount("/v/", g)
	}
	if text := panicText(t, freezing(twice)); strings.Count(text, "mounted at ") != 2 || strings.Count(text, "registration_test.go:") != 4 {
		t.Errorf("mounted twice: %q", text)
	}
	// What only looks alike.
	freezing(get("/a", "/a/", "/a/{x}", "/a/{x:int}", "/a/{x:int(min=1)}", "/a/{x:path}", "/b", "/{x:[a-z]+}", "/{x:[a-z]*}"))()
	freezing(func(app *quart.App) {
		app.Get("/a", say(""))
		app.Post("/a", say(""))
		app.Handle(quart.MethodAny, "/a", say(""))
		app.Handle(quart.MethodWebSocket, "/a", say(""))
		app.Host("a.org").Get("/a", say(""))
		app.Host("b.org").Get("/a", say(""))
	})()
}

func listFilms(c *quart.Ctx) error { return c.Text(200, "films") }

type views struct{}

func (views) ShowFilm(c *quart.Ctx) error { return c.Text(200, "film") }

func TestRouteNames(t *testing.T) {
	app := quiet()
	app.Get("/films", listFilms)                                // by its function
	app.Post("/films", listFilms)                               // one pattern, one name
	app.Get("/film/{id}", views{}.ShowFilm)                     // by its method
	app.Get("/named", text).Name("named")                       // named, and
	app.Get("/a", func(c *quart.Ctx) error { return nil })      // a closure has no name
	app.Get("/pass1", pass(text))                               // nor has this
	app.Group("/v1").Name("v1").Get("/films", listFilms)        // in a group: v1.listFilms
	app.Group("/v2").Name("v2").Get("/x", text).Name("films.x") // dots are allowed
	for name, want := range map[string]string{"listFilms": "/films", "ShowFilm": "/film/7", "named": "/named", "v1.listFilms": "/v1/films", "v2.films.x": "/v2/x"} {
		if got := app.URL(name, "id", pick(name == "ShowFilm", 7)); got != want {
			t.Errorf("URL(%q) = %q, want %q", name, got, want)
		}
	}
	wantPanic(t, func() { app.URL("text") }, `no route is named "text"`)

	ambiguous := quiet()
	ambiguous.Get("/a", listFilms)
	ambiguous.Get("/b", listFilms)
	wantPanic(t, func() { ambiguous.URL("listFilms") }, `no route is named "listFilms"`, "several patterns", "Route.Name")
	ambiguous = quiet()
	ambiguous.Get("/a", listFilms)
	ambiguous.Get("/b", text).Name("listFilms") // a given name goes before
	if got := ambiguous.URL("listFilms"); got != "/b" {
		t.Errorf("URL of the given name: %q", got)
	}

	wantPanic(t, freezing(func(app *quart.App) {
		app.Get("/a", text).Name("x")
		app.Get("/b", text).Name("x")
	}), `two routes are named "x"`, `"/a", registered at`, `"/b" at`, "registration_test.go:")
	wantPanic(t, func() { quiet().Get("/", text).Name(".x") }, "begins with a dot")
	freezing(func(app *quart.App) { // one pattern may have one name for all its methods
		app.Get("/a", text).Name("x")
		app.Post("/a", text).Name("x")
	})()
}

func pick(cond bool, v any) any {
	if cond {
		return v
	}
	return nil
}

func TestRouteFrozen(t *testing.T) {
	app := quiet()
	g := app.Group("/g")
	m := app.Mount("/h", g)
	r := app.Get("/", say("root"))
	var compiled *quart.Route
	app.Get("/c", func(c *quart.Ctx) error { compiled = c.Route(); return c.Text(200, "") })
	app.Handler()
	exchanges(t, app, gets([2]string{"/c", ""}))
	for name, register := range map[string]func(){
		"Handle":         func() { app.Get("/late", say("")) },
		"Use":            func() { app.Use(pass) },
		"Group":          func() { app.Group("/late") },
		"Mount":          func() { app.Mount("/late", quart.NewGroup()) },
		"Host":           func() { app.Host("late.org") },
		"Redirect":       func() { app.Redirect("/late", "/") },
		"OnStatus":       func() { app.OnStatus(404, nil) },
		"OnError":        func() { quart.OnError(app, func(*quart.Ctx, error) error { return nil }) },
		"Convert":        func() { app.Convert("late", quart.Converter{}) },
		"in a group":     func() { g.Get("/late", say("")) },
		"Group.Name":     func() { g.Name("late") },
		"Mount.Name":     func() { m.Name("late") },
		"Route.Name":     func() { r.Name("late") },
		"Route.Use":      func() { r.Use(pass) },
		"compiled route": func() { compiled.LooseSlash() },
	} {
		if text := panicText(t, register); !strings.Contains(text, "after the app was frozen") || !strings.Contains(text, "registration_test.go:") {
			t.Errorf("%s: %q", name, text)
		}
	}
	other := quiet() // a group belongs to nobody
	other.Mount("/again", g).Name("again")
	other.Handler()
}

func TestRouteFreezeConcurrent(t *testing.T) {
	app := quiet()
	app.Get("/film/{id}", say("film")).Name("film")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			app.Handler()
			if got := app.URL("film", "id", 5); got != "/film/5" {
				t.Errorf("URL = %q", got)
			}
			for r := range app.Routes() {
				if r.Info().Name != "film" {
					t.Errorf("route %v", r.Info())
				}
			}
		})
	}
	wg.Wait()
}
