package quart_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/quicktemplate"
)

type created struct {
	Status   int          `status:"201"`
	Location string       `header:"Location"`
	Rest     uint         `header:"X-Rest"`
	Until    time.Time    `header:"Expires"`
	From     *netip.Addr  `header:"X-From"`
	Links    []string     `header:"Link"`
	Session  quart.Cookie `cookie:"session"`
	Theme    string       `cookie:"theme"`
	Body     point        `body:""`
}

type accepted struct {
	_    struct{} `status:"202"`
	Job  int      `header:"X-Job"`
	Body *point   `body:""`
}

type made struct {
	_        struct{} `status:"201"`
	Location string   `header:"Location"`
	Body     string   `body:""`
}

type gone struct {
	Reason string `header:"X-Reason"`
}

type Gone gone

type asked struct {
	Q string `query:"q"`
}

type teapot struct{ Kind string }

func (teapot) StatusCode() int { return 418 }

type page struct{ title string }

func (p *page) StreamRender(qw *quicktemplate.Writer) { qw.E().S(p.title) }

func TestResponseStructs(t *testing.T) {
	app, _ := newApp(quart.Config{})
	from := netip.MustParseAddr("::1")
	quart.Get(app, "/created", func(*quart.Ctx, none) (created, error) {
		return created{
			Location: "/points/7", Rest: 3, Until: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), From: &from,
			Links: []string{"</a>", "</b>"}, Session: quart.Cookie{Value: "s", Insecure: true}, Theme: "dark", Body: point{1, 2},
		}, nil
	})
	quart.Get(app, "/bare", func(*quart.Ctx, none) (created, error) { return created{Status: 203}, nil })
	quart.Get(app, "/odd", func(*quart.Ctx, none) (created, error) { return created{Status: 99}, nil })
	quart.Get(app, "/split", func(*quart.Ctx, none) (created, error) { return created{Location: "/a\r\nX: y"}, nil })
	quart.Get(app, "/accepted", func(*quart.Ctx, none) (accepted, error) { return accepted{Job: 5, Body: &point{1, 2}}, nil })
	quart.Get(app, "/nil", func(*quart.Ctx, none) (*accepted, error) { return nil, nil })
	quart.Get(app, "/gone", func(*quart.Ctx, none) (gone, error) { return gone{"moved"}, nil })
	quart.Get(app, "/embedded", func(*quart.Ctx, none) (struct{ gone }, error) { return struct{ gone }{gone{"moved"}}, nil })
	quart.Get(app, "/member", func(*quart.Ctx, none) (any, error) {
		return struct {
			Gone `json:"gone"`
			N    int `json:"n"`
		}{}, nil
	})
	quart.Get(app, "/asked", func(*quart.Ctx, none) (any, error) {
		return struct {
			gone
			asked
		}{asked: asked{"x"}}, nil
	})
	quart.Get(app, "/teapot", func(*quart.Ctx, none) (teapot, error) { return teapot{"green"}, nil })
	quart.Get(app, "/teapots", func(*quart.Ctx, none) (quart.Result[*teapot], error) { return quart.Reply(0, &teapot{"black"}), nil })
	s := serve(t, app)
	a := s.get("/created")
	a.want(t, 201, `{"x":1,"y":2}`)
	for name, want := range map[string]string{
		"Location": "/points/7", "X-Rest": "3", "Expires": "Fri, 02 Jan 2026 03:04:05 GMT", "X-From": "::1", "Link": "</a>,</b>", "Content-Type": "application/json",
		"Set-Cookie": "session=s; Path=/; HttpOnly; SameSite=Lax,theme=dark; Path=/; HttpOnly; Secure; SameSite=Lax",
	} {
		if got := strings.Join(a.Header.Values(name), ","); !sameCookie(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	a = s.get("/bare")
	a.want(t, 203, `{"x":0,"y":0}`)
	for _, name := range []string{"Location", "X-Rest", "Expires", "X-From", "Link", "Set-Cookie"} {
		if a.Header.Values(name) != nil {
			t.Errorf("%s is sent for a zero value: %q", name, a.Header.Values(name))
		}
	}
	for _, target := range []string{"/odd", "/split"} {
		if a := s.get(target); a.StatusCode != 500 || strings.Contains(fmt.Sprint(a.Header), "y") && a.Header.Get("X") != "" {
			t.Errorf("%s: %d", target, a.StatusCode)
		}
	}
	a = s.get("/accepted")
	a.want(t, 202, `{"x":1,"y":2}`)
	if a.Header.Get("X-Job") != "5" {
		t.Errorf("%v", a.Header)
	}
	s.get("/nil").want(t, 204, "")
	a = s.get("/gone")
	a.want(t, 204, "")
	if a.Header.Get("X-Reason") != "moved" {
		t.Errorf("%v", a.Header)
	}
	a = s.get("/embedded")
	a.want(t, 204, "")
	if a.Header.Get("X-Reason") != "moved" {
		t.Errorf("the header of an embedded struct: %v", a.Header)
	}
	s.get("/member").want(t, 200, `{"gone":{"Reason":""},"n":0}`) // no embed, in JSON
	s.get("/asked").want(t, 200, `{"Reason":"","Q":"x"}`)         // a type of inputs
	s.get("/teapot").want(t, 418, `{"Kind":"green"}`)
	s.get("/teapots").want(t, 418, `{"Kind":"black"}`)
}

// sameCookie compares lines of attributes in any order.
func sameCookie(got, want string) bool {
	set := func(s string) map[string]bool {
		m := map[string]bool{}
		for part := range strings.SplitSeq(strings.ReplaceAll(s, ",", ";"), ";") {
			m[strings.ToLower(strings.TrimSpace(part))] = true
		}
		return m
	}
	return got == want || strings.Contains(want, "Path=/") && reflect.DeepEqual(set(got), set(want))
}

func TestResultsOfOtherKinds(t *testing.T) {
	app, _ := newApp(quart.Config{})
	quart.Get(app, "/page", func(*quart.Ctx, none) (*page, error) { return &page{"<x>"}, nil }).Status(203)
	quart.Get(app, "/pagevalue", func(*quart.Ctx, none) (page, error) { return page{"y"}, nil })
	quart.Get(app, "/nopage", func(*quart.Ctx, none) (*page, error) { return nil, nil })
	quart.Get(app, "/template", func(*quart.Ctx, none) (quart.Template, error) { return &page{"z"}, nil })
	quart.Get(app, "/error", func(*quart.Ctx, none) (error, error) { return quart.ErrConflict, nil })
	quart.Get(app, "/noerror", func(*quart.Ctx, none) (error, error) { return nil, nil })
	quart.Get(app, "/either", func(*quart.Ctx, none) (any, error) { return quart.ErrForbidden, nil })
	quart.Get(app, "/httperror", func(*quart.Ctx, none) (*quart.HTTPError, error) { return &quart.HTTPError{Status: 410}, nil })
	quart.Get(app, "/anymade", func(*quart.Ctx, none) (any, error) { return made{Location: "/x", Body: "made"}, nil })
	quart.Get(app, "/anynone", func(*quart.Ctx, none) (any, error) { return none{}, nil })
	quart.Get(app, "/replynone", func(*quart.Ctx, none) (quart.Result[any], error) { return quart.Reply[any](0, none{}), nil })
	quart.Get(app, "/reply203", func(*quart.Ctx, none) (quart.Result[any], error) { return quart.Reply[any](203, made{}), nil })
	quart.Get(app, "/routes", func(*quart.Ctx, none) (any, error) { return made{}, nil }).Status(202)
	quart.Get(app, "/set", func(c *quart.Ctx, _ none) (any, error) { c.SetStatus(200); return made{}, nil }).Status(202)
	quart.Get(app, "/anynil", func(*quart.Ctx, none) (any, error) { return (*made)(nil), nil })
	quart.Get(app, "/nohttperror", func(*quart.Ctx, none) (any, error) { return (*quart.HTTPError)(nil), nil })
	quart.Query(app, "/query", func(_ *quart.Ctx, in point) (point, error) { return in, nil })
	s := serve(t, app)
	a := s.get("/page")
	a.want(t, 203, "&lt;x&gt;")
	if got := a.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("page: %s", got)
	}
	s.get("/pagevalue").want(t, 200, "y")
	s.get("/nopage").want(t, 204, "")
	s.get("/template").want(t, 200, "z")
	for target, status := range map[string]int{"/error": 409, "/noerror": 204, "/either": 403, "/httperror": 410} {
		if a := s.get(target); a.StatusCode != status {
			t.Errorf("%s: %d, want %d", target, a.StatusCode, status)
		}
	}
	for target, status := range map[string]int{
		"/anymade": 201, "/anynone": 204, "/replynone": 204, "/reply203": 203, "/routes": 202, "/set": 200, "/anynil": 204, "/nohttperror": 204,
	} {
		if a := s.get(target); a.StatusCode != status {
			t.Errorf("an interface, %s: %d, want %d", target, a.StatusCode, status)
		}
	}
	s.do("QUERY", "/query", `{"x":1,"y":2}`, "Content-Type: application/json").want(t, 200, `{"x":1,"y":2}`)
	if a := s.get("/query"); a.StatusCode != 405 || !strings.Contains(a.Header.Get("Allow"), "QUERY") {
		t.Errorf("GET of a QUERY route: %d, Allow %q", a.StatusCode, a.Header.Get("Allow"))
	}
}

func TestResponseStructPanics(t *testing.T) {
	for want, register := range map[string]func(*quart.App){
		"field B: has no tag, but others have": out[struct {
			A string `header:"X-A"`
			B int
		}],
		"field Name: has no tag, but others have": out[struct {
			gone
			Name string
		}],
		"field B: is a second status": out[struct {
			A int `status:"200"`
			B int `status:"201"`
		}],
		`status "x" is none of a response`: out[struct {
			A int `status:"x"`
		}],
		`status "100" is none of a response`: out[struct {
			_ struct{} `status:"100"`
		}],
		"a status is an exported int": out[struct {
			A string `status:"200"`
		}],
		"a cookie is an exported string or quart.Cookie": out[struct {
			A int `cookie:"x"`
		}],
		"a point is no text": out[struct {
			A point `header:"x"`
		}],
		"a result has one body": out[struct {
			A point `body:""`
			B point `body:""`
		}],
		"a chan int is no result": out[struct {
			A chan int `body:""`
		}],
	} {
		v := panicOf(func() { register(quart.New(quart.Config{})) })
		if s := strings.ReplaceAll(fmt.Sprint(v), "quart_test.", ""); !strings.Contains(s, want) {
			t.Errorf("%v, want %s", v, want)
		}
	}
}

type price struct {
	Symbol string `json:"symbol"`
	Cents  int    `json:"cents"`
}

func (p price) EventName() string { return p.Symbol }
func (p price) EventID() string   { return fmt.Sprint(p.Cents) }

func pricesOf(list ...any) iter.Seq2[price, error] {
	return func(yield func(price, error) bool) {
		for _, x := range list {
			p, _ := x.(price)
			err, _ := x.(error)
			if !yield(p, err) {
				return
			}
		}
	}
}

func TestEvents(t *testing.T) {
	app, _ := newApp(quart.Config{SSE: quart.SSEConfig{Retry: -1}})
	quart.Get(app, "/prices", func(*quart.Ctx, none) (quart.Events[price], error) {
		return quart.EventsOf(pricesOf(price{"A", 1}, price{"B", 2})), nil
	})
	quart.Get(app, "/plain", func(*quart.Ctx, none) (quart.Events[point], error) {
		return quart.EventsOf(func(yield func(point, error) bool) { yield(point{1, 2}, nil) }), nil
	})
	quart.Get(app, "/raw", func(*quart.Ctx, none) (quart.Events[quart.Event], error) {
		return quart.EventsOf(func(yield func(quart.Event, error) bool) { yield(quart.Event{ID: "7", Data: "x"}, nil) }), nil
	})
	quart.Get(app, "/cut", func(*quart.Ctx, none) (quart.Events[price], error) {
		return quart.EventsOf(pricesOf(price{"A", 1}, errors.New("no more"))), nil
	})
	s := serve(t, app)
	for target, want := range map[string]string{
		"/prices": "id: 1\nevent: A\ndata: {\"symbol\":\"A\",\"cents\":1}\n\nid: 2\nevent: B\ndata: {\"symbol\":\"B\",\"cents\":2}\n\n",
		"/plain":  "data: {\"x\":1,\"y\":2}\n\n",
		"/raw":    "id: 7\ndata: x\n\n",
	} {
		a := s.get(target)
		if body := strings.ReplaceAll(a.body, ": ", ":"); !strings.Contains(body, strings.ReplaceAll(want, ": ", ":")) || a.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%s: %s %q", target, a.Header.Get("Content-Type"), a.body)
		}
	}
	if a := allOf(s, "GET /cut HTTP/1.1\r\nHost: x\r\n\r\n"); strings.HasSuffix(a, "0\r\n\r\n") || !strings.Contains(a, `"cents":1`) {
		t.Errorf("a stream that failed ends well: %q", a)
	}
}

func TestDescribesResults(t *testing.T) {
	app := quart.New(quart.Config{})
	scheme := quart.SecurityScheme{Name: "session", Type: "apiKey", In: "cookie", Param: "session"}
	auth := quart.Secured(scheme, func(next quart.Handler) quart.Handler { return next })
	films := app.Group("/films", auth).Name("films")
	quart.Post(films, "/", func(*quart.Ctx, upload) (created, error) { return created{}, nil }).Use(auth)
	app.SSE("/clock", func(*quart.EventStream) error { return nil })
	quart.Get(app, "/events", func(*quart.Ctx, none) (quart.Events[price], error) { return quart.Events[price]{}, nil })
	quart.Get(app, "/rows", func(*quart.Ctx, none) (quart.Rows[price], error) { return quart.Rows[price]{}, nil }).Status(206)
	quart.Get(app, "/page", func(*quart.Ctx, none) (*page, error) { return nil, nil })
	info := map[string]quart.RouteInfo{}
	for r := range app.Routes() {
		info[r.Info().Pattern] = r.Info()
	}
	f := info["/films/"]
	if !reflect.DeepEqual(f.Tags, []string{"films"}) || !reflect.DeepEqual(f.Security, []quart.SecurityScheme{scheme}) || f.Request != "multipart/form-data" || f.Status != 201 {
		t.Errorf("%+v", f)
	}
	if cover := f.Fields[3]; cover.Source != "file" || cover.Name != "cover" || !cover.Required || cover.Rules != "required,maxLength=1KiB" {
		t.Errorf("%+v", cover)
	}
	if stars := f.Fields[2]; stars.Source != "form" || stars.Default != "3" || stars.Required {
		t.Errorf("%+v", stars)
	}
	if a := f.Answers[0]; a.Status != 201 || a.Body != reflect.TypeFor[point]() || len(a.Headers) != 7 || a.Headers[0].Name != "Location" || a.Headers[5].Source != "cookie" {
		t.Errorf("%+v", a)
	}
	if !info["/clock"].SSE || !info["/events"].SSE || info["/page"].SSE {
		t.Error("event streams are not told from others")
	}
	if a := info["/events"].Answers[0]; a.Status != 200 || a.ContentType != "text/event-stream" || a.Body != reflect.TypeFor[price]() {
		t.Errorf("%+v", a)
	}
	if a := info["/rows"].Answers; len(a) != 2 || a[0].Status != 206 || a[0].Body != reflect.TypeFor[[]price]() || a[1].ContentType != "application/x-ndjson" {
		t.Errorf("%+v", a)
	}
	if a := info["/page"].Answers[0]; a.ContentType != "text/html; charset=utf-8" {
		t.Errorf("%+v", a)
	}
	rules, err := quart.ParseRules("required,min=1")
	if err != nil || !reflect.DeepEqual(rules, []quart.Rule{{Name: "required"}, {Name: "min", Value: "1"}}) {
		t.Errorf("%v %v", rules, err)
	}
	if got := (quart.Rule{Name: "enum", Value: `a\|b|c`}).Options(); !reflect.DeepEqual(got, []string{"a|b", "c"}) {
		t.Errorf("%q", got)
	}
	if _, err := quart.ParseRules("nonsense"); err == nil {
		t.Error("an unknown rule is none")
	}
}

// allOf sends a request and returns all that comes until the connection ends.
func allOf(s *served, request string) string {
	nc := s.dial()
	send(s.t, nc, request)
	b, _ := io.ReadAll(nc)
	return string(b)
}

// TestResponseStreams: the head of a stream has the fields of the struct around it, over each protocol.
func TestResponseStreams(t *testing.T) {
	type rows struct {
		ETag string             `header:"ETag"`
		Body quart.Rows[string] `body:""`
	}
	type events struct {
		Topic string               `header:"X-Topic"`
		Sid   string               `cookie:"sid"`
		Body  quart.Events[string] `body:""`
	}
	long := strings.Repeat("x", 40<<10)
	app, _ := newApp(quart.Config{H2C: true})
	quart.Get(app, "/rows", func(*quart.Ctx, none) (rows, error) {
		return rows{`"7"`, quart.RowsOf(func(yield func(string, error) bool) { _ = yield(long, nil) && yield("y", nil) })}, nil
	})
	quart.Get(app, "/events", func(*quart.Ctx, none) (events, error) {
		return events{"news", "s", quart.EventsOf(func(yield func(string, error) bool) { yield("x", nil) })}, nil
	})
	quart.Get(app, "/empty", func(*quart.Ctx, none) (quart.Rows[string], error) { return quart.Rows[string]{}, nil })
	s := serve(t, app)
	a := s.get("/rows")
	if a.StatusCode != 200 || a.Header.Get("ETag") != `"7"` || a.body != `["`+long+`","y"]` {
		t.Errorf("%d %v %.80q", a.StatusCode, a.Header, a.body)
	}
	a = s.get("/events")
	if a.Header.Get("X-Topic") != "news" || !strings.Contains(a.Header.Get("Set-Cookie"), "sid=s") || !strings.Contains(a.body, `data: "x"`) {
		t.Errorf("%v %q", a.Header, a.body)
	}
	s.get("/empty").want(t, 200, "[]")
	c := s.h2()
	r := c.await(c.get("/events"))
	if r.head["x-topic"] != "news" || !strings.Contains(r.body, `data: "x"`) {
		t.Errorf("HTTP/2: %+v", r)
	}
}
