package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart/internal/testserver"
	"github.com/jackc/pgx/v5"
)

// sharedPostgres is a server for all tests that only need a database of their own; TestMain stops it.
var sharedPostgres = sync.OnceValues(func() (*testserver.Postgres, error) {
	sharedPostgresStarted.Store(true)
	return testserver.StartPostgres(testserver.PostgresOptions{})
})

var (
	sharedPostgresStarted atomic.Bool
	databases             atomic.Int64
)

// newDatabase returns the DSN of an empty database.
func newDatabase(t testing.TB) string {
	t.Helper()
	p, err := sharedPostgres()
	testserver.Need(t, err)
	name := "films" + strconv.FormatInt(databases.Add(1), 10)
	execSQL(t, p.DSN(), "CREATE DATABASE "+name)
	return p.DSNOf(name)
}

func execSQL(t testing.TB, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), dsn)
	if err == nil {
		_, err = conn.Exec(context.Background(), sql)
		err = errors.Join(err, conn.Close(context.Background()))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func openPostgresStore(t testing.TB, dsn string, timeout time.Duration) *postgresStore {
	t.Helper()
	store, err := openPostgres(dsn, timeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// eachStore runs a test on a new database of each kind.
func eachStore(t *testing.T, test func(t *testing.T, store Store)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newStore(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, openPostgresStore(t, newDatabase(t), statementTimeout)) })
}

func TestOpenPostgres(t *testing.T) {
	dsn := newDatabase(t)
	const processes = 4
	var wg sync.WaitGroup
	for range processes {
		cmd := childCommand(t, "review", dsn)
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	store := openPostgresStore(t, dsn, statementTimeout)
	if n := countFilms(t, store); n != 1000 {
		t.Errorf("%d films, want 1000", n)
	}
	if n := reviewCount(t, store, 7); n != processes {
		t.Errorf("%d reviews, want the %d of the processes", n, processes)
	}
}

func TestOpenPostgresRefuses(t *testing.T) {
	for _, tc := range []struct{ name, sql, want string }{
		{"tables of another application", "CREATE TABLE review (id int)", "another application"},
		{"newer schema", "CREATE TABLE films_schema (version int); INSERT INTO films_schema VALUES (99)", "schema has version 99"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dsn := newDatabase(t)
			execSQL(t, dsn, tc.sql)
			store, err := OpenPostgres(dsn)
			if err == nil {
				store.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "database films") {
				t.Errorf("error %q, want one with the database and %q", err, tc.want)
			}
		})
	}
	for _, tc := range []struct{ name, dsn, want string }{
		{"nobody listens", "postgres://postgres@127.0.0.1:1/films", "connection refused"},
		{"no such database", strings.Replace(newDatabase(t), "/films", "/nope", 1), "does not exist"},
		{"no DSN", "mysql://localhost/films", "cannot parse"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := OpenPostgres(tc.dsn)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

// A creation that fails leaves nothing behind.
func TestOpenPostgresAfterFailedCreation(t *testing.T) {
	dsn := newDatabase(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	const header = "film_id,title,description,release_year,rating,length,special_features\n"
	for _, tc := range []struct{ csv, want string }{
		{header + "1,A,B,soon,PG,90,{}\n", "line 2: release_year"},
		{header + "1,A,B,2001,X,90,{}\n", "film_rating_check"},
		{header + "1,A,B,2001,G,90,{}\n1,A,B,2001,G,90,{}\n", "film_pkey"},
	} {
		if err := createOrCheckTables(t.Context(), conn, strings.NewReader(tc.csv)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %v, want one with %q", err, tc.want)
		}
	}
	if n := countFilms(t, openPostgresStore(t, dsn, statementTimeout)); n != 1000 {
		t.Errorf("%d films after the next start, want 1000", n)
	}
}

// Reviews of concurrent calls share a statement; one that PostgreSQL refuses fails alone, with its own error.
func TestBadReviewFailsAlone(t *testing.T) {
	eachStore(t, func(t *testing.T, store Store) {
		const good = 60
		bad := map[int]struct {
			review Review
			want   error
		}{
			10: {Review{FilmID: 4711, Rating: 3}, ErrNotFound},
			20: {Review{FilmID: 1, Rating: 6}, ErrInvalid},
			30: {Review{FilmID: 1, Rating: 1 << 40}, ErrInvalid},
			40: {Review{FilmID: 1, Rating: 3, Author: strings.Repeat("x", MaxAuthor+1)}, ErrInvalid},
		}
		errs := make([]error, good+len(bad))
		var wg sync.WaitGroup
		for i := range errs {
			review := Review{FilmID: 1, Rating: 5, Text: fmt.Sprint("number ", i)}
			if b, ok := bad[i]; ok {
				review = b.review
			}
			wg.Go(func() { errs[i] = store.AddReview(t.Context(), review) })
		}
		wg.Wait()
		for i, err := range errs {
			if want := bad[i].want; !errors.Is(err, want) {
				t.Errorf("review %d: error %v, want %v", i, err, want)
			}
		}
		if n := reviewCount(t, store, 1); n != good {
			t.Errorf("%d reviews, want %d", n, good)
		}
	})
}

// Every call has its own statement, whatever shares a round trip with it.
func TestConcurrentFilms(t *testing.T) {
	store := openPostgresStore(t, newDatabase(t), statementTimeout)
	var wg sync.WaitGroup
	for i := range 400 {
		id := int64(i%210 - 5)
		wg.Go(func() {
			film, err := store.Film(t.Context(), id)
			if id < 1 && !errors.Is(err, ErrNotFound) {
				t.Errorf("film %d: error %v, want ErrNotFound", id, err)
			}
			if id >= 1 && (err != nil || film.ID != id || film.Title == "") {
				t.Errorf("film %d: %+v, %v", id, film, err)
			}
		})
	}
	wg.Wait()
}

// Who has left does not wait, and costs nobody a connection.
func TestCallerLeaves(t *testing.T) {
	eachStore(t, func(t *testing.T, store Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := store.Film(ctx, 1); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("film: %v", err)
		}
		if err := store.AddReview(ctx, Review{FilmID: 1, Rating: 1}); !errors.Is(err, context.Canceled) {
			t.Errorf("review: %v", err)
		}
		if _, err := store.Film(t.Context(), 1); err != nil {
			t.Error(err)
		}
	})
}
