package main

import (
	"context"
	"errors"
	"time"
)

// Limits of a review, in runes. The database enforces the rating as well.
const (
	MinRating = 1
	MaxRating = 5
	MaxAuthor = 60
	MaxText   = 2000
)

// PageSize is the number of films on one page of Search.
const PageSize = 25

// Errors of a Store.
var (
	ErrNotFound    = errors.New("films: no such film")
	ErrInvalid     = errors.New("films: the review is out of its limits")
	ErrUnavailable = errors.New("films: the database does not answer")
)

// A Store keeps films and their reviews. It is safe for concurrent use. Its methods wait for their turn until ctx is done; a statement that has begun is
// not called off. For the id of no film they return ErrNotFound, and ErrUnavailable when the database cannot be reached, or takes too
// long: soon it may be there again.
type Store interface {
	// Film returns one film.
	Film(ctx context.Context, id int64) (Film, error)
	// Films calls yield for each film released after the given year, in no particular order, and stops when yield
	// returns false. The title is borrowed: it is valid until yield returns.
	Films(ctx context.Context, year int, yield func(id int64, year int, title []byte) bool) error
	// Search returns one page of the films in whose title and description every word of q.Text begins a word.
	Search(ctx context.Context, q Query) (Results, error)
	// Details returns one film with what its page shows.
	Details(ctx context.Context, id int64) (Details, error)
	// AddReview stores r and returns once it is committed; ErrInvalid means that r is out of its limits. After another error than
	// these r may be stored or not.
	AddReview(ctx context.Context, r Review) error
	// Close waits for the calls under way and closes the database.
	Close() error
}

// maxReviews is the most reviews that a store commits together.
const maxReviews = 1024

// Film is what the JSON routes show of a film.
type Film struct {
	ID          int64  `json:"film_id"`
	ReleaseYear int    `json:"release_year"`
	Title       string `json:"title"`
}

// Query is a search: the zero value lists all films by title.
type Query struct {
	Text string
	Sort Sort
	Page int // from 1; less means 1
}

// Sort is the order of a search.
type Sort string

// The orders of a search. Films that are equal follow by title, then by id.
const (
	ByTitle  Sort = "title"
	ByYear   Sort = "year"   // newest first
	ByRating Sort = "rating" // G to NC-17
	ByLength Sort = "length" // shortest first
)

// Results is one page of a search.
type Results struct {
	Films []Listed
	Total int // on all pages
	Page  int // as asked for, at least 1; a page after the last one has no films
}

// Pages is the number of pages, at least 1.
func (r Results) Pages() int { return max(1, (r.Total+PageSize-1)/PageSize) }

// Listed is a film as lists show it.
type Listed struct {
	Film
	Rating      string        // of the MPA: G, PG, PG-13, R or NC-17
	Length      time.Duration // whole minutes
	Description string
	Score       Score
}

// Score sums up the reviews of a film.
type Score struct {
	Count   int
	Average float64 // 1 to 5; 0 without reviews
}

// Details is all that the page of a film shows.
type Details struct {
	Listed
	Features []string // special features of the disc
	Stars    [MaxRating]int
	Latest   []Review // newest first, at most LatestReviews
}

// count adds reviews of a rating to the score.
func (d *Details) count(rating, reviews int) {
	sum := d.Score.Average*float64(d.Score.Count) + float64(rating*reviews)
	d.Stars[rating-MinRating] += reviews
	d.Score.Count += reviews
	d.Score.Average = sum / float64(d.Score.Count)
}

// LatestReviews is how many reviews Details carries.
const LatestReviews = 50

// Review is one opinion. Author and Text are optional.
type Review struct {
	FilmID  int64
	Rating  int // MinRating to MaxRating
	Author  string
	Text    string
	Created time.Time // whole seconds
}
