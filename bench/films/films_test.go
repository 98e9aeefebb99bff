//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goquart/quart/internal/testserver"
)

// TestMain makes the test binary the servers too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == serveFlag {
		exitOn(serveMain(os.Args[2:]))
		return
	}
	os.Exit(m.Run())
}

// testRig has a PostgreSQL server with all tables.
func testRig(t *testing.T) (*rig, *database, truth) {
	t.Helper()
	db, err := openDatabase(t.Context(), "")
	testserver.Need(t, err)
	t.Cleanup(func() {
		if err := db.close(); err != nil {
			t.Error(err)
		}
	})
	r, err := newRig(t.Context(), db.dsn, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.remove)
	if err := db.createTables(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want, err := readTruth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r, db, want
}

// TestPeers runs every peer that there is, compares its answers, and looks whether it ends.
func TestPeers(t *testing.T) {
	r, db, want := testRig(t)
	for _, p := range peers {
		if strings.HasSuffix(p.Name, twice) {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			version, err := r.version(t.Context(), p)
			if errors.Is(err, errNoPackages) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Log(version)
			s, err := r.start(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			err = verify(t.Context(), s.base(), db, want)
			s.stop()
			if err != nil {
				t.Fatalf("%v; it printed: %s", err, s.output)
			}
			if c, err := net.DialTimeout("tcp4", s.addr, time.Second); err == nil {
				_ = c.Close()
				t.Error("it is still there")
			}
			// A transaction that it left would be in the way of the next one.
			if err := db.clean(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A liar is net/http with answers that differ from what they must be.
type liar struct {
	http.Handler
	posts atomic.Int64
}

func (l *liar) answer(path string, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	asked := r.Clone(r.Context())
	asked.URL.Path = path
	l.ServeHTTP(rec, asked)
	return rec
}

func copyTo(w http.ResponseWriter, rec *httptest.ResponseRecorder) {
	w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

// TestVerifyRefuses sees that each wrong answer is found.
func TestVerifyRefuses(t *testing.T) {
	_, db, want := testRig(t)
	s, err := openStore(t.Context(), db.dsn, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer s.pool.Close()
	honest := netHTTPHandler(s)
	tests := []struct {
		name string
		lie  func(l *liar, w http.ResponseWriter, r *http.Request)
		err  string
	}{
		{"nothing wrong", func(l *liar, w http.ResponseWriter, r *http.Request) { l.ServeHTTP(w, r) }, ""},
		{"another film", func(l *liar, w http.ResponseWriter, r *http.Request) {
			copyTo(w, l.answer(strings.Replace(r.URL.Path, "/999/", "/998/", 1), r))
		}, "GET /films/999/: "},
		{"text", func(l *liar, w http.ResponseWriter, r *http.Request) {
			rec := l.answer(r.URL.Path, r)
			rec.Header().Set("Content-Type", "text/plain")
			copyTo(w, rec)
		}, "Content-Type"},
		{"a film too many", rewrite("/films/", `"1":`, `"1001":{"release_year":2015,"title":"X"},"1":`), "1001 films"},
		{"another year", rewrite("/films/", `"release_year":2018`, `"release_year":2017`), "not the 1000"},
		{"a member too many", rewrite("/films/", `{"release_year"`, `{"more":1,"release_year"`), "unknown field"},
		{"a list that was kept", func() func(l *liar, w http.ResponseWriter, r *http.Request) {
			var kept *httptest.ResponseRecorder
			return func(l *liar, w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/films/" || r.URL.RawQuery != "" {
					l.ServeHTTP(w, r)
					return
				}
				if kept == nil {
					kept = l.answer(r.URL.Path, r)
				}
				copyTo(w, kept)
			}
		}(), "GET /films/ after a change"},
		{"a review that is not stored", post(func(l *liar, n int64, r *http.Request) *httptest.ResponseRecorder {
			if n != 100 {
				return l.answer(r.URL.Path, r)
			}
			rec := httptest.NewRecorder()
			rec.Header().Set("Content-Type", "application/json")
			rec.WriteHeader(http.StatusCreated)
			_, _ = rec.Body.ReadFrom(r.Body)
			return rec
		}), "the database has 499 more"},
		{"a review that is stored twice", post(func(l *liar, n int64, r *http.Request) *httptest.ResponseRecorder {
			if n == 100 {
				if err := s.addReview(r.Context(), review{1, 1}); err != nil {
					t.Error(err)
				}
			}
			return l.answer(r.URL.Path, r)
		}), "the database has 501 more"},
		{"a refused review that is stored", post(func(l *liar, n int64, r *http.Request) *httptest.ResponseRecorder {
			rec := l.answer(r.URL.Path, r)
			if rec.Code == http.StatusUnprocessableEntity {
				if err := s.addReview(r.Context(), review{1, 1}); err != nil {
					t.Error(err)
				}
			}
			return rec
		}), "reviews that were refused"},
		{"200 for no film", func(l *liar, w http.ResponseWriter, r *http.Request) {
			rec := l.answer(r.URL.Path, r)
			if rec.Code == http.StatusNotFound {
				writeJSON(w, http.StatusOK, nil, nil)
				return
			}
			copyTo(w, rec)
		}, "GET /films/5000/ : status 200"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := &liar{Handler: honest}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tt.lie(l, w, r) }))
			defer srv.Close()
			checkError(t, tt.name, verify(t.Context(), srv.URL, db, want), tt.err)
			if err := db.clean(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// rewrite replaces something once in the answers for a path.
func rewrite(path, old, text string) func(l *liar, w http.ResponseWriter, r *http.Request) {
	return func(l *liar, w http.ResponseWriter, r *http.Request) {
		rec := l.answer(r.URL.Path, r)
		if r.URL.Path == path {
			body := strings.Replace(rec.Body.String(), old, text, 1)
			rec.Body.Reset()
			rec.Body.WriteString(body)
		}
		copyTo(w, rec)
	}
}

// post answers the reviews in another way; they are numbered.
func post(answer func(l *liar, n int64, r *http.Request) *httptest.ResponseRecorder) func(l *liar, w http.ResponseWriter, r *http.Request) {
	return func(l *liar, w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			l.ServeHTTP(w, r)
			return
		}
		copyTo(w, answer(l, l.posts.Add(1), r))
	}
}

// TestMeasure runs everything that the report needs for a moment, wrk's shortest.
func TestMeasure(t *testing.T) {
	for _, command := range []string{wrkCommand, pgbenchCommand} {
		if _, err := exec.LookPath(command); err != nil && os.Getenv("CI") != "true" {
			t.Skip(err)
		}
	}
	cfg, _, err := parseFlags([]string{"-rounds", "1", "-seconds", "1", "-peers", "quart,gin"})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := measure(t.Context(), cfg)
	testserver.Need(t, err)
	if len(rep.Loads) != len(loads) || len(rep.Targets) != len(loads) || len(rep.Tools) != 3 || len(rep.Peers) != 2 {
		t.Fatalf("parts are missing: %+v", rep)
	}
	for _, table := range rep.Loads {
		if len(table.Rows) != 2 || len(table.Limits) == 0 {
			t.Fatalf("rows are missing: %+v", table)
		}
		for _, row := range table.Rows {
			if row.Rate.Median <= 0 || row.CPU.Median <= 0 || row.Postgres.Median <= 0 || row.P50.Median <= 0 || row.P99.Median < row.P50.Median ||
				row.ToGo.Median <= 0 || len(row.ToPython.Rounds) > 0 {
				t.Errorf("%s: %+v", table.Name, row)
			}
		}
		for _, row := range table.Limits {
			if row.Rate.Median <= 0 || row.Postgres.Median <= 0 {
				t.Errorf("%s: %+v", table.Name, row)
			}
		}
	}
	checkOutput(t, rep, []string{"PostgreSQL 1", "pgbench, one, pipelined", "one: GET", "list: GET", "post: POST", "gin-gonic/gin v", "against the targets", ">= 3.5"})
}

func checkOutput(t *testing.T, rep *report, want []string) {
	t.Helper()
	var text strings.Builder
	if err := rep.print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range want {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in the tables:\n%s", want, &text)
		}
	}
	columns := 0
	for line := range strings.Lines(text.String()) {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		if n := strings.Count(line, "|"); columns != 0 && n != columns {
			t.Errorf("%d bars, want %d as in the line before: %s", n, columns, line)
		}
		columns = strings.Count(line, "|")
	}
	b, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(b, &back); err != nil || len(back.Targets) != len(rep.Targets) || len(back.Loads) != len(rep.Loads) {
		t.Errorf("JSON does not come back: %v, %s", err, b)
	}
}

func checkError(t *testing.T, name string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: error %v, want %q", name, err, want)
	}
}

// TestStartFails: a server that ends, or that cannot be started, is an error which says what it printed.
func TestStartFails(t *testing.T) {
	tests := []struct{ script, err string }{
		{"echo no luck; exit 3", "it printed: no luck"},
		{"exit 0", "it ended at its start"},
	}
	for _, tt := range tests {
		_, err := startServer(t.Context(), func(string) (*exec.Cmd, error) {
			cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", tt.script)
			dieWithParent(cmd)
			return cmd, nil
		})
		checkError(t, tt.script, err, tt.err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := startServer(ctx, func(string) (*exec.Cmd, error) {
		cmd := exec.CommandContext(ctx, "/bin/sh", "-c", "sleep 600 & wait")
		dieWithParent(cmd)
		cancel()
		return cmd, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after a cancellation", err)
	}
}
