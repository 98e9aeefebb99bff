package pool

import "unsafe"

const (
	// slabChunk is the size of a chunk in bytes. One kept string pins it all.
	slabChunk = 2 << 10

	// slabMaxString is the longest string that shares a chunk, in bytes. It
	// bounds what is wasted at the end of a chunk to an eighth of it.
	slabMaxString = 256
)

// A Slab makes owned strings out of borrowed bytes, at one allocation per 2 KiB
// of them. A string of up to 256 bytes is copied into the current chunk and is a
// substring of it; a longer one is copied alone, at one allocation. No byte of a
// chunk is written twice and a full chunk is replaced, not reused, so the
// strings are valid for ever. They may be read from any goroutine.
//
// A kept string, be it of 8 bytes, keeps its whole chunk of 2 KiB in memory.
// [strings.Clone] what outlives the request by long, such as the keys of a map.
//
// The zero value is ready for use. A Slab stays in its owner while the owner is
// pooled: there is nothing to reset, and the next holder goes on in the same
// chunk. It is not safe for concurrent use and must not be copied, since two
// copies would write to the same bytes.
type Slab struct {
	_     noCopy
	chunk *[slabChunk]byte
	// left counts the unused bytes, which are the last ones of the chunk. It
	// is 0 in the zero value, hence no check for nil on the hot path.
	left int
}

// String returns a copy of b. An empty b gives "" and uses nothing.
func (s *Slab) String(b []byte) string {
	n := len(b)
	// perf: one comparison for empty and for long, BenchmarkSlabString.
	if uint(n-1) >= slabMaxString || n > s.left {
		return s.stringSlow(b)
	}
	dst := s.chunk[slabChunk-s.left:][:n]
	copy(dst, b)
	s.left -= n
	return unsafe.String(unsafe.SliceData(dst), n)
}

// stringSlow is String for what is empty, long, or over the end of the chunk.
func (s *Slab) stringSlow(b []byte) string {
	if len(b) == 0 {
		return "" // not a substring: it would pin the chunk
	}
	if len(b) > slabMaxString {
		return string(b)
	}
	s.nextChunk()
	return s.String(b)
}

func (s *Slab) nextChunk() {
	s.chunk = new([slabChunk]byte)
	s.left = slabChunk
}

// StringOf returns a copy of str, for a string whose bytes are borrowed or which
// would pin something large. An empty str gives "" and uses nothing.
func (s *Slab) StringOf(str string) string {
	return s.String(unsafe.Slice(unsafe.StringData(str), len(str)))
}

// Reserve returns an empty slice with a capacity of n bytes to build a string in
// place, which [Slab.Commit] then publishes. The slice is borrowed until the
// next call of any method of s; left uncommitted, its bytes go to the next string.
// When n is over 256 it allocates memory apart, from which Commit copies. It panics
// when n is negative.
func (s *Slab) Reserve(n int) []byte {
	if uint(n) > slabMaxString {
		return make([]byte, 0, n)
	}
	if n > s.left {
		s.nextChunk()
	}
	if n == 0 {
		return nil
	}
	at := slabChunk - s.left
	return s.chunk[at : at : at+n]
}

// Commit returns b as a string. When b is what [Slab.Reserve] returned last, with
// bytes appended within its capacity, nothing is copied and b must not be written
// to afterwards; any other b is copied as [Slab.String] does.
func (s *Slab) Commit(b []byte) string {
	n := len(b)
	if uint(n-1) >= slabMaxString || n > s.left {
		return s.String(b)
	}
	if unsafe.SliceData(b) != &s.chunk[slabChunk-s.left] {
		return s.String(b)
	}
	s.left -= n
	return unsafe.String(unsafe.SliceData(b), n)
}

// noCopy makes go vet report copies of the struct that holds it.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}
