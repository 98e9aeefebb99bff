package quart_test

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

type genre string

type uuid [16]byte

func (u *uuid) UnmarshalText(b []byte) error {
	if len(b) != 36 {
		return errors.New("secret reason")
	}
	u[0] = b[0]
	return nil
}

// Paging is embedded in inputs.
type Paging struct {
	Page int `query:"page" default:"1"`
	Size int `query:"size" default:"20"`
}

type scalars struct {
	Paging
	Tenant string         `path:"tenant"`
	I8     int8           `query:"i8"`
	U16    uint16         `query:"u16"`
	F32    float32        `query:"f32"`
	F64    float64        `query:"f64"`
	Flag   bool           `query:"flag"`
	Genre  genre          `query:"genre"`
	Wait   time.Duration  `query:"wait"`
	At     time.Time      `query:"at"`
	ID     uuid           `query:"id"`
	Addr   netip.Addr     `query:"addr"`
	Raw    []byte         `query:"raw"`
	Opt    *int           `query:"opt"`
	OptS   *string        `query:"opts"`
	OptT   *time.Time     `query:"optt"`
	Ints   []int          `query:"n"`
	Names  []genre        `query:"name"`
	IDs    []uuid         `query:"ids"`
	Def    []int          `query:"def" default:"1,2"`
	Lines  []string       `header:"X-Line"`
	Limit  uint           `header:"X-Limit" default:"7"`
	Theme  string         `cookie:"theme" default:"light"`
	Visits *int           `cookie:"visits"`
	MaxAge *time.Duration `cookie:"age" default:"1h"`
	_      int
}

func TestDecodeValues(t *testing.T) {
	// The handler runs before the answer is there, and the server is stopped after the test.
	app, _ := newApp(quart.Config{})
	got := make(chan scalars, 1)
	quart.Get(app, "/{tenant}/list", func(_ *quart.Ctx, in scalars) (quart.None, error) {
		got <- in
		return quart.None{}, nil
	})
	s := serve(t, app)
	base := scalars{Paging: Paging{1, 20}, Tenant: "a b", Def: []int{1, 2}, Limit: 7, Theme: "light", MaxAge: ptr(time.Hour)}
	for _, tc := range []struct {
		query  string
		header []string
		change func(*scalars)
	}{
		{"", nil, func(*scalars) {}},
		{"unknown=1&Page=3", nil, func(*scalars) {}},
		{"page=3&size=-5", nil, func(v *scalars) { v.Page, v.Size = 3, -5 }},
		{"page=3&page=x", nil, func(v *scalars) { v.Page = 3 }},
		{"i8=-128&u16=65535", nil, func(v *scalars) { v.I8, v.U16 = -128, math.MaxUint16 }},
		{"f32=1.5&f64=-1e300", nil, func(v *scalars) { v.F32, v.F64 = 1.5, -1e300 }},
		{"flag=true", nil, func(v *scalars) { v.Flag = true }},
		{"flag=1", nil, func(v *scalars) { v.Flag = true }},
		{"flag=on", nil, func(v *scalars) { v.Flag = true }},
		{"flag=off", nil, func(*scalars) {}},
		{"genre=sci+fi%26", nil, func(v *scalars) { v.Genre = "sci fi&" }},
		{"genre=", nil, func(*scalars) {}},
		{"wait=1m30s", nil, func(v *scalars) { v.Wait = 90 * time.Second }},
		{"at=2026-01-02T03:04:05Z", nil, func(v *scalars) { v.At = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }},
		{"id=0bf6a8f0-0000-4000-8000-000000000000", nil, func(v *scalars) { v.ID[0] = '0' }},
		{"addr=::1", nil, func(v *scalars) { v.Addr = netip.IPv6Loopback() }},
		{"raw=%00%ff", nil, func(v *scalars) { v.Raw = []byte{0, 255} }},
		{"opt=0", nil, func(v *scalars) { v.Opt = new(int) }},
		{"opts", nil, func(v *scalars) { v.OptS = new(string) }},
		{"opts=", nil, func(v *scalars) { v.OptS = new(string) }},
		{"optt=2026-01-02T00:00:00Z", nil, func(v *scalars) { v.OptT = ptr(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)) }},
		{"n=1&x=9&n=2&n=1&n=1&n=1&n=1&n=1&n=1&n=1", nil, func(v *scalars) { v.Ints = []int{1, 2, 1, 1, 1, 1, 1, 1, 1} }},
		{"name=a&name=", nil, func(v *scalars) { v.Names = []genre{"a", ""} }},
		{"ids=1bf6a8f0-0000-4000-8000-000000000000", nil, func(v *scalars) { v.IDs = []uuid{{'1'}} }},
		{"def=9", nil, func(v *scalars) { v.Def = []int{9} }},
		{"", []string{"X-Line: a", "x-line: b, c"}, func(v *scalars) { v.Lines = []string{"a", "b", "c"} }},
		{"", []string{`X-Line: ,a ,, W/"b,\"c", `, "x-line: ", "x-line: d"}, func(v *scalars) { v.Lines = []string{"a", `W/"b,\"c"`, "d"} }},
		{"", []string{"X-Line: ,", `x-line: a,"b,c`}, func(v *scalars) { v.Lines = []string{"a", `"b,c`} }},
		{"", []string{"X-Line: , ,"}, func(*scalars) {}},
		{"", []string{"x-limit: 9"}, func(v *scalars) { v.Limit = 9 }},
		{"", []string{"X-Limit:"}, func(*scalars) {}},
		{"", []string{`Cookie: theme=old; theme="dark"; visits=3`}, func(v *scalars) { v.Theme, v.Visits = "dark", ptr(3) }},
		{"", []string{`Cookie: age=5s`}, func(v *scalars) { v.MaxAge = ptr(5 * time.Second) }},
	} {
		want := base
		tc.change(&want)
		s.get("/a%20b/list?"+tc.query, tc.header...).want(t, 204, "")
		if in := <-got; !reflect.DeepEqual(in, want) {
			t.Errorf("%q %q:\n got %+v\nwant %+v", tc.query, tc.header, in, want)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestDecodeValuesThatDoNotConvert(t *testing.T) {
	app, _ := newApp(quart.Config{})
	called := false
	quart.Get(app, "/{tenant}", func(*quart.Ctx, scalars) (quart.None, error) { called = true; return quart.None{}, nil })
	s := serve(t, app)
	for _, tc := range []struct {
		query, pointer, detail string
		header                 []string
	}{
		{"page=", "page", "must be an integer", nil},
		{"page=x", "page", "must be an integer", nil},
		{"page=1.0", "page", "must be an integer", nil},
		{"page=0x10", "page", "must be an integer", nil},
		{"page=1_000", "page", "must be an integer", nil},
		{"page=+1", "page", "must be an integer", nil}, // a plus is a blank
		{"page=9223372036854775808", "page", "is out of range", nil},
		{"i8=128", "i8", "is out of range", nil},
		{"i8=-129", "i8", "is out of range", nil},
		{"u16=-1", "u16", "must be an integer, not negative", nil},
		{"u16=65536", "u16", "is out of range", nil},
		{"f64=NaN", "f64", "must be a number", nil},
		{"f64=Infinity", "f64", "must be a number", nil},
		{"f64=0x1p-2", "f64", "must be a number", nil},
		{"f64=1e", "f64", "must be a number", nil},
		{"f64=1e999", "f64", "is out of range", nil},
		{"f32=1e300", "f32", "is out of range", nil},
		{"flag=", "flag", "must be true or false", nil},
		{"flag=yes", "flag", "must be true or false", nil},
		{"wait=5", "wait", "must be a duration such as 1m30s", nil},
		{"at=yesterday", "at", "must be a time such as 2006-01-02T15:04:05Z", nil},
		{"id=7", "id", "is not valid", nil}, // the type's own words are not for the client
		{"addr=1.2.3", "addr", "is not valid", nil},
		{"opt=x", "opt", "must be an integer", nil},
		{"n=1&n=x", "n", "must be an integer", nil},
		{"", "X-Limit", "must be an integer, not negative", []string{"X-Limit: -1"}},
		{"", "visits", "must be an integer", []string{"Cookie: visits="}},
	} {
		location := "query"
		if len(tc.header) > 0 {
			location, _, _ = strings.Cut(strings.ToLower(tc.header[0]), ":")
			location = strings.Replace(location, "x-limit", "header", 1)
		}
		want := fmt.Sprintf(`{"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":%q,"pointer":%q,"detail":%q}]}`, location, tc.pointer, tc.detail)
		s.get("/t?"+tc.query, tc.header...).want(t, 422, want)
	}
	s.get("/t?page=x&flag=2", "X-Limit: x", "Cookie: visits=x").want(t, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[`+
		`{"location":"query","pointer":"page","detail":"must be an integer"},{"location":"query","pointer":"flag","detail":"must be true or false"},`+
		`{"location":"header","pointer":"X-Limit","detail":"must be an integer, not negative"},{"location":"cookie","pointer":"visits","detail":"must be an integer"}]}`)
	if called {
		t.Error("the handler ran")
	}
}

func TestDecodePath(t *testing.T) {
	type in struct {
		Late bool  `query:"late"`
		ID   uint8 `path:"id"`
		Rev  *int  `path:"rev"`
	}
	app, _ := newApp(quart.Config{})
	quart.Get(app, "/{id}/{rev?}", func(_ *quart.Ctx, v in) (string, error) {
		if v.Rev == nil {
			return fmt.Sprint(v.ID), nil
		}
		return fmt.Sprint(v.ID, "@", *v.Rev), nil
	})
	quart.Get(app, "/default/x/y", func(_ *quart.Ctx, v in) (string, error) { return fmt.Sprint(v.ID), nil }).Default("id", 9).Default("rev", 1)
	s := serve(t, app)
	s.get("/7").want(t, 200, "7")
	s.get("/7/3").want(t, 200, "7@3")
	s.get("/default/x/y").want(t, 200, "9")
	for _, target := range []string{"/x", "/256", "/-1", "/7/x", "/x?late=maybe"} {
		if a := s.get(target); a.StatusCode != 404 {
			t.Errorf("%s: %d", target, a.StatusCode)
		}
	}
}

// TestInputIsOwned posts sealed through the same pooled memory: nothing of the first input may change or show up.
func TestInputIsOwned(t *testing.T) {
	var kept []review
	app := quart.New(quart.Config{})
	quart.Post(app, "/", func(_ *quart.Ctx, in review) (quart.None, error) {
		kept = append(kept, in)
		return quart.None{}, nil
	})
	h := app.Handler()
	for _, body := range []string{
		`{"stars":1,"text":"one","tags":["a","b"],"extra":{"k":1},"author":{"name":"ann"},"blob":"AQID","any":{"x":"y"}}`,
		`{"stars":2,"text":"two","tags":["c"],"extra":{"m":2},"author":{"name":"bob"},"blob":"BAUG","any":{"z":"w"}}`,
		`{}`,
	} {
		fc := new(fasthttp.RequestCtx)
		fc.Init(&fasthttp.Request{}, nil, nil)
		fc.Request.Header.SetMethod("POST")
		fc.Request.SetRequestURI("/")
		fc.Request.Header.SetContentType("application/json")
		fc.Request.SetBodyString(body)
		h(fc)
		if fc.Response.StatusCode() != 204 {
			t.Fatalf("%d %s", fc.Response.StatusCode(), fc.Response.Body())
		}
		body := fc.Request.Body()
		clear(body) // what the next request would do to a pooled buffer
	}
	want := review{
		Stars: 1, Text: "one", Tags: []string{"a", "b"}, Extra: map[string]int{"k": 1}, Author: &author{"ann"},
		Blob: []byte{1, 2, 3}, Any: map[string]any{"x": "y"},
	}
	if !reflect.DeepEqual(kept[0], want) {
		t.Errorf("the first input became %+v", kept[0])
	}
	if !reflect.DeepEqual(kept[2], review{}) {
		t.Errorf("the third input is %+v", kept[2])
	}
}

// TestTextInputIsOwned serves two requests from one RequestCtx, so that the second overwrites what the first one's strings were made of.
func TestTextInputIsOwned(t *testing.T) {
	type texts struct {
		Path   string   `path:"p"`
		Query  genre    `query:"q"`
		Query2 []string `query:"q2"`
		Header *string  `header:"X-H"`
		Cookie string   `cookie:"c"`
		Raw    []byte   `query:"r"`
	}
	var typed, bound []texts
	app := quart.New(quart.Config{})
	quart.Get(app, "/typed/{p}", func(_ *quart.Ctx, in texts) (none, error) {
		typed = append(typed, in)
		return none{}, nil
	})
	app.Get("/bound/{p}", func(c *quart.Ctx) error {
		in, err := quart.Bind[texts](c)
		bound = append(bound, in)
		return err
	})
	h := app.Handler()
	for _, prefix := range []string{"/typed/", "/bound/"} {
		fc := request("GET", "/")
		for _, v := range []string{"aaaa", "bbbb"} {
			fc.Request.Reset()
			fc.Request.SetRequestURI(prefix + v + "?q=" + v + "&q2=" + v + "&r=" + v)
			fc.Request.Header.Set("X-H", v)
			fc.Request.Header.Set("Cookie", "c="+v)
			h(fc)
		}
		fc.Request.Reset()
		fc.Request.SetRequestURI(prefix + "cccc")
		h(fc)
	}
	want := []texts{
		{"aaaa", "aaaa", []string{"aaaa"}, ptr("aaaa"), "aaaa", []byte("aaaa")},
		{"bbbb", "bbbb", []string{"bbbb"}, ptr("bbbb"), "bbbb", []byte("bbbb")},
		{Path: "cccc"},
	}
	if !reflect.DeepEqual(typed, want) {
		t.Errorf("typed: %+v", typed)
	}
	if !reflect.DeepEqual(bound, want) {
		t.Errorf("bound: %+v", bound)
	}
}

type span struct {
	Min int `query:"min"`
	Max int `query:"max"`
}

func (r span) Validate() error {
	switch {
	case r.Min == 13:
		return quart.ErrConflict
	case r.Min == 14:
		return fmt.Errorf("wrapped: %w", quart.Problems(quart.FieldError{Pointer: "min", Detail: "unlucky"}))
	case r.Min > r.Max:
		return errors.New("min is over max")
	}
	return nil
}

type order struct {
	Count int `json:"count"`
}

func (o *order) Validate() error {
	if o.Count == 0 {
		return errors.New("count is missing")
	}
	return nil
}

func TestValidate(t *testing.T) {
	type orderOf struct {
		Shop string `path:"shop"`
		Dry  bool   `query:"dry"`
		Body order  `body:""`
	}
	app, _ := newApp(quart.Config{Validator: func(v any) error {
		switch v := v.(type) {
		case *span:
			if v.Max > 1000 {
				return errors.New("max is over 1000")
			}
		case *order, *orderOf:
		default:
			return fmt.Errorf("validates a %T", v)
		}
		return nil
	}})
	quart.Get(app, "/range", func(_ *quart.Ctx, in span) (string, error) { return fmt.Sprint(in.Max), nil })
	quart.Post(app, "/order", func(_ *quart.Ctx, in order) (string, error) { return fmt.Sprint(in.Count), nil })
	quart.Post(app, "/pointer", func(_ *quart.Ctx, in *order) (string, error) { return fmt.Sprint(in != nil), nil })
	quart.Post(app, "/{shop}/order", func(_ *quart.Ctx, in orderOf) (string, error) { return in.Shop + fmt.Sprint(in.Body.Count), nil })
	app.Post("/bind", func(c *quart.Ctx) error {
		var o order
		if err := c.Bind(&o); err != nil {
			return err
		}
		return c.Text(200, "bound")
	})
	s := serve(t, app)
	problem := func(detail string) string {
		return fmt.Sprintf(`{"title":"Unprocessable Entity","status":422,"detail":%q}`, detail)
	}
	s.get("/range?min=1&max=2").want(t, 200, "2")
	s.get("/range?min=2&max=1").want(t, 422, problem("min is over max"))
	s.get("/range?min=13").want(t, 409, `{"title":"Conflict","status":409}`)
	s.get("/range?min=14").want(t, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":"query","pointer":"min","detail":"unlucky"}]}`)
	s.get("/range?max=1001").want(t, 422, problem("max is over 1000"))
	const js = "Content-Type: application/json"
	s.do("POST", "/order", `{"count":2}`, js).want(t, 200, "2")
	for _, target := range []string{"/order", "/pointer", "/x/order", "/bind"} {
		s.do("POST", target, `{}`, js).want(t, 422, problem("count is missing"))
	}
	s.do("POST", "/pointer", `null`, js).want(t, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":"body","pointer":"","detail":"null is no input here"}]}`)
	s.do("POST", "/x/order", `{"count":3}`, js).want(t, 200, "x3")
	s.do("POST", "/x/order?dry=x", `{"count":"3"}`, js).want(t, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[`+
		`{"location":"query","pointer":"dry","detail":"must be true or false"},{"location":"body","pointer":"/count","detail":"must be an integer"}]}`)
	s.do("POST", "/x/order?dry=x", "{\n", js).want(t, 400, `{"title":"Bad Request","status":400,"detail":"the body is no valid JSON at line 2, column 1"}`)
	s.do("POST", "/x/order?dry=x", `{}`, js).want(t, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":"query","pointer":"dry","detail":"must be true or false"}]}`)
}

func TestBindInPlainHandlers(t *testing.T) {
	type in struct {
		ID   int    `path:"id"`
		Page int    `query:"page"`
		Sort string `query:"sort" default:"title"`
	}
	app, log := newApp(quart.Config{})
	app.Get("/generic/{id}", func(c *quart.Ctx) error {
		v, err := quart.Bind[in](c)
		if err != nil {
			return err
		}
		return c.JSON(200, v)
	})
	app.Get("/method/{id}", func(c *quart.Ctx) error {
		v := in{Page: 5, Sort: "kept?"}
		if err := c.Bind(&v); err != nil {
			return err
		}
		return c.JSON(200, v)
	})
	defaults := append(make([]string, 0, 8), "a", "b")
	app.Get("/slice", func(c *quart.Ctx) error {
		v := struct {
			Tags []string `query:"tag"`
		}{defaults}
		if err := c.Bind(&v); err != nil {
			return err
		}
		return c.JSON(200, v.Tags)
	})
	app.Get("/lacks", func(c *quart.Ctx) error { _, err := quart.Bind[in](c); return err })
	app.Get("/value/{id}", func(c *quart.Ctx) error { return c.Bind(in{}) })
	app.Get("/mixed", func(c *quart.Ctx) error { _, err := quart.Bind[mixed](c); return err })
	app.Get("/none", func(c *quart.Ctx) error {
		if _, err := quart.Bind[quart.None](c); err != nil {
			return err
		}
		return c.NoContent()
	})
	s := serve(t, app)
	s.get("/generic/7?page=2").want(t, 200, `{"ID":7,"Page":2,"Sort":"title"}`)
	s.get("/generic/7?page=x").want(t, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":"query","pointer":"page","detail":"must be an integer"}]}`)
	s.get("/generic/7").want(t, 200, `{"ID":7,"Page":0,"Sort":"title"}`)
	s.get("/generic/x").want(t, 404, `{"title":"Not Found","status":404}`)
	s.get("/method/7").want(t, 200, `{"ID":7,"Page":5,"Sort":"title"}`)
	s.get("/slice?tag=x").want(t, 200, `["x"]`)
	s.get("/slice").want(t, 200, `["a","b"]`) // the handler's own slice was not written to
	s.get("/none").want(t, 204, "")
	for target, want := range map[string]string{
		"/lacks":   `/lacks\" has no parameter \"id\"`,
		"/value/1": "Bind needs a pointer, not a quart_test.in",
		"/mixed":   "field Name: has no source tag",
	} {
		if a := s.get(target); a.StatusCode != 500 || strings.Contains(a.body, "quart") {
			t.Errorf("%s: %d %s", target, a.StatusCode, a.body)
		}
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s: the log lacks %q: %s", target, want, log)
		}
	}
}

func TestParamAsQueryAs(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/param/{id}/{opt?}", func(c *quart.Ctx) error {
		id, err := quart.ParamAs[int8](c, "id")
		if err != nil {
			return err
		}
		opt, err := quart.ParamAs[*genre](c, "opt")
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprint(id, opt != nil))
	})
	app.Get("/default", func(c *quart.Ctx) error {
		id, err := quart.ParamAs[int](c, "id")
		return errors.Join(err, c.Text(200, fmt.Sprint(id)))
	}).Default("id", 3)
	app.Get("/unknown", func(c *quart.Ctx) error { _, err := quart.ParamAs[int](c, "di"); return err })
	app.Get("/query", func(c *quart.Ctx) error {
		n, err := quart.QueryAs(c, "n", 20)
		if err != nil && n != 20 {
			return errors.New("no default with the error")
		}
		if err != nil {
			return err
		}
		wait, err := quart.QueryAs(c, "wait", time.Second)
		if err != nil {
			return err
		}
		ids, err := quart.QueryAs(c, "id", []uint{9})
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprint(n, wait, ids))
	})
	app.Get("/bad", func(c *quart.Ctx) error { _, err := quart.QueryAs[chan int](c, "n", nil); return err })
	s := serve(t, app)
	s.get("/param/-7").want(t, 200, "-7 false")
	s.get("/param/7/x").want(t, 200, "7 true")
	s.get("/param/128").want(t, 404, `{"title":"Not Found","status":404}`)
	s.get("/default").want(t, 200, "3")
	s.get("/query").want(t, 200, "20 1s [9]")
	s.get("/query?n=5&wait=2m&id=1&id=2").want(t, 200, "5 2m0s [1 2]")
	s.get("/query?n=x").want(t, 422, `{"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":"query","pointer":"n","detail":"must be an integer"}]}`)
	for _, target := range []string{"/unknown", "/bad"} {
		if a := s.get(target); a.StatusCode != 500 {
			t.Errorf("%s: %d %s", target, a.StatusCode, a.body)
		}
	}
}
