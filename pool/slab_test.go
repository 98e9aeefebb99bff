package pool_test

import (
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/goquart/quart/pool"
)

// slabLengths are the lengths at and around each boundary.
var slabLengths = []int{
	0, 1, 7, 8, 255, pool.SlabMaxString, pool.SlabMaxString + 1,
	pool.SlabChunk - 1, pool.SlabChunk, pool.SlabChunk + 1, 1 << 16,
}

func TestSlabString(t *testing.T) {
	for _, n := range slabLengths {
		var s pool.Slab
		want := strings.Repeat("q", n)
		borrowed := []byte(want)
		got, gotOf := s.String(borrowed), s.StringOf(want)
		clear(borrowed)
		if got != want {
			t.Errorf("String of %d bytes = %.20q of length %d", n, got, len(got))
		}
		if gotOf != want {
			t.Errorf("StringOf of %d bytes = %.20q of length %d", n, gotOf, len(gotOf))
		}
	}
}

// TestSlabStringsLastForEver makes far more strings than a chunk holds, through
// every method, and looks at all of them at the end.
func TestSlabStringsLastForEver(t *testing.T) {
	var s pool.Slab
	var got, want []string
	scratch := make([]byte, 0, 512)
	for i := range 20_000 {
		w := strings.Repeat("x", i*7%300) + strconv.Itoa(i)
		scratch = append(scratch[:0], w...)
		switch i % 4 {
		case 0:
			got = append(got, s.String(scratch))
		case 1:
			got = append(got, s.StringOf(w))
		case 2:
			got = append(got, s.Commit(append(s.Reserve(len(w)), w...)))
		case 3:
			abandoned := s.Reserve(len(w))
			_ = append(abandoned, w...)
			got = append(got, s.String(scratch))
		}
		want = append(want, w)
		clear(scratch)
		if i%5_000 == 0 {
			runtime.GC() // the chunks must live by their strings alone
		}
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("string %d became %q, want %q", i, got[i], want[i])
		}
	}
}

func TestSlabReserveCommit(t *testing.T) {
	long := strings.Repeat("y", pool.SlabMaxString+1)
	tests := []struct {
		name    string
		reserve int
		fill    string
	}{
		{"exact", 4, "heat"},
		{"shorter than reserved", 100, "heat"},
		{"nothing appended", 100, ""},
		{"nothing reserved", 0, "heat"},
		{"beyond the reservation", 2, "heat"},
		{"longest in a chunk", pool.SlabMaxString, long[1:]},
		{"long", len(long), long},
		{"short in a long reservation", 10_000, "heat"},
		{"long in a short reservation", 1, long},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s pool.Slab
			before := s.StringOf("before")
			b := s.Reserve(tt.reserve)
			if len(b) != 0 || cap(b) < tt.reserve {
				t.Fatalf("Reserve(%d) has length %d and capacity %d", tt.reserve, len(b), cap(b))
			}
			got := s.Commit(append(b, tt.fill...))
			after := s.StringOf("after")
			if before != "before" || got != tt.fill || after != "after" {
				t.Errorf("strings are %q, %q, %q, want before, %q, after", before, got, after, tt.fill)
			}
		})
	}
}

func TestSlabReserveNegative(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Reserve(-1) did not panic")
		}
	}()
	var s pool.Slab
	s.Reserve(-1)
}

// TestSlabCommitForeign commits what was not reserved last: it must be copied.
func TestSlabCommitForeign(t *testing.T) {
	var s pool.Slab
	s.StringOf("so that there is room in a chunk")
	borrowed := []byte("borrowed")
	got := s.Commit(borrowed)
	clear(borrowed)
	if got != "borrowed" {
		t.Errorf("Commit of a borrowed slice = %q after the slice changed", got)
	}

	b := append(s.Reserve(16), "first"...)
	first, again := s.Commit(b), s.Commit(b)
	last := s.StringOf("other")
	if first != "first" || again != "first" || last != "other" {
		t.Errorf("Commit twice = %q and %q, then %q", first, again, last)
	}

	tail := append(s.Reserve(16), "/path"...)[1:]
	if got := s.Commit(tail); got != "path" {
		t.Errorf("Commit of a tail = %q, want path", got)
	}
}

func TestSlabAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	short, long := []byte("film-995"), make([]byte, pool.SlabMaxString+1)
	str := string(short)
	var s pool.Slab
	tests := []struct {
		name string
		run  func()
		want float64
	}{
		{"String", func() { sink = s.String(short) }, 0},
		{"StringOf", func() { sink = s.StringOf(str) }, 0},
		{"Reserve and Commit", func() { sink = s.Commit(append(s.Reserve(8), short...)) }, 0},
		{"String of one byte", func() { sink = s.String(short[:1]) }, 0},
		{"long String", func() { sink = s.String(long) }, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(10_000, tt.run); got != tt.want {
				t.Errorf("%v allocs, want %v", got, tt.want)
			}
		})
	}
}

// TestSlabChunks counts what AllocsPerRun rounds away: one chunk for each 2 KiB of
// short strings, and nothing for what is empty or abandoned.
func TestSlabChunks(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const perChunk = pool.SlabChunk / 8
	b := []byte("film-995")
	tests := []struct {
		name string
		fill func(s *pool.Slab)
		want float64
	}{
		{"no string", func(*pool.Slab) {}, 0},
		{"empty strings", func(s *pool.Slab) {
			sink = s.String(nil) + s.String(b[:0]) + s.StringOf("") + s.Commit(s.Reserve(0))
		}, 0},
		{"one chunk", func(s *pool.Slab) { repeat(perChunk, func() { sink = s.String(b) }) }, 1},
		{"one string more", func(s *pool.Slab) { repeat(perChunk+1, func() { sink = s.String(b) }) }, 2},
		{"ten chunks", func(s *pool.Slab) { repeat(10*perChunk, func() { sink = s.String(b) }) }, 10},
		{"abandoned", func(s *pool.Slab) { repeat(100, func() { s.Reserve(pool.SlabMaxString) }) }, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := new(pool.Slab)
			got := testing.AllocsPerRun(100, func() {
				*s = pool.Slab{}
				tt.fill(s)
			})
			if got != tt.want {
				t.Errorf("%v allocs, want %v", got, tt.want)
			}
		})
	}
}

func repeat(n int, f func()) {
	for range n {
		f()
	}
}

// TestSlabStringsCrossGoroutines reads strings elsewhere while their owner goes on
// in the same chunk; the race detector has the verdict.
func TestSlabStringsCrossGoroutines(t *testing.T) {
	var s pool.Slab
	var wg sync.WaitGroup
	for i := range 1_000 {
		want := strconv.Itoa(i)
		got := s.StringOf(want)
		wg.Go(func() {
			if got != want {
				t.Errorf("string = %q, want %q", got, want)
			}
		})
	}
	wg.Wait()
}

// FuzzSlab drives a Slab with arbitrary operations and compares all strings with
// ordinary copies at the end.
func FuzzSlab(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 8, 1, 8, 2, 8, 3, 8})
	f.Add([]byte{4, 255, 4, 255, 0, 255, 2, 0, 2, 255, 1, 1})
	f.Add([]byte(strings.Repeat("\x02\xff\x00\xff\x03\xff", 20)))
	f.Fuzz(func(t *testing.T, ops []byte) {
		var s pool.Slab
		var got, want []string
		for i := 0; i+1 < len(ops); i += 2 {
			n := int(ops[i+1]) + int(ops[i])&8 // both sides of the limit of 256
			w := strings.Repeat(string(rune('a'+i/2%26)), n)
			switch ops[i] % 5 {
			case 0:
				got = append(got, s.String([]byte(w)))
			case 1:
				got = append(got, s.StringOf(w))
			case 2:
				got = append(got, s.Commit(append(s.Reserve(n), w...)))
			case 3:
				got = append(got, s.Commit(append(s.Reserve(n/2), w...)))
			case 4:
				_ = append(s.Reserve(n), w...)
				continue
			}
			want = append(want, w)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("string %d is %q, want %q", i, got[i], want[i])
			}
		}
	})
}
