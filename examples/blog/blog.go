package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/examples/internal/look"
)

// perPage is how many posts the list shows at once.
const perPage = 20

// blog is what the handlers share.
type blog struct{ store *store }

// newApp routes everything. The caller closes the store after serving.
func newApp(cfg quart.Config, s *store) *quart.App {
	app, b := quart.New(cfg), &blog{s}
	look.Routes(app)
	pages := app.Group("", look.Secure, ownForms)
	quart.OnError(pages, showError)
	quart.Get(pages, "/", b.list).Name("posts")
	quart.Get(pages, "/create/", b.form).Name("create")
	pages.Post("/create/", b.create).BodyLimit(256 << 10)
	return app
}

// listInput is the query of the list.
type listInput struct {
	Before int64 `query:"before" rules:"min=0"` // an id; 0 is none
}

// list shows the posts. A page is a result as any other: quart renders it.
func (b *blog) list(c *quart.Ctx, in listInput) (listPage, error) {
	posts, err := b.store.newest(c.Context(), in.Before, perPage+1)
	if err != nil {
		return listPage{}, err
	}
	page := listPage{Posts: posts, First: in.Before == 0}
	if len(posts) > perPage {
		page.Posts, page.More = posts[:perPage], true
	}
	return page, nil
}

func (b *blog) form(*quart.Ctx, quart.None) (formPage, error) { return formPage{}, nil }

// What a post may have, in characters. The rules of newPost and schema.sql say the same.
const (
	maxTitle = 120
	maxText  = 10_000
)

// newPost is the form. Its fields tidy what they are made from, and the rules hold for what is left: a title of spaces is none.
type newPost struct {
	Title line  `form:"title" rules:"required,minLength=1,maxLength=120"`
	Text  lines `form:"text" rules:"required,minLength=1,maxLength=10000"`
}

// create stores a post and leads to it. A form with errors is shown again, with what is wrong beside each field: for that the
// handler binds its input itself.
func (b *blog) create(c *quart.Ctx) error {
	in, err := quart.Bind[newPost](c)
	if page, ok := formErrors(in, err); ok {
		return c.Render(422, &page)
	}
	if err != nil {
		return err
	}
	id, err := b.store.add(c.Context(), post{Title: string(in.Title), Text: string(in.Text), Written: time.Now()})
	if err != nil {
		return err
	}
	return c.Redirect(303, fmt.Sprintf("%s#post-%d", c.URL("posts"), id))
}

// formErrors is the form as it was sent, with the errors of its fields. ok is false when it is not these that are wrong.
func formErrors(in newPost, err error) (page formPage, ok bool) {
	var he *quart.HTTPError
	if !errors.As(err, &he) || he.Status != 422 {
		return formPage{}, false
	}
	page = formPage{Title: string(in.Title), Text: string(in.Text)}
	for _, field := range he.Fields {
		switch field.Pointer {
		case "title":
			page.TitleError = complaint("The title", page.Title, field.Detail)
		case "text":
			page.TextError = complaint("The text", page.Text, field.Detail)
		}
	}
	return page, true
}

// complaint makes a sentence of what is wrong with a field.
func complaint(what, value, detail string) string {
	if value == "" {
		return what + " is missing."
	}
	return what + " " + detail + "."
}

// showError is the page of an error.
func showError(c *quart.Ctx, err error) error {
	page := errorPage{Title: "Something went wrong", Detail: "It was noted. Please try again in a moment."}
	status := quart.StatusOf(err)
	var he *quart.HTTPError
	if status < 500 && errors.As(err, &he) {
		page = errorPage{Title: "That did not work", Detail: sentence(he.Detail)}
	}
	if status == 404 {
		page.Title = "Not found"
	}
	return c.Render(status, &page)
}
