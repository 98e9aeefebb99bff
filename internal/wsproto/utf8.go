package wsproto

import "unicode/utf8"

// checkText checks text of which more may follow. pending is how many bytes at its
// end begin a character: 0 to 3. ok is false as soon as no continuation could make
// it UTF-8, which a truncated character with a wrong second or third byte is.
func checkText(b []byte) (pending int, ok bool) {
	pending = cutRune(b)
	return pending, utf8.Valid(b[:len(b)-pending])
}

// cutRune returns the length of the incomplete but so far correct character at the
// end of b.
func cutRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		tail := b[len(b)-n:]
		if !utf8.RuneStart(tail[0]) {
			continue
		}
		if utf8.FullRune(tail) {
			return 0 // complete, or wrong, which the check of the whole finds
		}
		return n
	}
	return 0
}
