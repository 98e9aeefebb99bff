package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/examples/internal/look"
)

// site is a served app.
type site struct {
	t    *testing.T
	url  string
	stop func()
}

// serve serves the database at path on a loopback address until stop, or the end of the test.
func serve(t *testing.T, path string) *site {
	t.Helper()
	store, err := OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	s := serveStore(t, store)
	stopServing := s.stop
	stop := sync.OnceFunc(func() {
		stopServing()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s.stop = stop
	t.Cleanup(stop)
	return s
}

func serveStore(t *testing.T, store Store) *site {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(quart.Config{Log: slog.New(slog.DiscardHandler), ShutdownDelay: -1}, store)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx, l) }()
	stop := sync.OnceFunc(func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return &site{t: t, url: "http://" + l.Addr().String(), stop: stop}
}

// eachSite runs a test on a served app with a new database of each kind.
func eachSite(t *testing.T, test func(t *testing.T, s *site)) {
	eachStore(t, func(t *testing.T, store Store) { test(t, serveStore(t, store)) })
}

func newSite(t *testing.T) *site {
	t.Helper()
	return serve(t, filepath.Join(t.TempDir(), "films.db"))
}

type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request and returns the answer without following redirects.
func (s *site) do(method, target, contentType, body string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8") // as a browser
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(data)}
}

func (s *site) get(target string) answer {
	s.t.Helper()
	return s.do("GET", target, "", "")
}

func (s *site) postJSON(body string) answer {
	s.t.Helper()
	return s.do("POST", "/reviews/", "application/json", body)
}

func (s *site) postForm(target string, pairs ...string) answer {
	s.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return s.do("POST", target, "application/x-www-form-urlencoded", form.Encode())
}

func decode(t *testing.T, a answer) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %.200q", err, a.body)
	}
	return v
}

func isJSON(a answer) bool {
	kind := a.header.Get("Content-Type")
	return kind == "application/json" || kind == "application/problem+json"
}

func TestListEqualsExpected(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for target, year := range map[string]float64{
			"/films/": 2000, "/films/?year.gt=2020": 2020, "/films/?year.gt=": 2000, "/films/?year.gt=3000": 3000, "/films/?year.gt=-1": -1,
		} {
			a := s.get(target)
			if a.status != 200 || a.header.Get("Content-Type") != "application/json" {
				t.Fatalf("%s: %d, %s", target, a.status, a.header.Get("Content-Type"))
			}
			want := map[string]any{}
			for id, film := range expectedFilms(t) {
				if film["release_year"].(float64) > year {
					want[id] = film
				}
			}
			if got := decode(t, a); !reflect.DeepEqual(got, any(want)) {
				t.Errorf("%s: not the films that were expected: %.200s", target, a.body)
			}
		}
		for _, bad := range []string{"abc", "2020.5", "99999999999999999999", "2020 ", "%00"} {
			if a := s.get("/films/?year.gt=" + strings.ReplaceAll(bad, " ", "+")); a.status != 422 || !isJSON(a) {
				t.Errorf("year.gt=%s: %d %s", bad, a.status, a.body)
			}
		}
	})
}

func TestFilmRoute(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		a := s.get("/films/995/")
		want := map[string]any{"film_id": 995.0, "release_year": 2024.0, "title": "SECOND MOSAIC"}
		if got := decode(t, a); a.status != 200 || !reflect.DeepEqual(got, any(want)) || !isJSON(a) {
			t.Errorf("%d %s", a.status, a.body)
		}
		for _, target := range []string{"/films/1001/", "/films/0/", "/films/999999999/"} {
			if a := s.get(target); a.status != 404 || !isJSON(a) {
				t.Errorf("%s: %d %s", target, a.status, a.body)
			}
		}
		if a := s.get("/films/abc/"); a.status != 404 {
			t.Errorf("/films/abc/: %d", a.status)
		}
		if a := s.get("/films/995"); a.status != 308 || a.header.Get("Location") != "/films/995/" {
			t.Errorf("/films/995: %d, %q", a.status, a.header.Get("Location"))
		}
	})
}

func TestAddReviewRoute(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for _, tc := range []struct {
			name, body string
			status     int
		}{
			{"good", `{"film_id":995,"rating":4}`, 200},
			{"unknown member", `{"film_id":995,"rating":4,"x":1}`, 200},
			{"unknown film", `{"film_id":1001,"rating":4}`, 404},
			{"film 0", `{"film_id":0,"rating":4}`, 404},
			{"film -1", `{"film_id":-1,"rating":4}`, 404},
			{"film is null", `{"film_id":null,"rating":4}`, 422},
			{"rating 0", `{"film_id":995,"rating":0}`, 422},
			{"rating 6", `{"film_id":995,"rating":6}`, 422},
			{"no rating", `{"film_id":995}`, 422},
			{"no film", `{"rating":4}`, 422},
			{"rating is a string", `{"film_id":995,"rating":"4"}`, 422},
			{"rating is a fraction", `{"film_id":995,"rating":4.5}`, 422},
			{"array", `[995,4]`, 422},
			{"cut", `{"film_id":995,"rating":4`, 400},
			{"empty", ``, 400},
			{"trailing", `{"film_id":995,"rating":4} x`, 400},
			{"duplicate", `{"film_id":995,"rating":4,"rating":5}`, 400},
		} {
			t.Run(tc.name, func(t *testing.T) {
				a := s.postJSON(tc.body)
				if a.status != tc.status || !isJSON(a) {
					t.Errorf("%d %s: %s; want %d", a.status, a.header.Get("Content-Type"), a.body, tc.status)
				}
				want := map[string]any{"film_id": 995.0, "rating": 4.0}
				if tc.status == 200 && !reflect.DeepEqual(decode(t, a), any(want)) {
					t.Errorf("%s is not what was sent", a.body)
				}
			})
		}
		if a := s.do("POST", "/reviews/", "text/plain", `{"film_id":995,"rating":4}`); a.status != 415 {
			t.Errorf("text/plain: %d", a.status)
		}
		if page := s.get("/film/995").body; !strings.Contains(page, "2 reviews") {
			t.Error("the page does not show the 2 reviews")
		}
	})
}

func TestReviewsKeptOverRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "films.db")
	s := serve(t, path)
	if a := s.postJSON(`{"film_id":995,"rating":4}`); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	s.stop()
	s = serve(t, path)
	if page := s.get("/film/995").body; !strings.Contains(page, "1 review<") {
		t.Error("the review is gone")
	}
}

func TestPages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for _, tc := range []struct {
			target string
			status int
			want   []string
		}{
			{"/", 200, []string{"<h1>1,000 films</h1>", "Amber Balloon", `href="/?page=2"`, "1 of 40"}},
			{"/?page=40", 200, []string{`href="/?page=39"`, "40 of 40"}},
			{"/?page=41", 200, []string{"There is no page 41", `href="/?page=40"`}},
			{"/?page=x", 200, []string{"1 of 40"}},
			{"/?q=second+mosaic", 200, []string{"1 film with", `href="/film/995"`, `value="second mosaic"`}},
			{"/?q=xyzzy", 200, []string{"No film has “xyzzy”"}},
			{"/?sort=length&page=2", 200, []string{`href="/?page=3&amp;sort=length"`, `aria-sort="ascending">Minutes`}},
			{"/?sort=nope", 200, []string{`aria-sort="ascending">Title`}},
			{"/?q=%3Cscript%3Ealert(1)%3C/script%3E%22%27", 200, []string{"&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;"}},
			{"/film/995", 200, []string{"<h1>Second Mosaic</h1>", "2024 · PG-13 · 1 h 16 min", "No reviews yet", `action="/film/995/reviews#yours"`}},
			{"/film/1001", 404, []string{"Not found", "There is no film 1001."}},
		} {
			t.Run(tc.target, func(t *testing.T) {
				a := s.get(tc.target)
				if a.status != tc.status || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
					t.Errorf("%d %s; want %d and HTML", a.status, a.header.Get("Content-Type"), tc.status)
				}
				if csp := a.header.Get("Content-Security-Policy"); csp != look.CSP {
					t.Errorf("CSP %q", csp)
				}
				for _, want := range tc.want {
					if !strings.Contains(a.body, want) {
						t.Errorf("no %q in\n%s", want, a.body)
					}
				}
				for _, never := range []string{"<script>", " style=", "<style", "http://", "https://"} {
					if strings.Contains(a.body, never) {
						t.Errorf("the page has %q", never)
					}
				}
			})
		}
	})
}

func TestAssets(t *testing.T) {
	s := newSite(t)
	page := s.get("/").body
	for path, kind := range map[string]string{"/style.css": "text/css", "/look.js": "text/javascript", "/icon.svg": "image/svg+xml"} {
		if !strings.Contains(page, path+"?v="+look.Version) {
			t.Errorf("the page does not link %s", path)
		}
		a := s.get(path + "?v=" + look.Version)
		if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), kind) || !strings.Contains(a.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %v", path, a.status, a.header)
		}
		if a := s.get(path); strings.Contains(a.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s without its version is kept for ever", path)
		}
	}
}

func TestPostReview(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		a := s.postForm("/film/995/reviews", "rating", "4", "author", "  Ada\r\nLovelace ", "text", "Line one\r\nline two <script>alert('x')</script> & more")
		if a.status != 303 || a.header.Get("Location") != "/film/995#latest" {
			t.Fatalf("%d to %q: %s", a.status, a.header.Get("Location"), a.body)
		}
		page := s.get("/film/995").body
		for _, want := range []string{"<h3>Ada Lovelace</h3>", "Line one\nline two &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; more", "1 review<", `aria-label="4 of 5"`, `id="latest"`} {
			if !strings.Contains(page, want) {
				t.Errorf("no %q in\n%s", want, page)
			}
		}
		if strings.Contains(page, "<script>") {
			t.Error("the text of a review is not escaped")
		}
		if a := s.postForm("/film/1001/reviews", "rating", "4"); a.status != 404 {
			t.Errorf("unknown film: %d", a.status)
		}
	})
}

func TestPostReviewRefused(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		good := map[string]string{"rating": "4", "author": "Ada \"<b>\"", "text": "\nKept </textarea>"}
		for _, tc := range []struct{ name, field, value, want string }{
			{"no rating", "rating", "", "Choose a rating."},
			{"rating 6", "rating", "6", "The rating is a whole number from 1 to 5."},
			{"rating is a word", "rating", "good", "The rating is a whole number from 1 to 5."},
			{"long name", "author", strings.Repeat("é", MaxAuthor+1), "The name has 61 characters; at most 60 are possible."},
			{"long text", "text", strings.Repeat("é", MaxText+1), "The review has 2,001 characters; at most 2000 are possible."},
		} {
			t.Run(tc.name, func(t *testing.T) {
				form := maps.Clone(good)
				form[tc.field] = tc.value
				a := s.postForm("/film/995/reviews", "rating", form["rating"], "author", form["author"], "text", form["text"])
				if a.status != 422 || !strings.Contains(a.body, tc.want) {
					t.Errorf("%d, want 422 with %q in\n%s", a.status, tc.want, a.body)
				}
				for field, kept := range map[string]string{
					"rating": `value="4" required checked`,
					"author": `value="Ada &quot;&lt;b&gt;&quot;"`,
					"text":   "Kept &lt;/textarea&gt;</textarea>",
				} {
					if field != tc.field && !strings.Contains(a.body, kept) {
						t.Errorf("%s is not kept: no %q in\n%s", field, kept, a.body)
					}
				}
			})
		}
		if page := s.get("/film/995").body; !strings.Contains(page, "No reviews yet") {
			t.Error("a refused review was stored")
		}
	})
}

func TestStoreFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "films.db")
	store, err := OpenStore(path)
	if err == nil {
		err = store.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s := serveStore(t, store)
	for _, target := range []string{"/", "/film/1", "/films/", "/films/1/"} {
		a := s.get(target)
		if a.status != 500 || strings.Contains(a.body, "closed") {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
}
