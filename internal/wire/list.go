package wire

import "bytes"

// AppendElems appends the elements of a comma list to dst, trimmed, but for empty ones, which say nothing (RFC 9110, 5.6.1.2). They point into list. A
// comma inside a quoted string separates nothing; the string keeps its quotes.
func AppendElems(dst [][]byte, list []byte) [][]byte {
	for len(list) > 0 {
		var elem []byte
		if elem, list = nextElem(list); len(elem) > 0 {
			dst = append(dst, elem)
		}
	}
	return dst
}

// nextElem returns the first element of a comma list, trimmed, and what follows
// its comma. A comma inside a quoted string separates nothing. Elements can be
// empty (RFC 9110, 5.6.1).
func nextElem(list []byte) (elem, rest []byte) {
	end := bytes.IndexByte(list, ',')
	if end < 0 {
		return trim(list), nil
	}
	if bytes.IndexByte(list[:end], '"') >= 0 {
		end = unquotedIndex(list, ',')
	}
	if end == len(list) {
		return trim(list), nil
	}
	return trim(list[:end]), list[end+1:]
}

// unquotedIndex returns the index of the first sep outside of quoted strings, or
// len(b).
func unquotedIndex(b []byte, sep byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case sep:
			return i
		case '"':
			n := quotedLen(b[i:])
			if n == 0 {
				return len(b)
			}
			i += n - 1
		}
	}
	return len(b)
}

// quotedLen returns the length of the quoted string that b begins with, quotes
// included, or 0 if it does not end.
func quotedLen(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// nextParam splits the first parameter off b, which is not empty and has to begin
// with the ';' in front of it (RFC 9110, 5.6.6). A quoted value comes without its quotes,
// with its escapes. An empty parameter has no name. ok is false for what is no
// parameter.
func nextParam(b []byte) (name, value, rest []byte, ok bool) {
	if b[0] != ';' {
		return nil, nil, nil, false
	}
	b = trim(b[1:])
	if len(b) == 0 || b[0] == ';' {
		return nil, nil, b, true
	}
	eq := tokenLen(b)
	if eq == 0 || eq == len(b) || b[eq] != '=' {
		return nil, nil, nil, false
	}
	name, b = b[:eq], b[eq+1:]
	if len(b) > 0 && b[0] == '"' {
		n := quotedLen(b)
		if n == 0 {
			return nil, nil, nil, false
		}
		return name, b[1 : n-1], trim(b[n:]), true
	}
	n := tokenLen(b)
	return name, b[:n], trim(b[n:]), n > 0
}

func tokenLen(b []byte) int {
	for i, c := range b {
		if class[c]&tchar == 0 {
			return i
		}
	}
	return len(b)
}
