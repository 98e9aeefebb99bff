package wire

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"slices"
)

// ValidETag reports whether b is an entity tag (RFC 9110, 8.8.3): `"x"` or
// `W/"x"`.
func ValidETag(b []byte) bool {
	return len(b) > 0 && etagLen(b) == len(b)
}

// etagLen returns the length of the entity tag that b begins with, or 0.
func etagLen(b []byte) int {
	i := 0
	if bytes.HasPrefix(b, []byte("W/")) {
		i = len("W/")
	}
	if i == len(b) || b[i] != '"' {
		return 0
	}
	for i++; i < len(b); i++ {
		if b[i] == '"' {
			return i + 1
		}
		if b[i] <= 0x20 || b[i] == 0x7f {
			return 0
		}
	}
	return 0
}

// ETagMatch reports whether the list of an If-Match or If-None-Match field (RFC
// 9110, 13.1) has etag. "*" matches whatever there is, so it is for the caller to
// ask only about a representation that exists; without a valid etag it is all
// that matches. A list is read up to its first fault.
//
// If-None-Match is compared weakly, If-Match strongly: then a weak tag matches
// nothing (8.8.3.2).
func ETagMatch(list, etag []byte, weak bool) bool {
	list = trim(list)
	if len(list) == 1 && list[0] == '*' {
		return true
	}
	if !ValidETag(etag) || !weak && etag[0] == 'W' {
		return false
	}
	for len(list) > 0 {
		if list[0] == ',' || isOWS(list[0]) {
			list = list[1:]
			continue
		}
		n := etagLen(list)
		if n == 0 {
			return false
		}
		if weak && bytes.Equal(opaqueTag(list[:n]), opaqueTag(etag)) || bytes.Equal(list[:n], etag) {
			return true
		}
		list = trim(list[n:])
		if len(list) > 0 && list[0] != ',' {
			return false
		}
	}
	return false
}

func opaqueTag(etag []byte) []byte {
	if etag[0] == 'W' {
		return etag[len("W/"):]
	}
	return etag
}

// MayBeConditional reports whether one of the field lines of a head can be a
// condition (RFC 9110, 13.1) or a Range: false is certain, true is not.
func MayBeConditional(fields []byte) bool {
	for len(fields) > 3 {
		switch fields[0] | 0x20 {
		case 'i':
			if fields[1]|0x20 == 'f' && fields[2] == '-' {
				return true
			}
		case 'r':
			if fields[1]|0x20 == 'a' {
				return true
			}
		}
		n := bytes.IndexByte(fields, '\n')
		if n < 0 {
			return false
		}
		fields = fields[n+1:]
	}
	return false
}

// Range is a part of a representation, in bytes. Its length is at least 1.
type Range struct{ Start, Length int64 }

// MaxRanges is how many ranges a field may have. Real clients send one, or a
// handful; thousands are an attack (RFC 9110, 17.15).
const MaxRanges = 32

// The errors of ParseRange.
var (
	// ErrRangeMalformed says that the field is to be ignored and the whole
	// representation sent (RFC 9110, 14.2): it is not well-formed, has another
	// unit than bytes, or too many ranges.
	ErrRangeMalformed = errors.New("malformed range")
	// ErrRangeUnsatisfiable is 416: no range of the field overlaps with the
	// representation (RFC 9110, 15.5.17).
	ErrRangeUnsatisfiable = errors.New("unsatisfiable range")
)

// ParseRange appends the ranges of a Range field (RFC 9110, 14.1.2 and 14.2) to
// dst, in their order and cut to size, the length of the representation in bytes.
// Of several, those that do not overlap with the representation are left out; if
// none is left the error is ErrRangeUnsatisfiable, also for an empty
// representation, which no Content-Range can describe. On an error dst is
// returned as it was. It allocates only if dst is too small.
func ParseRange(header []byte, size int64, dst []Range) ([]Range, error) {
	header = trim(header)
	eq := bytes.IndexByte(header, '=')
	if eq < 0 || !equalFold(header[:eq], "bytes") {
		return dst, ErrRangeMalformed
	}
	specs, out, n := header[eq+1:], dst, 0
	for len(specs) > 0 {
		var spec []byte
		spec, specs = nextElem(specs)
		if len(spec) == 0 {
			continue
		}
		r, ok := parseRangeSpec(spec, size)
		if n++; !ok || n > MaxRanges {
			return dst, ErrRangeMalformed
		}
		if r.Length > 0 {
			out = append(out, r)
		}
	}
	if n == 0 {
		return dst, ErrRangeMalformed
	}
	if len(out) == len(dst) {
		return dst, ErrRangeUnsatisfiable
	}
	return out, nil
}

// OneRange returns the range that rs make up if they overlap or follow each other
// without a gap, in whatever order. rs is not empty; it is sorted.
func OneRange(rs []Range) (r Range, ok bool) {
	slices.SortFunc(rs, func(a, b Range) int { return cmp.Compare(a.Start, b.Start) })
	r = rs[0]
	for _, next := range rs[1:] {
		if next.Start > r.Start+r.Length {
			return Range{}, false
		}
		r.Length = max(r.Length, next.Start-r.Start+next.Length)
	}
	return r, true
}

// parseRangeSpec reads "first-last", "first-" or "-suffix". A range beyond size
// has the length 0.
func parseRangeSpec(spec []byte, size int64) (r Range, ok bool) {
	dash := bytes.IndexByte(spec, '-')
	if dash < 0 {
		return Range{}, false
	}
	before, after := spec[:dash], spec[dash+1:]
	if dash == 0 {
		if !isDigits(after) {
			return Range{}, false
		}
		length := min(saturatingInt(after), size)
		return Range{size - length, length}, true
	}
	if !isDigits(before) || len(after) > 0 && !isDigits(after) {
		return Range{}, false
	}
	first, last := saturatingInt(before), int64(math.MaxInt64)
	if len(after) > 0 {
		last = saturatingInt(after)
	}
	if last < first {
		return Range{}, false
	}
	if first >= size {
		return Range{}, true
	}
	return Range{first, min(last, size-1) - first + 1}, true
}

// saturatingInt returns the value of digits, at most MaxInt64: a position that
// large is behind every end.
func saturatingInt(digits []byte) int64 {
	var n int64
	for _, c := range digits {
		d := int64(c - '0')
		if n > (math.MaxInt64-d)/10 {
			return math.MaxInt64
		}
		n = n*10 + d
	}
	return n
}
