package wsproto

import (
	"encoding/binary"
	"math/bits"
)

// nonASCII has the top bit of every byte.
const nonASCII = 0x8080808080808080

// unmask applies key, the bytes of the masking key in little endian order, to b
// (RFC 6455, section 5.3). seen has the bits that any byte of the result has, at any
// of eight places: seen&nonASCII is 0 when all is ASCII.
//
// perf: one pass that unmasks and finds out whether the text is ASCII, 8 bytes at a
// time (BenchmarkUnmask).
func unmask(b []byte, key uint32) (seen uint64) {
	k := uint64(key) | uint64(key)<<32
	for len(b) >= 32 {
		w0 := binary.LittleEndian.Uint64(b) ^ k
		w1 := binary.LittleEndian.Uint64(b[8:16]) ^ k
		w2 := binary.LittleEndian.Uint64(b[16:24]) ^ k
		w3 := binary.LittleEndian.Uint64(b[24:32]) ^ k
		binary.LittleEndian.PutUint64(b, w0)
		binary.LittleEndian.PutUint64(b[8:16], w1)
		binary.LittleEndian.PutUint64(b[16:24], w2)
		binary.LittleEndian.PutUint64(b[24:32], w3)
		seen |= w0 | w1 | w2 | w3
		b = b[32:]
	}
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b) ^ k
		binary.LittleEndian.PutUint64(b, w)
		seen |= w
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(k)
		seen |= uint64(b[i])
		k >>= 8
	}
	return seen
}

// rotate returns the key for what follows n bytes.
func rotate(key uint32, n int) uint32 {
	return bits.RotateLeft32(key, -8*(n&3))
}
