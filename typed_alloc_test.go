//go:build !race && !quartdebug

package quart_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

type allocFilm struct {
	ID    int     `json:"id"`
	Title string  `json:"title"`
	Rate  float64 `json:"rate"`
}

// TestTypedZeroAllocs holds that typed handlers add nothing: what a handler below gets and returns lies in pooled memory.
func TestTypedZeroAllocs(t *testing.T) {
	type byID struct {
		ID int `path:"id"`
	}
	type wide struct {
		Name   string  `path:"name"`
		Page   int     `query:"page" default:"1"`
		Rate   float32 `query:"rate"`
		Strict bool    `query:"strict"`
		Host   string  `header:"Host"`
		B      string  `cookie:"b"`
	}
	type ruled struct {
		Name string   `path:"name" rules:"maxLength=9"`
		Page int      `query:"page" default:"1" rules:"min=1,max=9,multipleOf=1"`
		Sort string   `query:"sort" rules:"required,enum=a|b"`
		Host string   `header:"Host" rules:"pattern=."`
		Code [16]byte `query:"code"`
	}
	type parts struct {
		Status int          `status:"201"`
		Place  string       `header:"Location"`
		Rest   int          `header:"X-Rest"`
		Theme  quart.Cookie `cookie:"theme"`
		Body   allocFilm    `body:""`
	}
	film := &allocFilm{1, "t", 1}
	app := quart.New(quart.Config{Validator: func(any) error { return nil }})
	quart.Get(app, "/film/{id:int}", func(_ *quart.Ctx, in byID) (allocFilm, error) { return allocFilm{in.ID, "t", 1}, nil })
	quart.Get(app, "/wide/{name}", func(_ *quart.Ctx, in wide) (string, error) { return in.Name, nil })
	quart.Get(app, "/none", func(*quart.Ctx, quart.None) (quart.None, error) { return quart.None{}, nil })
	quart.Get(app, "/pointer", func(*quart.Ctx, quart.None) (*allocFilm, error) { return film, nil })
	quart.Get(app, "/nil", func(*quart.Ctx, quart.None) (*allocFilm, error) { return nil, nil })
	quart.Get(app, "/bytes", func(*quart.Ctx, quart.None) ([]byte, error) { return nil, nil })
	quart.Get(app, "/reply", func(*quart.Ctx, quart.None) (quart.Result[allocFilm], error) {
		return quart.Reply(202, *film), nil
	})
	quart.Get(app, "/ruled/{name}", func(_ *quart.Ctx, in ruled) (string, error) { return in.Sort, nil })
	quart.Get(app, "/parts", func(*quart.Ctx, quart.None) (parts, error) {
		return parts{Place: "/film/1", Rest: 5, Theme: quart.Cookie{Value: "dark"}, Body: *film}, nil
	})
	app.Get("/as/{id:int}", func(c *quart.Ctx) error {
		if _, err := quart.ParamAs[int32](c, "id"); err != nil {
			return err
		}
		n, err := quart.QueryAs(c, "n", 20)
		if err != nil || n != 5 {
			return quart.ErrConflict
		}
		in, err := quart.Bind[byID](c)
		if err != nil || in.ID != 7 {
			return quart.ErrConflict
		}
		return c.NoContent()
	})
	h := app.Handler()
	for _, tc := range []struct {
		target string
		status int
	}{
		{"/film/7", 200},
		{"/wide/gopher?page=2&rate=1.5&strict=true", 200},
		{"/wide/gopher", 200},
		{"/film/99999999999999999999", 404},
		{"/none", 204},
		{"/pointer", 200},
		{"/nil", 204},
		{"/bytes", 200},
		{"/reply", 202},
		{"/as/7?n=5", 204},
		{"/ruled/gopher?page=2&sort=a&code=0bf6a8f0-0000-4000-8000-000000000000", 200},
		{"/parts", 201},
	} {
		fc := request("GET", tc.target)
		once := func() {
			fc.Response.Reset()
			h(fc)
		}
		once()
		if got := fc.Response.StatusCode(); got != tc.status {
			t.Errorf("%s: status %d, want %d", tc.target, got, tc.status)
		}
		if n := testing.AllocsPerRun(1000, once); n != 0 {
			t.Errorf("%s: %v allocations", tc.target, n)
		}
	}
}

// countingCodec decodes a film by hand, without allocations: what is left are quart's own.
type countingCodec struct{}

func (countingCodec) Append(dst []byte, _ any) ([]byte, error) { return append(dst, "{}"...), nil }

func (countingCodec) Decode(data []byte, v any) error {
	v.(*allocFilm).ID = len(data)
	return nil
}

// poster posts JSON as the server does: the body is a stream.
type poster struct {
	handle fasthttp.RequestHandler
	fc     *fasthttp.RequestCtx
	body   string
	stream strings.Reader
}

func newPoster(h fasthttp.RequestHandler, body string) *poster {
	p := &poster{handle: h, fc: new(fasthttp.RequestCtx), body: body}
	p.fc.Init2(deadlines{}, nil, true)
	request("POST", "/film").Request.CopyTo(&p.fc.Request)
	p.fc.Request.Header.SetContentType("application/json")
	return p
}

// deadlines is a connection of which only the deadline for reading a body is used.
type deadlines struct{ net.Conn }

func (deadlines) SetReadDeadline(time.Time) error { return nil }

func (p *poster) post() {
	p.stream.Reset(p.body)
	p.fc.Request.SetBodyStream(&p.stream, len(p.body))
	p.fc.Response.Reset()
	p.handle(p.fc)
}

// TestTypedJSONAllocs tells quart's allocations from the codec's: none with a codec that makes none, and with the default as
// many as its bare Decode and Append.
func TestTypedJSONAllocs(t *testing.T) {
	const body = `{"id":7,"title":"Academy Dinosaur","rate":0.99}`
	for _, tc := range []struct {
		name string
		cfg  quart.Config
		want float64
	}{
		{"counting codec", quart.Config{JSON: countingCodec{}}, 0},
		{"default codec", quart.Config{}, bareDecode(body)},
	} {
		app := quart.New(tc.cfg)
		quart.Post(app, "/film", func(_ *quart.Ctx, in allocFilm) (allocFilm, error) { return in, nil }).Status(201)
		p := newPoster(app.Handler(), body)
		p.post()
		if got := p.fc.Response.StatusCode(); got != 201 {
			t.Fatalf("%s: status %d %s", tc.name, got, p.fc.Response.Body())
		}
		if n := testing.AllocsPerRun(1000, p.post); n > tc.want {
			t.Errorf("%s: %v allocations, want %v", tc.name, n, tc.want)
		}
	}
}

// ruledFilm is an allocFilm with rules, defaults and nested values.
type ruledFilm struct {
	allocFilm
	Title string `json:"title" rules:"required,minLength=1,maxLength=99,pattern=^[A-Z]"`
	Kind  string `json:"kind" default:"dvd" rules:"enum=dvd|vhs"`
	Place struct {
		City string `json:"city" rules:"required,format=hostname"`
	} `json:"place" rules:"required"`
	Stars [3]int `json:"stars" rules:"uniqueItems,items.max=5"`
}

// ruledCodec decodes what the test sends.
type ruledCodec struct{ countingCodec }

func (ruledCodec) Decode(_ []byte, v any) error {
	f := v.(*ruledFilm)
	f.ID, f.Title, f.Place.City, f.Stars = 7, "Academy", "rome", [3]int{1, 2, 3}
	return nil
}

// TestBodyRulesZeroAllocs: rules that are met cost no allocation, nor do defaults.
func TestBodyRulesZeroAllocs(t *testing.T) {
	app := quart.New(quart.Config{JSON: ruledCodec{}})
	quart.Post(app, "/film", func(_ *quart.Ctx, in ruledFilm) (quart.None, error) {
		if in.Kind != "dvd" {
			return quart.None{}, quart.ErrConflict
		}
		return quart.None{}, nil
	})
	p := newPoster(app.Handler(), `{"id":7,"title":"Academy","unknown":[{"a":1}],"place":{"city":"rome"},"stars":[1,2,3]}`)
	p.post()
	if got := p.fc.Response.StatusCode(); got != 204 {
		t.Fatalf("status %d %s", got, p.fc.Response.Body())
	}
	if n := testing.AllocsPerRun(1000, p.post); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// bareDecode counts what the default codec allocates to decode body: json.Unmarshal is all of it.
func bareDecode(body string) float64 {
	data, film := []byte(body), new(allocFilm)
	return testing.AllocsPerRun(1000, func() {
		*film = allocFilm{}
		if err := json.Unmarshal(data, film); err != nil {
			panic(err)
		}
	})
}

func BenchmarkTyped(b *testing.B) {
	type byID struct {
		ID int `path:"id"`
	}
	film := &allocFilm{1, "t", 1}
	app := quart.New(quart.Config{})
	app.Get("/plain/{id:int}", func(c *quart.Ctx) error {
		film.ID = c.ParamInt("id")
		return c.JSON(200, film)
	})
	quart.Get(app, "/typed/{id:int}", func(_ *quart.Ctx, in byID) (allocFilm, error) { return allocFilm{in.ID, "t", 1}, nil })
	quart.Post(app, "/film", func(_ *quart.Ctx, in allocFilm) (allocFilm, error) { return in, nil })
	h := app.Handler()
	b.Run("plain GET", func(b *testing.B) { run(b, h, request("GET", "/plain/7"), 200) })
	b.Run("typed GET", func(b *testing.B) { run(b, h, request("GET", "/typed/7"), 200) })
	b.Run("typed POST", func(b *testing.B) {
		p := newPoster(h, `{"id":7,"title":"Academy Dinosaur","rate":0.99}`)
		p.post()
		if got := p.fc.Response.StatusCode(); got != 200 {
			b.Fatalf("status %d", got)
		}
		b.ReportAllocs()
		for b.Loop() {
			p.post()
		}
	})
}
