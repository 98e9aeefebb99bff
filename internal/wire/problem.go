package wire

import "unicode/utf8"

// AppendJSONString appends s as a JSON string with its quotes (RFC 8259, 7),
// byte for byte as encoding/json writes it: '<', '>', '&', U+2028 and U+2029 are
// escaped, so that the text may stand inside of HTML and JavaScript, and bytes
// that are no UTF-8 become U+FFFD.
func AppendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	kept := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if (r != utf8.RuneError || n > 1) && r != '\u2028' && r != '\u2029' {
				i += n
				continue
			}
			size = n
			dst = append(dst, s[kept:i]...)
			dst = appendUnicodeEscape(dst, r)
		} else {
			dst = append(dst, s[kept:i]...)
			dst = appendJSONEscape(dst, c)
		}
		i += size
		kept = i
	}
	dst = append(dst, s[kept:]...)
	return append(dst, '"')
}

func appendJSONEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return appendUnicodeEscape(dst, rune(c))
}

func appendUnicodeEscape(dst []byte, r rune) []byte {
	const lowerHex = "0123456789abcdef"
	return append(dst, '\\', 'u', lowerHex[r>>12&15], lowerHex[r>>8&15], lowerHex[r>>4&15], lowerHex[r&15])
}

// AppendHTMLText appends s as text of an HTML document, with ampersands,
// angle brackets and both quotes escaped. It is also safe inside of a quoted
// attribute, but not in a script, a style or a URL.
func AppendHTMLText(dst []byte, s string) []byte {
	kept := 0
	for i := range len(s) {
		var entity string
		switch s[i] {
		case '&':
			entity = "&amp;"
		case '<':
			entity = "&lt;"
		case '>':
			entity = "&gt;"
		case '"':
			entity = "&#34;"
		case '\'':
			entity = "&#39;"
		default:
			continue
		}
		dst = append(dst, s[kept:i]...)
		dst = append(dst, entity...)
		kept = i + 1
	}
	return append(dst, s[kept:]...)
}
