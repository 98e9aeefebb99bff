package quart_test

import (
	"math"
	"testing"

	"github.com/goquart/quart"
)

type hBase struct {
	Location string `header:"Location"`
}

type hOutEmbeds struct {
	hBase
	Body point `body:""`
}

type hAnswer struct {
	Status int    `status:"200"`
	Type   string `header:"Content-Type"`
	Body   string `body:""`
}

type hFailing struct {
	Status int     `status:"201"`
	Loc    string  `header:"Location"`
	Cookie string  `cookie:"sid"`
	Body   float64 `body:""`
}

// TestHostileResponseEmbedded: a field of an embedded struct is dropped without a word, where an input takes it.
func TestHostileResponseEmbedded(t *testing.T) {
	app, _ := newApp(quart.Config{})
	if panicOf(func() {
		quart.Get(app, "/", func(*quart.Ctx, none) (hOutEmbeds, error) {
			return hOutEmbeds{hBase: hBase{"/x"}, Body: point{1, 2}}, nil
		})
	}) != nil {
		return // refusing it would do
	}
	if a := serve(t, app).get("/"); a.Header.Get("Location") != "/x" {
		t.Errorf("%v", a.Header)
	}
}

// TestHostileResponseFailing: a result whose body cannot be encoded leaves its cookie and Location on the 500.
func TestHostileResponseFailing(t *testing.T) {
	app, _ := newApp(quart.Config{})
	quart.Get(app, "/", func(*quart.Ctx, none) (hFailing, error) {
		return hFailing{Loc: "/x", Cookie: "secret", Body: math.NaN()}, nil
	})
	a := serve(t, app).get("/")
	if a.StatusCode != 500 || a.Header.Get("Location") != "" || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

func TestHostileResponseContentType(t *testing.T) {
	app, _ := newApp(quart.Config{})
	if panicOf(func() {
		quart.Get(app, "/", func(*quart.Ctx, none) (hAnswer, error) { return hAnswer{Type: "text/csv", Body: "a,b"}, nil })
	}) != nil {
		return
	}
	if a := serve(t, app).get("/"); a.Header.Get("Content-Type") != "text/csv" {
		t.Errorf("header:\"Content-Type\" is overridden: %s", a.Header.Get("Content-Type"))
	}
}
