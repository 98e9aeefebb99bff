package main

import (
	"errors"

	"github.com/goquart/quart"
	"github.com/goquart/quart/examples/internal/look"
)

// films is what the handlers share.
type films struct {
	store Store
}

// newApp routes everything. The caller closes the store after serving.
func newApp(cfg quart.Config, store Store) *quart.App {
	f := &films{store: store}
	app := quart.New(cfg)

	quart.Get(app, "/films/{id:int}/", f.film).Use(alwaysJSON)
	app.Get("/films/", f.list).Use(alwaysJSON)
	quart.Post(app, "/reviews/", f.addReview).Use(alwaysJSON)

	look.Routes(app)
	pages := app.Group("", look.Secure)
	quart.OnError(pages, showError)
	pages.Get("/", f.listPage).Name("films")
	pages.Get("/film/{id:int}", f.filmPage).Name("film")
	pages.Post("/film/{id:int}/reviews", f.postReview)
	return app
}

// alwaysJSON answers errors as JSON, even to a browser, which would rather have HTML.
func alwaysJSON(next quart.Handler) quart.Handler {
	return func(c *quart.Ctx) error {
		err := next(c)
		if err != nil {
			c.Fast().Request.Header.Del("Accept")
		}
		return err
	}
}

// httpError gives the errors of the store their status; others stay a 500.
func httpError(err error, id int64) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return quart.Errorf(404, "there is no film %d", id)
	case errors.Is(err, ErrInvalid):
		return quart.Errorf(422, "the review is out of its limits")
	}
	return err
}
