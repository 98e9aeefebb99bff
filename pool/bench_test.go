package pool_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/goquart/quart/pool"
)

// sink keeps results alive and on the heap.
var sink string

func BenchmarkPool(b *testing.B) {
	b.Run("sync.Pool", func(b *testing.B) {
		b.ReportAllocs()
		p := sync.Pool{New: func() any { return new(film) }}
		for b.Loop() {
			f := p.Get().(*film)
			resetFilm(f)
			p.Put(f)
		}
	})
	b.Run("Pool", func(b *testing.B) {
		b.ReportAllocs()
		p := pool.New(resetFilm)
		for b.Loop() {
			p.Put(p.Get())
		}
	})
	b.Run("sync.Pool without reset", func(b *testing.B) {
		b.ReportAllocs()
		p := sync.Pool{New: func() any { return new(film) }}
		for b.Loop() {
			p.Put(p.Get().(*film))
		}
	})
	b.Run("Pool without reset", func(b *testing.B) {
		b.ReportAllocs()
		p := pool.New[film](nil)
		for b.Loop() {
			p.Put(p.Get())
		}
	})
}

func BenchmarkBuffer(b *testing.B) {
	page := make([]byte, 10_000)
	run := func(name string, n int, content []byte) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buf := pool.GetBuffer(n)
				buf.Write(content)
				pool.PutBuffer(buf)
			}
		})
	}
	run("empty", 512, nil)
	run("500 B", 512, page[:500])
	run("grown", 512, page) // settles in a higher class than it is asked for
	b.Run("make", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sinkBytes = append(make([]byte, 0, 512), page[:500]...)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				buf := pool.GetBuffer(512)
				buf.Write(page[:500])
				pool.PutBuffer(buf)
			}
		})
	})
}

var sinkBytes []byte

func BenchmarkSlabString(b *testing.B) {
	for _, text := range []string{"995", "film-995", "/films/995/reviews", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"} {
		borrowed := []byte(text)
		name := fmt.Sprintf("/%dB", len(text))
		b.Run("string"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = string(borrowed)
			}
		})
		b.Run("Slab"+name, func(b *testing.B) {
			b.ReportAllocs()
			var s pool.Slab
			for b.Loop() {
				sink = s.String(borrowed)
			}
		})
	}
}

// BenchmarkGuard compares a method that checks a Guard with one that does not:
// without the tag quartdebug they cost the same.
func BenchmarkGuard(b *testing.B) {
	c := acquire("db-1")
	defer c.release()
	b.Run("without", func(b *testing.B) {
		for b.Loop() {
			sink = c.name
		}
	})
	b.Run("with", func(b *testing.B) {
		for b.Loop() {
			sink = c.Name()
		}
	})
}
