package wire

import "bytes"

// JSONDepth reports whether the arrays and objects of a JSON text nest at most
// max deep; [[]] is 2 deep. It does not check the syntax: of a text that is no
// JSON it reports true for no more than a parser can open before it finds the
// fault.
func JSONDepth(data []byte, max int) bool {
	// perf: a text with few brackets cannot nest deep, and counting runs at memory
	// speed (BenchmarkJSONDepth).
	if bytes.Count(data, []byte{'['})+bytes.Count(data, []byte{'{'}) <= max {
		return true
	}
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i += jsonStringLen(data[i:]) - 1
		case '[', '{':
			if depth++; depth > max {
				return false
			}
		case ']', '}':
			depth-- // below 0 a parser has stopped already
		}
	}
	return true
}

// jsonStringLen returns the length of the string that b begins with, quotes
// included, or len(b) if it does not end.
func jsonStringLen(b []byte) int {
	for i := 1; ; i++ {
		// perf: long strings are passed at memory speed (BenchmarkJSONDepth).
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		start := i
		i += n
		escapes := 0
		for i-escapes > start && b[i-escapes-1] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
}
