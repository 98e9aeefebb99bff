//go:build linux

package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// What the other Go programs answer.
type (
	film struct {
		ID          int    `json:"film_id"`
		ReleaseYear int    `json:"release_year"`
		Title       string `json:"title"`
	}
	listed struct {
		ReleaseYear int    `json:"release_year"`
		Title       string `json:"title"`
	}
	review struct {
		FilmID int `json:"film_id"`
		Rating int `json:"rating"`
	}
)

const (
	selectFilm   = "SELECT film_id, release_year, title FROM film WHERE film_id = $1"
	selectFilms  = "SELECT film_id, release_year, title FROM film WHERE release_year > $1"
	insertReview = "INSERT INTO review (film_id, rating) VALUES ($1, $2)"
)

// yearAfter is the year that a list begins after unless year.gt has another.
const yearAfter = 2000

// Answers other than 2xx.
var (
	errNoFilm  = errors.New("there is no such film")
	errInvalid = errors.New("film_id and a rating from 1 to 5 are wanted")
)

func statusOf(err error) int {
	switch {
	case errors.Is(err, errNoFilm):
		return 404
	case errors.Is(err, errInvalid):
		return 422
	}
	return 500
}

// A store is what net/http, Gin and Fiber have in common: a pool whose connections prepare each statement once, which is pgx's
// default.
type store struct{ pool *pgxpool.Pool }

func openStore(ctx context.Context, dsn string, size int) (*store, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns, cfg.MinConns = int32(size), int32(size)
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	return &store{pool}, err
}

func (s *store) film(ctx context.Context, id int) (f film, err error) {
	err = s.pool.QueryRow(ctx, selectFilm, id).Scan(&f.ID, &f.ReleaseYear, &f.Title)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errNoFilm
	}
	return f, err
}

func (s *store) films(ctx context.Context, year int) (map[int]listed, error) {
	rows, err := s.pool.Query(ctx, selectFilms, year)
	if err != nil {
		return nil, err
	}
	films := map[int]listed{}
	var id int
	var f listed
	_, err = pgx.ForEachRow(rows, []any{&id, &f.ReleaseYear, &f.Title}, func() error {
		films[id] = f
		return nil
	})
	return films, err
}

const foreignKeyViolation = "23503" // SQLSTATE

func (s *store) addReview(ctx context.Context, r review) error {
	if r.FilmID == 0 || r.Rating < 1 || r.Rating > 5 {
		return errInvalid
	}
	// Outside of a transaction a statement is committed before it is answered.
	_, err := s.pool.Exec(ctx, insertReview, r.FilmID, r.Rating)
	var failed *pgconn.PgError
	if errors.As(err, &failed) && failed.Code == foreignKeyViolation {
		return errNoFilm
	}
	return err
}

func parseYear(text string) (int, error) {
	if text == "" {
		return yearAfter, nil
	}
	return strconv.Atoi(text)
}
