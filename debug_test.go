//go:build quartdebug

package quart_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goquart/quart"
)

// TestUseAfterReturn: under quartdebug a kept Ctx panics at its next use and names the places, and a kept []byte is poisoned.
func TestUseAfterReturn(t *testing.T) {
	app, _ := newApp(quart.Config{})
	var kept *quart.Ctx
	var body []byte
	app.Post("/{id}", func(c *quart.Ctx) error {
		kept = c
		body, _ = c.Body()
		return c.Text(200, c.Param("id"))
	})
	serve(t, app).do("POST", "/7", "payload").want(t, 200, "7")
	if !strings.HasPrefix(string(body), "\xdb\xdb") {
		t.Errorf("a body kept over the return reads %q", body)
	}
	for name, use := range map[string]func(){
		"Param":     func() { kept.Param("id") },
		"Path":      func() { kept.Path() },
		"Query":     func() { kept.Query("a") },
		"Header":    func() { kept.Header("a") },
		"Text":      func() { _ = kept.Text(200, "late") },
		"SetHeader": func() { kept.SetHeader("A", "b") },
		"Body":      func() { _, _ = kept.Body() },
		"Context":   func() { kept.Context() },
		"Key":       func() { userKey.Get(kept) },
		"Status":    func() { kept.Status() },
		"SetStatus": func() { kept.SetStatus(200) },
		"Log":       func() { kept.Log() },
		"Fail":      func() { kept.Fail(quart.ErrNotFound) },
		"Method":    func() { kept.Method() },
		"App":       func() { kept.App() },
	} {
		func() {
			defer func() {
				v := recover()
				if msg := fmt.Sprint(v); v == nil || !strings.Contains(msg, "released") || !strings.Contains(msg, "ctx.go") {
					t.Errorf("%s: %v", name, v)
				}
			}()
			use()
		}()
	}
}
