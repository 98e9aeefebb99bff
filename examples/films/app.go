package main

import (
	"errors"

	"github.com/goquart/quart"
	"github.com/goquart/quart/examples/internal/look"
	"github.com/goquart/quart/openapi"
)

// films is what the handlers share.
type films struct {
	store Store
	live  *live
}

// newApp routes everything. The caller closes the store after serving.
func newApp(cfg quart.Config, store Store) *quart.App {
	f := &films{store: store, live: newLive()}
	return f.routes(cfg)
}

func (f *films) routes(cfg quart.Config) *quart.App {
	app := quart.New(cfg)
	app.WhileServing(f.live.hub.Serve)

	quart.Get(app, "/films/{id:int}/", f.film).Use(alwaysJSON).Returns(503, nil).
		Doc(quart.Doc{OperationID: "getFilm", Summary: "One film", Tags: []string{"films"}})
	quart.Get(app, "/films/", f.list).Use(alwaysJSON).Returns(503, nil).
		Doc(quart.Doc{OperationID: "listFilms", Summary: "The films after a year, by their numbers", Tags: []string{"films"}})
	quart.Post(app, "/reviews/", f.addReview).Use(alwaysJSON).Returns(404, nil).Returns(503, nil).
		Doc(quart.Doc{OperationID: "addReview", Summary: "Review a film", Description: "It is answered when it is committed.", Tags: []string{"reviews"}})
	quart.Get(app, "/films/{id:int}/reviews/live", f.liveReviews).Use(alwaysJSON).Returns(404, nil).Returns(503, nil).
		Doc(quart.Doc{OperationID: "watchReviews", Summary: "The reviews of a film, as they come", Tags: []string{"reviews"}})
	openapi.Serve(app, openapi.Config{Title: "Films", Version: "1.0", Description: "A thousand invented films and their reviews."})

	look.Routes(app)
	app.Get("/live.js", serveLiveJS).Doc(quart.Doc{Hidden: true})
	pages := app.Group("", look.Secure)
	quart.OnError(pages, showError)
	pages.Get("/", f.listPage).Name("films").Doc(quart.Doc{Hidden: true})
	pages.Get("/film/{id:int}", f.filmPage).Name("film").Doc(quart.Doc{Hidden: true})
	pages.Post("/film/{id:int}/reviews", f.postReview).Doc(quart.Doc{Hidden: true})
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

// httpError gives the errors of the store their status; others stay a 500. id is the film that was asked for, if one was.
func httpError(err error, id int64) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return quart.Errorf(404, "there is no film %d", id)
	case errors.Is(err, ErrInvalid):
		return quart.Errorf(422, "the review is out of its limits")
	case errors.Is(err, ErrUnavailable), quart.StatusOf(err) == 503: // the latter of package batch: too many wait
		return &quart.HTTPError{
			Status: 503, Detail: "the database does not answer, try again in a moment",
			Header: [][2]string{{"Retry-After", "1"}}, Err: err,
		}
	}
	return err
}
