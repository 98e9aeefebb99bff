package http2

import "sync"

// buffer is a pooled one. It is a struct, so that the pools need no allocation for each.
type buffer struct{ b []byte }

// bufferSizes are those of the pools. The third has room for dataBacklog and the frame that goes beyond it.
var bufferSizes = [...]int{4 << 10, 16 << 10, 96 << 10, 256 << 10}

var buffers [len(bufferSizes)]sync.Pool

// getBuffer returns an empty buffer with room for n bytes.
func getBuffer(n int) *buffer {
	for i, size := range bufferSizes {
		if n <= size {
			if b, ok := buffers[i].Get().(*buffer); ok {
				return b
			}
			return &buffer{make([]byte, 0, size)}
		}
	}
	return &buffer{make([]byte, 0, n)}
}

// putBuffer gives b back, whose bytes may have grown.
func putBuffer(b *buffer) {
	for i := len(bufferSizes) - 1; i >= 0; i-- {
		if size := bufferSizes[i]; cap(b.b) >= size {
			if cap(b.b) <= 2*size { // larger ones are rare
				b.b = b.b[:0]
				buffers[i].Put(b)
			}
			return
		}
	}
}
