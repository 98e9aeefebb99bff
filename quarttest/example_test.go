package quarttest_test

import (
	"fmt"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// An example has no *testing.T, so this one borrows what a test function gets.
func Example() {
	test := func(t testing.TB) {
		app := quart.New(quart.Config{})
		app.Post("/greet", func(c *quart.Ctx) error {
			c.SetCookie(quart.Cookie{Name: "met", Value: c.Form("name")})
			return c.Redirect(303, "/hello")
		})
		app.Get("/hello", func(c *quart.Ctx) error { return c.Text(200, "hello "+c.Cookie("met")) })

		cl := quarttest.New(t, app)
		fmt.Println(cl.Post("/greet").Form("name", "Ada").Follow().Want(200).Text())
		fmt.Println(cl.Get("/nowhere").Want(404).Header("Content-Type"))
	}
	run(test)
	// Output:
	// hello Ada
	// application/problem+json
}

// run stands in for go test.
func run(test func(t testing.TB)) {
	t := &recorder{}
	test(t)
	for _, f := range t.cleanups {
		f()
	}
}
