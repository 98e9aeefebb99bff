package quart_test

import (
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

type hKind string

type hPager struct {
	Limit int `json:"limit"`
}

type HEmbTime struct {
	time.Time
	X int `json:"x" rules:"required"`
}

// hostileRefused wants a panic at registration: with these types every request is a 500, or rules are never held.
func hostileRefused[T any](t *testing.T) {
	t.Helper()
	app, _ := newApp(quart.Config{})
	if v := panicOf(func() { quart.Post(app, "/", func(*quart.Ctx, T) (string, error) { return "", nil }) }); v == nil {
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
		L []int `json:"l,string"`
	}](t)
	hostileRefused[struct {
		In struct {
			L **[]int `json:"a,string"`
		} `json:"in"`
	}](t)
	hostileRefused[struct {
		C chan int `json:"c"`
	}](t)
	hostileRefused[struct {
		*hPager
	}](t)
}
