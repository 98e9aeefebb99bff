package hpack

import (
	"encoding/binary"
	"slices"
)

// HuffmanLen returns how many bytes s has in the Huffman code of RFC 7541, appendix B.
func HuffmanLen(s []byte) int {
	bits := 0
	for _, c := range s {
		bits += int(codeSizes[c])
	}
	return (bits + 7) / 8
}

// AppendHuffman appends s in the Huffman code of RFC 7541, appendix B. It allocates nothing if dst has room for [HuffmanLen] bytes.
func AppendHuffman(dst, s []byte) []byte {
	var acc uint64 // the lowest n bits wait
	n := uint(0)
	for _, c := range s {
		size := uint(codeSizes[c])
		acc = acc<<(size&63) | uint64(codes[c])
		n += size
		if n >= 32 {
			n -= 32
			dst = binary.BigEndian.AppendUint32(dst, uint32(acc>>(n&63)))
		}
	}
	if pad := -n & 7; pad > 0 {
		acc = acc<<pad | (1<<pad - 1) // the beginning of EOS (section 5.2)
		n += pad
	}
	for ; n > 0; n -= 8 {
		dst = append(dst, byte(acc>>((n-8)&63)))
	}
	return dst
}

// appendDecoded appends what src says in Huffman code. Besides memory for at most len(src)*8/5 bytes, it allocates nothing.
//
// perf: 56 bits at a time, and one look per short code (BenchmarkDecoder/cookie).
func appendDecoded(dst, src []byte) ([]byte, error) {
	dst = slices.Grow(dst, len(src)*8/minCode)
	out, at := dst[len(dst):cap(dst)], 0
	var acc uint64 // the highest n bits wait; what is below may be a beginning of src
	n := uint(0)
	for len(src) >= 8 {
		acc |= binary.BigEndian.Uint64(src) >> (n & 63)
		src = src[(63-n)>>3&7:]
		for n |= 56; n >= maxCode; at++ {
			e := shortCodes[acc>>(64-shortCode)]
			if e == 0 {
				if e = decodeLong(acc); e == eosCode {
					return dst, errHuffman
				}
			}
			out[at] = byte(e)
			acc <<= e >> 8 & 63
			n -= uint(e >> 8)
		}
	}
	return appendLast(dst, at, src, acc, n)
}

// appendLast decodes the last bytes of a string, fewer than 8 and the n bits of acc, behind at bytes which are written.
func appendLast(dst []byte, at int, src []byte, acc uint64, n uint) ([]byte, error) {
	const ends = ^uint64(0) // behind the end: what is there reads as a code, or as the beginning of EOS
	out := dst[len(dst):cap(dst)]
	last := ends
	for i, c := range src {
		last ^= uint64(^c) << (56 - 8*uint(i)&63)
	}
	acc |= last >> n
	next := last<<(64-n) | ends>>n // what follows the bits of acc
	for n += 8 * uint(len(src)); n > 7 || acc != ends; at++ {
		e := shortCodes[acc>>(64-shortCode)]
		if e == 0 {
			e = decodeLong(acc)
		}
		size := uint(e >> 8)
		if size > n || e == eosCode {
			return dst, errHuffman
		}
		out[at] = byte(e)
		acc = acc<<(size&63) | next>>((64-size)&63)
		next = next<<(size&63) | (1<<(size&63) - 1)
		n -= size
	}
	return dst[:len(dst)+at], nil
}

// decodeLong returns the code at the top of acc if it has more than shortCode bits, in the form of shortCodes.
func decodeLong(acc uint64) uint16 {
	code := uint32(acc >> (64 - maxCode))
	for i := range longCodes {
		if l := &longCodes[i]; code < l.below {
			return uint16(l.size)<<8 | uint16(l.symbols[code>>(maxCode-l.size)-l.first])
		}
	}
	return eosCode
}
