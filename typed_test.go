package quart_test

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/goquart/quart"
)

type none = quart.None

type point struct {
	X int `json:"x"`
	Y int `json:"y"`
}

// download is a Responder that documents itself.
type download struct{ name string }

func (d download) Respond(c *quart.Ctx) error {
	if d.name == "" {
		return quart.ErrNotFound
	}
	return c.Bytes(c.Status(), "application/pdf", []byte(d.name))
}

func (download) Answers() []quart.Answer {
	return []quart.Answer{{Status: 200, ContentType: "application/pdf"}, {Status: 404}}
}

// pinned is a Responder by pointer.
type pinned struct{ at string }

func (p *pinned) Respond(c *quart.Ctx) error { return c.Redirect(303, p.at) }

// color is a string with JSON of its own.
type color string

func (c color) MarshalJSON() ([]byte, error) { return []byte(`"#` + string(c) + `"`), nil }

type title string

type digest []byte

type failing struct{}

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("no JSON today") }

// returns registers a typed handler that returns v.
func returns[Out any](app *quart.App, path string, v Out) *quart.Route {
	return quart.Get(app, path, func(*quart.Ctx, none) (Out, error) { return v, nil })
}

func TestResults(t *testing.T) {
	app, _ := newApp(quart.Config{})
	returns(app, "/struct", point{1, 2})
	returns(app, "/pointer", &point{1, 2})
	returns(app, "/nil", (*point)(nil))
	returns(app, "/nil201", (*point)(nil)).Status(201)
	returns(app, "/slice", []point{{1, 2}})
	returns(app, "/nilslice", []point(nil))
	returns(app, "/map", map[string]int{"b": 1, "a": 2, "c": 3})
	returns(app, "/nilmap", map[string]int(nil))
	returns(app, "/array", [2]int{1, 2})
	returns(app, "/int", 7)
	returns(app, "/string", "<b>é")
	returns(app, "/title", title("x")).Status(202)
	returns(app, "/stringpointer", ptr("x"))
	returns(app, "/color", color("fff"))
	returns(app, "/bytes", []byte("\x00\x01"))
	returns(app, "/digest", digest("d"))
	returns(app, "/none", none{})
	returns(app, "/none202", none{}).Status(202)
	returns(app, "/created", point{3, 4}).Status(201)
	returns(app, "/reply", quart.Reply(202, point{5, 6})).Status(201)
	returns(app, "/reply0", quart.Reply(0, point{5, 6})).Status(201)
	returns(app, "/replytext", quart.Reply(404, "gone"))
	returns(app, "/replynone", quart.Reply(202, none{}))
	returns(app, "/replynil", quart.Reply[*point](200, nil))
	returns(app, "/responder", download{"x"}).Status(206)
	returns(app, "/responderfails", download{})
	returns(app, "/pinned", pinned{"/x"})
	returns(app, "/pinnedpointer", &pinned{"/x"})
	returns(app, "/nilpinned", (*pinned)(nil))
	returns(app, "/any", any(point{1, 2}))
	returns(app, "/anynil", any(nil))
	returns(app, "/anytypednil", any((*point)(nil)))
	returns(app, "/anyreply", any(quart.Reply(203, "x")))
	returns(app, "/anychan", any(make(chan int)))
	returns[quart.Responder](app, "/iface", download{"x"})
	returns(app, "/badstatus", quart.Reply(99, "x"))
	returns(app, "/failing", failing{})
	returns(app, "/failingfield", struct{ A failing }{})
	s := serve(t, app)
	const js, text = "application/json", "text/plain; charset=utf-8"
	internal := `{"title":"Internal Server Error","status":500}`
	for _, tc := range []struct {
		path   string
		status int
		ctype  string
		body   string
	}{
		{"/struct", 200, js, `{"x":1,"y":2}`},
		{"/pointer", 200, js, `{"x":1,"y":2}`},
		{"/nil", 204, "", ""},
		{"/nil201", 204, "", ""},
		{"/slice", 200, js, `[{"x":1,"y":2}]`},
		{"/nilslice", 200, js, `[]`},
		{"/map", 200, js, `{"a":2,"b":1,"c":3}`},
		{"/nilmap", 200, js, `{}`},
		{"/array", 200, js, `[1,2]`},
		{"/int", 200, js, `7`},
		{"/string", 200, text, "<b>é"},
		{"/title", 202, text, "x"},
		{"/stringpointer", 200, text, "x"},
		{"/color", 200, js, `"#fff"`},
		{"/bytes", 200, "application/octet-stream", "\x00\x01"},
		{"/digest", 200, "application/octet-stream", "d"},
		{"/none", 204, "", ""},
		{"/none202", 202, "", ""},
		{"/created", 201, js, `{"x":3,"y":4}`},
		{"/reply", 202, js, `{"x":5,"y":6}`},
		{"/reply0", 201, js, `{"x":5,"y":6}`},
		{"/replytext", 404, text, "gone"},
		{"/replynone", 202, "", ""},
		{"/replynil", 204, "", ""},
		{"/responder", 206, "application/pdf", "x"},
		{"/responderfails", 404, "application/problem+json", `{"title":"Not Found","status":404}`},
		{"/pinned", 303, "", ""},
		{"/pinnedpointer", 303, "", ""},
		{"/nilpinned", 204, "", ""},
		{"/any", 200, js, `{"x":1,"y":2}`},
		{"/anynil", 204, "", ""},
		{"/anytypednil", 204, "", ""},
		{"/anyreply", 203, text, "x"},
		{"/anychan", 500, "application/problem+json", internal},
		{"/iface", 200, "application/pdf", "x"},
		{"/badstatus", 500, "application/problem+json", internal},
		{"/failing", 500, "application/problem+json", internal},
		{"/failingfield", 500, "application/problem+json", internal},
	} {
		a := s.get(tc.path)
		if a.StatusCode != tc.status || a.body != tc.body || a.Header.Get("Content-Type") != tc.ctype {
			t.Errorf("%s: %d %q %q, want %d %q %q", tc.path, a.StatusCode, a.Header.Get("Content-Type"), a.body, tc.status, tc.ctype, tc.body)
		}
	}
}

// TestBytesUnderForeignServer: a server that has a default type does not pass it on.
func TestBytesUnderForeignServer(t *testing.T) {
	app := quart.New(quart.Config{})
	returns(app, "/", []byte("x"))
	fc := request("GET", "/")
	app.Handler()(fc)
	if got := string(fc.Response.Header.ContentType()); got != "application/octet-stream" {
		t.Errorf("Content-Type %q", got)
	}
}

// TestResultAndCtx tells what of the handler's own doings on c a result keeps.
func TestResultAndCtx(t *testing.T) {
	app, _ := newApp(quart.Config{})
	quart.Put(app, "/status", func(c *quart.Ctx, _ none) (point, error) {
		if c.Status() != 202 {
			return point{}, errors.New("the route's status is not set")
		}
		c.SetStatus(201)
		c.SetHeader("Location", "/x")
		return point{}, nil
	}).Status(202)
	quart.Get(app, "/200", func(c *quart.Ctx, _ none) (point, error) { c.SetStatus(200); return point{}, nil }).Status(201)
	quart.Put(app, "/etag", func(c *quart.Ctx, _ none) (none, error) { c.SetHeader("ETag", `"1"`); return none{}, nil })
	quart.Get(app, "/nil", func(c *quart.Ctx, _ none) (*point, error) { c.SetStatus(202); return nil, nil })
	quart.Get(app, "/type", func(c *quart.Ctx, _ none) ([]byte, error) {
		c.SetHeader("Content-Type", "text/plain; charset=utf-8")
		return []byte("a"), nil
	})
	quart.Get(app, "/own", func(c *quart.Ctx, _ none) (point, error) { return point{}, c.Redirect(303, "/x") })
	quart.Get(app, "/error", func(c *quart.Ctx, _ none) (point, error) { c.SetStatus(201); return point{1, 2}, quart.ErrConflict })
	quart.Delete(app, "/panic", func(*quart.Ctx, none) (point, error) { panic("x") })
	quart.Patch(app, "/patch", func(c *quart.Ctx, _ none) (string, error) { return c.Method(), nil })
	quart.Handle(app, "REPORT", "/report", func(c *quart.Ctx, _ none) (string, error) { return c.Method(), nil })
	s := serve(t, app)
	a := s.do("PUT", "/status", "")
	a.want(t, 201, `{"x":0,"y":0}`)
	if a.Header.Get("Location") != "/x" {
		t.Error("the header is lost")
	}
	s.get("/200").want(t, 200, `{"x":0,"y":0}`)
	a = s.do("PUT", "/etag", "")
	a.want(t, 204, "")
	if a.Header.Get("ETag") != `"1"` {
		t.Error("a 204 lost its ETag")
	}
	s.get("/nil").want(t, 202, "")
	a = s.get("/type")
	a.want(t, 200, "a")
	if got := a.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	s.get("/own").want(t, 303, "")
	s.get("/error").want(t, 409, `{"title":"Conflict","status":409}`)
	s.do("DELETE", "/panic", "").want(t, 500, `{"title":"Internal Server Error","status":500}`)
	s.do("PATCH", "/patch", "").want(t, 200, "PATCH")
	s.do("REPORT", "/report", "").want(t, 200, "REPORT")
	head := s.do("HEAD", "/200", "")
	head.want(t, 200, "")
	if head.ContentLength != int64(len(`{"x":0,"y":0}`)) {
		t.Errorf("HEAD: Content-Length %d", head.ContentLength)
	}
}

type mixed struct {
	ID   int `query:"id"`
	Name string
}

type embedsMixed struct{ mixed2 }

type mixed2 struct {
	ID   int `query:"id"`
	Name string
}

// panicOf returns what f panics with.
func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func in[In any](app *quart.App) {
	quart.Post(app, "/x/{id}", func(*quart.Ctx, In) (none, error) { return none{}, nil })
}

func out[Out any](app *quart.App) {
	quart.Get(app, "/x", func(*quart.Ctx, none) (v Out, err error) { return v, nil })
}

func TestTypedRegistrationPanics(t *testing.T) {
	_, file, _, _ := runtime.Caller(0)
	for _, tc := range []struct {
		want     string
		register func(*quart.App)
	}{
		{`POST "/x/{id}": input type quart_test.mixed: field Name: has no source tag`, in[mixed]},
		{`field Name: has no source tag`, in[embedsMixed]},
		{`field A: has two sources, path and query`, in[struct {
			A int `path:"id" query:"a"`
		}]},
		{`field A: its query tag lacks a name`, in[struct {
			A int `query:""`
		}]},
		{`field a: has a source tag, but is not exported`, in[struct {
			a int `query:"a"`
		}]},
		{`field A: rules "maxLength=1": `, in[struct {
			A int `query:"a" rules:"maxLength=1"`
		}]},
		{`there is no rule "nonsense"`, in[struct {
			A int `json:"a" rules:"nonsense"`
		}]},
		{`field a: has rules, but is nothing of JSON`, in[struct {
			a int `rules:"min=1"`
			B int
		}]},
		{`field A: is required and has a default`, in[struct {
			A int `json:"a" rules:"required" default:"1"`
		}]},
		{`field A: default "0" must be at least 1`, in[struct {
			A int `json:"a" rules:"min=1" default:"0"`
		}]},
		{`field A: default "0" must be at least 1`, in[struct {
			A int `query:"a" rules:"min=1" default:"0"`
		}]},
		{`field A: default "x": a quart_test.point is made from no text`, in[struct {
			A point `json:"a" default:"x"`
		}]},
		{`field A: a body has no default as a whole`, in[struct {
			A point `body:"" default:"x"`
		}]},
		{`field A: a file is a *multipart.FileHeader or a slice of them, not a int`, in[struct {
			A int `file:"a"`
		}]},
		{`field A: a file has no default`, in[struct {
			A *multipart.FileHeader `file:"a" default:"x"`
		}]},
		{`has form fields and a body`, in[struct {
			A int   `form:"a"`
			B point `body:""`
		}]},
		{`field A: rules "min=2,max=1"`, in[struct {
			A int `query:"a" rules:"min=2,max=1"`
		}]},
		{`field A: the tag binding is nobody's here`, in[struct {
			A int `json:"a" binding:"required"`
		}]},
		{`has two fields for header "x-a"`, in[struct {
			A int `header:"X-A"`
			B int `header:"x-a"`
		}]},
		{`"a b" is no name of a header`, in[struct {
			A int `header:"a b"`
		}]},
		{`its query tag has a comma`, in[struct {
			A int `query:"a,omitempty"`
		}]},
		{`has fields with sources: take the quart_test.span itself`, in[*span]},
		{`is required and has a default`, in[struct {
			A int `query:"a" rules:"required" default:"1"`
		}]},
		{`a GET has no body`, func(app *quart.App) {
			quart.Get(app, "/x", func(*quart.Ctx, point) (none, error) { return none{}, nil })
		}},
		{`a GET has no body`, func(app *quart.App) {
			quart.Get(app, "/x", func(*quart.Ctx, struct {
				A int `form:"a"`
			},
			) (none, error) {
				return none{}, nil
			})
		}},
		{`Route.Returns(700)`, func(app *quart.App) { app.Get("/x", text).Returns(700, nil) }},
		{`the header Content-Length is the server's`, out[struct {
			A int `header:"Content-Length"`
		}]},
		{`field B: is a second body`, in[struct {
			A point `body:""`
			B point `body:"json"`
		}]},
		{`field A: body kind "xml" is not known`, in[struct {
			A point `body:"xml"`
		}]},
		{`field A: body "text/plain; charset=utf-8": a string takes a raw body, of the media type in the tag, which has no parameters`, in[struct {
			A string `body:"text/plain; charset=utf-8"`
		}]},
		{`field A: body "*/png": a []uint8 takes a raw body`, in[struct {
			A []byte `body:"*/png"`
		}]},
		{`field A: body "image/": a []uint8 takes a raw body`, in[struct {
			A []byte `body:"image/"`
		}]},
		{`field A: rules "required": an io.Reader is not looked into`, in[struct {
			A io.Reader `body:"" rules:"required"`
		}]},
		{`field A: body "json": a string takes a raw body`, in[struct {
			A string `body:"json"`
		}]},
		{`field A: type chan int is made from no text`, in[struct {
			A chan int `query:"a"`
		}]},
		{`field A: type quart_test.point is made from no text`, in[struct {
			A point `query:"a"`
		}]},
		{`field A: type [15]uint8 is made from no text`, in[struct {
			A [15]byte `path:"id"`
		}]},
		{`field A: type **int is made from no text`, in[struct {
			A **int `query:"a"`
		}]},
		{`field A: type [][]int is made from no text`, in[struct {
			A [][]int `query:"a"`
		}]},
		{`field A: a path is one value, not a slice`, in[struct {
			A []int `path:"id"`
		}]},
		{`field A: a cookie is one value, not a slice`, in[struct {
			A []int `cookie:"a"`
		}]},
		{`field A: default "x" must be an integer`, in[struct {
			A int `query:"a" default:"x"`
		}]},
		{`field A: default "1,x" must be an integer`, in[struct {
			A []int `query:"a" default:"1,x"`
		}]},
		{`field A: a path field has its default from Route.Default`, in[struct {
			A int `path:"id" default:"1"`
		}]},
		{`input type *int: a int cannot hold a body`, in[*int]},
		{`input type error: a error cannot hold a body`, in[error]},
		{`a chan int is no result that can be answered`, out[chan int]},
		{`a func() is no result that can be answered`, out[*func()]},
		{`a complex128 is no result that can be answered`, out[quart.Result[complex128]]},
		{`nil handler for GET "/x"`, func(app *quart.App) { quart.Get[none, none](app, "/x", nil) }},
		{`Route.Status(99)`, func(app *quart.App) { returns(app, "/x", 1).Status(99) }},
		{`Route.Status is for typed handlers`, func(app *quart.App) { app.Get("/x", text).Status(201) }},
		{`Route.Returns: a chan int is no result`, func(app *quart.App) { app.Get("/x", text).Returns(201, make(chan int)) }},
		{`input type struct { A int "path:\"di\"" }: the pattern has no parameter "di"`, func(app *quart.App) {
			in[struct {
				A int `path:"di"`
			}](app)
			app.Handler()
		}},
	} {
		app := quart.New(quart.Config{})
		v := panicOf(func() { tc.register(app) })
		if s := fmt.Sprint(v); !strings.Contains(s, "quart: ") || !strings.Contains(s, tc.want) || !strings.Contains(s, file+":") {
			t.Errorf("panic %v\nwant %s, and %s", v, tc.want, file)
		}
	}
}

func TestTypedRegistrationAccepts(t *testing.T) {
	app := quart.New(quart.Config{})
	in[none](app)
	for _, register := range []func(*quart.App){
		in[struct{}], in[any], in[map[string]int], in[[]point], in[*point], in[[]string], in[reviewIn], in[string], in[[]byte], in[io.Reader], out[error], out[struct{}],
	} {
		if v := panicOf(func() { register(quart.New(quart.Config{})) }); v != nil {
			t.Error(v)
		}
	}
	// A parameter of a prefix, or one that only another place of mounting has.
	g := quart.NewGroup()
	quart.Get(g, "/list", func(_ *quart.Ctx, in struct {
		Tenant string `path:"tenant"`
	},
	) (string, error) {
		return in.Tenant, nil
	})
	app.Mount("/{tenant}", g)
	if v := panicOf(func() { app.Handler() }); v != nil {
		t.Error(v)
	}
	bad := quart.New(quart.Config{})
	bad.Mount("/{tenant}", g)
	bad.Mount("/fixed", g)
	if v := panicOf(func() { bad.Handler() }); v == nil || !strings.Contains(fmt.Sprint(v), `"/fixed/list"`) {
		t.Errorf("mounted without the parameter: %v", v)
	}
}

type reviewIn struct {
	quart.None
	Film  int    `path:"id"`
	Draft bool   `query:"draft"`
	Body  review `body:"json"`
	_     string // not the request's
}

func listPoints(*quart.Ctx, struct {
	ID int32 `path:"id"`
},
) ([]point, error) {
	return nil, nil
}

func TestRouteInfo(t *testing.T) {
	app := quart.New(quart.Config{})
	_, file, line, _ := runtime.Caller(0)
	quart.Get(app, "/a/{id:int}/{rest:*}", listPoints).Doc(quart.Doc{Summary: "points"}).Returns(404, nil).Returns(409, point{})
	quart.Post(app, "/b/{id}/{x:float}", func(*quart.Ctx, reviewIn) (quart.Result[*point], error) {
		return quart.Result[*point]{}, nil
	}).Status(201).Name("b")
	app.Get("/c/{n:uint?}", text)
	quart.Put(app, "/d", func(*quart.Ctx, []point) (download, error) { return download{}, nil })
	returns(app, "/e", none{})
	infos := map[string]quart.RouteInfo{}
	for r := range app.Routes() {
		infos[r.Info().Pattern[:2]] = r.Info()
	}
	ofInt32, ofString := reflect.TypeFor[int32](), reflect.TypeFor[string]()
	for _, want := range []quart.RouteInfo{
		{
			Method: "GET", Pattern: "/a/{id:int}/{rest:*}", Name: "listPoints", Source: fmt.Sprintf("%s:%d", file, line+1),
			Params: []quart.Field{
				{Name: "id", Source: "path", Type: ofInt32, Converter: "int", Required: true, Index: []int{0}},
				{Name: "rest", Source: "path", Type: ofString, Converter: "*", Required: true},
			},
			Fields: []quart.Field{{Name: "id", Source: "path", Type: ofInt32, Required: true, Index: []int{0}}},
			Out:    reflect.TypeFor[[]point](), Status: 200, Doc: quart.Doc{Summary: "points"},
			Answers: []quart.Answer{
				{Status: 200, ContentType: "application/json", Body: reflect.TypeFor[[]point]()},
				{Status: 404, ContentType: "application/problem+json"},
				{Status: 409, ContentType: "application/json", Body: reflect.TypeFor[point]()},
			},
		},
		{
			Method: "POST", Pattern: "/b/{id}/{x:float}", Name: "b", Source: fmt.Sprintf("%s:%d", file, line+2),
			Params: []quart.Field{
				{Name: "id", Source: "path", Type: reflect.TypeFor[int](), Required: true, Index: []int{1}},
				{Name: "x", Source: "path", Type: reflect.TypeFor[float64](), Converter: "float", Required: true},
			},
			In: reflect.TypeFor[reviewIn](), Request: "application/json",
			Fields: []quart.Field{
				{Name: "id", Source: "path", Type: reflect.TypeFor[int](), Required: true, Index: []int{1}},
				{Name: "draft", Source: "query", Type: reflect.TypeFor[bool](), Index: []int{2}},
				{Source: "body", Type: reflect.TypeFor[review](), Required: true, Index: []int{3}},
			},
			Out: reflect.TypeFor[*point](), Status: 201,
			Answers: []quart.Answer{{Status: 201, ContentType: "application/json", Body: reflect.TypeFor[*point]()}},
		},
		{
			Method: "GET", Pattern: "/c/{n:uint?}", Name: "text",
			Params: []quart.Field{{Name: "n", Source: "path", Type: reflect.TypeFor[uint64](), Converter: "uint"}},
		},
		{
			Method: "PUT", Pattern: "/d", Request: "application/json", In: reflect.TypeFor[[]point](), Out: reflect.TypeFor[download](), Status: 200,
			Fields:  []quart.Field{{Source: "body", Type: reflect.TypeFor[[]point](), Required: true}},
			Answers: download{}.Answers(),
		},
		{Method: "GET", Pattern: "/e", Status: 204, Answers: []quart.Answer{{Status: 204}}},
	} {
		got := infos[want.Pattern[:2]]
		if want.In == nil && len(want.Fields) > 0 {
			want.In = got.In // an unnamed type
		}
		if want.Source == "" {
			want.Source = got.Source
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", want.Pattern, got, want)
		}
	}
}

// TestRouteInfoRequiredBody: a body is required where a request without one is refused.
func TestRouteInfoRequiredBody(t *testing.T) {
	for _, tc := range []struct {
		register func(*quart.App)
		required bool
	}{
		{in[[]byte], false},
		{in[point], true},
		{in[struct {
			B *point `body:""`
		}], false},
		{in[struct {
			B string `body:"text/plain" rules:"maxLength=9"`
		}], false},
		{in[struct {
			B io.Reader `body:""`
		}], false},
		{in[struct {
			B []byte `body:"" rules:"required"`
		}], true},
	} {
		app := quart.New(quart.Config{})
		tc.register(app)
		for r := range app.Routes() {
			info := r.Info()
			if f := info.Fields; len(f) != 1 || f[0].Source != "body" || f[0].Required != tc.required {
				t.Errorf("%v: %+v", info.In, f)
			}
		}
	}
}

// TestTypedNames: URLs find a typed handler by the name of its function.
func TestTypedNames(t *testing.T) {
	app := quart.New(quart.Config{})
	quart.Get(app, "/points/{id:int}", listPoints)
	if got := app.URL("listPoints", "id", 5); got != "/points/5" {
		t.Error(got)
	}
}
