package main

import (
	"context"
	"strings"
	"time"
	"unicode"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// maxWords bounds the work of a search; further words are ignored.
const maxWords = 8

var orders = map[Sort]string{
	ByTitle:  "title, film_id",
	ByYear:   "release_year DESC, title, film_id",
	ByRating: "CASE rating WHEN 'G' THEN 1 WHEN 'PG' THEN 2 WHEN 'PG-13' THEN 3 WHEN 'R' THEN 4 ELSE 5 END, title, film_id",
	ByLength: "length, title, film_id",
}

// Search implements Store.
func (s *sqliteStore) Search(ctx context.Context, q Query) (Results, error) {
	page := Results{Page: max(1, q.Page)}
	conn, err := s.readers.take(ctx)
	if err != nil {
		return page, err
	}
	defer s.readers.put(conn)

	filter := "film"
	var args []any
	if words := matchExpression(q.Text); words != "" {
		filter = "film WHERE film_id IN (SELECT rowid FROM film_words WHERE film_words MATCH ?)"
		args = append(args, words)
	}
	err = sqlitex.Execute(conn, "SELECT count(*) FROM "+filter, &sqlitex.ExecOptions{
		Args:       args,
		ResultFunc: func(stmt *sqlite.Stmt) error { page.Total = stmt.ColumnInt(0); return nil },
	})
	if err != nil || page.Page > page.Pages() {
		return page, err
	}
	err = sqlitex.Execute(conn, pageQuery(filter, q.Sort, "LIMIT ? OFFSET ?"), &sqlitex.ExecOptions{
		Args:       append(args, PageSize, (page.Page-1)*PageSize),
		ResultFunc: func(stmt *sqlite.Stmt) error { page.Films = append(page.Films, readListed(stmt)); return nil },
	})
	return page, err
}

// pageQuery sums up the reviews of the films on the page, not of all that match. SQLite and PostgreSQL both understand it.
func pageQuery(filter string, by Sort, limit string) string {
	order, ok := orders[by]
	if !ok {
		order = orders[ByTitle]
	}
	return `SELECT film_id, release_year, title, description, rating, length,
		(SELECT count(*) FROM review WHERE review.film_id = page.film_id),
		(SELECT CAST(coalesce(avg(review.rating), 0) AS double precision) FROM review WHERE review.film_id = page.film_id)
	FROM (SELECT * FROM ` + filter + ` ORDER BY ` + order + ` ` + limit + `) AS page ORDER BY ` + order
}

// matchExpression makes an FTS5 expression that asks for all words of text, each of them a prefix. Words are quoted, so that
// no character in them has a meaning; a NUL, which would end the expression, parts words as a space does.
func matchExpression(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == 0 || unicode.IsSpace(r) })
	var expr strings.Builder
	for _, word := range words[:min(len(words), maxWords)] {
		expr.WriteString(`"` + strings.ReplaceAll(word, `"`, `""`) + `"* `)
	}
	return expr.String()
}

func readListed(stmt *sqlite.Stmt) Listed {
	return Listed{
		Film:        Film{ID: stmt.ColumnInt64(0), ReleaseYear: stmt.ColumnInt(1), Title: stmt.ColumnText(2)},
		Description: stmt.ColumnText(3),
		Rating:      stmt.ColumnText(4),
		Length:      time.Duration(stmt.ColumnInt(5)) * time.Minute,
		Score:       Score{Count: stmt.ColumnInt(6), Average: stmt.ColumnFloat(7)},
	}
}

// Details implements Store.
func (s *sqliteStore) Details(ctx context.Context, id int64) (d Details, err error) {
	conn, err := s.readers.take(ctx)
	if err != nil {
		return d, err
	}
	defer s.readers.put(conn)
	defer sqlitex.Transaction(conn)(&err) // one snapshot, so that the score agrees with the reviews

	err = sqlitex.Execute(conn, `SELECT film_id, release_year, title, description, rating, length, 0, 0.0, features
		FROM film WHERE film_id = ?`, &sqlitex.ExecOptions{
		Args: []any{id},
		ResultFunc: func(stmt *sqlite.Stmt) error {
			d.Listed = readListed(stmt)
			if features := stmt.ColumnText(8); features != "" {
				d.Features = strings.Split(features, ",")
			}
			return nil
		},
	})
	if err != nil {
		return d, err
	}
	if d.ID == 0 {
		return d, ErrNotFound
	}
	if err := readScore(conn, &d); err != nil {
		return d, err
	}
	return d, readLatest(conn, &d)
}

func readScore(conn *sqlite.Conn, d *Details) error {
	return sqlitex.Execute(conn, "SELECT rating, count(*) FROM review WHERE film_id = ? GROUP BY rating", &sqlitex.ExecOptions{
		Args:       []any{d.ID},
		ResultFunc: func(stmt *sqlite.Stmt) error { d.count(stmt.ColumnInt(0), stmt.ColumnInt(1)); return nil },
	})
}

func readLatest(conn *sqlite.Conn, d *Details) error {
	return sqlitex.Execute(conn, "SELECT rating, author, text, created FROM review WHERE film_id = ? ORDER BY number DESC LIMIT ?", &sqlitex.ExecOptions{
		Args: []any{d.ID, LatestReviews},
		ResultFunc: func(stmt *sqlite.Stmt) error {
			d.Latest = append(d.Latest, Review{
				FilmID:  d.ID,
				Rating:  stmt.ColumnInt(0),
				Author:  stmt.ColumnText(1),
				Text:    stmt.ColumnText(2),
				Created: time.Unix(stmt.ColumnInt64(3), 0).UTC(),
			})
			return nil
		},
	})
}
