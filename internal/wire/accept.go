package wire

import (
	"bytes"

	"github.com/goquart/quart/internal/bytesconv"
)

// Weights are in thousandths, as finely as RFC 9110, 12.4.2 has them.
const (
	fullWeight = 1000
	noMatch    = -1
)

// A match says how well an offer meets the ranges of a field: the weight of the
// range that applies to it, and how specific that is. The zero value is none.
type match struct{ weight, specific int }

// better orders matches: first by weight, then by specificity. An offer that is
// not better than an earlier one loses against it.
func (m match) better(than match) bool {
	if m.weight != than.weight {
		return m.weight > than.weight
	}
	return m.weight > 0 && m.specific > than.specific
}

// How specific a media range is; each parameter of a named type counts one more.
const (
	anyType    = iota // */*
	anySubtype        // type/*
	namedType         // type/subtype
)

// MediaType returns the index of the offer that an Accept field prefers (RFC
// 9110, 12.5.1), or -1 if it accepts none.
//
// To each offer applies the most specific range that covers it: type/subtype
// with parameters, without, type/*, */*. A range with parameters covers the
// offers that have all of these. The highest weight wins, then the more specific
// range, then the earlier offer; a weight of 0 excludes. Elements that are not
// well-formed are skipped, so an empty accept gives -1. Offers are media types
// like "text/html" or "text/html; charset=utf-8".
func MediaType(accept []byte, offers []string) int {
	best, index := match{}, noMatch
	for i, offer := range offers {
		if m := matchMedia(accept, offer); m.better(best) {
			best, index = m, i
		}
	}
	return index
}

func matchMedia(accept []byte, offer string) match {
	found := match{specific: noMatch}
	for len(accept) > 0 {
		var elem []byte
		elem, accept = nextElem(accept)
		specific, params := coverMedia(elem, offer)
		if specific <= noMatch {
			continue
		}
		weight, n, ok := mediaParams(params, offer)
		if specific == namedType {
			specific += n
		}
		if ok && specific > found.specific {
			found = match{weight, specific}
		}
	}
	return found
}

// coverMedia compares type and subtype of the range elem with the offer. It
// returns how specific the range is, or -1, and its parameters.
func coverMedia(elem []byte, offer string) (specific int, params []byte) {
	slash := tokenLen(elem)
	if slash == 0 || slash == len(elem) || elem[slash] != '/' {
		return noMatch, nil
	}
	end := slash + 1 + tokenLen(elem[slash+1:])
	kind, sub := elem[:slash], elem[slash+1:end]
	params = trim(elem[end:])
	if len(sub) == 0 {
		return noMatch, nil
	}
	anySub := len(sub) == 1 && sub[0] == '*'
	if len(kind) == 1 && kind[0] == '*' {
		if anySub {
			return anyType, params
		}
		return noMatch, nil
	}
	if len(offer) <= slash || offer[slash] != '/' || !equalFold(kind, offer[:slash]) {
		return noMatch, nil
	}
	if anySub {
		return anySubtype, params
	}
	if len(offer) < end || !equalFold(sub, offer[slash+1:end]) || len(offer) > end && offer[end] != ';' && !isOWS(offer[end]) {
		return noMatch, nil
	}
	return namedType, params
}

// mediaParams reads the parameters of a range: its weight, and the number of the
// others, each of which the offer must have.
func mediaParams(params []byte, offer string) (weight, n int, ok bool) {
	weight = fullWeight
	for len(params) > 0 {
		var name, value []byte
		if name, value, params, ok = nextParam(params); !ok {
			return 0, 0, false
		}
		switch {
		case len(name) == 0:
		case equalFold(name, "q"):
			if weight, ok = parseWeight(value); !ok {
				return 0, 0, false
			}
		case !offerHas(offer, name, value):
			return 0, 0, false
		default:
			n++
		}
	}
	return weight, n, true
}

// offerHas reports whether the offer has a parameter. Values are compared
// without regard to case, as charset asks; nobody offers two that differ by it.
func offerHas(offer string, name, value []byte) bool {
	params := bytesconv.Bytes(offer) // read only
	i := bytes.IndexByte(params, ';')
	if i < 0 {
		return false
	}
	params = params[i:]
	for len(params) > 0 {
		var k, v []byte
		var ok bool
		if k, v, params, ok = nextParam(params); !ok {
			return false
		}
		if len(k) > 0 && equalFold(k, name) && equalFold(v, value) {
			return true
		}
	}
	return false
}

// parseWeight reads a qvalue. More than three decimals are not allowed but
// occur; they are cut, and what is not quite 0 stays so.
func parseWeight(b []byte) (weight int, ok bool) {
	if len(b) == 0 || b[0] != '0' && b[0] != '1' || len(b) > 1 && b[1] != '.' {
		return 0, false
	}
	weight = int(b[0]-'0') * fullWeight
	if len(b) <= len("0.") {
		return weight, true
	}
	rest := false
	for i, unit := 2, fullWeight/10; i < len(b); i, unit = i+1, unit/10 {
		d := int(b[i] - '0')
		if d > 9 {
			return 0, false
		}
		weight += d * unit
		rest = rest || d > 0
	}
	if weight > fullWeight {
		return 0, false
	}
	if weight == 0 && rest {
		return 1, true
	}
	return weight, true
}

// splitWeight splits an element of Accept-Encoding or Accept-Language into its
// value and weight.
func splitWeight(elem []byte) (value []byte, weight int, ok bool) {
	end := tokenLen(elem)
	value, weight = elem[:end], fullWeight
	for params := trim(elem[end:]); len(params) > 0; {
		var k, v []byte
		if k, v, params, ok = nextParam(params); !ok {
			return nil, 0, false
		}
		if len(k) == 0 || !equalFold(k, "q") {
			continue
		}
		if weight, ok = parseWeight(v); !ok {
			return nil, 0, false
		}
	}
	return value, weight, end > 0
}

// Encoding returns the index of the offer that an Accept-Encoding field prefers
// (RFC 9110, 12.5.3), or -1 if it accepts none. The order of preference is that
// of MediaType. The offer "identity" is acceptable, as the last choice, unless
// the field excludes it; "x-gzip" and "x-compress" mean the names without "x-".
func Encoding(accept []byte, offers []string) int {
	best, index := match{}, noMatch
	for i, offer := range offers {
		if m := matchEncoding(accept, offer); m.better(best) {
			best, index = m, i
		}
	}
	return index
}

func matchEncoding(accept []byte, offer string) match {
	found := match{specific: noMatch}
	for len(accept) > 0 {
		var elem []byte
		elem, accept = nextElem(accept)
		coding, weight, ok := splitWeight(elem)
		if !ok {
			continue
		}
		specific := noMatch
		if len(coding) == 1 && coding[0] == '*' {
			specific = 0
		} else if equalFold(canonicalCoding(coding), canonicalCoding(bytesconv.Bytes(offer))) {
			specific = 1
		}
		if specific > found.specific {
			found = match{weight * 2, specific} // leaves room below the least weight
		}
	}
	if found.specific == noMatch && equalFold(offer, "identity") {
		return match{weight: 1}
	}
	return found
}

func canonicalCoding(b []byte) []byte {
	if equalFold(b, "x-gzip") || equalFold(b, "x-compress") {
		return b[len("x-"):]
	}
	return b
}

// How an offered language meets a range, from the least specific on. Exclusion
// is decided by the longest range that covers the offer.
const (
	anyLanguage    = iota // *
	narrowerOffer         // range de, offer de-AT (RFC 4647, 3.3.1)
	truncatedRange        // range de-AT, offer de (RFC 4647, 3.4)
	sameLanguage
)

// Language returns the index of the offer that an Accept-Language field prefers
// (RFC 9110, 12.5.4), or -1 if it accepts none.
//
// It is lookup (RFC 4647, 3.4): a range de-AT accepts the offer de. Where an
// application offers only regional variants, a range de accepts de-AT as well.
// The order of preference is that of MediaType, with an equal tag as the most
// specific, then the truncated range, then the narrower offer, then "*".
func Language(accept []byte, offers []string) int {
	best, index := match{}, noMatch
	for i, offer := range offers {
		if m := matchLanguage(accept, offer); m.better(best) {
			best, index = m, i
		}
	}
	return index
}

func matchLanguage(accept []byte, offer string) match {
	covered, cover := match{}, noMatch // by the longest range that covers the offer
	truncated := match{specific: truncatedRange}
	for len(accept) > 0 {
		var elem []byte
		elem, accept = nextElem(accept)
		tag, weight, ok := splitWeight(elem)
		if !ok {
			continue
		}
		switch {
		case len(tag) == 1 && tag[0] == '*':
			if cover < 0 {
				covered, cover = match{weight, anyLanguage}, 0
			}
		case equalFold(tag, offer):
			covered, cover = match{weight, sameLanguage}, len(tag)
		case isSubtag(offer, tag) && len(tag) > cover:
			covered, cover = match{weight, narrowerOffer}, len(tag)
		case isSubtag(tag, offer) && weight > truncated.weight:
			truncated.weight = weight
		}
	}
	excluded := cover > 0 && covered.weight == 0
	if !excluded && truncated.better(covered) {
		return truncated
	}
	return covered
}

// isSubtag reports whether tag is prefix and at least one subtag more.
func isSubtag[A, B []byte | string](tag A, prefix B) bool {
	return len(prefix) > 0 && len(tag) > len(prefix) && tag[len(prefix)] == '-' && equalFold(tag[:len(prefix)], prefix)
}
