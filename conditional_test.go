package quart_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
)

const (
	condDate   = "Sun, 06 Nov 1994 08:49:37 GMT"
	condBefore = "Sun, 06 Nov 1994 08:49:36 GMT"
	condAfter  = "Sun, 06 Nov 1994 08:49:38 GMT"
)

// condTime has a fraction, which HTTP dates have not.
var condTime = time.Date(1994, 11, 6, 8, 49, 37, 123456789, time.UTC)

// conditionTests are about a resource with the tag "v2", modified at condTime.
var conditionTests = []struct {
	name   string
	header string // lines joined by |
	get    int    // for GET and HEAD
	put    int
}{
	{"none", "", 200, 200},
	{"If-Match, the same", `If-Match: "v2"`, 200, 200},
	{"If-Match, in a list", `If-Match: "v1", "v2"`, 200, 200},
	{"If-Match, in two lines", `If-Match: "v1"|If-Match: "v2"`, 200, 200},
	{"If-Match, another", `If-Match: "v1"`, 412, 412},
	{"If-Match, weak", `If-Match: W/"v2"`, 412, 412},
	{"If-Match, any", `If-Match: *`, 200, 200},
	{"If-Match, empty", `If-Match:`, 412, 412},
	{"If-Unmodified-Since, equal", "If-Unmodified-Since: " + condDate, 200, 200},
	{"If-Unmodified-Since, older", "If-Unmodified-Since: " + condBefore, 412, 412},
	{"If-Unmodified-Since, no date", "If-Unmodified-Since: yesterday", 200, 200},
	{"If-Match beats If-Unmodified-Since", `If-Match: "v2"|If-Unmodified-Since: ` + condBefore, 200, 200},
	{"If-None-Match, the same", `If-None-Match: "v2"`, 304, 412},
	{"If-None-Match, weak", `If-None-Match: W/"v2"`, 304, 412},
	{"If-None-Match, in a list", `If-None-Match: "v1", W/"v2", "v3"`, 304, 412},
	{"If-None-Match, in two lines", `If-None-Match: "v1"|If-None-Match: "v2"`, 304, 412},
	{"If-None-Match, another", `If-None-Match: "v1"`, 200, 200},
	{"If-None-Match, any", `If-None-Match: *`, 304, 412},
	{"If-None-Match, malformed", `If-None-Match: v2`, 200, 200},
	{"If-Modified-Since, equal", "If-Modified-Since: " + condDate, 304, 200},
	{"If-Modified-Since, later", "If-Modified-Since: " + condAfter, 304, 200},
	{"If-Modified-Since, older", "If-Modified-Since: " + condBefore, 200, 200},
	{"If-Modified-Since, no date", "If-Modified-Since: now", 200, 200},
	{"If-Modified-Since, RFC 850", "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", 304, 200},
	{"If-Modified-Since, asctime", "If-Modified-Since: Sun Nov  6 08:49:37 1994", 304, 200},
	{"If-None-Match beats If-Modified-Since, changed", `If-None-Match: "v1"|If-Modified-Since: ` + condAfter, 200, 200},
	{"If-None-Match beats If-Modified-Since, same", `If-None-Match: "v2"|If-Modified-Since: ` + condBefore, 304, 412},
	{"an empty If-None-Match beats it, too", `If-None-Match:|If-Modified-Since: ` + condAfter, 200, 200},
	{"If-Match before If-None-Match", `If-Match: "v1"|If-None-Match: "v2"`, 412, 412},
	{"both hold", `If-Match: "v2"|If-None-Match: "v2"`, 304, 412},
	{"Range is not looked at", "Range: bytes=0-0", 200, 200},
}

func condLines(header string) []string {
	if header == "" {
		return nil
	}
	return strings.Split(header, "|")
}

func TestCheckConditions(t *testing.T) {
	app, _ := newApp(quart.Config{})
	handler := func(c *quart.Ctx) error {
		c.SetHeader("Vary", "Accept")
		c.SetHeader("Cache-Control", "max-age=60")
		c.SetHeader("Content-Encoding", "gzip")
		if done, err := quart.CheckConditions(c, `"v2"`, condTime); done {
			return err
		}
		return c.Text(200, "body")
	}
	app.Get("/", handler)
	app.Put("/", handler)
	s := serve(t, app)
	for _, tc := range conditionTests {
		t.Run(tc.name, func(t *testing.T) {
			for method, want := range map[string]int{"GET": tc.get, "HEAD": tc.get, "PUT": tc.put} {
				a := s.do(method, "/", "", condLines(tc.header)...)
				if a.StatusCode != want {
					t.Errorf("%s: %d, want %d", method, a.StatusCode, want)
					continue
				}
				tag, date := `"v2"`, condDate
				if method == "PUT" || want == 412 {
					tag = ""
				}
				if tag == "" || want == 304 {
					date = ""
				}
				if got := a.Header.Get("ETag"); got != tag {
					t.Errorf("%s: ETag %q", method, got)
				}
				if got := a.Header.Get("Last-Modified"); got != date {
					t.Errorf("%s: Last-Modified %q", method, got)
				}
				if want == 304 {
					checkNotModified(t, a)
				}
			}
		})
	}
}

func checkNotModified(t *testing.T, a *answer) {
	t.Helper()
	if a.body != "" || a.Header.Get("Vary") != "Accept" || a.Header.Get("Cache-Control") != "max-age=60" {
		t.Errorf("304: %q %v", a.body, a.Header)
	}
	for name := range a.Header {
		if strings.HasPrefix(name, "Content-") || name == "Transfer-Encoding" || name == "Accept-Ranges" {
			t.Errorf("304 with %s: %q", name, a.Header.Get(name))
		}
	}
}

func TestCheckConditionsPartlyKnown(t *testing.T) {
	app, log := newApp(quart.Config{})
	var tag string
	var modified time.Time
	handler := func(c *quart.Ctx) error {
		if done, err := quart.CheckConditions(c, tag, modified); done {
			return err
		}
		return c.Text(200, "body")
	}
	app.Get("/", handler)
	app.Put("/", handler)
	s := serve(t, app)
	epoch, future := time.Unix(0, 0), time.Now().Add(time.Hour)
	for _, tc := range []struct {
		name     string
		tag      string
		modified time.Time
		method   string
		header   string
		want     int
		date     string
	}{
		{"date alone, same", "", condTime, "GET", "If-Modified-Since: " + condDate, 304, condDate},
		{"date alone, exists", "", condTime, "PUT", "If-None-Match: *", 412, ""},
		{"date alone, no tag to match", "", condTime, "GET", `If-None-Match: "x"|If-Modified-Since: ` + condDate, 200, condDate},
		{"tag alone", `"x"`, time.Time{}, "GET", "If-Modified-Since: " + condDate, 200, ""},
		{"tag alone, unmodified", `"x"`, time.Time{}, "PUT", "If-Unmodified-Since: " + condDate, 200, ""},
		{"weak tag", `W/"x"`, time.Time{}, "GET", `If-None-Match: "x"`, 304, ""},
		{"weak tag is no lock", `W/"x"`, time.Time{}, "PUT", `If-Match: W/"x"`, 412, ""},
		{"missing, create", "", time.Time{}, "PUT", "If-None-Match: *", 200, ""},
		{"missing, update", "", time.Time{}, "PUT", "If-Match: *", 412, ""},
		{"epoch", "", epoch, "GET", "", 200, ""},
		{"future", "", future, "GET", "If-Modified-Since: " + condDate, 200, ""},
		{"no quotes", "x", time.Time{}, "GET", "", 500, ""},
		{"a line end", "\"x\r\ny\"", time.Time{}, "GET", "", 500, ""},
	} {
		tag, modified = tc.tag, tc.modified
		a := s.do(tc.method, "/", "", condLines(tc.header)...)
		if a.StatusCode != tc.want || a.Header.Get("Last-Modified") != tc.date {
			t.Errorf("%s: %d, Last-Modified %q", tc.name, a.StatusCode, a.Header.Get("Last-Modified"))
		}
	}
	if !strings.Contains(log.String(), "no entity tag") {
		t.Errorf("log: %s", log)
	}
}

func TestETagOf(t *testing.T) {
	a, b := quart.ETagOf([]byte("a")), quart.ETagOf([]byte("b"))
	if a == b || a != quart.ETagOf([]byte("a")) || a != `"ca978112ca1bbdcafac231b39a23dc4d"` {
		t.Errorf("%s, %s", a, b)
	}
}

func TestConditionsOf(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		k := quart.ConditionsOf(c)
		if _, err := k.Ranges(10); quart.StatusOf(err) != 416 {
			t.Errorf("range: %v", err)
		}
		if _, err := (quart.Conditions{Range: "lines=1-2"}).Ranges(10); err == nil || quart.StatusOf(err) == 416 {
			t.Errorf("range of another unit: %v", err)
		}
		return c.Text(200, k.IfMatch+" "+k.IfNoneMatch)
	})
	serve(t, app).get("/", `If-Match: "a"`, `If-Match: "b"`, `If-None-Match: "c"`, "Range: bytes=10-").want(t, 200, `"a", "b" "c"`)
}

func TestConditionsAreErrors(t *testing.T) {
	app, _ := newApp(quart.Config{})
	var seen error
	app.Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			seen = next(c)
			return seen
		}
	})
	app.Put("/", func(c *quart.Ctx) error {
		_, err := quart.CheckConditions(c, `"a"`, time.Time{})
		return err
	})
	app.OnStatus(412, func(c *quart.Ctx, err error) error { return c.Text(412, "lost update") })
	serve(t, app).do("PUT", "/", "", `If-Match: "b"`).want(t, 412, "lost update")
	var he *quart.HTTPError
	if !errors.As(seen, &he) || he.Status != 412 {
		t.Errorf("layers see %v", seen)
	}
}
