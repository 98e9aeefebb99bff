package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/goquart/quart/batch"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// What is wrong with a file that is not our database.
var (
	errForeign = errors.New("it belongs to another application")
	errDamaged = errors.New("it is damaged: move it away to start anew")
	errNotADB  = errors.New("it is not an SQLite database")
)

var errClosed = errors.New("films: the store is closed")

// busyTimeout is how long a statement waits for another process that is writing.
const busyTimeout = 5 * time.Second

// sqliteStore keeps everything in one SQLite file, within the process. SQLite has one writer at a time, so one connection
// writes; thanks to the write-ahead log it does not hold up those that read.
type sqliteStore struct {
	readers, writer *connPool
	reviews         *batch.Batch[Review, struct{}]
}

// OpenStore opens the database at path. When there is none it is created from the CSV, with the directories that it needs.
// The error names the path and says what is wrong with it.
func OpenStore(path string) (Store, error) {
	path, err := filepath.Abs(path) // also makes files of SQLite's special names, such as :memory:
	if err != nil {
		return nil, err
	}
	size := max(4, runtime.GOMAXPROCS(0))
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		s := &sqliteStore{readers: newConnPool(size), writer: newConnPool(1)}
		s.reviews = batch.New(s.addReviews, batch.Config{Max: maxReviews})
		err := s.open(path, size)
		if err == nil {
			return s, nil
		}
		closed := s.Close()
		// SQLite does not wait where two processes that open it at one moment would wait for each other.
		if sqlite.ErrCode(err).ToPrimary() != sqlite.ResultBusy || time.Since(begun) > openPatience {
			return nil, fmt.Errorf("database %s: %w", path, errors.Join(explain(err), closed))
		}
	}
}

// openPatience is how long other processes may keep the database locked while it is opened.
const openPatience = 5 * time.Second

func (s *sqliteStore) open(path string, readers int) error {
	conn, err := openWriter(path, strings.NewReader(filmsCSV))
	if err != nil {
		return err
	}
	s.writer.add(conn)
	for range readers {
		conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
		if err != nil {
			return err
		}
		s.readers.add(conn)
		if err := sqlitex.ExecuteTransient(conn, "PRAGMA query_only = ON", nil); err != nil {
			return err
		}
	}
	return nil
}

// explain says in words what somebody who started the program can act on.
func explain(err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultNotADB:
		return errNotADB
	case sqlite.ResultCorrupt:
		return errDamaged
	case sqlite.ResultBusy:
		return fmt.Errorf("another process keeps it locked: %w", err)
	case sqlite.ResultCantOpen, sqlite.ResultReadOnly, sqlite.ResultPerm:
		return fmt.Errorf("it cannot be opened for writing: %w", err)
	}
	return err
}

// Close implements Store.
func (s *sqliteStore) Close() error {
	s.reviews.Close()
	return errors.Join(s.readers.close(), s.writer.close())
}

// Film implements Store.
func (s *sqliteStore) Film(ctx context.Context, id int64) (film Film, err error) {
	conn, err := s.readers.take(ctx)
	if err != nil {
		return film, err
	}
	defer s.readers.put(conn)
	stmt, err := conn.Prepare("SELECT release_year, title FROM film WHERE film_id = ?")
	if err != nil {
		return film, err
	}
	stmt.BindInt64(1, id)
	found, err := stmt.Step()
	if err != nil {
		return film, err
	}
	if !found {
		return film, ErrNotFound
	}
	film = Film{ID: id, ReleaseYear: stmt.ColumnInt(0), Title: stmt.ColumnText(1)}
	return film, stmt.Reset() // ends the read transaction
}

// Films implements Store.
func (s *sqliteStore) Films(ctx context.Context, year int, yield func(id int64, year int, title []byte) bool) error {
	conn, err := s.readers.take(ctx)
	if err != nil {
		return err
	}
	defer s.readers.put(conn)
	stmt, err := conn.Prepare("SELECT film_id, release_year, title FROM film WHERE release_year > ?")
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Reset() }() // its error is that of the last Step
	stmt.BindInt64(1, int64(year))
	var title []byte
	for {
		found, err := stmt.Step()
		if err != nil || !found {
			return err
		}
		n := stmt.ColumnLen(2)
		if n > cap(title) {
			title = make([]byte, max(n, 64))
		}
		title = title[:stmt.ColumnBytes(2, title[:n])]
		if !yield(stmt.ColumnInt64(0), stmt.ColumnInt(1), title) {
			return nil
		}
	}
}

// AddReview implements Store.
func (s *sqliteStore) AddReview(ctx context.Context, r Review) error {
	_, err := s.reviews.Do(ctx, r)
	return err
}

// addReviews commits reviews together. A statement that fails undoes itself alone, not the transaction.
func (s *sqliteStore) addReviews(ctx context.Context, reviews []Review) (results []struct{}, err error) {
	conn, err := s.writer.take(ctx)
	if err != nil {
		return nil, batch.All(err)
	}
	defer s.writer.put(conn)
	errs := make(batch.Errors, len(reviews))
	end, err := sqlitex.ImmediateTransaction(conn)
	if err != nil {
		return nil, batch.All(sqliteError(err))
	}
	failed := false
	for i := range reviews {
		errs[i] = insertReview(conn, &reviews[i])
		failed = failed || errs[i] != nil
	}
	if end(&err); err != nil {
		return nil, batch.All(sqliteError(err))
	}
	if failed {
		err = errs
	}
	return make([]struct{}, len(reviews)), err
}

// sqliteError is ErrUnavailable when another process has been writing for longer than busyTimeout.
func sqliteError(err error) error {
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultBusy {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

func insertReview(conn *sqlite.Conn, r *Review) error {
	stmt, err := conn.Prepare(`INSERT INTO review
		SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5 FROM review WHERE film_id = ?1`)
	if err != nil {
		return err
	}
	stmt.BindInt64(1, r.FilmID)
	stmt.BindInt64(2, int64(r.Rating))
	stmt.BindText(3, r.Author)
	stmt.BindText(4, r.Text)
	stmt.BindInt64(5, r.Created.Unix())
	if _, err := stmt.Step(); err != nil {
		switch sqlite.ErrCode(err) {
		case sqlite.ResultConstraintForeignKey:
			return ErrNotFound
		case sqlite.ResultConstraintCheck:
			return ErrInvalid
		}
		return err
	}
	return stmt.Reset()
}
