package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
)

// Search implements Store.
func (s *postgresStore) Search(ctx context.Context, q Query) (Results, error) {
	page := Results{Page: max(1, q.Page)}
	filter := "film"
	var args []any
	if strings.TrimSpace(q.Text) != "" {
		words := searchWords(q.Text)
		if len(words) == 0 || slices.ContainsFunc(words, isNoLexeme) {
			return page, nil // no film has it
		}
		filter = "film WHERE words @@ $1::tsquery"
		args = append(args, tsquery(words))
	}
	err := s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		err := conn.QueryRow(ctx, "SELECT count(*) FROM "+filter, args...).Scan(&page.Total)
		if err != nil || page.Page > page.Pages() {
			return err
		}
		limit := fmt.Sprintf("LIMIT %d OFFSET %d", PageSize, (page.Page-1)*PageSize)
		rows, err := conn.Query(ctx, pageQuery(filter, q.Sort, limit), args...)
		if err != nil {
			return err
		}
		page.Films, err = pgx.AppendRows(page.Films, rows, scanListed)
		return err
	})
	return page, err
}

// searchWords are the words of a text, in lower case: runs of letters and digits.
func searchWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// isNoLexeme: PostgreSQL refuses a word of more than 2,046 bytes.
func isNoLexeme(word string) bool { return len(word) > 2046 }

// tsquery asks for all words, each of them a prefix. There is nothing in them to quote.
func tsquery(words []string) string {
	return "'" + strings.Join(words[:min(len(words), maxWords)], "':* & '") + "':*"
}

func scanListed(row pgx.CollectableRow) (f Listed, err error) {
	var minutes int
	err = row.Scan(&f.ID, &f.ReleaseYear, &f.Title, &f.Description, &f.Rating, &minutes, &f.Score.Count, &f.Score.Average)
	f.Length = time.Duration(minutes) * time.Minute
	return f, err
}

// Details implements Store.
func (s *postgresStore) Details(ctx context.Context, id int64) (d Details, err error) {
	// One snapshot, so that the score agrees with the reviews.
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, snapshot, func(tx pgx.Tx) error { return d.read(ctx, tx, id) })
	})
	return d, err
}

func (d *Details) read(ctx context.Context, tx pgx.Tx, id int64) error {
	var minutes int
	var features string
	err := tx.QueryRow(ctx, "SELECT film_id, release_year, title, description, rating, length, features FROM film WHERE film_id = $1", id).
		Scan(&d.ID, &d.ReleaseYear, &d.Title, &d.Description, &d.Rating, &minutes, &features)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return err
	}
	d.Length = time.Duration(minutes) * time.Minute
	if features != "" {
		d.Features = strings.Split(features, ",")
	}
	rows, err := tx.Query(ctx, "SELECT rating, count(*) FROM review WHERE film_id = $1 GROUP BY rating", id)
	if err != nil {
		return err
	}
	var rating, count int
	if _, err := pgx.ForEachRow(rows, []any{&rating, &count}, func() error { d.count(rating, count); return nil }); err != nil {
		return err
	}
	rows, err = tx.Query(ctx, `SELECT film_id, rating, author, text, created FROM review
		WHERE film_id = $1 ORDER BY review_id DESC LIMIT $2`, id, LatestReviews)
	if err != nil {
		return err
	}
	d.Latest, err = pgx.CollectRows(rows, scanReview)
	return err
}

func scanReview(row pgx.CollectableRow) (r Review, err error) {
	err = row.Scan(&r.FilmID, &r.Rating, &r.Author, &r.Text, &r.Created)
	r.Created = r.Created.UTC()
	return r, err
}
