package wire

import (
	"strings"
	"unicode/utf8"
)

// AppendDisposition appends a Content-Disposition field (RFC 6266): kind, which is
// "attachment" or "inline", and the name under which to keep the content.
//
// Of name only what follows the last slash or backslash is used, as a server's
// folders are nobody's business. Control characters and those that change the
// direction of text, by which "exe.gpj" passes for a picture, are left out,
// and bytes that are not UTF-8 become U+FFFD. Without a name, or with "." or "..",
// the field is kind alone.
//
// A name of plain ASCII is a quoted string. Others come twice: with '_' for what
// old clients may misread, and exactly, percent-encoded in filename* (RFC 8187),
// which clients prefer.
func AppendDisposition(dst []byte, kind, name string) []byte {
	dst = append(dst, kind...)
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	start := len(dst)
	dst = append(dst, `; filename="`...)
	begin, plain := len(dst), true
	for i, r := range name {
		switch {
		case unfitForName(r):
		case r >= utf8.RuneSelf, r == '"', r == '%' && isEscape(name[i:]):
			dst, plain = append(dst, '_'), false // some clients decode escapes, and end the name at an escaped quote
		default:
			dst = append(dst, byte(r))
		}
	}
	if fallback := string(dst[begin:]); fallback == "" || fallback == "." || fallback == ".." {
		return dst[:start]
	}
	dst = append(dst, '"')
	if plain {
		return dst
	}
	dst = append(dst, `; filename*=UTF-8''`...)
	for _, r := range name {
		if !unfitForName(r) {
			dst = appendAttrRune(dst, r)
		}
	}
	return dst
}

// unfitForName finds control characters, line separators and marks of direction.
func unfitForName(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0, r == 0x061c, r >= 0x200e && r <= 0x200f,
		r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return false
}

// appendAttrRune appends r as part of an ext-value (RFC 8187, 3.2.1): attr-char as
// it is, all else percent-encoded.
func appendAttrRune(dst []byte, r rune) []byte {
	if r < utf8.RuneSelf && class[r]&tchar != 0 && r != '*' && r != '\'' && r != '%' {
		return append(dst, byte(r))
	}
	var buf [utf8.UTFMax]byte
	for _, b := range buf[:utf8.EncodeRune(buf[:], r)] {
		dst = appendEscape(dst, b)
	}
	return dst
}
