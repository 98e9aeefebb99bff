package validator_test

import (
	"fmt"

	"github.com/goquart/quart"
	"github.com/goquart/quart/contrib/validator"
	"github.com/valyala/fasthttp"
)

type Signup struct {
	Email    string   `json:"email" validate:"required,email"`
	Password string   `json:"password" validate:"min=12"`
	Topics   []string `json:"topics" validate:"max=3,dive,oneof=go web"`
}

func Example() {
	app := quart.New(quart.Config{Validator: validator.New(nil)})
	quart.Post(app, "/signup", func(_ *quart.Ctx, in Signup) (string, error) {
		return "welcome, " + in.Email, nil
	})

	ask := func(body string) {
		fc := new(fasthttp.RequestCtx)
		fc.Init(&fasthttp.Request{}, nil, nil)
		fc.Request.Header.SetMethod("POST")
		fc.Request.SetRequestURI("/signup")
		fc.Request.Header.SetContentType("application/json")
		fc.Request.SetBodyString(body)
		app.Handler()(fc)
		fmt.Println(fc.Response.StatusCode(), string(fc.Response.Body()))
	}
	ask(`{"email":"ada@example.com","password":"correct horse","topics":["go"]}`)
	ask(`{"email":"ada@example.com","password":"correct horse","topics":["go","php"]}`)
	// Output:
	// 200 welcome, ada@example.com
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"the input does not meet its constraints","errors":[{"location":"body","pointer":"/topics/1","detail":"must be one of: go, web"}]}
}
