package rules

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
)

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

func enumTest(r Rule, t reflect.Type) (test, error) {
	texts := Enum(r.Value)
	detail := enumDetail(texts)
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		return textEnum(texts, t, detail)
	}
	if n := numericOf(t); n != nil {
		return n.enum(texts, detail)
	}
	switch t.Kind() {
	case reflect.String:
		return stringEnum(texts, detail)
	case reflect.Bool:
		return boolEnum(texts, detail)
	}
	return nil, errNotFor(t, "strings, numbers, durations, booleans and types with UnmarshalText")
}

func enumDetail(texts []string) string {
	shown := make([]string, len(texts))
	for i, text := range texts {
		if text == "" {
			text = `""`
		}
		shown[i] = text
	}
	if len(shown) == 1 {
		return "must be " + shown[0]
	}
	return "must be one of: " + strings.Join(shown, ", ")
}

func stringEnum(texts []string, detail string) (test, error) {
	set := make(map[string]struct{}, len(texts))
	for _, text := range texts {
		if _, twice := set[text]; twice {
			return nil, errTwice(text)
		}
		set[text] = struct{}{}
	}
	return when(detail, func(v reflect.Value) bool { _, ok := set[v.String()]; return ok }), nil
}

func boolEnum(texts []string, detail string) (test, error) {
	var allowed [2]bool // false, true
	for _, text := range texts {
		if text != "true" && text != "false" {
			return nil, fmt.Errorf("has the value %q, which is neither true nor false", text)
		}
		is := &allowed[index(text == "true")]
		if *is {
			return nil, errTwice(text)
		}
		*is = true
	}
	return when(detail, func(v reflect.Value) bool { return allowed[index(v.Bool())] }), nil
}

func index(b bool) int {
	if b {
		return 1
	}
	return 0
}

// textEnum compares with what the type makes of each text.
func textEnum(texts []string, t reflect.Type, detail string) (test, error) {
	if why := incomparable(t); why != "" {
		return nil, fmt.Errorf("does not fit %s: %s cannot be compared", typeName(t), why)
	}
	var values []reflect.Value
	for _, text := range texts {
		p := reflect.New(t)
		if err := p.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			return nil, fmt.Errorf("has the value %q, which is no %v: %w", text, t, err)
		}
		if contains(values, p.Elem()) {
			return nil, errTwice(text)
		}
		values = append(values, p.Elem())
	}
	return when(detail, func(v reflect.Value) bool { return contains(values, v) }), nil
}

func contains(values []reflect.Value, v reflect.Value) bool {
	for _, value := range values {
		if equal(value, v) {
			return true
		}
	}
	return false
}

func errTwice(text string) error { return fmt.Errorf("has the value %q twice", text) }
