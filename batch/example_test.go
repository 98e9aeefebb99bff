package batch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/goquart/quart/batch"
)

// A shelf is a stand-in for a database.
type shelf struct {
	mu     sync.Mutex
	titles map[int]string
	rated  int
}

var errNoFilm = errors.New("no such film")

// insert is a transaction: all reviews are stored, or none.
func (s *shelf) insert(films []int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range films {
		if s.titles[id] == "" {
			return errNoFilm
		}
	}
	s.rated += len(films)
	return nil
}

// One transaction for all reviews that wait: a group commit. A review of a film
// that does not exist fails the transaction; then each is stored by itself, and
// only that one fails.
func Example_groupCommit() {
	db := &shelf{titles: map[int]string{1: "Heat", 2: "Ali"}}
	reviews := batch.New(func(ctx context.Context, films []int) ([]struct{}, error) {
		return make([]struct{}, len(films)), db.insert(films)
	}, batch.Config{})
	defer reviews.Close()

	errs := make([]error, 4)
	var clients sync.WaitGroup
	for i, film := range []int{1, 2, 404, 1} {
		clients.Go(func() { _, errs[i] = reviews.Do(context.Background(), film) })
	}
	clients.Wait()

	fmt.Println(errs)
	fmt.Println("stored:", db.rated)
	// Output:
	// [<nil> <nil> no such film <nil>]
	// stored: 3
}

// One round trip for all films that are asked for: pipelined reads. Here run
// says which item failed, so nothing is read twice.
func Example_pipelinedReads() {
	db := &shelf{titles: map[int]string{1: "Heat", 2: "Ali"}}
	films := batch.New(func(ctx context.Context, ids []int) ([]string, error) {
		titles, errs := make([]string, len(ids)), make(batch.Errors, len(ids))
		for i, id := range ids { // with a database: one query per id, sent together
			if titles[i] = db.titles[id]; titles[i] == "" {
				errs[i] = errNoFilm
			}
		}
		return titles, errs
	}, batch.Config{})

	var lines [3]string
	var clients sync.WaitGroup
	for i, id := range []int{1, 2, 3} {
		clients.Go(func() {
			title, err := films.Do(context.Background(), id)
			lines[i] = fmt.Sprintf("%d: %q %v", id, title, err)
		})
	}
	clients.Wait()

	for _, line := range lines {
		fmt.Println(line)
	}
	// Output:
	// 1: "Heat" <nil>
	// 2: "Ali" <nil>
	// 3: "" no such film
}

// A database that is down has nothing to do with the items: with All they are
// not tried one by one.
func ExampleAll() {
	errDown := errors.New("connection refused")
	films := batch.New(func(context.Context, []int) ([]string, error) {
		return nil, batch.All(errDown)
	}, batch.Config{})

	_, err := films.Do(context.Background(), 1)
	fmt.Println(err, errors.Is(err, errDown))
	// Output: connection refused true
}

func ExampleBatch_Stats() {
	sums := batch.New(func(_ context.Context, in []int) ([]int, error) {
		return slices.Clone(in), nil
	}, batch.Config{})
	for i := range 3 {
		_, _ = sums.Do(context.Background(), i)
	}
	s := sums.Stats()
	fmt.Println(s.Items, "items in", s.Batches, "batches, the largest of", s.Largest)
	// Output: 3 items in 3 batches, the largest of 1
}
