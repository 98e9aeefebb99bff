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
	// 400 {"title":"Bad Request","status":400,"detail":"the body is no valid JSON at line 1, column 10"}
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
	// 409 application/problem+json <nil>
}

func ExampleHandle_rules() {
	type line struct {
		Film  int `json:"film" rules:"required,min=1"`
		Count int `json:"count" default:"1" rules:"min=1,max=9"`
	}
	type order struct {
		Tenant string `path:"tenant"`
		Dry    bool   `query:"dry"`
		Body   struct {
			Email string `json:"email" rules:"required,format=email"`
			Lines []line `json:"lines" rules:"required,minItems=1"`
		} `body:""`
	}
	app := quart.New(quart.Config{})
	quart.Post(app, "/{tenant}/orders", func(_ *quart.Ctx, in order) (string, error) {
		return fmt.Sprint(in.Tenant, " orders ", in.Body.Lines), nil
	})

	ask(app, "POST", "/acme/orders", `{"email":"ada@example.org","lines":[{"film":7},{"film":8,"count":2}]}`)
	ask(app, "POST", "/acme/orders?dry=perhaps", `{"email":"ada","lines":[{"film":"7","count":10}]}`)
	// Output:
	// 200 acme orders [{7 1} {8 2}]
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":"query","pointer":"dry","detail":"must be true or false"},{"location":"body","pointer":"/lines/0/film","detail":"must be an integer"},{"location":"body","pointer":"/email","detail":"must be an email address"},{"location":"body","pointer":"/lines/0/count","detail":"must be at most 9"}]}
}

// A result can have a status, headers and cookies of its own.
func ExampleHandle_response() {
	type film struct {
		ID int `json:"id"`
	}
	type created struct {
		Status   int    `status:"201"` // what a zero stands for
		Location string `header:"Location"`
		Body     film   `body:""`
	}
	app := quart.New(quart.Config{})
	quart.Put(app, "/films/{id:int}", func(c *quart.Ctx, in struct {
		ID int `path:"id"`
	},
	) (created, error) {
		if in.ID == 7 {
			return created{Status: 200, Body: film{7}}, nil // it was there
		}
		return created{Location: c.Path(), Body: film{in.ID}}, nil
	})

	ask(app, "PUT", "/films/7", "")
	ask(app, "PUT", "/films/8", "")
	// Output:
	// 200 {"id":7}
	// 201 {"id":8}
}

func ExampleParseRules() {
	rules, err := quart.ParseRules("required,maxItems=9,items.pattern=^[a-z]{2,3}$")
	fmt.Println(rules, err)
	_, err = quart.ParseRules("requierd")
	fmt.Println(err != nil)
	// Output:
	// [{required } {maxItems 9} {items.pattern ^[a-z]{2,3}$}] <nil>
	// true
}

// A middleware that lets only some requests pass says so, and documents show it.
func ExampleSecured() {
	scheme := quart.SecurityScheme{Name: "key", Type: "apiKey", In: "header", Param: "X-Key"}
	keyed := quart.Secured(scheme, func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if c.Header("X-Key") == "" {
				return quart.ErrUnauthorized
			}
			return next(c)
		}
	})
	app := quart.New(quart.Config{})
	app.Get("/private", func(c *quart.Ctx) error { return c.NoContent() }).Use(keyed)
	for r := range app.Routes() {
		fmt.Println(r.Info().Pattern, r.Info().Security[0].Param)
	}
	// Output:
	// /private X-Key
}

func ExampleEventsOf() {
	type tick struct {
		N int `json:"n"`
	}
	app := quart.New(quart.Config{})
	quart.Get(app, "/ticks", func(*quart.Ctx, quart.None) (quart.Events[tick], error) {
		return quart.EventsOf(func(yield func(tick, error) bool) {
			for n := range 3 {
				if !yield(tick{n}, nil) {
					return // the client has left
				}
			}
		}), nil
	})
	for r := range app.Routes() {
		answer := r.Info().Answers[0]
		fmt.Println(answer.Status, answer.ContentType, answer.Body)
	}
	// Output:
	// 200 text/event-stream quart_test.tick
}
