package quart_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// TestHostileNullWithDefault: a default and a minimum, and still a zero arrives.
func TestHostileNullWithDefault(t *testing.T) {
	type in struct {
		Limit int    `json:"limit" default:"20" rules:"min=1,max=100"`
		Sort  string `json:"sort" default:"asc" rules:"enum=asc|desc"`
	}
	a := hostilePost[in](t, `{"limit":null,"sort":null}`)
	if a.StatusCode == 200 && a.body != "{Limit:20 Sort:asc}" {
		t.Errorf("%s: neither the default nor within the rules", a.body)
	}
}

// TestHostileNullOfDefaults: null is the default, whether the member has rules or not, and so is nothing.
func TestHostileNullOfDefaults(t *testing.T) {
	type in struct {
		A int           `json:"a" default:"20"`
		B int           `json:"b" default:"20" rules:"min=1"`
		C *int          `json:"c" default:"20"`
		S []string      `json:"s" default:"x,y"`
		D time.Duration `json:"d" default:"1s"`
	}
	const want = `{"a":20,"b":20,"c":20,"s":["x","y"],"d":1000000000}`
	for _, codec := range []quart.JSONCodec{nil, v1Codec{}} {
		app, _ := newApp(quart.Config{JSON: codec})
		quart.Post(app, "/", func(_ *quart.Ctx, in in) (in, error) { return in, nil })
		s := serve(t, app)
		s.do("POST", "/", `{}`, hostileJSON).want(t, 200, want)
		s.do("POST", "/", `{"a":null,"b":null,"c":null,"s":null,"d":null}`, hostileJSON).want(t, 200, want)
	}
}

// HPage is embedded by a pointer.
type HPage struct {
	Limit int `json:"limit" default:"20"`
	Skip  int `json:"skip"`
}

// TestHostileDefaultBelowPointer: who embeds by a pointer finds the defaults there, too.
func TestHostileDefaultBelowPointer(t *testing.T) {
	type in struct {
		*HPage
		A int `json:"a"`
	}
	for _, codec := range []quart.JSONCodec{nil, v1Codec{}} {
		app, _ := newApp(quart.Config{JSON: codec})
		quart.Post(app, "/", func(_ *quart.Ctx, in in) (string, error) { return fmt.Sprint(in.Limit, in.A), nil })
		s := serve(t, app)
		for body, want := range map[string]string{
			`{}`: "20 0", `{"a":1}`: "20 1", `{"limit":null}`: "20 0", `{"skip":2}`: "20 0", `{"limit":0}`: "0 0", `{"limit":7}`: "7 0",
		} {
			s.do("POST", "/", body, hostileJSON).want(t, 200, want)
		}
	}
}

type hKind string

type hPager struct {
	Limit int `json:"limit"`
}

type hMoment struct {
	At time.Time `json:"at" default:"2026-01-02T03:04:05Z"`
}

type HEmbTime struct {
	time.Time
	X int `json:"x" rules:"required"`
}

// hostileRefused wants a panic at registration: with these types every request is a 500, or rules are never held.
func hostileRefused[T any](t *testing.T) {
	t.Helper()
	app, _ := newApp(quart.Config{})
	if v := panicOf(func() {
		quart.Post(app, "/", func(*quart.Ctx, T) (string, error) { return "", nil })
		app.Handler()
	}); v == nil {
		a := serve(t, app).do("POST", "/", `{}`, hostileJSON)
		t.Errorf("%T is registered; {} is answered with %d %s", *new(T), a.StatusCode, strings.TrimSpace(a.body))
	}
}

func TestHostileTypesAtRegistration(t *testing.T) {
	hostileRefused[struct {
		hKind
		N int `json:"n"`
	}](t)
	hostileRefused[struct {
		A time.Time `json:"a,format:DateOnly"`
	}](t)
	hostileRefused[struct{ a int }](t) //nolint:unused
	hostileRefused[HEmbTime](t)        // its rules are never held: UnmarshalJSON is promoted
	// What the codec takes no JSON for, whatever it is: a body with that member is a 500.
	hostileRefused[struct {
		//lint:ignore SA5008 the mistake is the test
		L []int `json:"l,string"`
	}](t)
	hostileRefused[struct {
		In struct {
			//lint:ignore SA5008 the mistake is the test
			L **[]int `json:"a,string"`
		} `json:"in"`
	}](t)
	hostileRefused[struct {
		C chan int `json:"c"`
	}](t)
	hostileRefused[struct {
		*hPager
	}](t)
	hostileRefused[struct {
		*hMoment
	}](t)
}

// TestHostileTypesOfOtherCodecs: what a codec of the program's own takes is not ours to refuse. encoding/json takes the option string for more
// types, and members of type func that are absent.
func TestHostileTypesOfOtherCodecs(t *testing.T) {
	app, _ := newApp(quart.Config{JSON: v1Codec{}})
	type input struct {
		On   bool   `json:"on,string"`
		Name string `json:"name,string"`
		Call func() `json:"call,omitempty"`
	}
	quart.Post(app, "/", func(_ *quart.Ctx, in input) (string, error) { return fmt.Sprint(in.On, in.Name), nil })
	serve(t, app).do("POST", "/", `{"on":"true","name":"\"x\""}`, hostileJSON).want(t, 200, "truex")
}
