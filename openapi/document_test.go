package openapi_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/goquart/quart"
	"github.com/goquart/quart/openapi"
	"github.com/goquart/quart/quarttest"
)

// tree is a document as values.
type tree map[string]any

func read(t *testing.T, doc []byte) tree {
	t.Helper()
	var v tree
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// at follows keys, and indexes of lists; nil is what is not there.
func (v tree) at(keys ...any) any {
	var x any = map[string]any(v)
	for _, key := range keys {
		switch key := key.(type) {
		case string:
			m, _ := x.(map[string]any)
			x = m[key]
		case int:
			list, _ := x.([]any)
			if key >= len(list) {
				return nil
			}
			x = list[key]
		}
	}
	return x
}

func (v tree) want(t *testing.T, want any, keys ...any) {
	t.Helper()
	if got := v.at(keys...); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v: %v, want %v", keys, got, want)
	}
}

func keysOf(v any) string {
	m, _ := v.(map[string]any)
	return strings.Join(slices.Sorted(maps.Keys(m)), " ")
}

func documentOf(t *testing.T, register func(app *quart.App)) tree {
	t.Helper()
	app := quart.New(quart.Config{})
	register(app)
	doc := openapi.Document(app, openapi.Config{})
	mustBeValid(t, doc)
	return read(t, doc)
}

func TestPaths(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		paths   string
		schema  string // of the first parameter of the first path
	}{
		{"/a/{id:int}", "/a/{id}", "map[format:int64 minimum:0 type:integer]"},
		{"/a/{id:int(min=3,max=9)}", "/a/{id}", "map[format:int64 maximum:9 minimum:3 type:integer]"},
		{"/a/{id:int(signed,min=-3)}", "/a/{id}", "map[format:int64 minimum:-3 type:integer]"},
		{"/a/{id:uint}", "/a/{id}", "map[minimum:0 type:integer]"},
		{"/a/{x:float(max=1.5)}", "/a/{x}", "map[format:double maximum:1.5 minimum:0 type:number]"},
		{"/a/{x:uuid}", "/a/{x}", "map[format:uuid type:string]"},
		{"/a/{x:any(b|c)}", "/a/{x}", "map[enum:[b c] type:string]"},
		{"/a/{x}", "/a/{x}", "map[minLength:1 type:string]"},
		{"/a/{x:string(length=4)}", "/a/{x}", "map[maxLength:4 minLength:4 type:string]"},
		{"/a/{x:[a-z]{2}}", "/a/{x}", "map[pattern:^(?:[a-z]{2})$ type:string]"},
		{"/a/{x:(word)}", "/a/{x}", "map[pattern:^(?:(word))$ type:string]"},
		{"/a/{x:*}", "/a/{x}", "map[type:string]"},
		{"/a/{x:path}/b", "/a/{x}/b", "map[type:string]"},
		{"/a/{x?}", "/a /a/{x}", ""},
		{"/{x?}", "/ /{x}", ""},
		{"/a/{x:int?}/{y?}", "/a /a/{x} /a/{x}/{y}", ""},
		{"/{x?}/b/{y?}", "/b /b/{y} /{x}/b /{x}/b/{y}", ""},
		{"/a/{x}-{y}.html", "/a/{x}-{y}.html", ""},
		{"/a b/ä", "/a%20b/%C3%A4", ""},
	} {
		t.Run(tt.pattern, func(t *testing.T) {
			app := quart.New(quart.Config{})
			app.Get(tt.pattern, plain)
			doc := read(t, openapi.Document(app, openapi.Config{}))
			paths := doc["paths"].(map[string]any)
			if got := keysOf(paths); got != tt.paths {
				t.Errorf("paths %s, want %s", got, tt.paths)
			}
			if tt.schema != "" {
				doc.want(t, tt.schema, "paths", tt.paths, "get", "parameters", 0, "schema")
			}
		})
	}
}

func TestOneShape(t *testing.T) {
	doc := documentOf(t, func(app *quart.App) {
		app.Get("/films/{id:int}", plain)
		app.Get("/films/{slug}", plain)
		app.Post("/films/{name}", plain)
	})
	if got := keysOf(doc["paths"]); got != "/films/{id}" {
		t.Errorf("paths %s", got)
	}
	doc.want(t, "/films/{slug}", "paths", "/films/{id}", "x-alternatives", 0, "path")
	doc.want(t, "slug", "paths", "/films/{id}", "x-alternatives", 0, "operation", "parameters", 0, "name")
	doc.want(t, "id", "paths", "/films/{id}", "post", "parameters", 0, "name")
}

func TestMethods(t *testing.T) {
	doc := documentOf(t, func(app *quart.App) {
		app.Handle("*", "/a", plain).Name("any")
		app.Post("/a", plain).Name("own")
		app.Handle("QUERY", "/a", plain)
		app.Handle("OPTIONS", "/a", plain)
		app.WebSocket("/ws", func(*quart.Socket) error { return nil })
		app.WebSocket("/both", func(*quart.Socket) error { return nil })
		app.Get("/both", plain)
	})
	if got, want := keysOf(doc.at("paths", "/a")), "delete get options patch post put x-oai-additionalOperations"; got != want {
		t.Errorf("methods %s, want %s", got, want)
	}
	doc.want(t, "own", "paths", "/a", "post", "operationId")
	doc.want(t, "any.put", "paths", "/a", "put", "operationId")
	if doc.at("paths", "/a", "x-oai-additionalOperations", "QUERY") == nil {
		t.Error("QUERY is not described")
	}
	doc.want(t, true, "paths", "/ws", "get", "x-websocket")
	if got := keysOf(doc.at("paths", "/ws", "get", "responses")); got != "101 426" {
		t.Errorf("a websocket answers %s", got)
	}
	if got := keysOf(doc.at("paths", "/both")); got != "get x-websocket" {
		t.Errorf("a websocket beside GET: %s", got)
	}
}

func named(*quart.Ctx) error { return nil }

func TestOperationIDs(t *testing.T) {
	doc := documentOf(t, func(app *quart.App) {
		app.Get("/", func(*quart.Ctx) error { return nil })
		app.Get("/films/{id:int}/reviews.json", func(*quart.Ctx) error { return nil })
		app.Get("/a b/ä", func(*quart.Ctx) error { return nil })
		app.WebSocket("/ws", func(*quart.Socket) error { return nil })
		app.Get("/named", named)
		app.Get("/both", plain).Name("both")
		app.Post("/both", plain).Name("both")
		app.Get("/opt/{x?}", plain).Name("opt")
		g := quart.NewGroup()
		g.Get("/in", func(*quart.Ctx) error { return nil }).Doc(quart.Doc{OperationID: "in"})
		app.Mount("/v1", g).Name("v1")
		app.Mount("/v2", g).Name("v2")
	})
	for path, want := range map[string]string{
		"/": "getRoot", "/films/{id}/reviews.json": "getFilmsByIdReviewsJson", "/named": "named", "/a%20b/%C3%A4": "getAB",
		"/ws": "websocketWs", "/both": "both.get", "/opt/{x}": "opt", "/opt": "opt2", "/v1/in": "in", "/v2/in": "in2",
	} {
		doc.want(t, want, "paths", path, "get", "operationId")
	}
}

func TestTags(t *testing.T) {
	doc := documentOf(t, func(app *quart.App) {
		v1 := app.Group("/v1").Name("v1")
		v1.Get("/a", plain)
		v1.Group("/films").Name("films").Get("", plain)
		v1.Get("/b", plain).Doc(quart.Doc{Tags: []string{"x", "y"}, Summary: "S", Description: "D", Deprecated: true})
	})
	doc.want(t, "[v1]", "paths", "/v1/a", "get", "tags")
	doc.want(t, "[films]", "paths", "/v1/films", "get", "tags")
	doc.want(t, "[x y]", "paths", "/v1/b", "get", "tags")
	doc.want(t, "S", "paths", "/v1/b", "get", "summary")
	doc.want(t, "D", "paths", "/v1/b", "get", "description")
	doc.want(t, true, "paths", "/v1/b", "get", "deprecated")
	doc.want(t, "[map[name:films] map[name:v1] map[name:x] map[name:y]]", "tags")
}

func TestSecurity(t *testing.T) {
	other := bearer
	other.BearerFormat = "opaque"
	app := quart.New(quart.Config{})
	app.Get("/open", plain)
	app.Get("/one", plain).Use(quart.Secured(bearer, pass))
	app.Get("/two", plain).Use(quart.Secured(bearer, pass), quart.Secured(cookie, pass))
	app.Get("/other", plain).Use(quart.Secured(other, pass))
	b := openapi.Document(app, openapi.Config{Security: []quart.SecurityScheme{{Name: "gate", Type: "mutualTLS"}}})
	mustBeValid(t, b)
	doc := read(t, b)
	doc.want(t, "[map[gate:[]]]", "security")
	doc.want(t, nil, "paths", "/open", "get", "security")
	doc.want(t, "[map[bearer:[] gate:[]]]", "paths", "/one", "get", "security")
	doc.want(t, "[map[bearer:[] gate:[] session:[]]]", "paths", "/two", "get", "security")
	doc.want(t, "[map[bearer2:[] gate:[]]]", "paths", "/other", "get", "security")
	doc.want(t, "map[description:Signed in. in:cookie name:sid type:apiKey]", "components", "securitySchemes", "session")
	doc.want(t, "#/components/responses/Unauthorized", "paths", "/one", "get", "responses", "401", "$ref")
}

func TestProblems(t *testing.T) {
	type filter struct {
		Name string `query:"name"`
	}
	type number struct {
		N int `query:"n"`
	}
	doc := documentOf(t, func(app *quart.App) {
		app.Get("/plain", plain)
		quart.Get(app, "/none", func(*quart.Ctx, quart.None) (quart.None, error) { return quart.None{}, nil })
		quart.Get(app, "/text", func(*quart.Ctx, filter) (quart.None, error) { return quart.None{}, nil })
		quart.Get(app, "/number", func(*quart.Ctx, number) (quart.None, error) { return quart.None{}, nil })
		quart.Get(app, "/path/{id:int}", func(*quart.Ctx, FilmPath) (quart.None, error) { return quart.None{}, nil })
		quart.Post(app, "/body", func(*quart.Ctx, struct {
			Body Person `body:""`
		},
		) (quart.None, error) {
			return quart.None{}, nil
		}).Returns(404, Person{}).Returns(503, nil)
	})
	for path, want := range map[string]string{
		"/plain": "default", "/none": "204 500", "/text": "204 422 500", "/number": "204 422 500", "/path/{id}": "204 404 500",
		"/body": "204 400 404 413 415 422 500 503",
	} {
		method := "get"
		if path == "/body" {
			method = "post"
		}
		if got := keysOf(doc.at("paths", path, method, "responses")); got != want {
			t.Errorf("%s answers %s, want %s", path, got, want)
		}
	}
	doc.want(t, "#/components/schemas/Person", "paths", "/body", "post", "responses", "404", "content", "application/json", "schema", "$ref")
	doc.want(t, "#/components/schemas/Problem", "paths", "/body", "post", "responses", "503", "content", "application/problem+json", "schema", "$ref")
	doc.want(t, "#/components/schemas/Problem", "components", "responses", "UnprocessableContent", "content", "application/problem+json", "schema", "$ref")
}

// TestProblemsAgreeWithServer has each route refuse a request, with a status that the document names.
func TestProblemsAgreeWithServer(t *testing.T) {
	type (
		query struct {
			V string `query:"v"`
		}
		header struct {
			V string `header:"V"`
		}
		cookie struct {
			V string `cookie:"v"`
		}
		form struct {
			V string `form:"v"`
		}
		text struct {
			V string `path:"v"`
		}
		slug struct {
			V string `path:"v" rules:"pattern=^[a-z]+$"`
		}
		raw struct {
			B []byte `body:"" rules:"required"`
		}
		short struct {
			B []byte `body:"" rules:"maxLength=3"`
		}
	)
	app := quart.New(quart.Config{})
	quart.Get(app, "/query", func(*quart.Ctx, query) (string, error) { return "", nil })
	quart.Get(app, "/header", func(*quart.Ctx, header) (string, error) { return "", nil })
	quart.Get(app, "/cookie", func(*quart.Ctx, cookie) (string, error) { return "", nil })
	quart.Post(app, "/form", func(*quart.Ctx, form) (string, error) { return "", nil })
	quart.Get(app, "/text/{v}", func(*quart.Ctx, text) (string, error) { return "", nil })
	quart.Get(app, "/slug/{v}", func(*quart.Ctx, slug) (string, error) { return "", nil })
	quart.Get(app, "/int/{v:int}", func(*quart.Ctx, quart.None) (string, error) { return "", nil })
	quart.Post(app, "/raw", func(*quart.Ctx, raw) (string, error) { return "", nil })
	quart.Post(app, "/short", func(*quart.Ctx, short) (string, error) { return "", nil })
	quart.Get(app.Host("{v}.example.com"), "/host", func(*quart.Ctx, slug) (string, error) { return "", nil })
	doc := read(t, openapi.Document(app, openapi.Config{}))
	cl := quarttest.New(t, app)
	for path, tt := range map[string]struct {
		method, statuses string
		bad              *quarttest.Request
		want             int
	}{
		"/query":    {"get", "200 422 500", cl.Get("/query?v=%FF"), 422},
		"/header":   {"get", "200 422 500", cl.Get("/header").Header("V", "\xff"), 422},
		"/cookie":   {"get", "200 422 500", cl.Get("/cookie").Header("Cookie", "v=\xff"), 422},
		"/form":     {"post", "200 400 413 415 422 500", cl.Post("/form").Body("application/x-www-form-urlencoded", []byte("v=%FF")), 422},
		"/text/{v}": {"get", "200 404 500", cl.Get("/text/%FF"), 404},
		"/slug/{v}": {"get", "200 404 500", cl.Get("/slug/A"), 404},
		"/int/{v}":  {"get", "200 404 500", cl.Get("/int/a"), 404},
		"/raw":      {"post", "200 400 413 500", cl.Post("/raw"), 400},
		"/short":    {"post", "200 413 422 500", cl.Post("/short").Body("a/b", []byte("abcd")), 422},
		"/host":     {"get", "200 404 500", cl.Get("/host").Header("Host", "a1.example.com"), 404},
	} {
		if got := keysOf(doc.at("paths", path, tt.method, "responses")); got != tt.statuses {
			t.Errorf("%s answers %s, want %s", path, got, tt.statuses)
		}
		if got := tt.bad.Send().Status; got != tt.want {
			t.Errorf("%s: the server answers %d, want %d", path, got, tt.want)
		}
	}
}

func TestHosts(t *testing.T) {
	doc := documentOf(t, func(app *quart.App) {
		app.Host("{tenant}.example.com").Get("/x/{id:int}", plain)
	})
	doc.want(t, "//{tenant}.example.com", "paths", "/x/{id}", "get", "servers", 0, "url")
	doc.want(t, "tenant", "paths", "/x/{id}", "get", "servers", 0, "variables", "tenant", "default")
	doc.want(t, "id", "paths", "/x/{id}", "get", "parameters", 0, "name")
	doc.want(t, nil, "paths", "/x/{id}", "get", "parameters", 1)
}

func TestStable(t *testing.T) {
	first := openapi.Document(newZoo(), zooConfig)
	for range 5 {
		if string(openapi.Document(newZoo(), zooConfig)) != string(first) {
			t.Fatal("two documents of one app differ")
		}
	}
}

func TestEmptyApp(t *testing.T) {
	mustBeValid(t, openapi.Document(quart.New(quart.Config{}), openapi.Config{}))
}
