package rules

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// units of the size of a file.
var units = map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

// countOf reads the value of a rule that counts.
func countOf(r Rule, t reflect.Type) (int64, error) {
	text, unit := r.Value, int64(1)
	if n := digits(text); n < len(text) && t == fileType {
		var ok bool
		if unit, ok = units[text[n:]]; !ok {
			return 0, fmt.Errorf("has the value %s, which is no size such as 500, 64KiB, 5MiB or 1GiB", r.Value)
		}
		text = text[:n]
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !isNumber(text) || text[0] == '-' || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("has the value %s, which is no count", r.Value)
	}
	return n * unit, nil
}

// countDetail says what a count must be: "must have at least 2 characters".
func countDetail(r Rule, one, many string) string {
	bound := "at least "
	if strings.HasPrefix(r.Name, "max") {
		bound = "at most "
	}
	n := digits(r.Value)
	switch unit := r.Value[n:]; {
	case unit != "":
		return "must have " + bound + r.Value[:n] + " " + unit
	case r.Value == "1":
		return "must have " + bound + "1 " + one
	}
	return "must have " + bound + r.Value + " " + many
}

// countTest compiles a rule about a number that is cheap to get.
func countTest(r Rule, t reflect.Type, one, many string, count func(reflect.Value) int64) (test, error) {
	bound, err := countOf(r, t)
	if err != nil {
		return nil, err
	}
	detail := countDetail(r, one, many)
	if strings.HasPrefix(r.Name, "min") {
		return when(detail, func(v reflect.Value) bool { return count(v) >= bound }), nil
	}
	return when(detail, func(v reflect.Value) bool { return count(v) <= bound }), nil
}

func length(v reflect.Value) int64 { return int64(v.Len()) }

func lengthTest(r Rule, t reflect.Type) (test, error) {
	switch {
	case t.Kind() == reflect.String:
		return characterTest(r, t)
	case isBytes(t):
		return countTest(r, t, "byte", "bytes", length)
	case t == fileType:
		size, _ := t.FieldByName("Size")
		at := size.Index[0]
		return countTest(r, t, "byte", "bytes", func(v reflect.Value) int64 { return v.Field(at).Int() })
	}
	return nil, errNotFor(t, "strings, bytes and files")
}

// characterTest counts characters, which are Unicode code points, only where the bytes do not decide.
func characterTest(r Rule, t reflect.Type) (test, error) {
	bound, err := countOf(r, t)
	if err != nil {
		return nil, err
	}
	detail := countDetail(r, "character", "characters")
	if r.Name == "minLength" {
		return when(detail, func(v reflect.Value) bool {
			s := v.String()
			n := int64(len(s))
			if n < bound || (n+3)/4 >= bound {
				return n >= bound // a character has 1 to 4 bytes
			}
			return int64(utf8.RuneCountInString(s)) >= bound
		}), nil
	}
	return when(detail, func(v reflect.Value) bool {
		s := v.String()
		return int64(len(s)) <= bound || (int64(len(s))+3)/4 <= bound && int64(utf8.RuneCountInString(s)) <= bound
	}), nil
}

func itemsTest(r Rule, t reflect.Type) (test, error) {
	if !isList(t) {
		return nil, errNotFor(t, "slices and arrays")
	}
	return countTest(r, t, "item", "items", length)
}

func propertiesTest(r Rule, t reflect.Type) (test, error) {
	if t.Kind() != reflect.Map {
		return nil, errNotFor(t, "maps")
	}
	return countTest(r, t, "property", "properties", length)
}

func patternTest(r Rule, t reflect.Type) (test, error) {
	if t.Kind() != reflect.String {
		return nil, errNotFor(t, "strings")
	}
	re, err := regexp.Compile(r.Value)
	if err != nil {
		return nil, fmt.Errorf("has a value that does not compile: %w", err)
	}
	return when("must match the pattern "+r.Value, func(v reflect.Value) bool { return re.MatchString(v.String()) }), nil
}
