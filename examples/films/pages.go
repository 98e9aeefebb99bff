package main

import (
	"errors"
	"strings"
	"time"

	"github.com/goquart/quart"
)

// maxQuery is how much of a search is looked at, in runes; the page's field takes no more.
const maxQuery = 100

// listPage shows all films, or those that a search finds.
func (f *films) listPage(c *quart.Ctx) error {
	q := Query{Text: cut(oneLine(c.Query("q")), maxQuery), Sort: sortOf(c.Query("sort")), Page: c.QueryInt("page", 1)}
	results, err := f.store.Search(c.Context(), q)
	if err != nil {
		return httpError(err, 0)
	}
	return c.Render(200, &listPage{Query: q, Results: results})
}

// sortOf is the order of that name; an unknown one is by title.
func sortOf(name string) Sort {
	for _, s := range sorts {
		if string(s.By) == name {
			return s.By
		}
	}
	return ByTitle
}

// filmPage shows one film.
func (f *films) filmPage(c *quart.Ctx) error {
	return f.showFilm(c, 200, reviewForm{})
}

func (f *films) showFilm(c *quart.Ctx, status int, form reviewForm) error {
	id := int64(c.ParamInt("id"))
	details, err := f.store.Details(c.Context(), id)
	if err != nil {
		return httpError(err, id)
	}
	return c.Render(status, &filmPage{Film: details, Form: form, Now: time.Now()})
}

// postReview stores the review of a form and leads to it; a form with errors is shown again, with what is wrong.
func (f *films) postReview(c *quart.Ctx) error {
	id := int64(c.ParamInt("id"))
	form := parseReviewForm(c.Form("rating"), c.Form("author"), c.Form("text"))
	if form.invalid() {
		return f.showFilm(c, 422, form)
	}
	review := Review{FilmID: id, Rating: form.Rating, Author: form.Author, Text: form.Text}
	if err := f.add(c, review); err != nil {
		return err
	}
	return c.Redirect(303, c.URL("film", "id", id)+"#latest")
}

// showError is the page of an error below the pages.
func showError(c *quart.Ctx, err error) error {
	page := errorPage{Title: "Something went wrong", Detail: "It was noted. Please try again in a moment."}
	status := quart.StatusOf(err)
	var he *quart.HTTPError
	if status < 500 && errors.As(err, &he) {
		page = errorPage{Title: "That did not work", Detail: sentence(he.Detail)}
	}
	switch status {
	case 404:
		page.Title = "Not found"
	case 503:
		c.SetHeader("Retry-After", "1")
		page = errorPage{Title: "The database does not answer", Detail: "Please try again in a moment."}
	}
	return c.Render(status, &page)
}

// sentence makes one of an error's detail.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
