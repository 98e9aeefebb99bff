package main

import (
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/openapi"
)

// TodoIn is what a client says of a to-do. The tags are read three times: to decode it, to check it, and to describe it.
type TodoIn struct {
	Task string     `json:"task" rules:"required,minLength=1,maxLength=200" doc:"What is to be done." example:"Water the plants"`
	Due  *time.Time `json:"due" doc:"By when, if there is a date." example:"2030-05-01T12:00:00Z"`
	Done bool       `json:"done"`
}

// Todo is a to-do of the list.
type Todo struct {
	ID int64 `json:"id" example:"1"`
	TodoIn
}

// Echo is what was sent to /echo, and more.
type Echo struct {
	Input any  `json:"input"`
	Extra bool `json:"extra"`
}

// api is what the handlers share.
type api struct{ list todoList }

// newApp routes everything.
func newApp(cfg quart.Config) *quart.App {
	app, a := quart.New(cfg), &api{}
	quart.Post(app, "/echo", echo).Doc(quart.Doc{Summary: "Any JSON, within an object"})

	todos := app.Group("/todos").Name("todos")
	quart.Get(todos, "/", a.find).Doc(quart.Doc{Summary: "List to-dos", Description: "In the order in which they were made."})
	quart.Post(todos, "/", a.create).Returns(507, nil).Doc(quart.Doc{Summary: "Add a to-do"})
	quart.Get(todos, "/{id:int}", a.get).Doc(quart.Doc{Summary: "Show a to-do"})
	quart.Put(todos, "/{id:int}", a.update).Doc(quart.Doc{Summary: "Replace a to-do"})
	quart.Delete(todos, "/{id:int}", a.remove).Doc(quart.Doc{Summary: "Remove a to-do"})

	openapi.Serve(app, openapi.Config{
		Title: "To-dos", Version: "1.0.0",
		Description: "A list that everybody shares, until the server stops.",
		Tags:        []openapi.Tag{{Name: "todos", Description: "What is to be done."}},
	})
	app.Get("/", toDocs).Doc(quart.Doc{Hidden: true})
	return app
}

// toDocs is for visitors. Unlike App.Redirect it is not for ever, as other programs are served on this port, too.
func toDocs(c *quart.Ctx) error { return c.Redirect(302, "/docs") }

func echo(_ *quart.Ctx, in any) (Echo, error) { return Echo{Input: in, Extra: true}, nil }

// findInput is the query of the list.
type findInput struct {
	Done  *bool `query:"done" doc:"Only those that are done, or are not."`
	Limit int   `query:"limit" default:"20" rules:"min=1,max=100" doc:"How many, at most."`
	After int64 `query:"after" default:"0" rules:"min=0" doc:"Only those with a higher id: for the next page, the last one of this."`
}

func (a *api) find(_ *quart.Ctx, in findInput) ([]Todo, error) {
	return a.list.find(in.Done, in.After, in.Limit), nil
}

// created is the answer to a new to-do.
type created struct {
	_        struct{} `status:"201"`
	Location string   `header:"Location" doc:"Where the to-do is."`
	Todo     Todo     `body:""`
}

func (a *api) create(c *quart.Ctx, in TodoIn) (created, error) {
	todo, ok := a.list.add(in)
	if !ok {
		return created{}, quart.Errorf(507, "the list is full: remove what is done")
	}
	return created{Location: c.URL("todos.get", "id", todo.ID), Todo: todo}, nil
}

// one names a to-do.
type one struct {
	ID int64 `path:"id" doc:"Of the to-do." example:"1"`
}

func (a *api) get(_ *quart.Ctx, in one) (Todo, error) {
	todo, ok := a.list.get(in.ID)
	return todo, found(ok)
}

// updateInput has a body beside its path: each field says where it comes from.
type updateInput struct {
	one
	Todo TodoIn `body:""`
}

func (a *api) update(_ *quart.Ctx, in updateInput) (Todo, error) {
	todo := Todo{in.ID, in.Todo}
	return todo, found(a.list.replace(todo))
}

func (a *api) remove(_ *quart.Ctx, in one) (quart.None, error) {
	return quart.None{}, found(a.list.remove(in.ID))
}

func found(ok bool) error {
	if ok {
		return nil
	}
	return quart.Errorf(404, "there is no such to-do")
}
