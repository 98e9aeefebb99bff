package wire

import (
	"bytes"
	"encoding/binary"

	"github.com/goquart/quart/internal/bytesconv"
)

// DecodePath appends src with its percent-escapes decoded (RFC 3986, 2.1). A '+'
// stays what it is. ok is false if src has a '%' without two hexadecimal digits;
// that is then kept as it is. dst may be src[:0].
func DecodePath(dst, src []byte) (decoded []byte, ok bool) {
	ok = true
	for {
		i := bytes.IndexByte(src, '%')
		if i < 0 {
			return append(dst, src...), ok
		}
		dst = append(dst, src[:i]...)
		src = src[i:]
		if isEscape(src) {
			dst = append(dst, unhex(src[1])<<4|unhex(src[2]))
			src = src[3:]
			continue
		}
		dst, src, ok = append(dst, '%'), src[1:], false
	}
}

// AppendPathSegment appends s as one segment of a path: everything but pchar (RFC
// 3986, 3.3) is percent-encoded, '/' and '%' as well. The segments "." and ".."
// have no encoding that clients do not undo.
func AppendPathSegment(dst []byte, s string) []byte {
	return appendEscaped(dst, s, pchar, 0, 0)
}

// AppendPath is AppendPathSegment for several segments: it keeps '/'.
func AppendPath(dst []byte, s string) []byte {
	return appendEscaped(dst, s, pchar, '/', '/')
}

// AppendFragment appends s as a fragment (RFC 3986, 3.5): pchar, '/' and '?' are
// kept, everything else is percent-encoded.
func AppendFragment(dst []byte, s string) []byte {
	return appendEscaped(dst, s, pchar, '/', '?')
}

// appendEscaped percent-encodes the bytes of s that are not in set and neither a
// nor b, of which 0 stands for none.
func appendEscaped(dst []byte, s string, set, a, b byte) []byte {
	kept := 0
	for i := range len(s) {
		c := s[i]
		if class[c]&set != 0 || c != 0 && (c == a || c == b) {
			continue
		}
		dst = append(dst, s[kept:i]...)
		dst = appendEscape(dst, c)
		kept = i + 1
	}
	return append(dst, s[kept:]...)
}

func appendEscape(dst []byte, c byte) []byte {
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// AppendQuery appends s as a name or value of a query or form body
// (application/x-www-form-urlencoded): a space is '+', everything but unreserved
// characters (RFC 3986, 2.3) is percent-encoded.
func AppendQuery(dst []byte, s string) []byte {
	kept := 0
	for i := range len(s) {
		c := s[i]
		if class[c]&unreserved != 0 {
			continue
		}
		dst = append(dst, s[kept:i]...)
		if c == ' ' {
			dst = append(dst, '+')
		} else {
			dst = appendEscape(dst, c)
		}
		kept = i + 1
	}
	return append(dst, s[kept:]...)
}

// AppendLocation appends s, the target of a redirect, as a URI reference that is
// safe to send: what may not stand in a URI is percent-encoded (space, controls,
// non-ASCII, '"', '<', '>', '\', '^', '`', '{', '|', '}', and '%' without two
// hexadecimal digits), all else is kept, escapes included. ok is false for CR, LF
// and NUL, and dst is then returned as it was. Whether s leads to another host is
// for the caller to see.
func AppendLocation(dst []byte, s string) (location []byte, ok bool) {
	if !ValidFieldValue(s) {
		return dst, false
	}
	kept := 0
	for i := range len(s) {
		c := s[i]
		if class[c]&uriChar != 0 || c == '%' && isEscape(s[i:]) {
			continue
		}
		dst = append(dst, s[kept:i]...)
		dst = appendEscape(dst, c)
		kept = i + 1
	}
	return append(dst, s[kept:]...), true
}

// ValidFieldName reports whether s is a field name (RFC 9110, 5.1): a token.
func ValidFieldName(s string) bool { return isToken(s) }

// ValidFieldValue reports whether s is without CR, LF and NUL, which no sender
// may let into a field (RFC 9110, 5.5).
func ValidFieldValue(s string) bool {
	b := bytesconv.Bytes(s) // read only, for loads of eight bytes
	for len(b) >= 8 {
		// perf: no word with a byte below SO has one of the three (BenchmarkValidFieldValue).
		if below(binary.LittleEndian.Uint64(b), '\r'+1) != 0 && breaksField(b[:8]) {
			return false
		}
		b = b[8:]
	}
	return !breaksField(b)
}

func breaksField(b []byte) bool {
	for _, c := range b {
		if c == '\r' || c == '\n' || c == 0 {
			return true
		}
	}
	return false
}
