//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A truth is what all peers must answer: the films by id.
type truth map[string]listed

const expectedFile = "testdata/expected.json"

// readTruth reads the answers that examples/films has.
func readTruth(ctx context.Context) (want truth, err error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "github.com/goquart/quart/examples/films").Output()
	if err != nil {
		return nil, fmt.Errorf("go list of examples/films, from within the repository: %w", err)
	}
	b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), expectedFile))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &want); err != nil {
		return nil, err
	}
	if len(want) != filmCount {
		return nil, fmt.Errorf("%s has %d films, want %d", expectedFile, len(want), filmCount)
	}
	return want, nil
}

// after are the films that were released after a year.
func (want truth) after(year int) truth {
	some := maps.Clone(want)
	maps.DeleteFunc(some, func(_ string, f listed) bool { return f.ReleaseYear <= year })
	return some
}

// A verifier compares the answers of one peer with what they must be.
type verifier struct {
	base   string
	client *http.Client
	db     *database
	want   truth
}

// verify reports the first answer that is wrong. It leaves reviews behind.
func verify(ctx context.Context, base string, db *database, want truth) error {
	ctx, cancel := context.WithTimeoutCause(ctx, verifyGrace, errors.New("checking the answers took too long"))
	defer cancel()
	transport := &http.Transport{MaxIdleConnsPerHost: conns, DisableCompression: true}
	defer transport.CloseIdleConnections()
	v := &verifier{base: base, client: &http.Client{Transport: transport}, db: db, want: want}
	for _, check := range []func(context.Context) error{v.one, v.list, v.fromDatabase, v.post, v.refused} {
		if err := check(ctx); err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
	}
	return nil
}

// ask returns the status and the body of an answer. A body for a 2xx is JSON.
func (v *verifier) ask(ctx context.Context, method, path, body string) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, v.base+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		return 0, nil, err
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); resp.StatusCode < 300 && (err != nil || kind != "application/json") {
		return 0, nil, fmt.Errorf("%s %s: Content-Type %q", method, path, resp.Header.Get("Content-Type"))
	}
	return resp.StatusCode, answer, nil
}

// get decodes the answer to a GET into v, which must have all of its members.
func (v *verifier) get(ctx context.Context, path string, into any) error {
	status, answer, err := v.ask(ctx, http.MethodGet, path, "")
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("GET %s: status %d", path, status)
	}
	if err := decode(answer, into); err != nil {
		return fmt.Errorf("GET %s: %w in %.200q", path, err, answer)
	}
	return nil
}

func decode(answer []byte, into any) error {
	dec := json.NewDecoder(strings.NewReader(string(answer)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}

func (v *verifier) one(ctx context.Context) error {
	for text, f := range v.want {
		id, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		if err := v.film(ctx, film{ID: id, ReleaseYear: f.ReleaseYear, Title: f.Title}); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) film(ctx context.Context, want film) error {
	path := fmt.Sprintf("/films/%d/", want.ID)
	var got film
	if err := v.get(ctx, path, &got); err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("GET %s: %+v, want %+v", path, got, want)
	}
	return nil
}

func (v *verifier) list(ctx context.Context) error {
	for path, want := range map[string]truth{"/films/": v.want.after(yearAfter), "/films/?year.gt=2020": v.want.after(2020), "/films/?year.gt=9999": {}} {
		got := truth{}
		if err := v.get(ctx, path, &got); err != nil {
			return err
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("GET %s: %d films, and not the %d that are wanted", path, len(got), len(want))
		}
	}
	return nil
}

// fromDatabase changes a film and changes it back: an answer that was kept would be wrong.
func (v *verifier) fromDatabase(ctx context.Context) (err error) {
	const id = 7
	was := v.want[strconv.Itoa(id)]
	changed := listed{ReleaseYear: was.ReleaseYear, Title: was.Title + " \"&\\é\u2028"} // whatever JSON escapes
	set := func(f listed) error {
		_, err := v.db.conn.Exec(ctx, "UPDATE film SET title = $2 WHERE film_id = $1", id, f.Title)
		return err
	}
	if err := set(changed); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set(was)) }()
	if err := v.film(ctx, film{ID: id, ReleaseYear: changed.ReleaseYear, Title: changed.Title}); err != nil {
		return fmt.Errorf("after a change: %w", err)
	}
	got := truth{}
	if err := v.get(ctx, "/films/", &got); err != nil {
		return err
	}
	if got[strconv.Itoa(id)] != changed {
		return fmt.Errorf("GET /films/ after a change: %+v, want %+v", got[strconv.Itoa(id)], changed)
	}
	return nil
}

// postsEach is how many reviews each of the clients sends.
const postsEach = 25

// post sends reviews at the same time, and finds each of them in the database when it is answered.
func (v *verifier) post(ctx context.Context) error {
	before, err := v.db.reviews(ctx)
	if err != nil {
		return err
	}
	errs := make([]error, conns)
	var clients sync.WaitGroup
	for client := range conns {
		clients.Go(func() {
			for i := range postsEach {
				r := review{FilmID: 1 + client*postsEach + i, Rating: 1 + i%5}
				if errs[client] = v.echoed(ctx, r); errs[client] != nil {
					return
				}
			}
		})
	}
	clients.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	after, err := v.db.reviews(ctx)
	if err != nil {
		return err
	}
	if after-before != conns*postsEach {
		return fmt.Errorf("%d reviews were answered, and the database has %d more", conns*postsEach, after-before)
	}
	return v.stored(ctx)
}

func (v *verifier) echoed(ctx context.Context, r review) error {
	status, answer, err := v.ask(ctx, http.MethodPost, "/reviews/", fmt.Sprintf(`{"film_id":%d,"rating":%d}`, r.FilmID, r.Rating))
	if err != nil {
		return err
	}
	var got review
	if err := decode(answer, &got); err != nil || status < 200 || status > 299 || got != r {
		return fmt.Errorf("POST /reviews/ of %+v: status %d, %.200q, %w", r, status, answer, err)
	}
	return nil
}

// stored compares the reviews that post has sent with those in the database.
func (v *verifier) stored(ctx context.Context) error {
	var right int
	err := v.db.conn.QueryRow(ctx, "SELECT count(DISTINCT film_id) FROM review WHERE film_id <= $1 AND rating = 1 + (film_id - 1) % $2 % 5",
		conns*postsEach, postsEach).Scan(&right)
	if err == nil && right != conns*postsEach {
		err = fmt.Errorf("%d of %d reviews are in the database as they were sent", right, conns*postsEach)
	}
	return err
}

// refused are requests whose answer is an error, and which leave nothing behind.
func (v *verifier) refused(ctx context.Context) error {
	before, err := v.db.reviews(ctx)
	if err != nil {
		return err
	}
	tests := []struct {
		method, path, body string
		statuses           []int
	}{
		{http.MethodGet, "/films/5000/", "", []int{404}},
		{http.MethodPost, "/reviews/", `{"film_id":5000,"rating":4}`, []int{404}},
		{http.MethodPost, "/reviews/", `{"film_id":995,"rating":6}`, []int{422}},
		{http.MethodPost, "/reviews/", `{"rating":4}`, []int{422}},
		{http.MethodPost, "/reviews/", `{"film_id":`, []int{400, 422}},
	}
	for _, tt := range tests {
		status, answer, err := v.ask(ctx, tt.method, tt.path, tt.body)
		if err != nil {
			return err
		}
		if !slices.Contains(tt.statuses, status) {
			return fmt.Errorf("%s %s %s: status %d, %.200q, want %v", tt.method, tt.path, tt.body, status, answer, tt.statuses)
		}
	}
	after, err := v.db.reviews(ctx)
	if err == nil && after != before {
		err = fmt.Errorf("%d reviews that were refused are in the database", after-before)
	}
	return err
}

// verifyPeer runs a peer and verifies it.
func verifyPeer(ctx context.Context, r *rig, p peer, db *database, want truth) error {
	ctx, cancel := context.WithTimeout(ctx, startGrace+2*verifyGrace+stopGrace)
	defer cancel()
	s, err := r.start(ctx, p)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := verify(ctx, s.base(), db, want); err != nil {
		return fmt.Errorf("%w; it printed: %s", err, s.output)
	}
	return db.clean(ctx)
}
