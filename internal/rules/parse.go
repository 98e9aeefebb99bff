package rules

import (
	"fmt"
	"slices"
	"strings"
)

// Rule is one rule of a tag.
type Rule struct {
	Name  string // as in the tag, with its prefixes: "items.maxLength"
	Value string // as in the tag, "" for a rule without a value; Enum splits that of enum
}

// itemsPrefix says that a rule is for each element of the list.
const itemsPrefix = "items."

// takesValue knows every rule, and whether a value belongs to it.
var takesValue = map[string]bool{
	"required": false,
	"min":      true, "max": true, "exclusiveMin": true, "exclusiveMax": true, "multipleOf": true,
	"minLength": true, "maxLength": true, "pattern": true, "format": true,
	"enum":     true,
	"minItems": true, "maxItems": true, "uniqueItems": false,
	"minProperties": true, "maxProperties": true,
}

// Parse splits a tag into its rules, in their order; "" has none. An error says at which byte of the tag the fault is: an unknown
// name, a missing or a superfluous value, a rule that stands twice, an escape in enum that is none. Whether the rules fit a type is
// Compile's.
func Parse(tag string) ([]Rule, error) {
	var list []Rule
	for at := 0; at < len(tag); {
		rule, end, err := parseRule(tag, at)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(list, func(r Rule) bool { return r.Name == rule.Name }) {
			return nil, faultAt(at, "%s stands twice", rule.Name)
		}
		list = append(list, rule)
		if end == len(tag)-1 {
			return nil, faultAt(end, "nothing follows the comma")
		}
		at = end + 1
	}
	return list, nil
}

// parseRule reads the rule that begins at a byte of the tag, up to its comma or the end.
func parseRule(tag string, at int) (r Rule, end int, err error) {
	end = len(tag)
	if i := strings.IndexAny(tag[at:], "=,"); i >= 0 {
		end = at + i
	}
	r.Name = tag[at:end]
	base := baseName(r.Name)
	valued, known := takesValue[base]
	switch hasValue := end < len(tag) && tag[end] == '='; {
	case !known:
		return r, 0, faultAt(at, "there is no rule %q", r.Name)
	case base == "required" && base != r.Name:
		return r, 0, faultAt(at, "an item is always there: %s says nothing", r.Name)
	case hasValue && !valued:
		return r, 0, faultAt(end, "%s takes no value", r.Name)
	case valued && (!hasValue || end == len(tag)-1 || base != "pattern" && tag[end+1] == ','):
		return r, 0, faultAt(end, "%s lacks its value", r.Name)
	case !valued:
		return r, end, nil
	}
	start := end + 1
	end, err = valueEnd(tag, start, base)
	if err != nil {
		return r, 0, err
	}
	r.Value = tag[start:end]
	return r, end, nil
}

// valueEnd returns where the value that begins at start ends.
func valueEnd(tag string, start int, base string) (int, error) {
	if base == "pattern" {
		return len(tag), lastOne(tag, start)
	}
	for i := start; i < len(tag); i++ {
		switch {
		case tag[i] == ',':
			return i, nil
		case tag[i] != '\\' || base != "enum":
		case i+1 < len(tag) && strings.IndexByte(`|,\`, tag[i+1]) >= 0:
			i++
		default:
			return 0, faultAt(i, `in enum a backslash stands before | or , or \ only`)
		}
	}
	return len(tag), nil
}

// lastOne refuses a pattern with what looks like another rule in it: that would be a part of the expression, which then matches nothing.
func lastOne(tag string, start int) error {
	for i := start; i < len(tag); i++ {
		if tag[i] != ',' {
			continue
		}
		name, _, valued := strings.Cut(tag[i+1:], "=")
		if !valued {
			name, _, _ = strings.Cut(name, ",")
		}
		if takes, known := takesValue[baseName(name)]; known && takes == valued {
			return faultAt(i, "%s stands behind pattern, which takes the rest of the tag: write pattern last", name)
		}
	}
	return nil
}

// Enum returns the values of an enum rule, without their escapes. A value may be empty.
func Enum(value string) []string {
	var (
		out  []string
		text []byte
	)
	for i := 0; i < len(value); i++ {
		switch b := value[i]; {
		case b == '|':
			out = append(out, string(text))
			text = text[:0]
		case b == '\\' && i+1 < len(value):
			i++
			text = append(text, value[i])
		default:
			text = append(text, b)
		}
	}
	return append(out, string(text))
}

// baseName is the name without its prefixes.
func baseName(name string) string {
	for {
		rest, ok := strings.CutPrefix(name, itemsPrefix)
		if !ok {
			return name
		}
		name = rest
	}
}

func faultAt(at int, format string, args ...any) error {
	return fmt.Errorf("byte %d: "+format, append([]any{at}, args...)...)
}
