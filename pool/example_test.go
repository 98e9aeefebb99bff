package pool_test

import (
	"fmt"
	"strings"

	"github.com/goquart/quart/pool"
)

func ExamplePool() {
	type query struct{ words []string }

	queries := pool.New(func(q *query) {
		clear(q.words) // let go of the strings, keep the memory
		q.words = q.words[:0]
	})

	q := queries.Get()
	q.words = append(q.words, strings.Fields("michael mann")...)
	fmt.Println(len(q.words), "words")
	queries.Put(q) // q must not be used from here on

	// Output: 2 words
}

func ExampleGetBuffer() {
	b := pool.GetBuffer(512)
	defer pool.PutBuffer(b) // also takes back one that grew

	b.WriteString("Heat")
	fmt.Fprintf(b, " (%d)", 1995)
	fmt.Println(string(b.B))

	// Output: Heat (1995)
}

func ExampleSlab() {
	var slab pool.Slab // a field of something that is pooled

	borrowed := []byte("heat")
	title := slab.String(borrowed)
	copy(borrowed, "gone")
	fmt.Println(title)

	// Output: heat
}

func ExampleSlab_Reserve() {
	var slab pool.Slab

	b := slab.Reserve(len("Content-Type"))
	for _, c := range []byte("Content-Type") {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	fmt.Println(slab.Commit(b))

	// Output: content-type
}

// A connection guards its methods: with the tag quartdebug, Name panics after
// release and tells where the connection was acquired and released.
type connection struct {
	guard pool.Guard // first, where it takes no space
	name  string
}

var connections = pool.New(func(c *connection) { c.name = "" })

func acquire(name string) *connection {
	c := connections.Get()
	c.guard.Acquired()
	c.name = name
	return c
}

func (c *connection) release() {
	c.guard.Released()
	connections.Put(c)
}

func (c *connection) Name() string {
	c.guard.Check("connection")
	return c.name
}

func ExampleGuard() {
	c := acquire("db-1")
	fmt.Println(c.Name())
	c.release()

	// Output: db-1
}
