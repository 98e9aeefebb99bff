package quart_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

type review struct {
	Stars  int8              `json:"stars"`
	Text   string            `json:"text"`
	Admin  bool              `json:"admin"`
	Rate   float64           `json:"rate"`
	Tags   []string          `json:"tags"`
	Author *author           `json:"author"`
	Extra  map[string]int    `json:"extra"`
	At     time.Time         `json:"at"`
	Wait   time.Duration     `json:"wait"`
	Blob   []byte            `json:"blob"`
	Any    any               `json:"any"`
	Links  map[string]author `json:"links"`
}

type author struct {
	Name string `json:"name"`
}

// hostile are bodies with the status they are answered with, and for a 422 the pointer and the detail.
var hostile = []struct {
	name, body      string
	status          int
	pointer, detail string
}{
	{"empty object", `{}`, 204, "", ""},
	{"white space around", " \t\r\n{} \n", 204, "", ""},
	{"all", `{"stars":5,"text":"é","rate":1e2,"tags":["a"],"author":{"name":"x"},"extra":{"a":1},"at":"2026-01-02T00:00:00Z","wait":5,"blob":"AA==","any":[1]}`, 204, "", ""},
	{"unknown names", `{"a":{"b":[{}]},"stars":1}`, 204, "", ""},
	{"other case is another name", `{"Stars":"x","ADMIN":5}`, 204, "", ""},
	{"null", `null`, 204, "", ""},
	{"nulls", `{"stars":null,"author":null,"tags":null,"at":null}`, 204, "", ""},
	{"escaped surrogates", `{"text":"\ud83d\ude00"}`, 204, "", ""},
	{"deep", `{"any":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, 204, "", ""},

	{"empty", ``, 400, "", ""},
	{"white space alone", `  `, 400, "", ""},
	{"no JSON", `hello`, 400, "", ""},
	{"cut short", `{"stars":`, 400, "", ""},
	{"cut short in a string", `{"text":"a`, 400, "", ""},
	{"trailing data", `{} {}`, 400, "", ""},
	{"trailing bracket", `{}]`, 400, "", ""},
	{"trailing NUL", "{}\x00", 400, "", ""},
	{"trailing comma", `{"stars":1,}`, 400, "", ""},
	{"comment", `{/* */}`, 400, "", ""},
	{"single quotes", `{'stars':1}`, 400, "", ""},
	{"bare name", `{stars:1}`, 400, "", ""},
	{"byte order mark", "\ufeff{}", 400, "", ""},
	{"UTF-16", "{\x00}\x00", 400, "", ""},
	{"duplicate name", `{"admin":false,"admin":true}`, 400, "", ""},
	{"duplicate name, escaped", `{"admin":false,"\u0061dmin":true}`, 400, "", ""},
	{"duplicate unknown name", `{"x":1,"x":2}`, 400, "", ""},
	{"duplicate name below an unknown one", `{"x":{"a":1,"a":2}}`, 400, "", ""},
	{"duplicate key of a map", `{"extra":{"a":1,"a":2}}`, 400, "", ""},
	{"bad UTF-8", "{\"text\":\"\xff\"}", 400, "", ""},
	{"overlong UTF-8", "{\"text\":\"\xc0\xaf\"}", 400, "", ""},
	{"UTF-8 of a surrogate", "{\"text\":\"\xed\xa0\x80\"}", 400, "", ""},
	{"bad UTF-8 in a name", "{\"\xff\":1}", 400, "", ""},
	{"lone surrogate", `{"text":"\ud800"}`, 400, "", ""},
	{"control byte in a string", "{\"text\":\"a\nb\"}", 400, "", ""},
	{"bad escape", `{"text":"\x41"}`, 400, "", ""},
	{"NaN", `{"rate":NaN}`, 400, "", ""},
	{"leading zero", `{"stars":01}`, 400, "", ""},
	{"plus", `{"stars":+1}`, 400, "", ""},
	{"hexadecimal", `{"stars":0x1}`, 400, "", ""},
	{"too deep", `{"any":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, 400, "", ""},
	{"too deep below an unknown name", `{"x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, 400, "", ""},
	{"much too deep, never closed", strings.Repeat(`{"a":`, 100_000), 400, "", ""},
	{"wrong type, then bad syntax", `{"stars":"x",}`, 400, "", ""},
	{"wrong type, then a duplicate", `{"stars":"x","a":1,"a":1}`, 400, "", ""},
	{"wrong type, then trailing data", `{"stars":"x"} 1`, 400, "", ""},

	{"array for an object", `[]`, 422, "", "must be an object"},
	{"string for an object", `"x"`, 422, "", "must be an object"},
	{"string for a number", `{"stars":"5"}`, 422, "/stars", "must be an integer"},
	{"fraction", `{"stars":1.5}`, 422, "/stars", "must be an integer"},
	{"number of the wrong form", `{"stars":1e1}`, 422, "/stars", "must be an integer"},
	{"out of range", `{"stars":128}`, 422, "/stars", "is out of range"},
	{"far out of range", `{"stars":` + strings.Repeat("9", 4000) + `}`, 422, "/stars", "is out of range"},
	{"exponent out of range", `{"rate":1e999}`, 422, "/rate", "is out of range"},
	{"number for a string", `{"text":1}`, 422, "/text", "must be a string"},
	{"number for a boolean", `{"admin":1}`, 422, "/admin", "must be true or false"},
	{"string for a float", `{"rate":"NaN"}`, 422, "/rate", "must be a number"},
	{"object for an array", `{"tags":{"0":"a"}}`, 422, "/tags", "must be an array"},
	{"in an array", `{"tags":["a",1]}`, 422, "/tags/1", "must be a string"},
	{"in an object", `{"author":{"name":[]}}`, 422, "/author/name", "must be a string"},
	{"string for a pointer", `{"author":"x"}`, 422, "/author", "must be an object"},
	{"below a name with a slash", `{"links":{"a/b~c":{"name":1}}}`, 422, "/links/a~1b~0c/name", "must be a string"},
	{"no time", `{"at":"yesterday"}`, 422, "/at", "must be a time such as 2006-01-02T15:04:05Z"},
	{"no base64", `{"blob":"?"}`, 422, "/blob", "is not valid"},
	{"duration", `{"wait":"5s"}`, 422, "/wait", "must be an integer"},
}

func TestDecodeHostileJSON(t *testing.T) {
	app, _ := newApp(quart.Config{})
	quart.Post(app, "/", func(_ *quart.Ctx, _ review) (quart.None, error) { return quart.None{}, nil })
	s := serve(t, app)
	for _, tc := range hostile {
		t.Run(tc.name, func(t *testing.T) {
			a := s.do("POST", "/", tc.body, "Content-Type: application/json")
			if a.StatusCode != tc.status {
				t.Fatalf("%d %s, want %d", a.StatusCode, a.body, tc.status)
			}
			if tc.status != 422 {
				return
			}
			a.want(t, 422, fmt.Sprintf(`{"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":"body","pointer":%q,"detail":%q}]}`, tc.pointer, tc.detail))
		})
	}
}

func TestDecodeJSONContentType(t *testing.T) {
	app, _ := newApp(quart.Config{BodyLimit: 100})
	quart.Post(app, "/", func(_ *quart.Ctx, _ review) (quart.None, error) { return quart.None{}, nil })
	s := serve(t, app)
	for _, tc := range []struct {
		ctype, body string
		status      int
	}{
		{"application/json", "{}", 204},
		{"Application/JSON ; charset=utf-8", "{}", 204},
		{"application/json\t;x", "{}", 204},
		{"application/merge-patch+json", "{}", 204},
		{"", "{}", 415},
		{"text/plain", "{}", 415}, // what a form of a foreign page can send without a preflight
		{"text/json", "{}", 415},
		{"application/jsonp", "{}", 415},
		{"application/x-www-form-urlencoded", "{}", 415},
		{"+json", "{}", 415},
		{"text/plain", "", 415},
		{"", "", 400},
		{"application/json", "", 400},
		{"application/json", `{"text":"` + strings.Repeat("x", 100) + `"}`, 413},
	} {
		var header []string
		if tc.ctype != "" {
			header = []string{"Content-Type: " + tc.ctype}
		}
		if a := s.do("POST", "/", tc.body, header...); a.StatusCode != tc.status {
			t.Errorf("%q %q: %d %s, want %d", tc.ctype, tc.body, a.StatusCode, a.body, tc.status)
		}
	}
	s.raw("POST", "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n").want(t, 204, "")
}

// TestTypeFaults: input types that no JSON fits are the program's fault, and so is an Out.
func TestTypeFaults(t *testing.T) {
	type sealed struct{ a int }
	app, log := newApp(quart.Config{})
	if v := panicOf(func() {
		app, _ := newApp(quart.Config{})
		quart.Post(app, "/chan", func(*quart.Ctx, struct{ C chan int }) (none, error) { return none{}, nil })
		app.Handler()
	}); !strings.Contains(fmt.Sprint(v), "unmarshal into Go chan int") {
		t.Errorf("panic %v", v)
	}
	if v := panicOf(func() { quart.Post(app, "/sealed", func(*quart.Ctx, sealed) (none, error) { return none{}, nil }) }); !strings.Contains(fmt.Sprint(v), "no exported fields") {
		t.Errorf("panic %v", v)
	}
	quart.Post(app, "/out", func(*quart.Ctx, none) (sealed, error) { return sealed{1}, nil })
	quart.Post(app, "/array", func(*quart.Ctx, [2]int) (none, error) { return none{}, nil })
	s := serve(t, app)
	s.do("POST", "/out", `{}`, "Content-Type: application/json").want(t, 500, `{"title":"Internal Server Error","status":500}`)
	if !strings.Contains(log.String(), "no exported fields") {
		t.Errorf("the log tells no cause: %s", log)
	}
	s.do("POST", "/array", `[1,2,3]`, "Content-Type: application/json").
		want(t, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":"body","pointer":"","detail":"must be an array of 2"}]}`)
}

// oddCodec fails as foreign codecs may.
type oddCodec struct{}

func (oddCodec) Append(dst []byte, v any) ([]byte, error) {
	if v.(*point).X == 1 {
		return append(dst, "half of it"...), errors.New("no")
	}
	return append(dst, "odd"...), nil
}

func (oddCodec) Decode(data []byte, v any) error {
	v.(*point).X = len(data)
	switch len(data) {
	case 3:
		return errors.New("secret")
	case 4:
		return quart.ErrConflict
	}
	return nil
}

func TestJSONCodec(t *testing.T) {
	app, _ := newApp(quart.Config{JSON: oddCodec{}})
	quart.Post(app, "/", func(_ *quart.Ctx, in point) (point, error) { return in, nil })
	s := serve(t, app)
	const js = "Content-Type: application/json"
	s.do("POST", "/", "xx", js).want(t, 200, "odd")
	s.do("POST", "/", "x", js).want(t, 500, `{"title":"Internal Server Error","status":500}`)
	s.do("POST", "/", "xxx", js).want(t, 400, `{"title":"Bad Request","status":400,"detail":"the body is no valid JSON at line 1, column 1"}`)
	s.do("POST", "/", "xxxx", js).want(t, 409, `{"title":"Conflict","status":409}`)
	if a := s.do("POST", "/", strings.Repeat("[", 65), js); a.StatusCode != 400 {
		t.Errorf("a foreign codec got what is too deep: %d", a.StatusCode)
	}
}

// FuzzDecodeJSON compares what is accepted with encoding/json, which accepts more: the value must be the same.
func FuzzDecodeJSON(f *testing.F) {
	for _, tc := range hostile {
		f.Add([]byte(tc.body))
	}
	app := quart.New(quart.Config{BodyLimit: -1})
	decode := binder(app)
	f.Fuzz(func(t *testing.T, data []byte) {
		var in review
		if err := decode(data, &in); err != nil {
			if status := quart.StatusOf(err); status != 400 && status != 422 {
				t.Fatalf("%q: %v", data, err)
			}
			if quart.StatusOf(err) == 422 && !json.Valid(data) {
				t.Fatalf("422 for what is no JSON: %q", data)
			}
		} else if !json.Valid(data) {
			t.Fatalf("accepted: %q", data)
		}
		var got, want map[string]any
		if decode(data, &got) != nil {
			return
		}
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("%q: accepted, but %v", data, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %v, want %v", data, got, want)
		}
	})
}

// binder binds bodies without a network.
func binder(app *quart.App) func(data []byte, v any) error {
	return func(data []byte, v any) error {
		fc := new(fasthttp.RequestCtx)
		fc.Init(&fasthttp.Request{}, nil, nil)
		fc.Request.Header.SetContentType("application/json")
		fc.Request.Header.SetContentLength(len(data))
		fc.Request.SetBodyRaw(bytes.Clone(data))
		c := quart.AcquireCtx(app, fc)
		defer quart.ReleaseCtx(c)
		return c.Bind(v)
	}
}

// TestJSONSyntaxPlace: the 400 says where the text ceases to be JSON, whatever the codec tells of it.
func TestJSONSyntaxPlace(t *testing.T) {
	const invalid, twice = "the body is no valid JSON", "the body has a JSON object with a duplicate name"
	app, _ := newApp(quart.Config{})
	quart.Post(app, "/", func(_ *quart.Ctx, in map[string]any) (quart.None, error) { return quart.None{}, nil })
	s := serve(t, app)
	for _, tc := range []struct{ body, detail string }{
		{"x", invalid + " at line 1, column 1"},
		{" ", invalid + " at line 1, column 2"},
		{`{"a":1,}`, invalid + " at line 1, column 7"},
		{"{\r\n\t\"a\": 01}", invalid + " at line 2, column 8"},
		{"{\"a\":\n", invalid + " at line 2, column 1"},
		{"{\"\u00e9\u20ac\": tru}", invalid + " at line 1, column 14"},
		{"{\"a\":\n\"\xff\"}", invalid + " at line 2, column 2"},
		{"{}\n {}", invalid + " at line 2, column 2"},
		{"{\"a\":1,\n\"a\":2}", twice + " at line 2, column 1"},
	} {
		s.do("POST", "/", tc.body, "Content-Type: application/json").want(t, 400, fmt.Sprintf(`{"title":"Bad Request","status":400,"detail":%q}`, tc.detail))
	}
}

// badTo fails in the middle of an object that it writes.
type badTo struct{ panics bool }

func (b badTo) MarshalJSONTo(enc *jsontext.Encoder) error {
	for _, token := range []jsontext.Token{jsontext.BeginObject, jsontext.String("half"), jsontext.BeginArray} {
		if err := enc.WriteToken(token); err != nil {
			return err
		}
	}
	if b.panics {
		panic("in the middle")
	}
	return errors.New("in the middle")
}

// TestJSONAnswersStayApart: what an answer's encoding leaves behind, also one that failed or was large, is not in the next answer.
func TestJSONAnswersStayApart(t *testing.T) {
	app, _ := newApp(quart.Config{})
	large := strings.Repeat("x", 300<<10)
	app.Get("/{what}", func(c *quart.Ctx) error {
		switch c.Param("what") {
		case "fails":
			return c.JSON(200, []any{1, badTo{}})
		case "panics":
			return c.JSON(200, []any{1, badTo{panics: true}})
		case "large":
			return c.JSON(200, []string{large})
		}
		return c.JSON(200, map[string]any{"b": []int{1}, "a": nil})
	})
	s := serve(t, app)
	for range 20 {
		s.get("/good").want(t, 200, `{"a":null,"b":[1]}`)
		s.get("/fails").want(t, 500, `{"title":"Internal Server Error","status":500}`)
		s.get("/good").want(t, 200, `{"a":null,"b":[1]}`)
		s.get("/panics").want(t, 500, `{"title":"Internal Server Error","status":500}`)
		s.get("/large").want(t, 200, `["`+large+`"]`)
	}
}
