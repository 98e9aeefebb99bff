package quart_test

import (
	"fmt"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// get shows what app answers to a GET.
func get(app *quart.App, target string) {
	fc := new(fasthttp.RequestCtx)
	fc.Init(&fasthttp.Request{}, nil, nil)
	fc.Request.SetRequestURI(target)
	fc.Request.SetHost("example.com")
	app.Handler()(fc)
	fmt.Println(fc.Response.StatusCode(), string(fc.Response.Body())+string(fc.Response.Header.Peek("Location")))
}

func ExampleApp_URL() {
	show := func(c *quart.Ctx) error { return c.Text(200, "film "+c.Param("id")) }
	app := quart.New(quart.Config{})
	app.Get("/film/{id:int}", show).Name("film")
	fmt.Println(app.URL("film", "id", 995, "tab", "cast & crew", quart.Anchor, "top"))
	get(app, app.URL("film", "id", 995))
	// Output:
	// /film/995?tab=cast+%26+crew#top
	// 200 film 995
}

func ExampleGroup() {
	api := quart.NewGroup().Name("api")
	api.Get("/films", func(c *quart.Ctx) error { return c.Text(200, c.URL(".films", "page", 2)) }).Name("films")

	app := quart.New(quart.Config{})
	app.Mount("/v1", api)
	app.Mount("/v2", api).Name("v2")
	get(app, "/v1/films")
	get(app, "/v2/films")
	fmt.Println(app.URL("v2.films"))
	// Output:
	// 200 /v1/films?page=2
	// 200 /v2/films?page=2
	// /v2/films
}

func ExampleApp_Host() {
	app := quart.New(quart.Config{})
	app.Host("{tenant}.com").Get("/", func(c *quart.Ctx) error { return c.Text(200, c.Param("tenant")) })
	get(app, "/")
	// Output: 200 example
}

func ExampleRoute_Default() {
	list := func(c *quart.Ctx) error { return c.Text(200, "page "+c.Param("page")) }
	app := quart.New(quart.Config{})
	app.Get("/films/", list).Name("films").Default("page", 1)
	app.Get("/films/{page:int}", list).Name("films")
	get(app, "/films/")
	get(app, "/films/2")
	get(app, "/films/1")
	fmt.Println(app.URL("films", "page", 1), app.URL("films", "page", 2))
	// Output:
	// 200 page 1
	// 200 page 2
	// 308 /films/
	// /films/ /films/2
}

type outOfStock struct{ film string }

func (e *outOfStock) Error() string { return e.film + " is out of stock" }

func ExampleOnError() {
	app := quart.New(quart.Config{})
	quart.OnError(app, func(c *quart.Ctx, err *outOfStock) error { return c.Text(409, "no "+err.film+" today") })
	app.Get("/buy", func(c *quart.Ctx) error { return fmt.Errorf("buying: %w", &outOfStock{"Alien"}) })
	get(app, "/buy")
	// Output: 409 no Alien today
}

func ExampleBefore() {
	app := quart.New(quart.Config{})
	app.Use(
		quart.Teardown(func(c *quart.Ctx, err error) { fmt.Println("teardown:", err) }),
		quart.After(func(c *quart.Ctx) error { fmt.Println("after:", c.Status()); return nil }),
		quart.Before(func(c *quart.Ctx) error {
			if c.Query("key") == "" {
				return quart.ErrUnauthorized
			}
			return nil
		}),
	)
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "welcome") })
	get(app, "/?key=1")
	get(app, "/")
	// Output:
	// after: 200
	// teardown: <nil>
	// 200 welcome
	// after: 401
	// teardown: 401 Unauthorized
	// 401 {"title":"Unauthorized","status":401}
}
