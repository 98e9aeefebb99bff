package openapi_test

import (
	"encoding/json"
	"image"
	"math/big"
	"mime/multipart"
	"net/netip"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goquart/quart"
	"github.com/goquart/quart/openapi"
)

// The zoo has at least one of everything that is described.

type Film struct {
	_        struct{}      `doc:"A film of the shop."`
	ID       int64         `json:"film_id"`
	Title    string        `json:"title" rules:"required,minLength=1,maxLength=255" doc:"As on the poster." example:"ACADEMY DINOSAUR"`
	Year     *int16        `json:"release_year" rules:"min=1888"`
	Rating   Rating        `json:"rating" default:"G"`
	Price    Money         `json:"price"`
	Length   time.Duration `json:"length,omitzero" example:"86m"`
	Tags     []string      `json:"tags,omitempty" rules:"maxItems=5,uniqueItems,items.maxLength=20" example:"new,classic"`
	Cast     []Actor       `json:"cast,omitempty"`
	Sequel   *Film         `json:"sequel,omitempty"`
	Director *Actor        `json:"director"`
	Updated  time.Time     `json:"updated"`
	Internal string        `json:"-"`
	hidden   int           //lint:ignore U1000 it is not in the document
}

type Actor struct {
	Person
	Roles map[string]Role `json:"roles" rules:"minProperties=1"`
	Birth time.Time       `json:"birth,omitzero"`
}

type Person struct {
	First string `json:"first" rules:"required"`
	Last  string `json:"last" rules:"required,pattern=^[A-Z][a-z,-]*$"`
}

type Role struct {
	Name  string  `json:"name" rules:"required"`
	Share float64 `json:"share" rules:"min=0,max=1,multipleOf=0.05"`
}

// Rating is an enumeration that says so.
type Rating string

func (Rating) JSONSchema() string {
	return `{"type": "string", "enum": ["G", "PG", "R"], "description": "Who may watch."}`
}

// Money makes its own JSON, and says what.
type Money struct{ cents int64 }

func (m Money) MarshalJSON() ([]byte, error) {
	return []byte(`"` + big.NewRat(m.cents, 100).FloatString(2) + `"`), nil
}
func (m *Money) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, new(string)) }
func (Money) JSONSchema() string {
	return `{"type":"string","pattern":"^-?[0-9]+\\.[0-9]{2}$","examples":["4.99"]}`
}

// Opaque makes its own JSON, and does not say what.
type Opaque struct{ v any }

func (o Opaque) MarshalJSON() ([]byte, error)  { return json.Marshal(o.v) }
func (o *Opaque) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &o.v) }

// UUID is text, of an array.
type UUID [16]byte

func (u UUID) MarshalText() ([]byte, error) {
	return []byte("00000000-0000-0000-0000-000000000000"), nil
}
func (u *UUID) UnmarshalText(b []byte) error { return nil }

type Page[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next,omitempty" doc:"Where the next page is."`
}

type Pair[A, B any] struct {
	First  A `json:"first"`
	Second B `json:"second"`
}

// Point is not image.Point.
type Point struct {
	Lat, Lon float64
}

// Tree is recursive.
type Tree struct {
	Label    string          `json:"label"`
	Children []*Tree         `json:"children"`
	Index    map[string]Tree `json:"index,omitempty"`
}

// Nested is a recursive list.
type Nested []Nested

type Kinds struct {
	Bool   bool               `json:"bool"`
	I8     int8               `json:"i8"`
	I32    int32              `json:"i32"`
	U      uint               `json:"u"`
	U16    uint16             `json:"u16"`
	F32    float32            `json:"f32"`
	Quoted int64              `json:"quoted,string"`
	Bytes  []byte             `json:"bytes"`
	Hash   [32]byte           `json:"hash"`
	Point  [2]float64         `json:"point"`
	Matrix [][]int            `json:"matrix"`
	Any    any                `json:"any"`
	Raw    jsontext.Value     `json:"raw"`
	ID     UUID               `json:"id"`
	Addr   netip.Addr         `json:"addr"`
	Big    *big.Int           `json:"big"`
	Opaque Opaque             `json:"opaque"`
	Ages   map[int]string     `json:"ages"`
	Deep   map[string][]*UUID `json:"deep"`
	Inline struct {
		X, Y int
	} `json:"inline"`
	Level  int            `json:"level" rules:"enum=1|2|3,exclusiveMin=0,exclusiveMax=9"`
	Wait   time.Duration  `json:"wait" rules:"min=1s,max=1m"`
	Name   *string        `json:"name" rules:"enum=a|b"`
	Nested Nested         `json:"nested"`
	Rest   map[string]int `json:",embed"`
}

type ListQuery struct {
	Limit  int           `query:"limit" rules:"min=1,max=100" default:"20" doc:"Films on a page." example:"50"`
	Tags   []string      `query:"tag" rules:"maxItems=3" default:"new,old"`
	Rating *Rating       `query:"rating"`
	Since  time.Time     `query:"since"`
	Within time.Duration `query:"within" rules:"min=1s" default:"1m" example:"90s"`
	ID     UUID          `query:"id"`
	Sort   string        `query:"sort" rules:"required,enum=title|year"`
	Tenant string        `header:"X-Tenant" rules:"required,pattern=(?i)^t-[0-9]+$"`
	Auth   string        `header:"Authorization"`
	Theme  string        `cookie:"theme" rules:"enum=dark|light"`
}

type FilmPath struct {
	ID int64 `path:"id" doc:"Of the film." example:"995"`
}

type Change struct {
	ID      int64  `path:"id"`
	DryRun  bool   `query:"dry_run"`
	IfMatch string `header:"If-Match"`
	Body    Film   `body:""`
}

type Upload struct {
	Caption string `form:"caption" rules:"required,maxLength=60"`
	Scores  []int  `form:"score" rules:"items.min=1"`
}

// Photo is a form with files.
type Photo struct {
	Caption string                  `form:"caption" rules:"maxLength=60" default:""`
	Cover   *multipart.FileHeader   `file:"cover" rules:"required,maxLength=5MiB" doc:"A JPEG."`
	More    []*multipart.FileHeader `file:"more" rules:"maxItems=3"`
}

type Blob struct {
	Name string `path:"name"`
	Data []byte `body:"image/*" rules:"maxLength=1024" doc:"The picture."`
}

type Note struct {
	Text string `body:"text/plain"`
}

type Patch struct {
	ID   int     `path:"id"`
	Body *Person `body:""`
}

// Created is an answer in parts.
type Created struct {
	_        struct{} `status:"201"`
	Location string   `header:"Location" doc:"Of the film."`
	Session  string   `cookie:"sid" doc:"For a day."`
	Body     Film     `body:""`
}

type Tick struct {
	At    time.Time `json:"at"`
	Price float64   `json:"price"`
}

type Answer struct{ OK bool }

func plain(c *quart.Ctx) error { return c.Text(200, "ok") }

func pass(next quart.Handler) quart.Handler { return next }

var (
	bearer = quart.SecurityScheme{Name: "bearer", Type: "http", Scheme: "bearer", BearerFormat: "JWT"}
	cookie = quart.SecurityScheme{Name: "session", Type: "apiKey", In: "cookie", Param: "sid", Description: "Signed in."}
)

func newZoo() *quart.App {
	app := quart.New(quart.Config{})
	app.Convert("slug", quart.Converter{Parse: func([]byte) bool { return true }})
	app.Get("/", plain)
	films := app.Group("/films").Name("films")
	quart.Get(films, "", func(*quart.Ctx, ListQuery) (Page[Film], error) { return Page[Film]{}, nil }).
		Name("list").Doc(quart.Doc{Summary: "All films", Description: "By **page**.", Tags: []string{"films", "browse"}})
	quart.Get(films, "/{id:int(min=1,max=1000)}", func(*quart.Ctx, FilmPath) (Film, error) { return Film{}, nil }).
		Name("film").Returns(404, nil)
	quart.Put(films, "/{id:int}", func(*quart.Ctx, Change) (*Film, error) { return nil, nil }).
		Doc(quart.Doc{OperationID: "replaceFilm", Deprecated: true}).Returns(412, quart.None{})
	quart.Post(films, "", func(_ *quart.Ctx, in Film) (Film, error) { return in, nil }).Name("list").Status(201)
	quart.Delete(films, "/{id:int}", func(*quart.Ctx, FilmPath) (quart.None, error) { return quart.None{}, nil }).
		Use(quart.Secured(bearer, pass))
	quart.Get(films, "/{slug:slug}", func(*quart.Ctx, quart.None) (Film, error) { return Film{}, nil })
	quart.Post(films, "/{id:int}/poster", func(*quart.Ctx, Upload) (string, error) { return "", nil })
	quart.Query(films, "", func(*quart.Ctx, map[string]Pair[string, []Film]) ([]Film, error) { return nil, nil })

	forms := app.Group("/forms").Name("forms")
	quart.Post(forms, "/photo", func(*quart.Ctx, Photo) (Created, error) { return Created{}, nil })
	quart.Put(forms, "/blob/{name}", func(*quart.Ctx, Blob) ([]byte, error) { return nil, nil })
	quart.Put(forms, "/note", func(*quart.Ctx, Note) (string, error) { return "", nil })
	quart.Patch(forms, "/person/{id:int}", func(*quart.Ctx, Patch) (quart.None, error) { return quart.None{}, nil })

	streams := app.Group("/streams").Name("streams")
	quart.Get(streams, "/rows", func(*quart.Ctx, quart.None) (quart.Rows[Film], error) { return quart.Rows[Film]{}, nil })
	quart.Get(streams, "/ticks", func(*quart.Ctx, quart.None) (quart.Events[Tick], error) { return quart.Events[Tick]{}, nil })
	quart.Get(streams, "/raw", func(*quart.Ctx, quart.None) (quart.Events[quart.Event], error) {
		return quart.Events[quart.Event]{}, nil
	})

	kinds := app.Group("/kinds", quart.Secured(cookie, pass)).Name("kinds")
	quart.Post(kinds, "", func(_ *quart.Ctx, in Kinds) (Kinds, error) { return in, nil }).
		Use(quart.Secured(bearer, pass)).Returns(200, "text").Returns(200, Tree{}).Returns(200, Answer{})
	quart.Get(kinds, "/others", func(*quart.Ctx, quart.None) (Page[image.Point], error) { return Page[image.Point]{}, nil })
	quart.Get(kinds, "/other", func(*quart.Ctx, quart.None) (Pair[image.Point, Point], error) { return Pair[image.Point, Point]{}, nil })
	quart.Get(kinds, "/own", func(*quart.Ctx, quart.None) (Page[Point], error) { return Page[Point]{}, nil })
	quart.Put(kinds, "/tree", func(_ *quart.Ctx, in Tree) (quart.Result[Tree], error) { return quart.Reply(202, in), nil })

	paths := app.Group("/paths").Name("paths")
	paths.Get("/archive/{year:int(fixed_digits=4)?}/{month:int(min=1,max=12)?}", plain)
	paths.Get("/range/{from:int(signed)}-{to:float}", plain)
	paths.Get("/files/{path:*}", plain)
	paths.Get("/code/{code:[a-z]{2}[0-9]+}/{kind:any(red|green)}", plain)
	paths.Get("/user/{id:uuid}/{name:string(minlength=2,maxlength=8)}", plain)
	paths.Get("/a b/é", plain)
	app.Handle("*", "/any", plain).Name("any")
	app.Post("/any", plain)
	app.Handle("PURGE", "/any", plain)

	app.Host("{tenant}.example.com").Get("/", plain)
	app.Host("api.example.com").Get("/status", plain)
	app.SSE("/clock", func(*quart.EventStream) error { return nil })
	app.WebSocket("/chat", func(*quart.Socket) error { return nil })
	app.WebSocket("/", func(*quart.Socket) error { return nil })
	app.Get("/secret", plain).Doc(quart.Doc{Hidden: true})
	return app
}

var zooConfig = openapi.Config{
	Title: "Zoo", Version: "1.2.3", Summary: "One of everything.", Description: "Line one.\n\nLine: two # not a comment.",
	Terms:        "https://example.com/terms",
	Contact:      &openapi.Contact{Name: "Keepers", Email: "keepers@example.com"},
	License:      &openapi.License{Name: "MIT", Identifier: "MIT"},
	Servers:      []openapi.Server{{URL: "https://example.com/v1", Description: "The real one"}, {URL: "/"}},
	Tags:         []openapi.Tag{{Name: "films", Description: "What is shown", ExternalDocs: &openapi.ExternalDocs{URL: "https://example.com/films"}}},
	ExternalDocs: &openapi.ExternalDocs{URL: "https://example.com/docs", Description: "More"},
}
