package main

import "math/bits"

const fastBits = 9 // codes up to this length are looked up at once

// huffman is a canonical prefix code (RFC 1951, section 3.2.2).
type huffman struct {
	count   [16]int // codes of each length
	symbols []int   // by code
	fast    [1 << fastBits]uint16
}

var (
	fixedLiterals  = newHuffman(fixedLengths())
	fixedDistances = newHuffman(repeat(nil, 5, 30))
)

// fixedLengths are those of RFC 1951, section 3.2.6.
func fixedLengths() []int {
	lengths := repeat(nil, 8, 144)
	lengths = repeat(lengths, 9, 112)
	lengths = repeat(lengths, 7, 24)
	return repeat(lengths, 8, 8)
}

func repeat(lengths []int, length, times int) []int {
	for range times {
		lengths = append(lengths, length)
	}
	return lengths
}

// newHuffman makes the code whose symbols have these lengths, 0 for those that do not occur.
func newHuffman(lengths []int) *huffman {
	h := &huffman{symbols: make([]int, len(lengths))}
	for _, n := range lengths {
		h.count[n]++
	}
	h.count[0] = 0
	var index [16]int
	var code [16]uint32
	for n := 1; n < 16; n++ {
		code[n] = (code[n-1] + uint32(h.count[n-1])) << 1
		index[n] = index[n-1] + h.count[n-1]
	}
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		h.symbols[index[n]] = symbol
		index[n]++
		if n <= fastBits {
			first := int(bits.Reverse32(code[n]) >> (32 - n))
			for i := first; i < len(h.fast); i += 1 << n {
				h.fast[i] = uint16(symbol<<4 | n)
			}
		}
		code[n]++
	}
	return h
}

// symbol decodes the next symbol.
func (z *inflater) symbol(h *huffman) (int, error) {
	z.fill(fastBits)
	if f := h.fast[z.bits&(1<<fastBits-1)]; f != 0 && uint(f&15) <= z.held {
		z.bits >>= f & 15
		z.held -= uint(f & 15)
		return int(f >> 4), nil
	}
	code, first, index := 0, 0, 0
	for n := 1; n < 16; n++ {
		bit, err := z.take(1)
		if err != nil {
			return 0, err
		}
		code |= bit
		if code-h.count[n] < first {
			return h.symbols[index+code-first], nil
		}
		index += h.count[n]
		first = (first + h.count[n]) << 1
		code <<= 1
	}
	return 0, errInflate
}
