package wire

import "bytes"

// QueryNext returns the first pair of a query string or form body, still encoded,
// and what follows it, which is empty when this was the last. Empty pairs ("&&")
// are skipped. value is nil without '=' and empty with nothing behind it. key is
// nil only if there was no pair at all.
//
//	for len(query) > 0 {
//		key, value, query = wire.QueryNext(query)
func QueryNext(query []byte) (key, value, rest []byte) {
	query = skipAmps(query)
	if len(query) == 0 {
		return nil, nil, nil
	}
	pair := query
	if end := bytes.IndexByte(query, '&'); end >= 0 {
		pair, rest = query[:end], skipAmps(query[end+1:])
	}
	if eq := bytes.IndexByte(pair, '='); eq >= 0 {
		return pair[:eq], pair[eq+1:], rest
	}
	return pair, nil, rest
}

func skipAmps(b []byte) []byte {
	for len(b) > 0 && b[0] == '&' {
		b = b[1:]
	}
	return b
}

// CountPairs returns how many pairs QueryNext yields.
func CountPairs(query []byte) int {
	n := 0
	for query = skipAmps(query); len(query) > 0; query = skipAmps(query) {
		n++
		end := bytes.IndexByte(query, '&')
		if end < 0 {
			break
		}
		query = query[end+1:]
	}
	return n
}

// DecodeQuery is DecodePath with '+' as a space, for the names and values of
// query strings and form bodies. dst may be src[:0].
func DecodeQuery(dst, src []byte) (decoded []byte, ok bool) {
	ok = true
	kept := 0
	for i := 0; i < len(src); i++ {
		c := src[i]
		if c != '+' && c != '%' {
			continue
		}
		dst = append(dst, src[kept:i]...)
		switch {
		case c == '+':
			dst = append(dst, ' ')
		case isEscape(src[i:]):
			dst = append(dst, unhex(src[i+1])<<4|unhex(src[i+2]))
			i += 2
		default:
			dst, ok = append(dst, c), false
		}
		kept = i + 1
	}
	return append(dst, src[kept:]...), ok
}
