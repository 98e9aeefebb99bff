package openapi_test

import (
	"fmt"

	"github.com/goquart/quart"
	"github.com/goquart/quart/openapi"
)

func Example() {
	type greeting struct {
		Text string `json:"text" doc:"What to say."`
	}
	type who struct {
		Name string `path:"name" rules:"maxLength=60" example:"Ada"`
	}
	app := quart.New(quart.Config{})
	quart.Get(app, "/hello/{name}", func(_ *quart.Ctx, in who) (greeting, error) {
		return greeting{"Hello, " + in.Name}, nil
	}).Name("hello").Doc(quart.Doc{Summary: "Greet somebody"})
	openapi.Serve(app, openapi.Config{Title: "Greetings", Version: "1.0"}) // /openapi.json, /openapi.yaml and /docs

	fmt.Print(string(openapi.YAML(app, openapi.Config{Title: "Greetings", Version: "1.0"})[:230]))
	// Output:
	// openapi: "3.1.1"
	// info:
	//   title: Greetings
	//   version: "1.0"
	// paths:
	//   /hello/{name}:
	//     get:
	//       summary: Greet somebody
	//       operationId: hello
	//       parameters:
	//         - name: name
	//           in: path
	//           required: true
}
