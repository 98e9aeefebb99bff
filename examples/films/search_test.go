package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart/internal/testserver"
)

func TestSearch(t *testing.T) {
	eachStore(t, func(t *testing.T, store Store) {
		for _, tc := range []struct {
			name  string
			query Query
			total int
			first string
			films int
			page  int
		}{
			{"all", Query{}, 1000, "AMBER BALLOON", PageSize, 1},
			{"last page", Query{Page: 40}, 1000, "", PageSize, 40},
			{"after the last page", Query{Page: 41}, 1000, "", 0, 41},
			{"huge page", Query{Page: 1 << 62}, 1000, "", 0, 1 << 62},
			{"negative page", Query{Page: -3}, 1000, "AMBER BALLOON", PageSize, 1},
			{"title", Query{Text: "second mosaic"}, 1, "SECOND MOSAIC", 1, 1},
			{"words in any order", Query{Text: " Mosaic  SECOND "}, 1, "SECOND MOSAIC", 1, 1},
			{"beginnings of words", Query{Text: "secon mosa"}, 1, "SECOND MOSAIC", 1, 1},
			{"nothing", Query{Text: "xyzzy"}, 0, "", 0, 1},
			{"percent is itself", Query{Text: "%"}, 0, "", 0, 1},
			{"underscore is itself", Query{Text: "_"}, 0, "", 0, 1},
			{"backslash is itself", Query{Text: `\`}, 0, "", 0, 1},
			{"quotes are themselves", Query{Text: `' OR 1=1 --"`}, 0, "", 0, 1},
			{"operators are words", Query{Text: "second NOT mosaic"}, 0, "", 0, 1},
			{"quote in a word", Query{Text: `sec"ond`}, 0, "", 0, 1},
			{"NUL", Query{Text: "second\x00mosaic"}, 1, "SECOND MOSAIC", 1, 1},
			{"words beyond the limit", Query{Text: "second" + strings.Repeat(" mosaic", maxWords-1) + " xyzzy"}, 1, "SECOND MOSAIC", 1, 1},
			{"invalid UTF-8", Query{Text: "\xff"}, 0, "", 0, 1},
			{"unknown order is by title", Query{Sort: "nope"}, 1000, "AMBER BALLOON", PageSize, 1},
		} {
			t.Run(tc.name, func(t *testing.T) {
				res, err := store.Search(t.Context(), tc.query)
				if err != nil {
					t.Fatal(err)
				}
				if res.Total != tc.total || len(res.Films) != tc.films || res.Page != tc.page {
					t.Errorf("total %d, films %d, page %d; want %d, %d, %d", res.Total, len(res.Films), res.Page, tc.total, tc.films, tc.page)
				}
				if tc.first != "" && res.Films[0].Title != tc.first {
					t.Errorf("first is %q, want %q", res.Films[0].Title, tc.first)
				}
			})
		}
	})
}

func FuzzSearch(f *testing.F) {
	for _, text := range []string{
		"", "mosaic", `"`, `""`, "a*", "NOT", "( OR )", "title:x", "^a + b", "\x00", "\xff\"", "-", "𐍈 é", "'", `\`, "a':*|b", "İ", strings.Repeat("x", 3000),
	} {
		f.Add(text)
	}
	store, err := OpenStore(f.TempDir() + "/films.db")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { store.Close() })
	stores := []Store{store}
	if _, err := sharedPostgres(); !errors.Is(err, testserver.ErrMissing) {
		stores = append(stores, openPostgresStore(f, newDatabase(f), statementTimeout))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, store := range stores {
			res, err := store.Search(t.Context(), Query{Text: text})
			if err != nil || len(res.Films) > res.Total {
				t.Errorf("%T: search %q: %d of %d films, error %v", store, text, len(res.Films), res.Total, err)
			}
		}
	})
}

func TestSearchOrder(t *testing.T) {
	eachStore(t, func(t *testing.T, store Store) {
		ratings := []string{"G", "PG", "PG-13", "R", "NC-17"}
		for by, compare := range map[Sort]func(a, b Listed) int{
			ByTitle:  func(a, b Listed) int { return 0 },
			ByYear:   func(a, b Listed) int { return cmp.Compare(b.ReleaseYear, a.ReleaseYear) },
			ByLength: func(a, b Listed) int { return cmp.Compare(a.Length, b.Length) },
			ByRating: func(a, b Listed) int {
				return cmp.Compare(slices.Index(ratings, a.Rating), slices.Index(ratings, b.Rating))
			},
		} {
			var all []Listed
			for page := 1; page <= 40; page++ {
				res, err := store.Search(t.Context(), Query{Sort: by, Page: page})
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, res.Films...)
			}
			ids := map[int64]bool{}
			for _, film := range all {
				ids[film.ID] = true
			}
			if len(ids) != 1000 {
				t.Errorf("by %s: the pages show %d films, want each of 1000 once", by, len(ids))
			}
			if !slices.IsSortedFunc(all, func(a, b Listed) int {
				return cmp.Or(compare(a, b), cmp.Compare(a.Title, b.Title), cmp.Compare(a.ID, b.ID))
			}) {
				t.Errorf("by %s: not in order", by)
			}
		}
	})
}

func TestReviews(t *testing.T) {
	eachStore(t, func(t *testing.T, store Store) {
		created := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
		for i := range LatestReviews + 10 {
			if err := store.AddReview(t.Context(), Review{FilmID: 12, Rating: 1 + i%5, Text: strings.Repeat("x", i), Created: created}); err != nil {
				t.Fatal(err)
			}
		}
		if err := store.AddReview(t.Context(), Review{FilmID: 13, Rating: 5}); err != nil {
			t.Fatal(err)
		}
		d, err := store.Details(t.Context(), 12)
		if err != nil {
			t.Fatal(err)
		}
		if want := (Score{Count: 60, Average: 3}); d.Score != want {
			t.Errorf("score %+v, want %+v", d.Score, want)
		}
		if want := [MaxRating]int{12, 12, 12, 12, 12}; d.Stars != want {
			t.Errorf("stars %v, want %v", d.Stars, want)
		}
		if len(d.Latest) != LatestReviews || len(d.Latest[0].Text) != LatestReviews+9 {
			t.Errorf("%d reviews, the first of %d bytes; want the newest %d", len(d.Latest), len(d.Latest[0].Text), LatestReviews)
		}
		if got := d.Latest[0].Created; got != created {
			t.Errorf("created %v, want %v", got, created)
		}
		res, err := store.Search(t.Context(), Query{Text: d.Title})
		if err != nil {
			t.Fatal(err)
		}
		for _, film := range res.Films {
			if film.ID == d.ID && film.Score != d.Score {
				t.Errorf("score in the list %+v, on the page %+v", film.Score, d.Score)
			}
			if film.ID > 13 && film.Score != (Score{}) {
				t.Errorf("film %d without reviews has the score %+v", film.ID, film.Score)
			}
		}
	})
}

func TestAddReviewRefuses(t *testing.T) {
	eachStore(t, func(t *testing.T, store Store) {
		for _, tc := range []struct {
			name   string
			review Review
			want   error
		}{
			{"unknown film", Review{FilmID: 1001, Rating: 3}, ErrNotFound},
			{"rating 0", Review{FilmID: 1, Rating: 0}, ErrInvalid},
			{"rating 6", Review{FilmID: 1, Rating: 6}, ErrInvalid},
			{"long author", Review{FilmID: 1, Rating: 1, Author: strings.Repeat("é", MaxAuthor+1)}, ErrInvalid},
			{"long text", Review{FilmID: 1, Rating: 1, Text: strings.Repeat("é", MaxText+1)}, ErrInvalid},
		} {
			t.Run(tc.name, func(t *testing.T) {
				if err := store.AddReview(t.Context(), tc.review); !errors.Is(err, tc.want) {
					t.Errorf("error %v, want %v", err, tc.want)
				}
			})
		}
		longest := Review{FilmID: 1, Rating: 1, Author: strings.Repeat("é", MaxAuthor), Text: strings.Repeat("é", MaxText)}
		if err := store.AddReview(t.Context(), longest); err != nil {
			t.Errorf("the longest review: %v", err)
		}
		if n := reviewCount(t, store, 1); n != 1 {
			t.Errorf("%d reviews, want 1", n)
		}
	})
}

func TestConcurrentReviews(t *testing.T) {
	eachStore(t, func(t *testing.T, store Store) {
		const writers, each = 8, 25
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range each {
					if err := store.AddReview(t.Context(), Review{FilmID: 5, Rating: 2}); err != nil {
						t.Error(err)
					}
					if _, err := store.Details(t.Context(), 5); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := reviewCount(t, store, 5); n != writers*each {
			t.Errorf("%d reviews, want %d", n, writers*each)
		}
	})
}

func TestWaitForConnection(t *testing.T) {
	store := newStore(t).(*sqliteStore)
	conn, err := store.writer.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.AddReview(ctx, Review{FilmID: 5, Rating: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	store.writer.put(conn)
	if err := store.AddReview(t.Context(), Review{FilmID: 5, Rating: 2}); err != nil {
		t.Error(err)
	}
}

func TestClosedStore(t *testing.T) {
	store, err := OpenStore(t.TempDir() + "/films.db")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Film(t.Context(), 1); !errors.Is(err, errClosed) {
		t.Errorf("error %v, want errClosed", err)
	}
}
