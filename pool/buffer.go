package pool

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

const (
	// MinBuffer is the capacity of the smallest class of buffers, in bytes.
	MinBuffer = 1 << minShift

	// MaxBuffer is the capacity of the largest class of buffers, in bytes.
	// [PutBuffer] leaves larger ones to the garbage collector, so that one
	// huge answer does not occupy memory for long.
	MaxBuffer = 1 << maxShift

	// Poison is the byte that fills a released Buffer under the tag quartdebug.
	Poison = 0xDB

	minShift   = 9
	maxShift   = 20
	numClasses = maxShift - minShift + 1
)

var (
	// idleBuffers[i] holds buffers with capacities in [MinBuffer<<i, MinBuffer<<(i+1)).
	idleBuffers [numClasses]sync.Pool

	// stocked has bit i set when idleBuffers[i] is likely not empty. It is a
	// hint: a garbage collection empties classes without a word, and a bit
	// may be cleared just as a buffer arrives. The next Put mends either.
	stocked atomic.Uint32
)

// A Buffer is a growing slice of bytes with the methods of a writer. Its methods
// never return an error. It is not safe for concurrent use.
//
// B may be used and replaced directly, as in b.B = strconv.AppendInt(b.B, n, 10),
// as long as nobody else holds the memory of B when the Buffer is put back.
type Buffer struct {
	guard Guard

	// B holds the contents. What lies between its length and its capacity is
	// left over from earlier holders.
	B []byte
}

// GetBuffer returns a Buffer with length 0 and a capacity of at least n bytes; a
// negative n is 0. The caller holds it until it calls [PutBuffer]; one that is
// never put back is left to the garbage collector.
//
// A buffer of a larger class is preferred to a new one, so its capacity can be
// far above n. Who waits for long (an idle connection) should put its buffer
// back meanwhile. Above [MaxBuffer] the buffer is always a new one.
//
// It does not allocate while a buffer that is large enough is idle. With the tag
// quartdebug it always returns a new one.
func GetBuffer(n int) *Buffer {
	b := takeBuffer(n)
	b.guard.acquired(1)
	return b
}

func takeBuffer(n int) *Buffer {
	if n > MaxBuffer {
		return &Buffer{B: make([]byte, 0, n)}
	}
	class := classToHold(n)
	// perf: the hint skips empty classes, whose search of all Ps costs more
	// than a hit (BenchmarkBuffer/grown).
	for likely := stocked.Load() >> class << class; likely != 0; likely &= likely - 1 {
		i := bits.TrailingZeros32(likely)
		if b, ok := idleBuffers[i].Get().(*Buffer); ok {
			return b
		}
		setStocked(i, false)
	}
	return &Buffer{B: make([]byte, 0, MinBuffer<<class)}
}

// PutBuffer makes b available to [GetBuffer], in the class that the present
// capacity of b.B has reached: a buffer that grew moves up, and an odd capacity
// counts as the class below. Below [MinBuffer] and above [MaxBuffer] it is
// dropped. b must be held by the caller, and neither b nor any slice of b.B may
// be used afterwards.
//
// It does not allocate. With the tag quartdebug it overwrites the bytes with
// [Poison], drops b, and panics when b was put back before.
func PutBuffer(b *Buffer) {
	if Debug {
		b.guard.released(1)
		poison(b.B)
		return
	}
	class := classOfCap(cap(b.B))
	if class < 0 {
		return
	}
	b.B = b.B[:0]
	idleBuffers[class].Put(b)
	setStocked(class, true)
}

// setStocked sets or clears the hint for one class. It reads first, so that a
// settled hint stays a shared cache line.
func setStocked(class int, on bool) {
	bit := uint32(1) << class
	if stocked.Load()&bit != 0 == on {
		return
	}
	if on {
		stocked.Or(bit)
	} else {
		stocked.And(^bit)
	}
}

// classToHold returns the smallest class whose buffers all hold n bytes. n is at
// most MaxBuffer.
func classToHold(n int) int {
	if n <= MinBuffer {
		return 0
	}
	return bits.Len(uint(n-1)) - minShift
}

// classOfCap returns the largest class whose promise a capacity of c bytes
// keeps, or -1 when such a buffer is not kept.
func classOfCap(c int) int {
	if c < MinBuffer || c > MaxBuffer {
		return -1
	}
	return bits.Len(uint(c)) - 1 - minShift
}

// Write appends p and returns its length.
func (b *Buffer) Write(p []byte) (int, error) {
	b.guard.Check("Buffer")
	b.B = append(b.B, p...)
	return len(p), nil
}

// WriteString appends s and returns its length.
func (b *Buffer) WriteString(s string) (int, error) {
	b.guard.Check("Buffer")
	b.B = append(b.B, s...)
	return len(s), nil
}

// WriteByte appends c.
func (b *Buffer) WriteByte(c byte) error {
	b.guard.Check("Buffer")
	b.B = append(b.B, c)
	return nil
}

// Reset empties b and keeps its capacity.
func (b *Buffer) Reset() {
	b.guard.Check("Buffer")
	b.B = b.B[:0]
}

// Len returns the number of bytes in b.
func (b *Buffer) Len() int {
	b.guard.Check("Buffer")
	return len(b.B)
}
