package radix

import (
	"bytes"
	"math"
	"strings"
	"unicode/utf8"
)

// Converters are custom converters by name. The function reports whether it
// accepts a value, which is never empty and never contains a slash; a nil
// function accepts every value. It must not keep or change the value, and may be
// called by several goroutines at once, more than once per lookup.
//
// The names of built-in converters cannot be redefined: Parse ignores such an
// entry. See [BuiltIn].
type Converters map[string]func(value []byte) bool

// BuiltIn reports whether name is a built-in converter.
func BuiltIn(name string) bool {
	_, ok := builtIn[name]
	return ok
}

var builtIn = map[string]Kind{
	"any":    KindAny,
	"float":  KindFloat,
	"int":    KindInt,
	"path":   KindPath,
	"string": KindString,
	"uint":   KindUint,
	"uuid":   KindUUID,
}

// Accepts reports whether the parameter matches exactly this value. It does not
// allocate.
func (pa *Param) Accepts(value []byte) bool {
	if len(value) == 0 {
		return false
	}
	if pa.Kind != KindPath && bytes.IndexByte(value, '/') >= 0 {
		return false
	}
	return pa.accepts(value)
}

// accepts is Accepts for a value that is not empty and has no slash, unless the
// parameter is a path.
func (pa *Param) accepts(value []byte) bool {
	switch pa.Kind {
	case KindString:
		return pa.acceptsString(value)
	case KindInt:
		return pa.acceptsInt(value)
	case KindUint:
		return pa.acceptsUint(value)
	case KindFloat:
		return pa.acceptsFloat(value)
	case KindUUID:
		return isUUID(value)
	case KindAny:
		return pa.acceptsAny(value)
	case KindRegexp:
		return pa.Regexp.Match(value)
	case KindCustom:
		return pa.custom == nil || pa.custom(value)
	case KindPath:
		return value[0] != '/'
	}
	return false
}

// plain reports whether every non-empty text without a slash is accepted.
func (pa *Param) plain() bool {
	return pa.Kind == KindString && pa.MinLength <= 1 && pa.MaxLength == 0
}

func (pa *Param) acceptsString(value []byte) bool {
	if pa.plain() {
		return true
	}
	n := utf8.RuneCount(value)
	return n >= pa.MinLength && (pa.MaxLength == 0 || n <= pa.MaxLength)
}

func (pa *Param) acceptsInt(value []byte) bool {
	negative := pa.Signed && value[0] == '-'
	if negative {
		value = value[1:]
	}
	if pa.FixedDigits > 0 && len(value) != pa.FixedDigits {
		return false
	}
	u, ok := parseUint(value)
	if !ok {
		return false
	}
	if negative {
		if u > 1<<63 {
			return false
		}
		n := int64(-u) // two's complement: also right for 1<<63
		return n >= pa.MinInt && n <= pa.MaxInt
	}
	return u <= math.MaxInt64 && int64(u) >= pa.MinInt && int64(u) <= pa.MaxInt
}

func (pa *Param) acceptsUint(value []byte) bool {
	if pa.FixedDigits > 0 && len(value) != pa.FixedDigits {
		return false
	}
	u, ok := parseUint(value)
	return ok && u >= pa.MinUint && u <= pa.MaxUint
}

// parseUint reads decimal digits, at least one, leading zeros allowed.
func parseUint(b []byte) (n uint64, ok bool) {
	for len(b) > 19 && b[0] == '0' {
		b = b[1:]
	}
	if len(b) > 20 {
		return 0, false
	}
	for i, c := range b {
		d := uint64(c - '0')
		if d > 9 || i == 19 && (n > math.MaxUint64/10 || n*10 > math.MaxUint64-d) {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(b) > 0
}

func (pa *Param) acceptsAny(value []byte) bool {
	for _, s := range pa.Any {
		if string(value) == s {
			return true
		}
	}
	return false
}

func isUUID(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !isHex(c) {
				return false
			}
		}
	}
	return true
}

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// maxFloatDigits bounds the digits before the point, so that a matched value
// always converts to a finite float64.
const maxFloatDigits = 308

func (pa *Param) acceptsFloat(value []byte) bool {
	negative := pa.Signed && value[0] == '-'
	if negative {
		value = value[1:]
	}
	dot := digits(value)
	if dot == 0 || dot+1 >= len(value) || value[dot] != '.' || dot+1+digits(value[dot+1:]) != len(value) {
		return false
	}
	whole := bytes.TrimLeft(value[:dot], "0")
	if len(whole) > maxFloatDigits {
		return false
	}
	if !pa.HasMin && !pa.HasMax {
		return true
	}
	fraction := bytes.TrimRight(value[dot+1:], "0")
	return (!pa.HasMin || pa.minText.compare(negative, whole, fraction) <= 0) &&
		(!pa.HasMax || pa.maxText.compare(negative, whole, fraction) >= 0)
}

// digits returns the number of digits that b begins with.
func digits(b []byte) int {
	n := 0
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	return n
}

// decimal is a bound of a float parameter: digits without leading zeros before
// the point and without trailing zeros after it. Comparing digits instead of
// floats needs no conversion, which would allocate for long values.
type decimal struct {
	negative        bool
	whole, fraction string
}

// newDecimal takes a number as strconv.FormatFloat writes it with 'f'.
func newDecimal(s string) decimal {
	s, negative := strings.CutPrefix(s, "-")
	whole, fraction, _ := strings.Cut(s, ".")
	return decimal{negative, strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")}
}

// compare returns -1, 0 or 1 as d is less than, equal to or greater than the
// other number, whose digits are trimmed as d's are.
func (d *decimal) compare(negative bool, whole, fraction []byte) int {
	n := d.compareMagnitude(whole, fraction)
	otherZero := len(whole) == 0 && len(fraction) == 0
	if n == 0 && otherZero {
		return 0 // -0.0 is 0.0
	}
	switch {
	case d.negative && negative:
		return -n
	case d.negative:
		return -1
	case negative:
		return 1
	}
	return n
}

func (d *decimal) compareMagnitude(whole, fraction []byte) int {
	if len(d.whole) != len(whole) {
		if len(d.whole) < len(whole) {
			return -1
		}
		return 1
	}
	if string(whole) != d.whole {
		if d.whole < string(whole) {
			return -1
		}
		return 1
	}
	switch {
	case d.fraction < string(fraction):
		return -1
	case d.fraction > string(fraction):
		return 1
	}
	return 0
}
