// Minimal is an API of films with its documents, whole: go run ./examples/films/minimal, then open http://127.0.0.1:8080/docs. Reviews are kept in memory.
package main

import (
	_ "embed"
	"encoding/json"
	"log"
	"sync"

	"github.com/goquart/quart"
	"github.com/goquart/quart/openapi"
)

//go:embed films.json
var data []byte

type film struct {
	ID          int    `json:"film_id"`
	ReleaseYear int    `json:"release_year"`
	Title       string `json:"title"`
}

type review struct {
	FilmID int `json:"film_id" rules:"required" example:"995"`
	Rating int `json:"rating" rules:"required,min=1,max=5"`
}

type one struct {
	ID int `path:"id" example:"995"`
}

type several struct {
	After int `query:"year.gt" default:"2000" doc:"films after this year"`
}

type store struct {
	films   []film // by id, from 1
	mu      sync.Mutex
	reviews []review
}

func (s *store) film(_ *quart.Ctx, in one) (film, error) {
	if in.ID < 1 || in.ID > len(s.films) {
		return film{}, quart.Errorf(404, "there is no film %d", in.ID)
	}
	return s.films[in.ID-1], nil
}

func (s *store) list(_ *quart.Ctx, in several) (found []film, err error) {
	for _, f := range s.films {
		if f.ReleaseYear > in.After {
			found = append(found, f)
		}
	}
	return found, nil
}

func (s *store) review(c *quart.Ctx, in review) (review, error) {
	_, err := s.film(c, one{in.FilmID})
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reviews = append(s.reviews, in)
	}
	return in, err
}

func main() {
	var s store
	if err := json.Unmarshal(data, &s.films); err != nil {
		log.Fatal(err)
	}
	app := quart.New(quart.Config{})
	quart.Get(app, "/films/{id:int}", s.film)
	quart.Get(app, "/films", s.list)
	quart.Post(app, "/reviews", s.review)
	openapi.Serve(app, openapi.Config{Title: "Films"})
	app.Run("127.0.0.1:8080")
}
