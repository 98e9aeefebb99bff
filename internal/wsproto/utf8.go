package wsproto

import "encoding/binary"

// The states of a text that is read byte by byte, as shifts of a row of textRows: what
// is expected next. Their order is that of the names.
const (
	textStart     = 6 * iota // a new character: a text may end here
	textWrong                // nothing: it is no UTF-8, and never will be
	textOne                  // one more byte of a character
	textTwo                  // two
	textThree                // three
	textAfterE0              // two, the first at least A0: no overlong form
	textAfterED              // two, the first below A0: no surrogate
	textAfterF0              // three, the first at least 90: no overlong form
	textAfterF4              // three, the first below 90: nothing over U+10FFFF
	textStatesEnd            // 54: all fit in a row of 64 bits
)

// textRows[b]>>state&63 is the state behind byte b.
var textRows = newTextRows()

// advanceText returns the state behind b of a text that was in state before it. It is
// textWrong as soon as no continuation could make the text UTF-8.
//
// perf: a table and a shift for each byte, whatever the character, and 8 bytes of
// ASCII at once, is up to four times as fast as unicode/utf8 (BenchmarkText).
func advanceText(state uint8, b []byte) uint8 {
	s := uint64(state)
	for len(b) >= 8 {
		if s == textStart && binary.LittleEndian.Uint64(b)&nonASCII == 0 {
			b = b[8:]
			continue
		}
		s = textRows[b[0]] >> (s & 63)
		s = textRows[b[1]] >> (s & 63)
		s = textRows[b[2]] >> (s & 63)
		s = textRows[b[3]] >> (s & 63)
		s = textRows[b[4]] >> (s & 63)
		s = textRows[b[5]] >> (s & 63)
		s = textRows[b[6]] >> (s & 63)
		s = textRows[b[7]] >> (s & 63) & 63
		if s == textWrong {
			return textWrong
		}
		b = b[8:]
	}
	for _, c := range b {
		s = textRows[c] >> (s & 63)
	}
	return uint8(s & 63)
}

// validText reports whether b is UTF-8.
func validText(b []byte) bool { return advanceText(textStart, b) == textStart }

// newTextRows is table 3-7 of the Unicode standard: well-formed byte sequences.
func newTextRows() (rows [256]uint64) {
	for b := range rows {
		for state := uint64(0); state < textStatesEnd; state += 6 {
			next := uint64(textWrong)
			switch {
			case state == textStart:
				next = firstByte(byte(b))
			case b >= 0x80 && b < 0xc0:
				next = laterByte(state, byte(b))
			}
			rows[b] |= next << state
		}
	}
	return rows
}

// firstByte returns the state behind the first byte of a character.
func firstByte(b byte) uint64 {
	switch {
	case b < 0x80:
		return textStart
	case b < 0xc2:
		return textWrong
	case b < 0xe0:
		return textOne
	case b == 0xe0:
		return textAfterE0
	case b == 0xed:
		return textAfterED
	case b < 0xf0:
		return textTwo
	case b == 0xf0:
		return textAfterF0
	case b < 0xf4:
		return textThree
	case b == 0xf4:
		return textAfterF4
	}
	return textWrong
}

// laterByte returns the state behind b, which is 80 to BF.
func laterByte(state uint64, b byte) uint64 {
	switch {
	case state == textOne:
		return textStart
	case state == textTwo, state == textAfterE0 && b >= 0xa0, state == textAfterED && b < 0xa0:
		return textOne
	case state == textThree, state == textAfterF0 && b >= 0x90, state == textAfterF4 && b < 0x90:
		return textTwo
	}
	return textWrong
}
