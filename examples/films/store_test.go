package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/goquart/quart"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("FILMS_TEST_CHILD_DB"); path != "" {
		os.Exit(child(os.Getenv("FILMS_TEST_CHILD_DO"), path))
	}
	status := m.Run()
	if sharedPostgresStarted.Load() {
		if p, err := sharedPostgres(); err == nil {
			err = p.Stop()
			if err != nil {
				fmt.Println(err)
				status = 1
			}
		}
	}
	os.Exit(status)
}

// child is another process that uses the same database.
func child(do, path string) int {
	if do == "hang" {
		half := io.MultiReader(strings.NewReader(filmsCSV[:len(filmsCSV)/2]), hang{})
		_, err := openWriter(path, half)
		fmt.Println(err)
		return 1
	}
	store, err := openStoreAt(path)
	if err == nil && do == "serve" {
		err = serveChild(store)
	} else if err == nil {
		err = errors.Join(store.AddReview(context.Background(), Review{FilmID: 7, Rating: 3}), store.Close())
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// serveChild says where it listens.
func serveChild(store Store) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return newApp(quart.Config{}, store).Serve(context.Background(), l)
}

// hang says that it was reached, and never returns.
type hang struct{}

func (hang) Read([]byte) (int, error) {
	fmt.Println("half")
	select {}
}

func childCommand(t *testing.T, do, path string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "FILMS_TEST_CHILD_DB="+path, "FILMS_TEST_CHILD_DO="+do)
	return cmd
}

func openStore(t *testing.T, path string) Store {
	t.Helper()
	store, err := OpenStore(path)
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

// openStoreAt opens what a flag of the program names.
func openStoreAt(place string) (Store, error) {
	if strings.Contains(place, "://") {
		return OpenPostgres(place)
	}
	return OpenStore(place)
}

func newStore(t *testing.T) Store {
	t.Helper()
	return openStore(t, filepath.Join(t.TempDir(), "films.db"))
}

func countFilms(t *testing.T, s Store) int {
	t.Helper()
	n := 0
	if err := s.Films(t.Context(), 0, func(int64, int, []byte) bool { n++; return true }); err != nil {
		t.Fatal(err)
	}
	return n
}

func reviewCount(t *testing.T, s Store, id int64) int {
	t.Helper()
	d, err := s.Details(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return d.Score.Count
}

func TestOpenCreatesAndReuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "dir?mode=ro", "films.db")
	store, err := OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := countFilms(t, store); n != 1000 {
		t.Errorf("first start: %d films, want 1000", n)
	}
	review := Review{FilmID: 995, Rating: 4, Author: "Ada", Text: "Twice."}
	if err := store.AddReview(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	store = openStore(t, path)
	d, err := store.Details(t.Context(), 995)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Latest) != 1 || d.Latest[0].Rating != 4 || d.Latest[0].Author != "Ada" || d.Latest[0].Text != "Twice." {
		t.Errorf("after a restart: reviews %+v, want the one that was added", d.Latest)
	}
	if n := countFilms(t, store); n != 1000 {
		t.Errorf("after a restart: %d films, want 1000", n)
	}
}

func TestOpenInManyProcessesAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "films.db")
	const processes = 4
	var wg sync.WaitGroup
	for range processes {
		cmd := childCommand(t, "review", path)
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
		wg.Go(func() {
			store, err := OpenStore(path)
			if err == nil {
				err = store.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	store := openStore(t, path)
	if n := countFilms(t, store); n != 1000 {
		t.Errorf("%d films, want 1000", n)
	}
	if n := reviewCount(t, store, 7); n != processes {
		t.Errorf("%d reviews, want the %d of the processes", n, processes)
	}
}

func TestOpenAfterKillDuringCreation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "films.db")
	cmd := childCommand(t, "hang", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var line string
	if _, err := fmt.Fscanln(out, &line); err != nil || line != "half" {
		t.Fatalf("child says %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended well, want killed")
	}
	if n := countFilms(t, openStore(t, path)); n != 1000 {
		t.Errorf("%d films, want 1000", n)
	}
}

func TestOpenAfterFailedCreation(t *testing.T) {
	const header = "film_id,title,description,release_year,rating,length,special_features\n"
	const film = "1,A,B,2001,PG,90,{}\n"
	for _, tc := range []struct{ name, csv, want string }{
		{"empty", "", "EOF"},
		{"no title", "film_id,description,release_year,rating,length,special_features\n1,B,2001,PG,90,{}\n", `no column "title"`},
		{"short line", header + film + "2,A\n", "line 3"},
		{"not a number", header + film + "2,A,B,soon,PG,90,{}\n", "line 3: release_year"},
		{"unknown rating", header + film + "2,A,B,2001,X,90,{}\n", "line 3: sqlite: step: constraint failed: CHECK constraint failed"},
		{"same id", header + film + film, "line 3: sqlite: step: constraint failed: UNIQUE"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "films.db")
			conn, err := openWriter(path, strings.NewReader(tc.csv))
			if err == nil {
				conn.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q, want one with %q", err, tc.want)
			}
			if n := countFilms(t, openStore(t, path)); n != 1000 {
				t.Errorf("%d films after the next start, want 1000", n)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	script := func(queries string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(sqlitex.ExecuteScript(conn, queries, nil), conn.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tc := range []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"not a database", func(t *testing.T, path string) {
			writeFile(t, path, bytes.Repeat([]byte("These are my notes.\n"), 100))
		}, "it is not an SQLite database"},
		{"tables of another application", script("CREATE TABLE account (id INTEGER)"), "it belongs to another application"},
		{"id of another application", script("PRAGMA application_id = 7"), "it belongs to another application"},
		{"newer schema", script("PRAGMA application_id = " + strconv.Itoa(applicationID) + "; PRAGMA user_version = 99"), "schema has version 99"},
		{"cut short", func(t *testing.T, path string) {
			store, err := OpenStore(path)
			if err == nil {
				err = store.Close()
			}
			if err == nil {
				err = os.Truncate(path, 64<<10)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, "it is damaged"},
		{"directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}, "it cannot be opened"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "films.db")
			tc.make(t, path)
			before, _ := os.ReadFile(path)
			store, err := OpenStore(path)
			if err == nil {
				store.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q, want one with the path and %q", err, tc.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFilm(t *testing.T) {
	eachStore(t, func(t *testing.T, store Store) {
		film, err := store.Film(t.Context(), 995)
		if want := (Film{ID: 995, ReleaseYear: 2024, Title: "SECOND MOSAIC"}); film != want || err != nil {
			t.Errorf("film 995 = %+v, %v; want %+v", film, err, want)
		}
		for _, id := range []int64{0, -1, 1001, 1 << 62} {
			if _, err := store.Film(t.Context(), id); !errors.Is(err, ErrNotFound) {
				t.Errorf("film %d: error %v, want ErrNotFound", id, err)
			}
			if _, err := store.Details(t.Context(), id); !errors.Is(err, ErrNotFound) {
				t.Errorf("details %d: error %v, want ErrNotFound", id, err)
			}
		}
	})
}

// expectedFilms is the exact answer of the list of films, by id.
func expectedFilms(t *testing.T) map[string]map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var films map[string]map[string]any
	if err := json.Unmarshal(data, &films); err != nil {
		t.Fatal(err)
	}
	return films
}

func TestFilms(t *testing.T) {
	eachStore(t, func(t *testing.T, store Store) {
		expected := expectedFilms(t)
		for _, year := range []int{0, 2000, 2020, 2025, 9999} {
			want := map[int64]string{}
			for id, film := range expected {
				if int(film["release_year"].(float64)) > year {
					n, _ := strconv.ParseInt(id, 10, 64)
					want[n] = film["title"].(string)
				}
			}
			err := store.Films(t.Context(), year, func(id int64, got int, title []byte) bool {
				if got <= year || want[id] != string(title) {
					t.Errorf("after %d: film %d is %q of %d, want %q", year, id, title, got, want[id])
				}
				delete(want, id)
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(want) != 0 {
				t.Errorf("after %d: %d films are missing", year, len(want))
			}
		}
		n := 0
		if err := store.Films(t.Context(), 0, func(int64, int, []byte) bool { n++; return false }); err != nil || n != 1 {
			t.Errorf("a yield that returns false was called %d times, error %v", n, err)
		}
	})
}
