package hpack

import "math"

// maxContinuation is the number of bytes that 32 bits need behind a full prefix.
const maxContinuation = 5

// readInt reads an integer whose prefix is the bits of mask in b[0] (RFC 7541, section 5.1). b is not empty.
func readInt(b []byte, mask byte) (n uint32, rest []byte, err error) {
	n = uint32(b[0] & mask)
	b = b[1:]
	if n < uint32(mask) {
		return n, b, nil
	}
	sum := uint64(n)
	for i, c := range b {
		if i == maxContinuation {
			return 0, nil, errInteger
		}
		sum += uint64(c&0x7f) << (7 * i)
		if c&0x80 != 0 {
			continue
		}
		if sum > math.MaxUint32 {
			return 0, nil, errInteger
		}
		return uint32(sum), b[i+1:], nil
	}
	return 0, nil, errTruncated
}

// appendInt appends n with a prefix of the bits of mask, which share their byte with flags.
func appendInt(dst []byte, flags, mask byte, n uint32) []byte {
	if n < uint32(mask) {
		return append(dst, flags|byte(n))
	}
	dst = append(dst, flags|mask)
	for n -= uint32(mask); n >= 0x80; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}
