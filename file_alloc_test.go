//go:build !race && !quartdebug

package quart_test

import (
	"testing"

	"github.com/goquart/quart"
)

// TestZeroAllocsFiles: files from memory and conditions cost no allocation.
func TestZeroAllocsFiles(t *testing.T) {
	files := staticApp(benchDir(t))
	app := quart.New(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		if done, err := quart.CheckConditions(c, `"v2"`, condTime); done {
			return err
		}
		return c.Text(200, "body")
	})
	conditions := app.Handler()
	for _, tc := range []struct {
		name, target, header string
		status               int
	}{
		{"file", "/static/css/site.css", "", 200},
		{"encoded sibling", "/static/css/both.css", "", 200},
		{"304 by tag", "/static/css/site.css", "If-None-Match: *\r\n", 304},
		{"304 by date", "/static/css/site.css", "If-Modified-Since: " + condDate + "\r\n", 304},
		{"range", "/static/css/site.css", "Range: bytes=100-199\r\n", 206},
		{"ranges", "/static/css/site.css", "Range: bytes=100-199,0-99\r\n", 206},
		{"conditions that let pass", "/", "If-None-Match: \"v1\"\r\n", 200},
		{"conditions that hold", "/", "If-None-Match: \"v2\"\r\n", 304},
	} {
		h := files
		if tc.target == "/" {
			h = conditions
		}
		fc := fileRequest(tc.target, tc.header)
		once := func() {
			fc.Response.Reset()
			h(fc)
		}
		once()
		if got := fc.Response.StatusCode(); got != tc.status {
			t.Errorf("%s: status %d, want %d", tc.name, got, tc.status)
		}
		if n := testing.AllocsPerRun(500, once); n != 0 {
			t.Errorf("%s: %v allocations", tc.name, n)
		}
	}
}
