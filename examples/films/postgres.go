package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/goquart/quart/batch"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// statementTimeout is how long a call may take, the wait for a connection included. What is batched may have to wait for the batch before it: at
// most twice as long, or three times where reviews have to be tried one by one.
const statementTimeout = 3 * time.Second

// createTimeout is how long a start may take, the wait for another process that creates the same tables included.
const createTimeout = 30 * time.Second

// maxFilms is the most statements of one round trip.
const maxFilms = 256

// Statements of the hot paths, each prepared once in a connection.
const (
	selectFilm    = "SELECT release_year, title FROM film WHERE film_id = $1::bigint"
	selectFilms   = "SELECT film_id, release_year, title FROM film WHERE release_year > $1::bigint"
	insertReviews = `INSERT INTO review (film_id, rating, author, text, created)
		SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::timestamptz[])`
)

// binaryFormat makes PostgreSQL take and send all values as they are in memory: numbers big-endian, text as it is.
var binaryFormat = []int16{pgx.BinaryFormatCode}

// postgresStore keeps films in a PostgreSQL database. Single films and reviews are bound by round trips and by commits: those that requests ask for at the
// same time share one. Each still has a statement, or a row, of its own.
type postgresStore struct {
	pool    *pgxpool.Pool
	timeout time.Duration
	films   *batch.Batch[int64, Film]
	reviews *batch.Batch[Review, struct{}]
}

// OpenPostgres opens the database that dsn names, a URL or a list of key=value; what it leaves out comes from libpq's environment variables,
// PGPASSWORD for one. When the database has no films, they are created from the CSV.
func OpenPostgres(dsn string) (Store, error) { return openPostgres(dsn, statementTimeout) }

func openPostgres(dsn string, timeout time.Duration) (*postgresStore, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(dsn, "connect_timeout") {
		config.ConnConfig.ConnectTimeout = timeout
	}
	config.PingTimeout = timeout
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, err
	}
	s := &postgresStore{pool: pool, timeout: timeout}
	s.films = batch.New(s.readFilms, batch.Config{Max: maxFilms, Timeout: 2 * timeout})
	s.reviews = batch.New(s.addReviews, batch.Config{Max: maxReviews, Timeout: 2 * timeout})
	ctx, cancel := context.WithTimeout(context.Background(), createTimeout)
	defer cancel()
	err = pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		return createOrCheckTables(ctx, conn.Conn(), strings.NewReader(filmsCSV))
	})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("database %s of %s: %w", config.ConnConfig.Database, config.ConnConfig.Host, err)
	}
	return s, nil
}

// Close implements Store.
func (s *postgresStore) Close() error {
	s.films.Close()
	s.reviews.Close()
	s.pool.Close()
	return nil
}

// use runs do with a connection and within the timeout. When ctx is done it gives up the wait for a connection, but not the
// statements of do: that would cost the connection.
func (s *postgresStore) use(ctx context.Context, do func(context.Context, *pgx.Conn) error) error {
	deadline := time.Now().Add(s.timeout)
	waiting, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	conn, err := s.pool.Acquire(waiting)
	if ctx.Err() != nil && err != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return postgresError(err)
	}
	defer s.release(conn)
	running, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	return postgresError(do(running, conn.Conn()))
}

// release puts a connection back. One that broke is hardly the only one, when the server was restarted say: all are made anew.
func (s *postgresStore) release(conn *pgxpool.Conn) {
	if conn.Conn().IsClosed() {
		s.pool.Reset()
	}
	conn.Release()
}

// postgresError gives errors of PostgreSQL and of its driver the meaning that Store has for them.
func postgresError(err error) error {
	var refused *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, ErrNotFound):
		return err
	case !errors.As(err, &refused):
		return fmt.Errorf("%w: %w", ErrUnavailable, err) // no connection, or a deadline
	case refused.Code == "23503":
		return ErrNotFound // foreign_key_violation
	}
	switch refused.Code[:2] {
	case "22", "23": // data exceptions, other constraints
		return ErrInvalid
	case "08", "53", "57", "58": // connection, too few resources, shutdown, system
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// Film implements Store.
func (s *postgresStore) Film(ctx context.Context, id int64) (Film, error) {
	film, err := s.films.Do(ctx, id)
	if err == nil && film.ID == 0 {
		err = ErrNotFound
	}
	return film, err
}

// readFilms sends a statement for each id, all in one round trip. The film of an id that does not exist is the zero value.
func (s *postgresStore) readFilms(ctx context.Context, ids []int64) ([]Film, error) {
	films := make([]Film, len(ids))
	err := s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		stmt, err := conn.Prepare(ctx, "film", selectFilm)
		if err != nil {
			return err
		}
		var queries pgconn.Batch
		param := make([]byte, 8)
		params := [][]byte{param}
		for _, id := range ids {
			binary.BigEndian.PutUint64(param, uint64(id))
			queries.ExecStatement(stmt, params, binaryFormat, binaryFormat) // it copies
		}
		// perf: one write and one flush of PostgreSQL's for all, BenchmarkFilm/postgres
		results := conn.PgConn().ExecBatch(ctx, &queries)
		for i := 0; results.NextResult(); i++ {
			if row := results.ResultReader(); row.NextRow() {
				v := row.Values()
				films[i] = Film{ID: ids[i], ReleaseYear: int(binary.BigEndian.Uint32(v[0])), Title: string(v[1])}
			}
			if _, err := results.ResultReader().Close(); err != nil {
				break // Close has it, too
			}
		}
		return results.Close()
	})
	if err != nil {
		err = batch.All(err) // no id is at fault
	}
	return films, err
}

// Films implements Store.
func (s *postgresStore) Films(ctx context.Context, year int, yield func(id int64, year int, title []byte) bool) error {
	return s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		stmt, err := conn.Prepare(ctx, "films", selectFilms)
		if err != nil {
			return err
		}
		param := binary.BigEndian.AppendUint64(nil, uint64(year))
		rows := conn.PgConn().ExecStatement(ctx, stmt, [][]byte{param}, binaryFormat, binaryFormat)
		for rows.NextRow() {
			v := rows.Values() // perf: straight from the connection's buffer, BenchmarkFilms/postgres
			if !yield(int64(binary.BigEndian.Uint64(v[0])), int(binary.BigEndian.Uint32(v[1])), v[2]) {
				break
			}
		}
		_, err = rows.Close()
		return err
	})
}

// AddReview implements Store.
func (s *postgresStore) AddReview(ctx context.Context, r Review) error {
	_, err := s.reviews.Do(ctx, r)
	return err
}

// addReviews commits reviews together. If PostgreSQL refuses one of them, and so all, the batch runs each alone.
func (s *postgresStore) addReviews(ctx context.Context, reviews []Review) ([]struct{}, error) {
	err := s.insert(ctx, reviews)
	if errors.Is(err, ErrUnavailable) {
		err = batch.All(err)
	}
	return make([]struct{}, len(reviews)), err
}

func (s *postgresStore) insert(ctx context.Context, reviews []Review) error {
	return s.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		stmt, err := conn.Prepare(ctx, "reviews", insertReviews)
		if err != nil {
			return err
		}
		// Without a result to describe, pgconn's ExecStatement would have it described each time.
		_, err = conn.PgConn().ExecPrepared(ctx, stmt.Name, reviewColumns(reviews), binaryFormat, nil).Close()
		return err
	})
}
