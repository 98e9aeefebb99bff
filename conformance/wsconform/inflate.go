package main

import "errors"

// inflater decodes DEFLATE (RFC 1951) and fails at a distance beyond the window that was agreed on, which compress/flate cannot tell.
type inflater struct {
	window  int
	history []byte // the end of earlier messages
	in      []byte
	pos     int
	bits    uint32
	held    uint // bits in bits
	out     []byte
}

const maxWindow = 1 << 15

var (
	errInflate = errors.New("corrupt data")
	errWindow  = errors.New("a distance beyond the negotiated window")
)

// message inflates the payload of one message (RFC 7692, section 7.2.2).
func (z *inflater) message(p []byte) ([]byte, error) {
	z.in = append(append(z.in[:0], p...), 0, 0, 0xff, 0xff)
	z.pos, z.bits, z.held = 0, 0, 0
	z.out = append(z.out[:0], z.history...)
	begin := len(z.out)
	for last := false; !last && (z.pos < len(z.in) || z.held >= 8); { // after a final block there is padding only
		head, err := z.take(3)
		if err != nil {
			return nil, err
		}
		last = head&1 == 1
		switch head >> 1 {
		case 0:
			err = z.stored()
		case 1:
			err = z.block(fixedLiterals, fixedDistances)
		case 2:
			err = z.dynamic()
		default:
			err = errInflate
		}
		if err != nil {
			return nil, err
		}
	}
	result := append([]byte(nil), z.out[begin:]...)
	z.history = append(z.history[:0], z.out[max(len(z.out)-maxWindow, 0):]...)
	return result, nil
}

func (z *inflater) fill(n uint) {
	for z.held < n && z.pos < len(z.in) {
		z.bits |= uint32(z.in[z.pos]) << z.held
		z.pos++
		z.held += 8
	}
}

func (z *inflater) take(n uint) (int, error) {
	z.fill(n)
	if z.held < n {
		return 0, errInflate
	}
	v := z.bits & (1<<n - 1)
	z.bits >>= n
	z.held -= n
	return int(v), nil
}

// stored copies a block that is not compressed.
func (z *inflater) stored() error {
	z.pos -= int(z.held / 8) // whole bytes that were read ahead
	z.bits, z.held = 0, 0
	rest := z.in[z.pos:]
	if len(rest) < 4 {
		return errInflate
	}
	n, inverse := int(rest[0])|int(rest[1])<<8, int(rest[2])|int(rest[3])<<8
	if n^0xffff != inverse || len(rest) < 4+n {
		return errInflate
	}
	z.out = append(z.out, rest[4:4+n]...)
	z.pos += 4 + n
	return nil
}

// Lengths and distances of RFC 1951, section 3.2.5.
var (
	lengthBase   = []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthBits   = []uint{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase = []int{
		1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
	}
	distanceBits = []uint{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// block decodes literals and copies up to the end of the block.
func (z *inflater) block(literals, distances *huffman) error {
	for {
		symbol, err := z.symbol(literals)
		switch {
		case err != nil:
			return err
		case symbol < 256:
			z.out = append(z.out, byte(symbol))
			continue
		case symbol == 256:
			return nil
		}
		n, err := z.number(symbol-257, lengthBase, lengthBits)
		if err != nil {
			return err
		}
		if symbol, err = z.symbol(distances); err != nil {
			return err
		}
		d, err := z.number(symbol, distanceBase, distanceBits)
		switch {
		case err != nil:
			return err
		case d > z.window:
			return errWindow
		case d > len(z.out):
			return errInflate
		}
		for range n {
			z.out = append(z.out, z.out[len(z.out)-d])
		}
	}
}

// number returns a base with the extra bits that follow.
func (z *inflater) number(symbol int, base []int, bits []uint) (int, error) {
	if symbol >= len(base) {
		return 0, errInflate
	}
	extra, err := z.take(bits[symbol])
	return base[symbol] + extra, err
}

var codeLengthOrder = []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic decodes a block that brings its own codes (RFC 1951, section 3.2.7).
func (z *inflater) dynamic() error {
	counts, err := z.take(14)
	if err != nil {
		return err
	}
	literals, distances := counts&31+257, counts>>5&31+1
	lengths := make([]int, 19)
	for _, i := range codeLengthOrder[:min(counts>>10+4, 19)] {
		if lengths[i], err = z.take(3); err != nil {
			return err
		}
	}
	code := newHuffman(lengths)
	lengths = nil
	for len(lengths) < literals+distances {
		if lengths, err = z.codeLength(code, lengths); err != nil {
			return err
		}
	}
	if len(lengths) != literals+distances {
		return errInflate
	}
	return z.block(newHuffman(lengths[:literals]), newHuffman(lengths[literals:]))
}

// codeLength appends the next code length, repeated as often as is said.
func (z *inflater) codeLength(code *huffman, lengths []int) ([]int, error) {
	symbol, err := z.symbol(code)
	if err != nil {
		return nil, err
	}
	var length, more int
	times := 3
	switch symbol {
	case 16:
		if len(lengths) == 0 {
			return nil, errInflate
		}
		length = lengths[len(lengths)-1]
		more, err = z.take(2)
	case 17:
		more, err = z.take(3)
	case 18:
		times = 11
		more, err = z.take(7)
	default:
		length, times = symbol, 1
	}
	for range times + more {
		lengths = append(lengths, length)
	}
	return lengths, err
}
