// Zoo serves an API that has a little of everything that a document can describe. It is what the tests read besides the examples.
package main

import (
	"flag"
	"fmt"
	"iter"
	"mime/multipart"
	"strings"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/openapi"
)

// Animal is one of the zoo's. Its young are animals, too.
type Animal struct {
	ID    int       `json:"id" doc:"Given by the zoo." example:"1"`
	Name  string    `json:"name" rules:"required,minLength=1,maxLength=40" example:"Ada"`
	Kind  string    `json:"kind" rules:"required,enum=bird|fish|cat" example:"cat"`
	Born  time.Time `json:"born,omitzero"`
	Young []Animal  `json:"young,omitempty"`
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T `json:"items"`
	Total int `json:"total" rules:"min=0"`
}

// Created is the answer to what made something.
type Created struct {
	Status   int    `status:"201"`
	Location string `header:"Location" doc:"Where it is now."`
	Body     Animal `body:""`
}

var ada = Animal{ID: 1, Name: "Ada", Kind: "cat", Born: time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC)}

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "`host:port` to listen on")
	flag.Parse()
	app := quart.New(quart.Config{})
	app.Use(middleware.SecureHeaders(middleware.SecureConfig{}))
	animals(app.Group("/animals").Name("animals"))
	keepers(app.Group("/keepers", middleware.BasicAuth(middleware.BasicAuthConfig{Users: map[string]string{"keeper": "bananas"}})).Name("keepers"))
	app.WebSocket("/talk", func(s *quart.Socket) error { return nil }).Doc(quart.Doc{OperationID: "talk", Summary: "Talk to the animals"})
	openapi.Serve(app, openapi.Config{
		Title: `Zoo & "friends" <b>`, Version: "2.1", Description: "A zoo, for *tests*.\n\nIt says `hello`.",
		Tags: []openapi.Tag{{Name: "animals", Description: "Who lives here"}, {Name: "keepers", Description: "Who feeds them"}},
	})
	app.Run(*addr)
}

func animals(r quart.Router) {
	quart.Get(r, "/{id:int(min=1)}", func(c *quart.Ctx, in struct {
		ID int `path:"id" doc:"The animal's number."`
	},
	) (Animal, error) {
		if in.ID != ada.ID {
			return Animal{}, quart.Errorf(404, "there is no animal %d", in.ID)
		}
		return ada, nil
	}).Returns(404, nil).Doc(quart.Doc{OperationID: "getAnimal", Summary: "One animal"})

	quart.Get(r, "/", func(c *quart.Ctx, in struct {
		Kind  string `query:"kind" rules:"enum=bird|fish|cat" doc:"Only these."`
		Limit int    `query:"limit" rules:"min=1,max=100" default:"20"`
		Seen  string `cookie:"seen"`
		Trace string `header:"X-Trace" rules:"maxLength=64"`
	},
	) (Page[Animal], error) {
		return Page[Animal]{[]Animal{ada}, 1}, nil
	}).Doc(quart.Doc{OperationID: "listAnimals", Summary: "The animals"})

	quart.Post(r, "/", func(c *quart.Ctx, in Animal) (Created, error) {
		in.ID = 2
		return Created{Status: 201, Location: "/animals/2", Body: in}, nil
	}).Doc(quart.Doc{OperationID: "addAnimal", Summary: "Take an animal in"})

	quart.Post(r, "/{id:int}/picture", func(c *quart.Ctx, in struct {
		ID      int                   `path:"id"`
		Caption string                `form:"caption" rules:"maxLength=80"`
		Picture *multipart.FileHeader `file:"picture" rules:"required"`
	},
	) (string, error) {
		return fmt.Sprintf("%d bytes of %s", in.Picture.Size, in.Picture.Filename), nil
	}).Doc(quart.Doc{OperationID: "addPicture", Summary: "A picture of an animal"})

	quart.Get(r, "/births", func(c *quart.Ctx, _ quart.None) (quart.Events[Animal], error) {
		return quart.EventsOf(iter.Seq2[Animal, error](func(yield func(Animal, error) bool) { yield(ada, nil) })), nil
	}).Doc(quart.Doc{OperationID: "watchBirths", Summary: "Births, as they happen", Deprecated: true})
}

func keepers(r quart.Router) {
	quart.Get(r, "/me", func(c *quart.Ctx, _ quart.None) (map[string]string, error) {
		user, _ := middleware.UserKey.Get(c)
		return map[string]string{"name": strings.ToUpper(user)}, nil
	}).Doc(quart.Doc{OperationID: "getKeeper", Summary: "Who am I?"})
}
