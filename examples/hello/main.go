// Hello is the smallest app: go run ./examples/hello, then open http://127.0.0.1:8080/.
package main

import "github.com/goquart/quart"

func main() {
	app := quart.New(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		return c.Text(200, "hello")
	})
	app.Run("127.0.0.1:8080")
}
