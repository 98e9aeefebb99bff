package main

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goquart/quart"
	"github.com/goquart/quart/pool"
)

type filmInput struct {
	ID int64 `path:"id"`
}

// film answers one film.
func (f *films) film(c *quart.Ctx, in filmInput) (Film, error) {
	film, err := f.store.Film(c.Context(), in.ID)
	return film, httpError(err, in.ID)
}

// newReview is the body of POST /reviews/, and its answer.
type newReview struct {
	FilmID *int64 `json:"film_id"` // nil when it was not sent
	Rating int    `json:"rating"`
}

// Validate implements what quart asks of an input before the handler sees it.
func (r newReview) Validate() error {
	var problems []quart.FieldError
	if r.FilmID == nil {
		problems = append(problems, quart.FieldError{Pointer: "/film_id", Detail: "is missing"})
	}
	if r.Rating < MinRating || r.Rating > MaxRating {
		problems = append(problems, quart.FieldError{Pointer: "/rating", Detail: "must be from 1 to 5"})
	}
	if problems == nil {
		return nil
	}
	return quart.Problems(problems...)
}

// addReview echoes a review once it is committed.
func (f *films) addReview(c *quart.Ctx, in newReview) (newReview, error) {
	err := f.store.AddReview(c.Context(), Review{FilmID: *in.FilmID, Rating: in.Rating})
	return in, httpError(err, *in.FilmID)
}

// yearAfter is the year that the list begins after, unless year.gt says otherwise.
const yearAfter = 2000

// list answers an object of films, keyed by their ids. The rows go straight into the answer: neither a map nor structs are
// made of a thousand films.
func (f *films) list(c *quart.Ctx) error {
	year := yearAfter
	if s := c.Query("year.gt"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			return quart.Errorf(400, "year.gt is a year, such as 2020")
		}
		year = n
	}
	buf := pool.GetBuffer(listSize)
	defer pool.PutBuffer(buf)
	buf.B = append(buf.B, '{')
	err := f.store.Films(c.Context(), year, func(id int64, year int, title []byte) bool {
		buf.B = appendFilm(buf.B, id, year, title)
		return true
	})
	if err != nil {
		return err
	}
	return c.Bytes(200, "application/json", append(closeObject(buf.B), '\n'))
}

// listSize is room for all films.
const listSize = 64 << 10

// appendFilm appends `"995":{"release_year":2024,"title":"SECOND MOSAIC"},`.
func appendFilm(b []byte, id int64, year int, title []byte) []byte {
	b = append(b, '"')
	b = strconv.AppendInt(b, id, 10)
	b = append(b, `":{"release_year":`...)
	b = strconv.AppendInt(b, int64(year), 10)
	b = append(b, `,"title":`...)
	b, _ = jsontext.AppendQuote(b, title) // an error is bad UTF-8, which it replaced
	return append(b, `},`...)
}

// closeObject ends an object whose members each end in a comma.
func closeObject(b []byte) []byte {
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, '}')
}
