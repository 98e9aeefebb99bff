package openapi_test

import (
	"bytes"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/goquart/quart"
	"github.com/goquart/quart/openapi"
	"github.com/goquart/quart/quarttest"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Where the schemas of a route's body and of its first answer are.
const (
	bodyOf   = "/requestBody/content/application~1json/schema"
	answerOf = "/responses/200/content/application~1json/schema"
)

// judge compiles a schema of a document.
func judge(t *testing.T, doc []byte, operation, place string) *jsonschema.Schema {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	c, err := compileSchemas(value)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("doc.json#/paths/" + operation + place)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func verdict(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// encode is the default codec.
func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v, jsonv1.FormatDurationAsNano(true), json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Checked has rules of every kind. Its schema and the server say the same.
type Checked struct {
	Name   string            `json:"name" rules:"required,minLength=2,maxLength=4"`
	Age    int               `json:"age" rules:"min=1,max=9"`
	Open   float64           `json:"open" rules:"exclusiveMin=0,exclusiveMax=1"`
	Step   int               `json:"step" rules:"multipleOf=5"`
	Color  string            `json:"color" rules:"enum=red|green"`
	Level  int               `json:"level" rules:"enum=1|2"`
	Code   string            `json:"code" rules:"pattern=^[a-z]{2}(?:-[0-9]+)?$"`
	Tags   []string          `json:"tags" rules:"minItems=1,maxItems=3,uniqueItems,items.maxLength=3"`
	Props  map[string]string `json:"props" rules:"minProperties=1,maxProperties=2"`
	Small  int8              `json:"small"`
	Opt    *int              `json:"opt" rules:"min=3"`
	Inner  *Inner            `json:"inner,omitempty"`
	Pair   [2]int            `json:"pair"`
	Mail   string            `json:"mail" rules:"format=email"`
	Quoted int               `json:"quoted,string"`
	Words  Words             `json:"words" rules:"items.maxLength=3"`
	Lists  []*Words          `json:"lists" rules:"items.items.minLength=2"`
	Marks  *Marks            `json:"marks" rules:"items.max=5"`
}

// Needed has pointers that must not be null. An answer may have null: it is two components.
type Needed struct {
	Number *int    `json:"number" rules:"required,min=1"`
	Inner  *Inner  `json:"inner" rules:"required"`
	Color  *string `json:"color" rules:"required,enum=red|green"`
	Deep   **int   `json:"deep,omitempty" rules:"required"`
}

// Words is a component, of whose elements each field has rules of its own.
type Words []string

// Marks says itself what it is.
type Marks []int

func (Marks) JSONSchema() string { return `{"type": ["array", "null"], "items": {"type": "integer"}}` }

type Inner struct {
	X int `json:"x" rules:"required,min=0"`
}

func TestSchemaAgreesWithServer(t *testing.T) {
	app := quart.New(quart.Config{})
	quart.Post(app, "/", func(_ *quart.Ctx, in Checked) (quart.None, error) { return quart.None{}, nil })
	schema := judge(t, openapi.Document(app, openapi.Config{}), "~1/post", bodyOf)
	cl := quarttest.New(t, app)
	bodies := []string{`{}`, `[]`, `null`, `"x"`, `{"name":"ab"}`, `{"name":"ab","unknown":1}`}
	for _, member := range []string{
		`"name":"a"`, `"name":"abcd"`, `"name":"abcde"`, `"name":"äöüß"`, `"name":1`, `"name":null`,
		`"age":0`, `"age":1`, `"age":9`, `"age":10`, `"age":1.5`, `"age":"1"`, `"age":-1`,
		`"open":0`, `"open":0.5`, `"open":1`, `"open":0.999`,
		`"step":5`, `"step":-10`, `"step":4`, `"step":0`,
		`"color":"red"`, `"color":"blue"`, `"color":""`, `"level":1`, `"level":2`, `"level":3`, `"level":"1"`,
		`"code":"ab"`, `"code":"ab-1"`, `"code":"abc"`, `"code":"AB"`, `"code":"ab-"`,
		`"tags":[]`, `"tags":["a"]`, `"tags":["a","a"]`, `"tags":["a","b","c"]`, `"tags":["a","b","c","d"]`, `"tags":["abcd"]`, `"tags":{}`, `"tags":[1]`,
		`"props":{}`, `"props":{"a":"b"}`, `"props":{"a":"b","c":"d","e":"f"}`, `"props":{"a":1}`, `"props":[]`,
		`"small":-128`, `"small":127`, `"small":128`, `"small":-129`,
		`"opt":null`, `"opt":3`, `"opt":2`, `"inner":{}`, `"inner":{"x":0}`, `"inner":{"x":-1}`, `"inner":[]`,
		`"pair":[1,2]`, `"pair":[1]`, `"pair":[1,2,3]`, `"mail":"a@b.example"`, `"mail":"a"`,
		`"quoted":"1"`, `"quoted":1`,
		`"words":[]`, `"words":["abc"]`, `"words":["abcd"]`, `"words":[1]`,
		`"lists":[["ab"],null]`, `"lists":[["ab","a"]]`, `"marks":[5]`, `"marks":[6]`, `"marks":null`,
	} {
		if strings.HasPrefix(member, `"name"`) {
			bodies = append(bodies, "{"+member+"}")
			continue
		}
		bodies = append(bodies, `{"name":"ab",`+member+"}")
	}
	// The schema is narrower in nothing else: null is the zero value for the server, which it does not promise.
	for _, body := range bodies {
		t.Run(body, func(t *testing.T) {
			err := verdict(t, schema, []byte(body))
			res := cl.Do("POST", "/").Body("application/json", []byte(body)).Send()
			if (err == nil) != (res.Status == 204) {
				t.Errorf("server %d %s, schema %v", res.Status, res.Text(), err)
			}
		})
	}
}

func TestNullAgreesWithServer(t *testing.T) {
	app := quart.New(quart.Config{})
	quart.Post(app, "/", func(*quart.Ctx, Needed) (Needed, error) { return Needed{}, nil })
	doc := openapi.Document(app, openapi.Config{})
	mustBeValid(t, doc)
	schema, answer := judge(t, doc, "~1/post", bodyOf), judge(t, doc, "~1/post", answerOf)
	cl := quarttest.New(t, app)
	const good = `{"number":1,"inner":{"x":0},"color":"red","deep":1}`
	for _, change := range [][2]string{
		{}, {`"number":1`, `"number":null`}, {`{"x":0}`, `null`}, {`"red"`, `null`}, {`"deep":1`, `"deep":null`},
	} {
		body := strings.Replace(good, change[0], change[1], 1)
		err := verdict(t, schema, []byte(body))
		res := cl.Do("POST", "/").Body("application/json", []byte(body)).Send()
		if (err == nil) != (res.Status == 200) {
			t.Errorf("%s: server %d %s, schema %v", body, res.Status, res.Text(), err)
		}
		if res.Status != 200 {
			continue
		}
		if err := verdict(t, answer, []byte(res.Text())); err != nil {
			t.Errorf("the answer %s: %v", res.Text(), err)
		}
	}
}

// Grade writes text of itself, and reads none.
type Grade int

func (g Grade) MarshalText() ([]byte, error) { return fmt.Append(nil, "grade ", int(g)), nil }

// TestHeadersAgreeWithServer has the headers of a result written, and described as what they are.
func TestHeadersAgreeWithServer(t *testing.T) {
	type parts struct {
		Grade  Grade         `header:"Grade" doc:"Of milk."`
		At     *time.Time    `header:"At" doc:"When."`
		Dates  []time.Time   `header:"Dates"`
		Wait   time.Duration `header:"Wait"`
		Number *int8         `header:"Number"`
		Names  []string      `header:"Names"`
	}
	at, one := time.Unix(1e9, 0).UTC(), int8(1)
	app := quart.New(quart.Config{})
	quart.Get(app, "/", func(*quart.Ctx, quart.None) (parts, error) {
		return parts{Grade: 1, At: &at, Dates: []time.Time{at}, Wait: time.Minute, Number: &one, Names: []string{"a"}}, nil
	})
	b := openapi.Document(app, openapi.Config{})
	mustBeValid(t, b)
	doc, res := read(t, b), quarttest.New(t, app).Get("/").Send()
	const date = "description:A date of HTTP: Fri, 02 Jan 2026 03:04:05 GMT (RFC 9110, section 5.6.7)."
	for _, tt := range []struct{ name, sent, want string }{
		{"Grade", "grade 1", "map[description:Of milk. schema:map[type:string]]"},
		{"At", "Sun, 09 Sep 2001 01:46:40 GMT", "map[" + strings.Replace(date, ":", ":When. ", 1) + " schema:map[type:string]]"},
		{"Dates", "Sun, 09 Sep 2001 01:46:40 GMT", "map[schema:map[items:map[" + date + " type:string] type:array]]"},
		{"Wait", "60000000000", "map[description:Nanoseconds. schema:map[format:int64 type:integer]]"},
		{"Number", "1", "map[schema:map[maximum:127 minimum:-128 type:integer]]"},
		{"Names", "a", "map[schema:map[items:map[type:string] type:array]]"},
	} {
		if got := res.Header(tt.name); got != tt.sent {
			t.Errorf("%s: %q is sent, want %q", tt.name, got, tt.sent)
		}
		doc.want(t, tt.want, "paths", "/", "get", "responses", "204", "headers", tt.name)
	}
}

func TestTexts(t *testing.T) {
	type texts struct {
		ID  [16]byte   `query:"id" default:"550e8400-e29b-41d4-a716-446655440000"`
		IDs [][16]byte `query:"ids"`
		On  bool       `query:"on" default:"on"`
		N   *int       `query:"n" default:"007"`
		Raw []byte     `query:"raw" default:"abc"`
		Ns  []int      `query:"ns" default:"01,2"`
	}
	app := quart.New(quart.Config{})
	quart.Get(app, "/", func(*quart.Ctx, texts) (quart.None, error) { return quart.None{}, nil })
	b := openapi.Document(app, openapi.Config{})
	mustBeValid(t, b)
	for i, want := range []string{
		"map[default:550e8400-e29b-41d4-a716-446655440000 format:uuid type:string]",
		"map[items:map[format:uuid type:string] type:array]",
		"map[default:true type:boolean]",
		"map[default:7 format:int64 type:integer]",
		"map[default:abc type:string]",
		"map[default:[1 2] items:map[format:int64 type:integer] type:array]",
	} {
		read(t, b).want(t, want, "paths", "/", "get", "parameters", i, "schema")
	}
}

// Filled has defaults, in the ways that a text may stand for a value.
type Filled struct {
	On      bool          `json:"on" default:"on"`
	One     bool          `json:"one" default:"1"`
	Int     int           `json:"int" default:"007"`
	Plus    *int64        `json:"plus" default:"+5"`
	Float   float64       `json:"float" default:".5"`
	Quoted  int           `json:"quoted,string" default:"007"`
	Waits   time.Duration `json:"waits,string" default:"1m"`
	Wait    time.Duration `json:"wait" default:"1m"`
	Text    string        `json:"text" default:"1"`
	Bytes   []byte        `json:"bytes" default:"abc"`
	ID      [16]byte      `json:"id" default:"550e8400-e29b-41d4-a716-446655440000"`
	Brace   []string      `json:"brace" default:"[1]"`
	Ints    Ints          `json:"ints" default:"1,02"`
	Marks   Marks         `json:"marks" default:"1,2"`
	Chunks  [][]byte      `json:"chunks" default:"a,b"`
	Big     big.Int       `json:"big" default:"0x10"`
	Addr    *netip.Addr   `json:"addr" default:"::1"`
	Percent Percent       `json:"percent" default:"5%"`
}

type Ints []int

// Percent is a number of JSON, and text with a sign.
type Percent struct{ n int }

func (p Percent) MarshalJSON() ([]byte, error)  { return fmt.Append(nil, p.n), nil }
func (p *Percent) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &p.n) }
func (p *Percent) UnmarshalText(text []byte) error {
	return json.Unmarshal(bytes.Trim(text, "%"), &p.n)
}

// TestDefaultsAgreeWithServer compares the defaults of a document with what the server makes of an empty body.
func TestDefaultsAgreeWithServer(t *testing.T) {
	app := quart.New(quart.Config{})
	quart.Post(app, "/", func(_ *quart.Ctx, in Filled) (Filled, error) { return in, nil })
	b := openapi.Document(app, openapi.Config{})
	mustBeValid(t, b)
	doc, res := read(t, b), quarttest.New(t, app).Post("/").Body("application/json", []byte("{}")).Send()
	filled := read(t, []byte(res.Text()))
	if len(filled) != reflect.TypeFor[Filled]().NumField() {
		t.Fatalf("the server answers %d %s", res.Status, res.Text())
	}
	for name, want := range filled {
		if got := doc.at("components", "schemas", "Filled", "properties", name, "default"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the default is %#v, the server's is %#v", name, got, want)
		}
	}
}

func TestExampleOfItself(t *testing.T) {
	type Loop struct {
		Next *Loop `json:"next,omitempty" example:"{}"`
	}
	b, err := openapi.TypesDocument(reflect.TypeFor[Loop]())
	if err != nil {
		t.Fatal(err)
	}
	mustBeValid(t, b)
	read(t, b).want(t, "[map[]]", "components", "schemas", "Loop", "properties", "next", "examples")
}

func TestTwins(t *testing.T) {
	type Same struct {
		A int `json:"a" rules:"required"`
	}
	type Differs struct {
		A int `json:"a"`
	}
	type Holds struct {
		D []Differs `json:"d" rules:"required"`
		S Same      `json:"s" rules:"required"`
	}
	doc, err := openapi.TypesDocument(reflect.TypeFor[Holds](), reflect.TypeFor[Same]())
	if err != nil {
		t.Fatal(err)
	}
	mustBeValid(t, doc)
	names := componentNames(t, doc)
	if got, want := strings.Join(names, " "), "Differs DiffersInput Holds HoldsInput Same"; got != want {
		t.Errorf("components %s, want %s", got, want)
	}
}

// Filter takes a shorthand: its name alone. Only one direction is made by a method.
type Filter struct {
	Field string   `json:"field,omitempty"`
	And   []Filter `json:"and,omitempty"`
}

func (f *Filter) UnmarshalJSON(b []byte) error {
	type object Filter
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &f.Field)
	}
	return json.Unmarshal(b, (*object)(f))
}

// Steps are written as text, and read as the list that they are.
type Steps []Steps

func (s Steps) MarshalText() ([]byte, error) { return fmt.Append(nil, len(s)), nil }

// TestOneDirection describes types that hold themselves, and have a method for one direction of JSON only.
func TestOneDirection(t *testing.T) {
	b, err := openapi.TypesDocument(reflect.TypeFor[Filter](), reflect.TypeFor[Steps]())
	if err != nil {
		t.Fatal(err)
	}
	mustBeValid(t, b)
	if got, want := strings.Join(componentNames(t, b), " "), "Filter Steps"; got != want {
		t.Errorf("components %s, want %s", got, want)
	}
	doc := read(t, b)
	media := func(path string, keys ...any) any {
		return doc.at(append(append([]any{"paths", path, "post"}, keys...), "content", "application/json", "schema")...)
	}
	for _, tt := range []struct {
		got  any
		want string
	}{
		{media("/a", "requestBody"), "<nil>"}, // anything
		{media("/a", "responses", "200"), "map[$ref:#/components/schemas/Filter]"},
		{doc.at("components", "schemas", "Filter", "properties", "and", "items"), "map[$ref:#/components/schemas/Filter]"},
		{media("/b", "requestBody"), "map[$ref:#/components/schemas/Steps]"},
		{media("/b", "responses", "200"), "map[type:string]"},
	} {
		if got := fmt.Sprint(tt.got); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

func componentNames(t *testing.T, doc []byte) []string {
	t.Helper()
	var d struct {
		Components struct{ Schemas jsontext.Value } `json:"components,case:ignore"`
	}
	if err := json.Unmarshal(doc, &d, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	var names []string
	dec := jsontext.NewDecoder(bytes.NewReader(d.Components.Schemas))
	if _, err := dec.ReadToken(); err != nil {
		t.Fatal(err)
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.String())
		if err := dec.SkipValue(); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

type Box[T any] struct{ V T }

func TestTypeName(t *testing.T) {
	type local struct{ X int }
	for _, tt := range []struct {
		typ       reflect.Type
		want      string
		qualified string
	}{
		{reflect.TypeFor[Film](), "Film", "OpenapiTestFilm"},
		{reflect.TypeFor[Page[Film]](), "PageOfFilm", "OpenapiTestPageOfOpenapiTestFilm"},
		{reflect.TypeFor[Pair[string, []Film]](), "PairOfStringAndFilmList", ""},
		{reflect.TypeFor[Page[Page[*Film]]](), "PageOfPageOfFilm", ""},
		{reflect.TypeFor[Pair[map[string]Film, [3]int]](), "PairOfFilmMapAndIntArray", ""},
		{reflect.TypeFor[Box[struct{ X int }]](), "BoxOfStruct", ""},
		{reflect.TypeFor[Box[any]](), "BoxOfInterface", ""},
		{reflect.TypeFor[local](), "Local", ""},
		{reflect.TypeFor[Box[local]](), "BoxOfLocal", ""},
		{reflect.TypeFor[quart.Event](), "Event", "QuartEvent"},
	} {
		if got := openapi.TypeName(tt.typ, false); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.typ, got, tt.want)
		}
		if got := openapi.TypeName(tt.typ, true); tt.qualified != "" && got != tt.qualified {
			t.Errorf("%v, qualified: %s, want %s", tt.typ, got, tt.qualified)
		}
	}
}

type badSchema struct{ X int }

func (badSchema) JSONSchema() string { return "{" }

type noSchema struct{}

func (noSchema) JSONSchema() string { return "1" }

func TestMistakes(t *testing.T) {
	type badRule struct {
		A string `rules:"minLenght=2"`
	}
	type badItems struct {
		A string `rules:"items.min=2"`
	}
	for _, tt := range []struct {
		typ  reflect.Type
		want string
	}{
		{reflect.TypeFor[badSchema](), "no JSON"},
		{reflect.TypeFor[[]noSchema](), "neither an object nor a boolean"},
		{reflect.TypeFor[badRule](), "field A: "},
		{reflect.TypeFor[badItems](), "there are no items"},
	} {
		_, err := openapi.TypesDocument(tt.typ)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "openapi: ") {
			t.Errorf("%v: error %v, want %q in it", tt.typ, err, tt.want)
		}
	}
}

// TestRandomTypes describes random types: the documents are valid, values of them are as they are described, and what is written is
// read.
func TestRandomTypes(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 10
	}
	for seed := range uint64(n) {
		checkRandom(t, seed, seed%10 == 0)
	}
}

func FuzzTypes(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { checkRandom(t, seed, false) })
}

func checkRandom(t *testing.T, seed uint64, thorough bool) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	typ := randomStruct(r, 3)
	doc, err := openapi.TypesDocument(typ)
	if err != nil {
		t.Fatalf("seed %d: %v: %v", seed, typ, err)
	}
	if thorough {
		mustBeValid(t, doc)
	}
	out := judge(t, doc, "~1a/post", answerOf)
	in := judge(t, doc, "~1a/post", bodyOf)
	for range 10 {
		v := reflect.New(typ)
		fill(r, v.Elem(), 3)
		text := encode(t, v.Interface())
		if err := verdict(t, out, text); err != nil {
			t.Fatalf("seed %d: %v: the output %s: %v", seed, typ, text, err)
		}
		if err := verdict(t, in, text); err != nil {
			t.Fatalf("seed %d: %v: the input %s: %v", seed, typ, text, err)
		}
	}
}

type Embedded struct {
	EmbeddedOne string `json:"one"`
	Two         *int   `json:"two,omitempty"`
}

// pool are the types that random ones are made of.
var typePool = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[uint16](),
	reflect.TypeFor[float64](), reflect.TypeFor[float32](), reflect.TypeFor[[]byte](), reflect.TypeFor[[4]byte](), reflect.TypeFor[time.Time](),
	reflect.TypeFor[time.Duration](), reflect.TypeFor[UUID](), reflect.TypeFor[Tree](), reflect.TypeFor[Person](), reflect.TypeFor[Rating](),
	reflect.TypeFor[any](), reflect.TypeFor[Embedded](), reflect.TypeFor[Nested](),
}

func randomStruct(r *rand.Rand, depth int) reflect.Type {
	var fields []reflect.StructField
	for i := range 1 + r.IntN(6) {
		t := randomType(r, depth-1)
		tag := fmt.Sprintf("f%d", i)
		switch r.IntN(6) {
		case 0:
			tag += ",omitempty"
		case 1:
			tag += ",omitzero"
		case 2:
			if t.Kind() == reflect.Int || t.Kind() == reflect.Float64 {
				tag += ",string"
			}
		case 3:
			tag = ""
		}
		f := reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: t}
		if tag != "" {
			f.Tag = reflect.StructTag(fmt.Sprintf("json:%q doc:%q", tag, "Field, \"quoted\"."))
		}
		fields = append(fields, f)
	}
	return reflect.StructOf(fields)
}

func randomType(r *rand.Rand, depth int) reflect.Type {
	if depth > 0 {
		switch r.IntN(8) {
		case 0:
			return reflect.PointerTo(randomType(r, depth-1))
		case 1:
			return reflect.SliceOf(randomType(r, depth-1))
		case 2:
			return reflect.MapOf(reflect.TypeFor[string](), randomType(r, depth-1))
		case 3:
			return reflect.ArrayOf(r.IntN(3), randomType(r, depth-1))
		case 4:
			return randomStruct(r, depth)
		}
	}
	return typePool[r.IntN(len(typePool))]
}

// fill sets v to a random value.
func fill(r *rand.Rand, v reflect.Value, depth int) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(r.Int64N(4e9), 0).UTC()))
		return
	case Rating:
		v.SetString("PG")
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"", "a", "häß", "Zed"}[r.IntN(3)])
		if v.Type() == reflect.TypeFor[string]() && r.IntN(4) == 0 {
			v.SetString("Zed")
		}
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int64:
		v.SetInt(r.Int64N(256) - 128)
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(r.Uint64N(256))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(r.IntN(100)) / 4)
	case reflect.Pointer:
		if r.IntN(2) == 0 && depth > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem(), depth-1)
		}
	case reflect.Slice:
		if depth > 0 && r.IntN(3) > 0 {
			v.Set(reflect.MakeSlice(v.Type(), r.IntN(3), 3))
		}
		fillAll(r, v, depth)
	case reflect.Array:
		fillAll(r, v, depth)
	case reflect.Map:
		if depth > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			e := reflect.New(v.Type().Elem()).Elem()
			fill(r, e, depth-1)
			v.SetMapIndex(reflect.ValueOf("k"), e)
		}
	case reflect.Interface:
		if r.IntN(2) == 0 {
			v.Set(reflect.ValueOf("any"))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(r, v.Field(i), depth-1)
			}
		}
		if v.Type() == reflect.TypeFor[Person]() {
			v.Set(reflect.ValueOf(Person{"Ada", "Lovelace"})) // by its rules
		}
	}
}

func fillAll(r *rand.Rand, v reflect.Value, depth int) {
	for i := range v.Len() {
		fill(r, v.Index(i), depth-1)
	}
}
