package quart_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/goquart/quart"
)

// faults reads the errors of a problem as "location pointer detail" lines.
func faults(t *testing.T, a *answer) []string {
	t.Helper()
	var p struct {
		Errors []struct{ Location, Pointer, Detail string } `json:"errors"`
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	var lines []string
	for _, e := range p.Errors {
		lines = append(lines, e.Location+" "+e.Pointer+" "+e.Detail)
	}
	return lines
}

// wantFaults sends a request and compares what is wrong with it; a want without lines is a 200.
func wantFaults(t *testing.T, a *answer, want ...string) {
	t.Helper()
	if len(want) == 0 {
		if a.StatusCode != 200 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		return
	}
	if a.StatusCode != 422 {
		t.Errorf("%d %s, want 422 %q", a.StatusCode, a.body, want)
		return
	}
	if got := strings.Join(faults(t, a), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("faults\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

type address struct {
	Street string `json:"street" rules:"required,minLength=1"`
	Zip    string `json:"zip" rules:"pattern=^[0-9]{5}$"`
}

type item struct {
	SKU   string   `json:"sku" rules:"required,maxLength=8"`
	Count int      `json:"count" default:"1" rules:"min=1,max=99"`
	Notes []string `json:"notes" rules:"maxItems=2,items.maxLength=5"`
}

// Audit is embedded, so its members are those of what embeds it.
type Audit struct {
	By string `json:"by" rules:"enum=web|app"`
}

type purchase struct {
	Audit
	Name     string             `json:"name" rules:"required,maxLength=20"`
	Age      *int               `json:"age" rules:"min=18"`
	Rate     float64            `json:"rate" rules:"exclusiveMin=0"`
	Kind     string             `json:"kind" default:"home" rules:"enum=home|work"`
	Tags     []string           `json:"tags" default:"a,b" rules:"uniqueItems"`
	Address  *address           `json:"address"`
	Items    []item             `json:"items" rules:"required,minItems=1,maxItems=3"`
	ByCode   map[string]address `json:"by_code" rules:"maxProperties=2"`
	Quoted   int                `json:"quoted,string" rules:"max=5"`
	Parent   *purchase          `json:"parent"`
	Whenever time.Time          `json:"whenever" rules:"required"`
}

const good = `"name":"x","items":[{"sku":"a"}],"whenever":"2026-01-02T03:04:05Z"`

var purchaseCases = []struct {
	name, body string
	want       []string
}{
	{"least", `{` + good + `}`, nil},
	{"at the edges", `{` + good + `,"age":18,"rate":0.001,"kind":"work","tags":["a"],"quoted":"5"}`, nil},
	{"nothing", `{}`, []string{"body /name is missing", "body /items is missing", "body /whenever is missing"}},
	{"null for a required one", `{"name":null,"items":null,"whenever":null}`, []string{"body /name must not be null", "body /items must not be null", "body /whenever must not be null"}},
	{"null for optional ones", `{` + good + `,"age":null,"rate":null,"address":null,"parent":null,"tags":null,"quoted":null}`, nil},
	{"zero is not absent", `{` + good + `,"rate":0,"age":0}`, []string{"body /rate must be more than 0", "body /age must be at least 18"}},
	{"empty list", `{"name":"x","items":[],"whenever":"2026-01-02T03:04:05Z"}`, []string{"body /items must have at least 1 item"}},
	{"empty name is there", `{"name":"","items":[{"sku":""}],"whenever":"2026-01-02T03:04:05Z"}`, nil},
	{"embedded", `{` + good + `,"by":"tv"}`, []string{"body /by must be one of: web, app"}},
	{"nested", `{` + good + `,"address":{"zip":"1"}}`, []string{"body /address/zip must match the pattern ^[0-9]{5}$", "body /address/street is missing"}},
	{"elements", `{"name":"x","whenever":"2026-01-02T03:04:05Z","items":[{"sku":"a"},{},{"sku":"123456789","count":0,"notes":["abc","abcdef"]}]}`, []string{
		"body /items/1/sku is missing", "body /items/2/sku must have at most 8 characters", "body /items/2/count must be at least 1",
		"body /items/2/notes/1 must have at most 5 characters",
	}},
	{"map", `{` + good + `,"by_code":{"a/b":{"street":"s"},"c~":{"zip":"x"}}}`, []string{"body /by_code/c~0/zip must match the pattern ^[0-9]{5}$", "body /by_code/c~0/street is missing"}},
	{"map is full", `{` + good + `,"by_code":{"a":{"street":"s"},"b":{"street":"s"},"c":{"street":"s"}}}`, []string{"body /by_code must have at most 2 properties"}},
	{"recursive", `{` + good + `,"parent":{` + good + `,"parent":{"name":"x"}}}`, []string{"body /parent/parent/items is missing", "body /parent/parent/whenever is missing"}},
	{"repeated", `{` + good + `,"tags":["x","y","x"]}`, []string{"body /tags must not repeat an item"}},
	{"escaped name", `{"n\u0061me":"x","items":[{"sku":"a"}],"whenever":"2026-01-02T03:04:05Z"}`, nil},
	{"escaped name, too long", `{"n\u0061me":"012345678901234567890","items":[{"sku":"a"}],"whenever":"2026-01-02T03:04:05Z"}`, []string{"body /name must have at most 20 characters"}},
	{"another case is another name", `{"NAME":"x","items":[{"sku":"a"}],"whenever":"2026-01-02T03:04:05Z"}`, []string{"body /name is missing"}},
	{"white space everywhere", " { \"name\" : \"x\" , \"items\" : [ { \"sku\" : \"a\" } , { } ] , \"whenever\" : \"2026-01-02T03:04:05Z\" , \"unknown\" : [ { } , 1 ] } ", []string{"body /items/1/sku is missing"}},

	// Wrong types: all of them, with what is wrong elsewhere.
	{"types", `{"name":1,"age":"x","rate":"1","items":[{"sku":2},{"sku":"a","count":1.5}],"quoted":7,"whenever":"now"}`, []string{
		"body /name must be a string", "body /age must be an integer", "body /rate must be a number", "body /items/0/sku must be a string",
		"body /items/1/count must be an integer", "body /quoted must be an integer", "body /whenever must be a time such as 2006-01-02T15:04:05Z",
	}},
	{"types and rules", `{"name":"012345678901234567890","age":[],"items":[{"sku":"123456789"}],"address":{"zip":1}}`, []string{
		"body /age must be an integer", "body /address/zip must be a string", "body /name must have at most 20 characters",
		"body /items/0/sku must have at most 8 characters", "body /address/street is missing", "body /whenever is missing",
	}},
	{"types are no repetition", `{` + good + `,"tags":[1,2]}`, []string{"body /tags/0 must be a string", "body /tags/1 must be a string"}},
	{"no object", `[]`, []string{"body  must be an object"}},
	{"no object in a list", `{"name":"x","items":[7,"x",{"sku":"a"}],"whenever":"2026-01-02T03:04:05Z"}`, []string{"body /items/0 must be an object", "body /items/1 must be an object"}},
	{"string option", `{` + good + `,"quoted":"6"}`, []string{"body /quoted must be at most 5"}},
	{"map of wrong types", `{` + good + `,"by_code":{"a":1,"b":{"street":2}}}`, []string{"body /by_code/a must be an object", "body /by_code/b/street must be a string"}},
}

func TestBodyRules(t *testing.T) {
	app, _ := newApp(quart.Config{})
	quart.Post(app, "/", func(_ *quart.Ctx, in purchase) (string, error) { return in.Kind, nil })
	quart.Post(app, "/field", func(_ *quart.Ctx, in struct {
		Body purchase `body:""`
	},
	) (string, error) {
		return in.Body.Kind, nil
	})
	app.Post("/bind", func(c *quart.Ctx) error {
		var in purchase
		if err := c.Bind(&in); err != nil {
			return err
		}
		return c.Text(200, in.Kind)
	})
	s := serve(t, app)
	for _, tc := range purchaseCases {
		for _, target := range []string{"/", "/field", "/bind"} {
			t.Run(tc.name+target, func(t *testing.T) {
				wantFaults(t, s.do("POST", target, tc.body, "Content-Type: application/json"), tc.want...)
			})
		}
	}
}

// TestBodyDefaults: what is absent gets its default, in elements and maps too, and each input its own.
func TestBodyDefaults(t *testing.T) {
	app, _ := newApp(quart.Config{})
	quart.Post(app, "/", func(_ *quart.Ctx, in purchase) (string, error) {
		in.Tags[0] += "!"
		return fmt.Sprint(in.Kind, in.Tags, in.Items[0].Count, in.Items[1].Count), nil
	})
	s := serve(t, app)
	for range 2 {
		s.do("POST", "/", `{"name":"x","items":[{"sku":"a"},{"sku":"b","count":7}],"whenever":"2026-01-02T03:04:05Z"}`, "Content-Type: application/json").
			want(t, 200, "home[a! b] 1 7")
	}
	s.do("POST", "/", `{"kind":"work","tags":["c"],"name":"x","items":[{"sku":"a"},{"sku":"b","count":7}],"whenever":"2026-01-02T03:04:05Z"}`, "Content-Type: application/json").
		want(t, 200, "work[c!] 1 7")
}

// v1Codec is encoding/json's manner: names in any case, the last of two of one name counts.
type v1Codec struct{}

func (v1Codec) Append(dst []byte, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(dst, b...), err
}

func (v1Codec) Decode(data []byte, v any) error { return jsonv1.Unmarshal(data, v) }

// TestBodyRulesLenientCodec: a codec that takes other names for a field does not get a value past its rules.
func TestBodyRulesLenientCodec(t *testing.T) {
	type in struct {
		Role string `json:"role" rules:"enum=guest|user"`
		List []item `json:"list" rules:"maxItems=1"`
	}
	app, _ := newApp(quart.Config{JSON: v1Codec{}})
	quart.Post(app, "/", func(_ *quart.Ctx, in in) (string, error) { return in.Role, nil })
	s := serve(t, app)
	post := func(body string) *answer { return s.do("POST", "/", body, "Content-Type: application/json") }
	wantFaults(t, post(`{"role":"guest"}`))
	wantFaults(t, post(`{"ROLE":"admin"}`), "body /role must be one of: guest, user")
	wantFaults(t, post(`{"role":"guest","Role":"admin"}`), "body /role must be one of: guest, user")
	wantFaults(t, post(`{"role":"admin","role":"guest"}`))
	wantFaults(t, post(`{"LIST":[{"sku":"123456789"}]}`), "body /list/0/sku must have at most 8 characters")
	wantFaults(t, post(`{"list":[],"LIST":[{"sku":"a","COUNT":100}]}`), "body /list/0/count must be at most 99")
	wantFaults(t, post(`{"role":5,"list":{}}`), "body /role must be a string", "body /list must be an array")
	if a := post(`{"role":`); a.StatusCode != 400 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// TestBodyRulesPreset: what Bind's value holds already does not stand for what the body says is null.
func TestBodyRulesPreset(t *testing.T) {
	type in struct {
		Name string `json:"name" rules:"required"`
		Kind string `json:"kind" default:"home"`
	}
	for _, codec := range []quart.JSONCodec{nil, v1Codec{}} {
		app, _ := newApp(quart.Config{JSON: codec})
		app.Post("/", func(c *quart.Ctx) error {
			v := in{Name: "before", Kind: "before"}
			if err := c.Bind(&v); err != nil {
				return err
			}
			return c.Text(200, v.Name+" "+v.Kind)
		})
		s := serve(t, app)
		post := func(body string) *answer { return s.do("POST", "/", body, "Content-Type: application/json") }
		post(`{}`).want(t, 200, "before before")
		post(`{"name":"a"}`).want(t, 200, "a before")
		post(`{"name":"a","kind":""}`).want(t, 200, "a ")
		wantFaults(t, post(`{"name":null}`), "body /name must not be null")
		if codec != nil { // which takes the last of two of one name
			wantFaults(t, post(`{"name":"a","name":null}`), "body /name must not be null")
			wantFaults(t, post(`{"Name":"a","name":null}`), "body /name must not be null")
		}
	}
}

// option is a type that tells null from a text.
type option struct {
	Set, Null bool
	Text      string
}

func (o *option) UnmarshalJSON(text []byte) error {
	o.Set, o.Null = true, string(text) == "null"
	if o.Null {
		return nil
	}
	return json.Unmarshal(text, &o.Text)
}

// TestBodyRulesOfOpaque: a type that makes something of null is required to be more than that.
func TestBodyRulesOfOpaque(t *testing.T) {
	type in struct {
		Name option  `json:"name" rules:"required"`
		Next *option `json:"next" rules:"required"`
	}
	type whole struct {
		Body option `body:"" rules:"required"`
	}
	for _, codec := range []quart.JSONCodec{nil, v1Codec{}} {
		app, _ := newApp(quart.Config{JSON: codec})
		quart.Post(app, "/", func(*quart.Ctx, in) (string, error) { return "", nil })
		quart.Post(app, "/whole", func(*quart.Ctx, whole) (string, error) { return "", nil })
		s := serve(t, app)
		post := func(target, body string) *answer {
			return s.do("POST", target, body, "Content-Type: application/json")
		}
		wantFaults(t, post("/", `{"name":"a","next":"b"}`))
		wantFaults(t, post("/", `{"name":"","next":""}`))
		wantFaults(t, post("/", `{"name":null,"next":null}`), "body /name must not be null", "body /next must not be null")
		wantFaults(t, post("/", `{"next":"b"}`), "body /name is missing")
		wantFaults(t, post("/whole", `"a"`))
		wantFaults(t, post("/whole", `null`), "body  must not be null")
	}
}

// TestBodyFaultsAreBounded: a body that is wrong in every place costs a bounded answer.
func TestBodyFaultsAreBounded(t *testing.T) {
	type in struct {
		N []int `json:"n" rules:"items.min=0"`
	}
	app, _ := newApp(quart.Config{})
	quart.Post(app, "/", func(*quart.Ctx, in) (string, error) { return "", nil })
	s := serve(t, app)
	for _, elem := range []string{`"x",`, `-1,`, `{},`} {
		body := `{"n":[` + strings.Repeat(elem, 200_000) + `0]}`
		a := s.do("POST", "/", body, "Content-Type: application/json")
		if got := faults(t, a); len(got) != 100 {
			t.Errorf("%s: %d faults, %d", elem, len(got), a.StatusCode)
		}
	}
}

// TestBodyExplainDeep: a fault at the bottom of a recursive type is found in bounded time.
func TestBodyExplainDeep(t *testing.T) {
	type node struct {
		Next *node  `json:"next"`
		Fill string `json:"fill"`
		N    int    `json:"n"`
	}
	app, _ := newApp(quart.Config{})
	quart.Post(app, "/", func(*quart.Ctx, node) (string, error) { return "", nil })
	s := serve(t, app)
	post := func(body string) []string {
		return faults(t, s.do("POST", "/", body, "Content-Type: application/json"))
	}
	got := post(strings.Repeat(`{"next":`, 60) + `{"n":"x"}` + strings.Repeat("}", 60))
	if len(got) != 1 || !strings.HasSuffix(got[0], "/next/n must be an integer") {
		t.Errorf("%q", got)
	}
	got = post(strings.Repeat(`{"next":`, 60) + `{"n":"x","fill":"` + strings.Repeat("x", 900_000) + `"}` + strings.Repeat("}", 60))
	if len(got) != 1 || !strings.HasSuffix(got[0], "/next/n must be an integer") {
		t.Errorf("%q", got)
	}
}

func TestValueRules(t *testing.T) {
	type in struct {
		ID     int           `path:"id" rules:"max=100"`
		Q      string        `query:"q" rules:"required,minLength=2"`
		Page   int           `query:"page" default:"1" rules:"min=1,max=50"`
		Sort   []string      `query:"sort" rules:"maxItems=2,items.enum=a|b"`
		Wait   time.Duration `query:"wait" rules:"max=1m"`
		Tenant string        `header:"X-Tenant" rules:"required,format=uuid"`
		Theme  *string       `cookie:"theme" rules:"enum=light|dark"`
		Code   [16]byte      `query:"code"`
	}
	app, _ := newApp(quart.Config{})
	quart.Get(app, "/{id:int}", func(_ *quart.Ctx, v in) (string, error) { return fmt.Sprint(v.Page, v.Code[0]), nil })
	s := serve(t, app)
	const tenant = "X-Tenant: 0bf6a8f0-0000-4000-8000-000000000000"
	wantFaults(t, s.get("/7?q=ab", tenant))
	s.get("/7?q=ab&code=ff000000-0000-4000-8000-00000000000A&page=50&sort=a&sort=b&wait=60s", tenant, "Cookie: theme=dark").want(t, 200, "50 255")
	wantFaults(t, s.get("/7"), "query q is missing", "header X-Tenant is missing")
	wantFaults(t, s.get("/7?q=a&page=0&sort=a&sort=c&wait=61s&code=7", "X-Tenant: x", "Cookie: theme=red"),
		"query q must have at least 2 characters", "query page must be at least 1", "query sort item 2 must be one of: a, b", "query wait must be at most 1m",
		"header X-Tenant must be a UUID", "cookie theme must be one of: light, dark", "query code must be a UUID")
	wantFaults(t, s.get("/7?q=ab&page=51&sort=a&sort=a&sort=a", tenant), "query page must be at most 50", "query sort must have at most 2 items")
	if a := s.get("/101?q=ab", tenant); a.StatusCode != 404 {
		t.Errorf("a path value against its rules: %d", a.StatusCode)
	}
}

type upload struct {
	Title string                  `form:"title" rules:"required,maxLength=10"`
	Tags  []string                `form:"tag"`
	Stars int                     `form:"stars" default:"3" rules:"max=5"`
	Cover *multipart.FileHeader   `file:"cover" rules:"required,maxLength=1KiB"`
	Extra []*multipart.FileHeader `file:"extra" rules:"maxItems=2"`
}

func TestForms(t *testing.T) {
	type comment struct {
		ID    int      `path:"id"`
		Title string   `form:"title" rules:"required,maxLength=10"`
		Tags  []string `form:"tag"`
		Stars int      `form:"stars" default:"3" rules:"max=5"`
		Agree bool     `form:"agree"`
	}
	app, _ := newApp(quart.Config{})
	quart.Post(app, "/{id:int}", func(_ *quart.Ctx, in comment) (string, error) { return fmt.Sprintf("%+v", in), nil })
	quart.Post(app, "/upload", func(_ *quart.Ctx, in upload) (string, error) {
		return fmt.Sprint(in.Title, in.Tags, in.Stars, in.Cover.Filename, in.Cover.Size, len(in.Extra)), nil
	})
	s := serve(t, app)
	const urlencoded = "Content-Type: application/x-www-form-urlencoded"
	s.do("POST", "/7", "title=&tag=&agree=&stars=", urlencoded).want(t, 200, "{ID:7 Title: Tags:[] Stars:3 Agree:false}") // a form left empty
	s.do("POST", "/7", "title=a+b&tag=x&tag=y&agree=on", urlencoded).want(t, 200, "{ID:7 Title:a b Tags:[x y] Stars:3 Agree:true}")
	wantFaults(t, s.do("POST", "/7", "title=01234567890&stars=6", urlencoded), "form title must have at most 10 characters", "form stars must be at most 5")
	wantFaults(t, s.do("POST", "/7", ""), "form title is missing")
	for _, contentType := range []string{"application/json", "text/plain"} {
		if a := s.do("POST", "/7", "{}", "Content-Type: "+contentType); a.StatusCode != 415 {
			t.Errorf("%s: %d", contentType, a.StatusCode)
		}
	}
	if a := s.do("POST", "/upload", "title=x", urlencoded); a.StatusCode != 415 {
		t.Errorf("files in a form without parts: %d", a.StatusCode)
	}
	if a := s.do("POST", "/7", "title=x", "Content-Type: multipart/form-data"); a.StatusCode != 400 {
		t.Errorf("no boundary: %d", a.StatusCode)
	}

	post := func(build func(w *multipart.Writer)) *answer {
		var b strings.Builder
		w := multipart.NewWriter(&b)
		build(w)
		_ = w.Close()
		return s.do("POST", "/upload", b.String(), "Content-Type: "+w.FormDataContentType())
	}
	file := func(w *multipart.Writer, field string, size int) {
		part, _ := w.CreateFormFile(field, "../"+field+".png")
		_, _ = io.WriteString(part, strings.Repeat("x", size))
	}
	post(func(w *multipart.Writer) {
		_ = w.WriteField("title", "t")
		_ = w.WriteField("tag", "x")
		file(w, "cover", 1024)
		file(w, "extra", 1)
		file(w, "extra", 2)
	}).want(t, 200, "t[x] 3cover.png1024 2")
	wantFaults(t, post(func(w *multipart.Writer) {
		_ = w.WriteField("stars", "x")
		file(w, "cover", 1025)
		for range 3 {
			file(w, "extra", 1)
		}
	}), "form title is missing", "form stars must be an integer", "form cover must have at most 1 KiB", "form extra must have at most 2 items")
	wantFaults(t, post(func(w *multipart.Writer) { _ = w.WriteField("title", "t") }), "form cover is missing")
}

func TestRawBodies(t *testing.T) {
	app, _ := newApp(quart.Config{})
	quart.Put(app, "/bytes/{id}", func(_ *quart.Ctx, in struct {
		ID   string `path:"id"`
		Body []byte `body:"image/*" rules:"maxLength=4"`
	},
	) (string, error) {
		return in.ID + string(in.Body), nil
	})
	quart.Put(app, "/text", func(_ *quart.Ctx, in struct {
		Body string `body:"text/csv" rules:"required"`
	},
	) (string, error) {
		return in.Body, nil
	})
	quart.Put(app, "/any", func(_ *quart.Ctx, in struct {
		Body []byte `body:"*/*"`
	},
	) (string, error) {
		return string(in.Body), nil
	})
	quart.Put(app, "/stream", func(_ *quart.Ctx, in struct {
		Body io.Reader `body:""`
	},
	) (int64, error) {
		return io.Copy(io.Discard, in.Body)
	}).BodyLimit(100)
	quart.Put(app, "/all", func(_ *quart.Ctx, in []byte) (string, error) { return string(in), nil })
	quart.Put(app, "/opt", func(_ *quart.Ctx, in struct {
		Body *point `body:""`
	},
	) (string, error) {
		return fmt.Sprint(in.Body != nil), nil
	})
	s := serve(t, app)
	s.do("PUT", "/bytes/a", "\x00\xff", "Content-Type: image/png").want(t, 200, "a\x00\xff")
	s.do("PUT", "/bytes/a", "", "Content-Type: image/png").want(t, 200, "a")
	wantFaults(t, s.do("PUT", "/bytes/a", "12345", "Content-Type: image/png"), "body  must have at most 4 bytes")
	for _, ct := range []string{"text/plain", "image", "imagex/png"} {
		if a := s.do("PUT", "/bytes/a", "x", "Content-Type: "+ct); a.StatusCode != 415 {
			t.Errorf("%s: %d", ct, a.StatusCode)
		}
	}
	s.do("PUT", "/text", "a,b", "Content-Type: text/csv; charset=utf-8").want(t, 200, "a,b")
	s.do("PUT", "/text", "", "Content-Type: text/csv").want(t, 400, `{"title":"Bad Request","status":400,"detail":"the body is empty"}`)
	s.do("PUT", "/stream", strings.Repeat("x", 100)).want(t, 200, "100")
	if a := s.do("PUT", "/stream", strings.Repeat("x", 101)); a.StatusCode != 413 {
		t.Errorf("over the limit: %d", a.StatusCode)
	}
	s.do("PUT", "/any", "any", "Content-Type: x/y; z=1").want(t, 200, "any")
	s.do("PUT", "/any", "any").want(t, 200, "any")
	s.do("PUT", "/all", "any", "Content-Type: x/y").want(t, 200, "any")
	s.do("PUT", "/opt", "").want(t, 200, "false")
	s.do("PUT", "/opt", "null", "Content-Type: application/json").want(t, 200, "false")
	s.do("PUT", "/opt", `{"x":1}`, "Content-Type: application/json").want(t, 200, "true")
	s.do("PUT", "/opt", "", "Content-Type: application/json").want(t, 200, "false")
}

type money struct {
	Cents int `json:"cents"`
}

func (m money) Validate() error {
	if m.Cents == 13 {
		return errors.New("is unlucky")
	}
	if m.Cents == 14 {
		return quart.Problems(quart.FieldError{Pointer: "/cents", Detail: "is unlucky, too"})
	}
	if m.Cents == 15 {
		return quart.ErrConflict
	}
	return nil
}

// TestValidateWithin: methods Validate are called all the way down, once the rules are met.
func TestValidateWithin(t *testing.T) {
	type in struct {
		Name  string           `json:"name" rules:"maxLength=3"`
		Price money            `json:"price"`
		Old   *money           `json:"old"`
		List  []money          `json:"list"`
		Map   map[string]money `json:"map"`
	}
	app, _ := newApp(quart.Config{})
	quart.Post(app, "/", func(*quart.Ctx, in) (string, error) { return "", nil })
	quart.Post(app, "/list", func(*quart.Ctx, []money) (string, error) { return "", nil })
	s := serve(t, app)
	const js = "Content-Type: application/json"
	wantFaults(t, s.do("POST", "/", `{"price":{"cents":1},"old":null,"list":[{}],"map":{"a":{}}}`, js))
	wantFaults(t, s.do("POST", "/", `{"price":{"cents":13},"old":{"cents":14},"list":[{},{"cents":13}],"map":{"a":{"cents":14}}}`, js),
		"body /price is unlucky", "body /old/cents is unlucky, too", "body /list/1 is unlucky", "body /map/a/cents is unlucky, too")
	wantFaults(t, s.do("POST", "/", `{"name":"long","price":{"cents":13}}`, js), "body /name must have at most 3 characters")
	wantFaults(t, s.do("POST", "/list", `[{},{"cents":13}]`, js), "body /1 is unlucky")
	if a := s.do("POST", "/list", `[{"cents":15}]`, js); a.StatusCode != 409 {
		t.Errorf("an error with a status: %d", a.StatusCode)
	}
}

func TestSocketRules(t *testing.T) {
	app, _ := newApp(quart.Config{Log: slog.New(slog.DiscardHandler)})
	got := make(chan error, 1)
	app.WebSocket("/", func(ws *quart.Socket) error {
		var in purchase
		got <- ws.ReadJSON(&in)
		return nil
	})
	c := dialSocket(t, serve(t, app), "/", nil)
	if err := c.WriteMessage(1, []byte(`{"name":"x","items":[{}],"whenever":"2026-01-02T03:04:05Z"}`)); err != nil {
		t.Fatal(err)
	}
	var e *quart.HTTPError
	if err := <-got; !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Pointer != "/items/0/sku" {
		t.Errorf("%v", err)
	}
}

func FuzzBodyRules(f *testing.F) {
	for _, tc := range purchaseCases {
		f.Add([]byte(tc.body))
	}
	app := quart.New(quart.Config{BodyLimit: -1})
	decode := binder(app)
	f.Fuzz(func(t *testing.T, data []byte) {
		var in purchase
		err := decode(data, &in)
		if err != nil {
			if status := quart.StatusOf(err); status != 400 && status != 422 {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		holds(t, data, &in)
	})
}

// holds checks by hand what the tags of purchase say.
func holds(t *testing.T, data []byte, in *purchase) {
	t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		if string(data) == "null" {
			return
		}
		t.Fatalf("%q: %v", data, err)
	}
	for _, name := range []string{"name", "items", "whenever"} {
		if v, ok := raw[name]; raw != nil && (!ok || string(v) == "null") {
			t.Fatalf("%q: %s is missing", data, name)
		}
	}
	if raw == nil {
		return
	}
	switch {
	case len([]rune(in.Name)) > 20, in.Age != nil && *in.Age < 18, in.Rate < 0, in.Kind != "home" && in.Kind != "work" && raw["kind"] != nil && string(raw["kind"]) != "null":
		t.Fatalf("%q: %+v", data, in)
	case len(in.Items) < 1 || len(in.Items) > 3, len(in.ByCode) > 2, in.Quoted > 5:
		t.Fatalf("%q: %+v", data, in)
	}
	if in.Parent != nil {
		holds(t, raw["parent"], in.Parent)
	}
}

// even is a type that says why it does not take a text.
type even int

func (e *even) UnmarshalText(text []byte) error {
	if len(text)%2 != 0 {
		return quart.Errorf(422, "must have an even length")
	}
	*e = even(len(text))
	return nil
}

func TestOwnDetails(t *testing.T) {
	app, _ := newApp(quart.Config{})
	quart.Post(app, "/", func(_ *quart.Ctx, in struct {
		Q    even `query:"q"`
		Body struct {
			A, B even
			C    int
		} `body:""`
	},
	) (string, error) {
		return "", nil
	})
	s := serve(t, app)
	const js = "Content-Type: application/json"
	wantFaults(t, s.do("POST", "/?q=ab", `{"A":"ab"}`, js))
	wantFaults(t, s.do("POST", "/?q=a", `{"A":"a","B":"abc","C":"x"}`, js), "query q must have an even length",
		"body /A must have an even length", "body /B must have an even length", "body /C must be an integer")
	if a := s.do("POST", "/?q=%ff%ff", `{"A":"ab"}`, js, "Content-Encoding: gzip"); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := s.do("POST", "/", "\x1f\x8b", js, "Content-Encoding: gzip"); a.StatusCode != 415 || !strings.Contains(a.body, "Content-Encoding") {
		t.Errorf("an encoded body: %d %s", a.StatusCode, a.body)
	}
	app, _ = newApp(quart.Config{})
	quart.Get(app, "/", func(_ *quart.Ctx, in struct {
		Q string `query:"q"`
	},
	) (string, error) {
		return in.Q, nil
	})
	wantFaults(t, serve(t, app).get("/?q=%ff"), "query q must be text in UTF-8")
}

// logged is an error whose text is for everybody, and the rest for the log.
type logged struct{}

func (logged) Error() string        { return "it failed" }
func (logged) LogValue() slog.Value { return slog.StringValue("the secret cause") }

func TestLogValuers(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.Get("/", func(*quart.Ctx) error { return fmt.Errorf("here: %w", logged{}) })
	if a := serve(t, app).get("/"); a.StatusCode != 500 || strings.Contains(a.body, "failed") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if !strings.Contains(log.String(), "here: it failed") || !strings.Contains(log.String(), "the secret cause") {
		t.Errorf("the log: %s", log)
	}
}
