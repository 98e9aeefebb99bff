package main

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goquart/quart"
	"github.com/goquart/quart/pool"
)

type filmInput struct {
	ID int64 `path:"id" doc:"number of the film" example:"995"`
}

// film answers one film.
func (f *films) film(c *quart.Ctx, in filmInput) (Film, error) {
	film, err := f.store.Film(c.Context(), in.ID)
	return film, httpError(err, in.ID)
}

// newReview is the body of POST /reviews/, and its answer.
type newReview struct {
	FilmID int64 `json:"film_id" rules:"required" doc:"number of the film" example:"995"`
	Rating int   `json:"rating" rules:"required,min=1,max=5" doc:"from poor to excellent"`
}

// addReview echoes a review once it is committed.
func (f *films) addReview(c *quart.Ctx, in newReview) (newReview, error) {
	return in, f.add(c, Review{FilmID: in.FilmID, Rating: in.Rating})
}

// add stores a review, and shows it to those who look at its film.
func (f *films) add(c *quart.Ctx, r Review) error {
	r.Created = time.Now().Truncate(time.Second)
	if err := f.store.AddReview(c.Context(), r); err != nil {
		return httpError(err, r.FilmID)
	}
	f.live.publish(c.Context(), r)
	return nil
}

type listInput struct {
	After year `query:"year.gt" default:"2000" doc:"films after this year" example:"2020"`
}

// year is a number; without text, as an empty field of a form sends it, it is 2000.
type year int

// UnmarshalText implements encoding.TextUnmarshaler.
func (y *year) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		text = []byte("2000")
	}
	n, err := strconv.Atoi(string(text))
	if err != nil {
		return quart.Errorf(422, "must be a year, such as 2020")
	}
	*y = year(n)
	return nil
}

// JSONSchema describes a year in the API's document.
func (year) JSONSchema() string { return `{"type": "integer"}` }

// listed is a film in the object that the list answers with; its id is the key.
type listed struct {
	ReleaseYear int    `json:"release_year"`
	Title       string `json:"title"`
}

// list answers an object of films, keyed by their ids. The rows go straight into the answer: neither a map nor structs are
// made of a thousand films, so the result's type is but for the document.
func (f *films) list(c *quart.Ctx, in listInput) (map[int64]listed, error) {
	buf := pool.GetBuffer(listSize)
	defer pool.PutBuffer(buf)
	buf.B = append(buf.B, '{')
	err := f.store.Films(c.Context(), int(in.After), func(id int64, year int, title []byte) bool {
		buf.B = appendFilm(buf.B, id, year, title)
		return true
	})
	if err != nil {
		return nil, httpError(err, 0)
	}
	return nil, c.Bytes(200, "application/json", append(closeObject(buf.B), '\n'))
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
