package hpack

import (
	"encoding/binary"
	"math/bits"
)

const (
	hashSeed = 0x9e3779b97f4a7c15
	hashMul  = 0xd6e8feb86659fd93
)

// hash mixes s into h. What has the same hash is compared, so that a chosen collision costs its connection a comparison, and nothing else.
//
// perf: 8 bytes at a time (BenchmarkEncoder).
func hash(h uint64, s []byte) uint64 {
	h ^= (uint64(len(s)) + 1) * hashSeed
	for ; len(s) > 8; s = s[8:] {
		h = mix(h, binary.LittleEndian.Uint64(s))
	}
	return mix(h, lastWord(s))
}

// lastWord returns the at most 8 bytes of s as a number.
func lastWord(s []byte) (w uint64) {
	switch n := len(s); {
	case n == 8:
		return binary.LittleEndian.Uint64(s)
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(s)) | uint64(binary.LittleEndian.Uint32(s[n-4:]))<<32
	case n > 0:
		return uint64(s[0]) | uint64(s[n/2])<<8 | uint64(s[n-1])<<16
	}
	return 0
}

func mix(h, w uint64) uint64 {
	hi, lo := bits.Mul64(h^w, hashMul)
	return hi ^ lo
}

const ones = ^uint64(0) / 0xff // 0x01 in each byte

// lowerShort copies name, of at most shortName bytes, with its ASCII letters in lower case.
//
// perf: 8 bytes at a time, the last of which overlap (BenchmarkEncoder/response).
func lowerShort(dst *[shortName]byte, name []byte) {
	n := len(name)
	if n < 8 {
		for i, c := range name {
			dst[i] = byte(lower(uint64(c)))
		}
		return
	}
	for i := 0; i < n-8; i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], lower(binary.LittleEndian.Uint64(name[i:])))
	}
	binary.LittleEndian.PutUint64(dst[n-8:], lower(binary.LittleEndian.Uint64(name[n-8:])))
}

// lower returns the 8 bytes of w with ASCII letters in lower case.
func lower(w uint64) uint64 {
	low := w &^ (0x80 * ones)
	upper := (low + (0x80-'A')*ones) ^ (low + (0x7f-'Z')*ones) // at least A, and not above Z
	return w | (upper&^w&(0x80*ones))>>2
}
