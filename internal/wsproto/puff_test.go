package wsproto_test

import (
	"errors"
	"slices"
)

// puff is an inflater that is slow and plain: a second opinion, and one that knows
// how far back the references go (RFC 1951).
type puff struct {
	in       []byte
	pos      int // in bits
	out      []byte
	farthest int
}

var errPuff = errors.New("no DEFLATE")

// inflate reads blocks until the input ends at a block's end, going on behind final
// ones.
func (p *puff) inflate(in []byte) (err error) {
	defer func() {
		if recover() != nil {
			err = errPuff // past the end, or a reference past the start
		}
	}()
	p.in, p.pos = in, 0
	for p.pos < 8*len(in) {
		final, kind := p.bits(1), p.bits(2)
		switch kind {
		case 0:
			p.stored()
		case 1:
			lengths := make([]int, 288)
			for i := range lengths {
				lengths[i] = [4]int{8, 9, 7, 8}[b2i(i >= 144)+b2i(i >= 256)+b2i(i >= 280)]
			}
			p.block(newCodes(lengths), newCodes(slices.Repeat([]int{5}, 30)))
		case 2:
			p.dynamic()
		default:
			return errPuff
		}
		if final == 1 {
			p.pos = (p.pos + 7) &^ 7
		}
	}
	return nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (p *puff) bits(n int) (v int) {
	for i := range n {
		v |= int(p.in[p.pos>>3]>>(p.pos&7)&1) << i
		p.pos++
	}
	return v
}

func (p *puff) stored() {
	p.pos = (p.pos + 7) &^ 7
	n, inverse := p.bits(16), p.bits(16)
	if n^inverse != 0xffff {
		panic(errPuff)
	}
	p.out = append(p.out, p.in[p.pos/8:p.pos/8+n]...)
	p.pos += 8 * n
}

// codes are the symbols in the order of their codes, and how many codes there are of
// each length.
type codes struct {
	count   [16]int
	symbols []int
}

func newCodes(lengths []int) *codes {
	c := new(codes)
	for n := 1; n <= 15; n++ {
		for symbol, length := range lengths {
			if length == n {
				c.count[n]++
				c.symbols = append(c.symbols, symbol)
			}
		}
	}
	return c
}

func (p *puff) symbol(c *codes) int {
	code, first, index := 0, 0, 0
	for n := 1; n <= 15; n++ {
		code |= p.bits(1)
		if code-first < c.count[n] {
			return c.symbols[index+code-first]
		}
		index += c.count[n]
		first = (first + c.count[n]) << 1
		code <<= 1
	}
	panic(errPuff)
}

func (p *puff) dynamic() {
	literals, distances, n := p.bits(5)+257, p.bits(5)+1, p.bits(4)+4
	order := [...]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	lengths := make([]int, 19)
	for _, i := range order[:n] {
		lengths[i] = p.bits(3)
	}
	c := newCodes(lengths)
	lengths = nil
	for len(lengths) < literals+distances {
		s, repeat, v := p.symbol(c), 1, 0
		switch s {
		case 16:
			v, repeat = lengths[len(lengths)-1], 3+p.bits(2)
		case 17:
			repeat = 3 + p.bits(3)
		case 18:
			repeat = 11 + p.bits(7)
		default:
			v = s
		}
		for range repeat {
			lengths = append(lengths, v)
		}
	}
	p.block(newCodes(lengths[:literals]), newCodes(lengths[literals:literals+distances]))
}

func (p *puff) block(literals, distances *codes) {
	for {
		s := p.symbol(literals)
		switch {
		case s < 256:
			p.out = append(p.out, byte(s))
			continue
		case s == 256:
			return
		}
		length := 258
		if s < 265 {
			length = s - 254
		} else if s < 285 {
			extra := (s - 261) / 4
			length = 3 + (4+(s-261)%4)<<extra + p.bits(extra)
		}
		d := p.symbol(distances)
		distance := d + 1
		if d >= 4 {
			extra := d/2 - 1
			distance = 1 + (2+d%2)<<extra + p.bits(extra)
		}
		p.farthest = max(p.farthest, distance)
		for range length {
			p.out = append(p.out, p.out[len(p.out)-distance])
		}
	}
}
