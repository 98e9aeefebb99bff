package rules

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// number compiles the rules of the numbers of one Go type. All are computed in T, which holds each of them exactly.
type number[T int64 | uint64 | float64] struct {
	typ      reflect.Type
	get      func(reflect.Value) T
	parse    func(text string) (T, error)
	multiple func(text string, step T) (func(T) bool, error)
	lo, hi   T    // what the type can hold
	whole    bool // there is nothing between n and n+1
}

func intOf(t reflect.Type) number[int64] {
	n := number[int64]{typ: t, get: reflect.Value.Int, multiple: wholeMultiple[int64], whole: true}
	n.lo, n.hi = -1<<(t.Bits()-1), 1<<(t.Bits()-1)-1
	n.parse = func(text string) (int64, error) {
		i, err := strconv.ParseInt(text, 10, t.Bits())
		return i, n.fault(text, err)
	}
	if t == durationType {
		n.parse = func(text string) (int64, error) {
			d, err := time.ParseDuration(text)
			if err != nil {
				return 0, fmt.Errorf("has the value %s, which is no duration such as 1m30s", text)
			}
			return int64(d), nil
		}
	}
	return n
}

func uintOf(t reflect.Type) number[uint64] {
	n := number[uint64]{typ: t, get: reflect.Value.Uint, multiple: wholeMultiple[uint64], whole: true}
	n.hi = math.MaxUint64 >> (64 - t.Bits())
	n.parse = func(text string) (uint64, error) {
		i, err := strconv.ParseUint(text, 10, t.Bits())
		if err != nil && strings.HasPrefix(text, "-") {
			err = strconv.ErrRange
		}
		return i, n.fault(text, err)
	}
	return n
}

func floatOf(t reflect.Type) number[float64] {
	n := number[float64]{typ: t, get: reflect.Value.Float, lo: math.Inf(-1), hi: math.Inf(1)}
	n.multiple = func(text string, value float64) (func(float64) bool, error) {
		return floatMultiple(text, value, t.Bits())
	}
	n.parse = func(text string) (float64, error) {
		f, err := strconv.ParseFloat(text, t.Bits()) // a float32's bound is rounded as its values are
		if err == nil && f == 0 && strings.ContainsAny(mantissa(text), "123456789") {
			err = strconv.ErrRange
		}
		return f, n.fault(text, err)
	}
	return n
}

// fault says what is wrong with a value that did not convert: JSON's numbers only, and those that the type holds.
func (n *number[T]) fault(text string, err error) error {
	switch {
	case !isNumber(text):
		return fmt.Errorf("has the value %s, which is no number", text)
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("has the value %s, which does not fit %s", text, typeName(n.typ))
	case err != nil:
		return fmt.Errorf("has the value %s, which is no integer", text)
	}
	return nil
}

// numeric is a number[T] of any T.
type numeric interface {
	test(r Rule) (test, error)
	enum(texts []string, detail string) (test, error)
	checkRange(list []Rule) error
}

// numericOf returns nil for a type that is no number.
func numericOf(t reflect.Type) numeric {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := intOf(t)
		return &n
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n := uintOf(t)
		return &n
	case reflect.Float32, reflect.Float64:
		n := floatOf(t)
		return &n
	}
	return nil
}

func numberTest(r Rule, t reflect.Type) (test, error) {
	n := numericOf(t)
	if n == nil {
		return nil, errNotFor(t, "numbers and durations")
	}
	return n.test(r)
}

// test compiles a bound. Comparisons are so that NaN meets none.
func (n *number[T]) test(r Rule) (test, error) {
	bound, err := n.parse(r.Value)
	if err != nil {
		return nil, err
	}
	get := n.get
	switch r.Name {
	case "min":
		return when("must be at least "+r.Value, func(v reflect.Value) bool { return get(v) >= bound }), nil
	case "max":
		return when("must be at most "+r.Value, func(v reflect.Value) bool { return get(v) <= bound }), nil
	case "exclusiveMin":
		return when("must be more than "+r.Value, func(v reflect.Value) bool { return get(v) > bound }), nil
	case "exclusiveMax":
		return when("must be less than "+r.Value, func(v reflect.Value) bool { return get(v) < bound }), nil
	}
	if bound <= 0 {
		return nil, fmt.Errorf("has the value %s, which is not more than 0", r.Value)
	}
	divides, err := n.multiple(r.Value, bound)
	if err != nil {
		return nil, err
	}
	return when("must be a multiple of "+r.Value, func(v reflect.Value) bool { return divides(get(v)) }), nil
}

func (n *number[T]) enum(texts []string, detail string) (test, error) {
	set := make(map[T]struct{}, len(texts))
	for _, text := range texts {
		value, err := n.parse(text)
		if err != nil {
			return nil, err
		}
		if _, twice := set[value]; twice {
			return nil, errTwice(text)
		}
		set[value] = struct{}{}
	}
	get := n.get
	return when(detail, func(v reflect.Value) bool { _, ok := set[get(v)]; return ok }), nil
}

// when makes a test that is passed where ok holds.
func when(detail string, ok func(reflect.Value) bool) test {
	return func(v reflect.Value) string {
		if ok(v) {
			return ""
		}
		return detail
	}
}

func wholeMultiple[T int64 | uint64](_ string, step T) (func(T) bool, error) {
	return func(v T) bool { return v%step == 0 }, nil
}

// isNumber reports whether the text is a number in JSON (RFC 8259, section 6): what a schema can have for it too.
func isNumber(text string) bool {
	text = strings.TrimPrefix(text, "-")
	n := digits(text)
	if n == 0 || n > 1 && text[0] == '0' {
		return false
	}
	text = text[n:]
	if fraction, ok := strings.CutPrefix(text, "."); ok {
		if n = digits(fraction); n == 0 {
			return false
		}
		text = fraction[n:]
	}
	if text == "" {
		return true
	}
	if text[0] != 'e' && text[0] != 'E' {
		return false
	}
	text = text[1:]
	if text != "" && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	return text != "" && digits(text) == len(text)
}

// mantissa is a number without its exponent.
func mantissa(text string) string {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		return text[:i]
	}
	return text
}

// digits counts the digits that s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
