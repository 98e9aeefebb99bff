//go:build !race && !quartdebug

package quart_test

import (
	"testing"

	fasthttprouter "github.com/fasthttp/router"
	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// TestDoorAllocs holds what the comments of FromFast and Adopt say of their own allocations. fasthttp/router's are 3 for
// each parameter, besides.
func TestDoorAllocs(t *testing.T) {
	nothing := func(*fasthttp.RequestCtx) {}
	table := fasthttprouter.New()
	table.ANY("/static", nothing)
	app := quart.New(quart.Config{})
	app.Handle(quart.MethodAny, "/static", quart.FromFast(nothing))
	app.Handle(quart.MethodAny, "/one/{a}", quart.FromFast(nothing))
	app.Handle(quart.MethodAny, "/two/{a}/{b}", quart.FromFast(nothing))
	app.Adopt("/v1", table)
	layered := app.Group("/layered", layered)
	layered.Get("/plain", func(*quart.Ctx) error { return nil })
	layered.Get("/static", quart.FromFast(nothing))
	h := app.Handler()
	for _, tt := range []struct {
		target, body string
		want         float64
	}{
		{"/static", "", 0},
		{"/static", "a body", 0},
		{"/one/x", "", 2},
		{"/two/x/y", "", 4},
		{"/v1/static", "", 0},
		{"/layered/plain", "", 0},
		{"/layered/static", "", 0},
	} {
		t.Run(tt.target+" "+tt.body, func(t *testing.T) {
			fc := request("GET", tt.target)
			once := func() {
				fc.ResetUserValues()
				fc.Response.Reset()
				fc.Request.SetBodyString(tt.body)
				h(fc)
			}
			once()
			if got := fc.Response.StatusCode(); got != 200 {
				t.Fatalf("status %d", got)
			}
			if n := testing.AllocsPerRun(1000, once); n != tt.want {
				t.Errorf("%v allocations, want %v", n, tt.want)
			}
		})
	}
}
