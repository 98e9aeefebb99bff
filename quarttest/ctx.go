package quarttest

import (
	"testing"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// NewCtx returns a Ctx for a function that takes one, outside of any server: with the method and target, the Host "localhost", and the
// route and parameters that app finds for them, if any. No layer and no handler runs. Header fields and a body are set through
// c.Fast().Request before they are read; what was written stands in c.Fast().Response. It is released when the test is over. It
// freezes app: register the routes first.
func NewCtx(t testing.TB, app *quart.App, method, target string) *quart.Ctx {
	t.Helper()
	var req fasthttp.Request
	req.Header.SetMethod(method)
	req.Header.SetHost("localhost")
	req.SetRequestURI(target)
	fc := new(fasthttp.RequestCtx)
	fc.Init(&req, nil, nil)
	c := quart.AcquireCtx(app, fc)
	t.Cleanup(func() { quart.ReleaseCtx(c) })
	return c
}
