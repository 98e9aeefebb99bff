package quart_test

import (
	"errors"
	"fmt"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// ask sends one request to app without a network and prints the answer.
func ask(app *quart.App, method, target, body string) {
	fc := new(fasthttp.RequestCtx)
	fc.Init(&fasthttp.Request{}, nil, nil)
	fc.Request.Header.SetMethod(method)
	fc.Request.SetRequestURI(target)
	if body != "" {
		fc.Request.Header.SetContentType("application/json")
		fc.Request.SetBodyString(body)
	}
	app.Handler()(fc)
	fmt.Println(fc.Response.StatusCode(), string(fc.Response.Body()))
}

type Review struct {
	Film  int    `json:"film"`
	Stars int    `json:"stars"`
	Text  string `json:"text"`
}

// Validate runs before the handler; its text is for the client.
func (r *Review) Validate() error {
	if r.Stars < 1 || r.Stars > 5 {
		return errors.New("stars must be 1 to 5")
	}
	return nil
}

func ExamplePost() {
	app := quart.New(quart.Config{})
	quart.Post(app, "/reviews", func(_ *quart.Ctx, in Review) (Review, error) {
		return in, nil
	}).Status(201)

	ask(app, "POST", "/reviews", `{"film":7,"stars":5,"text":"good"}`)
	ask(app, "POST", "/reviews", `{"film":7,"stars":9}`)
	ask(app, "POST", "/reviews", `{"film":"7"}`)
	ask(app, "POST", "/reviews", `{"film":7`)
	// Output:
	// 201 {"film":7,"stars":5,"text":"good"}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"stars must be 1 to 5"}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":"body","pointer":"/film","detail":"must be an integer"}]}
	// 400 {"title":"Bad Request","status":400,"detail":"the body is no valid JSON"}
}

func ExampleGet() {
	type search struct {
		Tenant string   `path:"tenant"`
		Page   int      `query:"page" default:"1"`
		Tags   []string `query:"tag"`
		Theme  *string  `cookie:"theme"` // nil when absent
	}
	app := quart.New(quart.Config{})
	quart.Get(app, "/{tenant}/films", func(_ *quart.Ctx, in search) (string, error) {
		return fmt.Sprintf("%s: page %d of %v", in.Tenant, in.Page, in.Tags), nil
	})

	ask(app, "GET", "/acme/films?tag=new&tag=short", "")
	ask(app, "GET", "/acme/films?page=two", "")
	// Output:
	// 200 acme: page 1 of [new short]
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":"query","pointer":"page","detail":"must be an integer"}]}
}

func ExampleReply() {
	type job struct {
		ID int `json:"id"`
	}
	type input struct {
		Wait bool `query:"wait"`
	}
	app := quart.New(quart.Config{})
	quart.Post(app, "/jobs", func(c *quart.Ctx, in input) (quart.Result[job], error) {
		if in.Wait {
			return quart.Reply(200, job{7}), nil
		}
		c.SetHeader("Location", "/jobs/7")
		return quart.Reply(202, job{7}), nil
	})

	ask(app, "POST", "/jobs", "")
	ask(app, "POST", "/jobs?wait=1", "")
	// Output:
	// 202 {"id":7}
	// 200 {"id":7}
}

func ExampleBind() {
	type page struct {
		Number int `query:"page" default:"1"`
	}
	app := quart.New(quart.Config{})
	app.Get("/films", func(c *quart.Ctx) error {
		p, err := quart.Bind[page](c)
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprint("page ", p.Number))
	})

	ask(app, "GET", "/films", "")
	ask(app, "GET", "/films?page=3", "")
	// Output:
	// 200 page 1
	// 200 page 3
}

func ExampleQueryAs() {
	app := quart.New(quart.Config{})
	app.Get("/films", func(c *quart.Ctx) error {
		limit, err := quart.QueryAs[uint8](c, "limit", 20)
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprint(limit))
	})

	ask(app, "GET", "/films", "")
	ask(app, "GET", "/films?limit=999", "")
	// Output:
	// 200 20
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":"query","pointer":"limit","detail":"is out of range"}]}
}

func ExampleRoute_Info() {
	app := quart.New(quart.Config{})
	quart.Post(app, "/reviews", func(_ *quart.Ctx, in Review) (Review, error) { return in, nil }).Status(201).Returns(409, nil)
	for r := range app.Routes() {
		info := r.Info()
		fmt.Println(info.Method, info.Pattern, info.In)
		for _, a := range info.Answers {
			fmt.Println(a.Status, a.ContentType, a.Body)
		}
	}
	// Output:
	// POST /reviews quart_test.Review
	// 201 application/json quart_test.Review
	// 409  <nil>
}
