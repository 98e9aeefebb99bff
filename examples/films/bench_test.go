package main

import (
	"context"
	"testing"

	"github.com/goquart/quart/batch"
)

// inParallel is how many callers there are for each processor: what is batched lives on them.
const inParallel = 16

func benchStores(b *testing.B, bench func(b *testing.B, store Store)) {
	b.Run("sqlite", func(b *testing.B) {
		store, err := OpenStore(b.TempDir() + "/films.db")
		if err != nil {
			b.Fatal(err)
		}
		defer store.Close()
		bench(b, store)
	})
	b.Run("postgres", func(b *testing.B) { bench(b, openPostgresStore(b, newDatabase(b), statementTimeout)) })
}

func BenchmarkFilm(b *testing.B) {
	benchStores(b, func(b *testing.B, store Store) {
		if s, ok := store.(*postgresStore); ok {
			defer reportBatches(b, s.films.Stats)
		}
		b.ReportAllocs()
		b.SetParallelism(inParallel)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := store.Film(context.Background(), 995); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkFilms(b *testing.B) {
	benchStores(b, func(b *testing.B, store Store) {
		b.ReportAllocs()
		for b.Loop() {
			if err := store.Films(context.Background(), 2000, func(int64, int, []byte) bool { return true }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAddReview(b *testing.B) {
	benchStores(b, func(b *testing.B, store Store) {
		switch s := store.(type) {
		case *postgresStore:
			defer reportBatches(b, s.reviews.Stats)
		case *sqliteStore:
			defer reportBatches(b, s.reviews.Stats)
		}
		b.ReportAllocs()
		b.SetParallelism(inParallel)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := store.AddReview(context.Background(), Review{FilmID: 995, Rating: 4}); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkSearch(b *testing.B) {
	benchStores(b, func(b *testing.B, store Store) {
		for b.Loop() {
			if _, err := store.Search(context.Background(), Query{Text: "diver train"}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReviewColumns(b *testing.B) {
	reviews := make([]Review, 20)
	for i := range reviews {
		reviews[i] = Review{FilmID: int64(i), Rating: 4}
	}
	b.ReportAllocs()
	for b.Loop() {
		reviewColumns(reviews)
	}
}

// reportBatches says how many calls shared a round trip or a commit.
func reportBatches(b *testing.B, stats func() batch.Stats) {
	s := stats()
	b.ReportMetric(float64(s.Items)/float64(s.Batches), "calls/batch")
}
