//go:build !race && !quartdebug

package quart_test

import (
	"runtime"
	"testing"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// TestZeroAllocs holds the README's zeros: nothing of quart's own is allocated on these paths. Strings come from slabs of
// 2 KiB, so a run that fills one shows as a fraction, which AllocsPerRun rounds down; TestSlabBytes tells the bytes.
func TestZeroAllocs(t *testing.T) {
	h := benchApp().Handler()
	for _, tc := range []struct {
		name, method, target string
		status               int
	}{
		{"static", "GET", "/plaintext", 200},
		{"head", "HEAD", "/plaintext", 200},
		{"one parameter", "GET", "/users/gopher", 200},
		{"escaped parameter", "GET", "/users/g%C3%B6pher", 200},
		{"int parameter", "GET", "/film/7", 200},
		{"five parameters", "GET", "/p5/one/two/three/four/five", 200},
		{"five middlewares", "GET", "/mw/five", 200},
		{"JSON of a struct", "GET", "/json", 200},
		{"template page", "GET", "/page", 200},
		{"typed key", "GET", "/key", 200},
		{"cookie read", "GET", "/cookie", 200},
		{"query", "GET", "/query?q=a+b&n=5", 200},
		{"redirect", "GET", "/redirect", 302},
		{"404", "GET", "/nothing", 404},
		{"405", "PUT", "/plaintext", 405},
		{"automatic OPTIONS", "OPTIONS", "/plaintext", 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fc := request(tc.method, tc.target)
			once := func() {
				fc.Response.Reset()
				h(fc)
			}
			once()
			if got := fc.Response.StatusCode(); got != tc.status {
				t.Fatalf("status %d, want %d", got, tc.status)
			}
			if n := testing.AllocsPerRun(1000, once); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func TestZeroAllocsAppendURL(t *testing.T) {
	app := benchApp()
	app.Handler()
	buf := make([]byte, 0, 64)
	id, user := 995, "gö pher"
	if n := testing.AllocsPerRun(1000, func() {
		id++
		buf = app.AppendURL(buf[:0], "film", "id", id, "tab", user)
		buf = app.AppendURL(buf[:0], "user", "user", user)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestSlabBytes prints what stands behind the zeros: mallocs and bytes per 1,000 requests.
func TestSlabBytes(t *testing.T) {
	h := benchApp().Handler()
	for _, target := range []string{"/plaintext", "/users/gopher", "/p5/one/two/three/four/five", "/json"} {
		mallocs, bytes := memory(h, request("GET", target))
		t.Logf("%-30s %4d mallocs, %6d bytes per 1,000 requests", target, mallocs, bytes)
		if mallocs > 50 { // one 2 KiB chunk per 100 requests with 19 bytes of strings is 10
			t.Errorf("%s: %d mallocs per 1,000 requests", target, mallocs)
		}
	}
}

func memory(h fasthttp.RequestHandler, fc *fasthttp.RequestCtx) (mallocs, bytes uint64) {
	h(fc)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 1000 {
		fc.Response.Reset()
		h(fc)
	}
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
}

// TestZeroAllocsLarge keeps an owned string above the slab's limit honest: it costs its one allocation.
func TestZeroAllocsLarge(t *testing.T) {
	app := quart.New(quart.Config{})
	app.Get("/x/{v}", func(c *quart.Ctx) error { c.Param("v"); return nil })
	h := app.Handler()
	long := make([]byte, 300)
	for i := range long {
		long[i] = 'a'
	}
	fc := request("GET", "/x/"+string(long))
	if n := testing.AllocsPerRun(1000, func() { h(fc) }); n != 1 {
		t.Errorf("%v allocations for 300 bytes, want 1", n)
	}
}
