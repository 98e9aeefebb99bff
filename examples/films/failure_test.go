package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart/internal/testserver"
	"github.com/jackc/pgx/v5"
)

// waitUntil polls, for what another process does.
func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for begun := time.Now(); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			t.Fatal("not in 30 s: " + what)
		}
	}
}

// everyRoute asks for all that needs the database.
func everyRoute(s *site) map[string]answer {
	s.t.Helper()
	return map[string]answer{
		"film": s.get("/films/1/"), "list": s.get("/films/"), "review": s.postJSON(`{"film_id":1,"rating":5}`),
		"live": s.get("/films/1/reviews/live"), "pages": s.get("/"), "page": s.get("/film/1"),
		"search": s.get("/?q=mosaic"), "form": s.postForm("/film/1/reviews", "rating", "4"),
	}
}

func want503(t *testing.T, answers map[string]answer) {
	t.Helper()
	for name, a := range answers {
		if a.status != 503 || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %v, want 503", name, a.status, a.header)
		}
		page := strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && strings.Contains(a.body, "The database does not answer")
		if a.header.Get("Content-Type") != "application/problem+json" && !page {
			t.Errorf("%s: %s %s, want a problem or its page", name, a.header.Get("Content-Type"), a.body)
		}
		if strings.Contains(a.body, "127.0.0.1") || strings.Contains(a.body, "FATAL") {
			t.Errorf("%s tells of the inside: %s", name, a.body)
		}
	}
}

// While the database is down every answer is a 503, at once; when it is back, so is the app.
func TestDatabaseDown(t *testing.T) {
	p := testserver.NeedPostgres(t, testserver.PostgresOptions{})
	store := openPostgresStore(t, p.DSN(), statementTimeout)
	s := serveStore(t, store)
	if a := s.postJSON(`{"film_id":1,"rating":5}`); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for range 2 {
		if err := p.Down(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			want503(t, everyRoute(s))
		}
		if err := p.Up(); err != nil {
			t.Fatal(err)
		}
		if a := s.get("/films/1/"); a.status != 200 {
			t.Errorf("it is back, and the answer is %d %s", a.status, a.body)
		}
	}
	// A restart that nobody noticed leaves dead connections in the pool: the first to use one fails, and all are made anew.
	if err := errors.Join(p.Down(), p.Up()); err != nil {
		t.Fatal(err)
	}
	s.get("/films/1/")
	if a := s.get("/films/1/"); a.status != 200 {
		t.Errorf("after a restart: %d %s", a.status, a.body)
	}
	if n := reviewCount(t, store, 1); n != 1 {
		t.Errorf("%d reviews, want the 1 that was answered", n)
	}
}

// A database that hangs costs a request the timeout and a 503, and no connection for ever.
func TestDatabaseHangs(t *testing.T) {
	p := testserver.NeedPostgres(t, testserver.PostgresOptions{})
	store := openPostgresStore(t, p.DSN(), statementTimeout)
	store.timeout = 300 * time.Millisecond // from now on: to open it may take longer on a busy machine
	s := serveStore(t, store)
	waitUntil(t, "a film", func() bool { return s.get("/films/1/").status == 200 })
	if err := p.Pause(); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { want503(t, everyRoute(s)) })
	}
	wg.Wait()
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "a film after the database went on", func() bool { return s.get("/films/1/").status == 200 })
	waitUntil(t, "connections in order", func() bool {
		stat := store.pool.Stat()
		return stat.AcquiredConns() == 0 && stat.ConstructingConns() == 0 && stat.TotalConns() <= stat.MaxConns()
	})
	conn, err := pgx.Connect(t.Context(), p.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	waitUntil(t, "as many connections there as here", func() bool {
		var there int32
		err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()").Scan(&there)
		return err == nil && there == store.pool.Stat().TotalConns()
	})
}

// Who leaves while others wait for the same batch takes nothing from them.
func TestCallerLeavesBatch(t *testing.T) {
	dsn := newDatabase(t)
	store := openPostgresStore(t, dsn, time.Minute)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	tx, err := conn.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), "LOCK TABLE review")
	}
	if err != nil {
		t.Fatal(err)
	}
	add := func(ctx context.Context, rating int) chan error {
		done := make(chan error, 1)
		go func() { done <- store.AddReview(ctx, Review{FilmID: 1, Rating: rating}) }()
		return done
	}
	first := add(t.Context(), 1)
	waitUntil(t, "the first batch", func() bool { return store.reviews.Stats().Running == 1 })
	ctx, leave := context.WithCancel(t.Context())
	stays, leaves := add(t.Context(), 2), add(ctx, 3)
	waitUntil(t, "two in the next batch", func() bool { return store.reviews.Stats().Waiting == 2 })
	leave()
	if err := <-leaves; !errors.Is(err, context.Canceled) {
		t.Errorf("who left: %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-first, <-stays); err != nil {
		t.Errorf("who stayed: %v", err)
	}
	if n := reviewCount(t, store, 1); n != 2 {
		t.Errorf("%d reviews, want the 2 of those who stayed", n)
	}
	if n := store.pool.Stat().NewConnsCount(); n > 2 {
		t.Errorf("%d connections were made: leaving cost one", n)
	}
}

// No two calls share a result: each film that was asked for is a scan of its own.
func TestNothingIsShared(t *testing.T) {
	dsn := newDatabase(t)
	store, err := openPostgres(dsn, statementTimeout)
	if err != nil {
		t.Fatal(err)
	}
	const calls = 500
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			if _, err := store.Film(t.Context(), 995); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	batches := store.films.Stats().Batches
	if err := store.Close(); err != nil { // its sessions report what they did when they end
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	waitUntil(t, fmt.Sprintf("%d scans for as many calls, in %d round trips", calls, batches), func() bool {
		var scans int
		err := conn.QueryRow(t.Context(), "SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_indexes WHERE indexrelname = 'film_pkey'").Scan(&scans)
		return err == nil && scans == calls
	})
}

// An answer means that the review is committed: the process may end at any moment.
func TestReviewsKeptOverKill(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testKill(t, filepath.Join(t.TempDir(), "films.db")) })
	t.Run("postgres", func(t *testing.T) { testKill(t, newDatabase(t)) })
}

func testKill(t *testing.T, place string) {
	cmd := childCommand(t, "serve", place)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var addr string
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		t.Fatal(err)
	}
	const clients, answersBeforeKill = 8, 300
	var sent, answered atomic.Int64
	enough := make(chan struct{})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for {
				sent.Add(1)
				res, err := client.Post("http://"+addr+"/reviews/", "application/json", strings.NewReader(`{"film_id":12,"rating":5}`))
				if err != nil {
					return // killed
				}
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if err == nil && res.StatusCode == 200 && answered.Add(1) == answersBeforeKill {
					close(enough)
				}
			}
		})
	}
	<-enough
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended well, want killed")
	}
	wg.Wait()
	store, err := openStoreAt(place)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	n := int64(reviewCount(t, store, 12))
	t.Logf("%d sent, %d answered, %d stored", sent.Load(), answered.Load(), n)
	if n < answered.Load() || n > sent.Load() {
		t.Errorf("%d reviews are stored; %d were answered and %d sent", n, answered.Load(), sent.Load())
	}
}
