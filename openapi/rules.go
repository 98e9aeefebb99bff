package openapi

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goquart/quart"
)

// requiredBy reports whether a rules tag has the rule required.
func requiredBy(tag string) bool {
	list, err := quart.ParseRules(tag)
	return err == nil && slices.ContainsFunc(list, func(rule quart.Rule) bool { return rule.Name == "required" })
}

// constrain adds the rules of a tag to s, which describes a t. The rules are named as the keywords are, but for the bounds of numbers.
func (r *reflector) constrain(s *schema, t reflect.Type, m mode, tag string) error {
	if tag == "" {
		return nil
	}
	list, err := quart.ParseRules(tag)
	if err != nil {
		return err
	}
	for _, rule := range list {
		s, t, name := s, t, rule.Name
		for strings.HasPrefix(name, "items.") {
			name = name[len("items."):]
			elem := elemOf(t)
			if elem == nil {
				return fmt.Errorf("rule %s: there are no items", rule.Name)
			}
			if s.Items == nil {
				s.Items = r.ownItems(t, m)
			}
			s, t = s.Items, elem
		}
		if err := s.constrain(t, name, rule.Value); err != nil {
			return fmt.Errorf("rule %s: %w", rule.Name, err)
		}
	}
	return nil
}

// ownItems describes the elements of a list whose own description is elsewhere, so that their rules have a place beside the reference.
func (r *reflector) ownItems(list reflect.Type, m mode) *schema {
	if r.special(list, m) != nil {
		return &schema{} // what its JSON holds is not known by its type
	}
	return r.schemaOf(list.Elem(), m)
}

// elemOf returns the type of a list's elements, without pointers; nil for what is no list.
func elemOf(t reflect.Type) reflect.Type {
	if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
		return nil
	}
	t = t.Elem()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// constrain adds one rule.
func (s *schema) constrain(t reflect.Type, name, value string) error {
	switch name {
	case "required": // is a matter of the object, or of the parameter
	case "enum":
		for _, text := range splitEnum(value) {
			s.Enum = append(s.Enum, s.value(t, text))
		}
		if slices.Contains(s.Type, "null") {
			s.Enum = append(s.Enum, jsontext.Value("null"))
		}
	case "format":
		s.Format = value
	case "pattern":
		if p, ok := ecmaPattern(value); ok {
			s.Pattern = p
		} else {
			s.describeMore("Matches the regular expression (RE2) " + value)
		}
	case "uniqueItems":
		s.UniqueItems = value != "false"
	default:
		return s.limit(t, name, value)
	}
	return nil
}

// limit adds a rule whose value is a number.
func (s *schema) limit(t reflect.Type, name, value string) error {
	field := map[string]*jsontext.Value{
		"min": &s.Minimum, "max": &s.Maximum, "exclusiveMin": &s.ExclusiveMinimum, "exclusiveMax": &s.ExclusiveMaximum, "multipleOf": &s.MultipleOf,
		"minLength": &s.MinLength, "maxLength": &s.MaxLength, "minItems": &s.MinItems, "maxItems": &s.MaxItems,
		"minProperties": &s.MinProperties, "maxProperties": &s.MaxProperties,
	}[name]
	if field == nil {
		return fmt.Errorf("is not known")
	}
	text := jsontext.Value(value)
	if d, err := time.ParseDuration(value); t == durationType && err == nil {
		text = jsontext.Value(fmt.Sprint(int64(d)))
	}
	numeric := field == &s.Minimum || field == &s.Maximum || field == &s.ExclusiveMinimum || field == &s.ExclusiveMaximum || field == &s.MultipleOf
	switch {
	case numeric && slices.Contains(s.Type, "string"): // a duration as text, a number in a string
		s.describeMore(limitText(name) + " " + value + ".")
	case s.Format == formatFile, s.ContentEncoding != "": // counts bytes, which no keyword does
		s.describeMore(limitText(name) + " " + strings.TrimSuffix(value, "B") + unitOf(value) + ".")
	case !isNumber(text):
		return fmt.Errorf("%q is no number", value)
	default:
		*field = text
	}
	return nil
}

func limitText(name string) string {
	switch name {
	case "min", "minLength":
		return "At least"
	case "max", "maxLength":
		return "At most"
	case "exclusiveMin":
		return "More than"
	case "exclusiveMax":
		return "Less than"
	}
	return "A multiple of"
}

// unitOf is the unit of a number of bytes that does not name one.
func unitOf(value string) string {
	if strings.HasSuffix(value, "B") {
		return "B"
	}
	return " bytes"
}

// splitEnum returns the values of the rule enum, which are separated by a bar. A backslash takes a bar, a comma and a backslash as they are.
func splitEnum(value string) []string {
	values, one := []string{}, []byte{}
	for i := 0; i < len(value); i++ {
		switch b := value[i]; {
		case b == '|':
			values, one = append(values, string(one)), one[:0]
		case b == '\\' && i+1 < len(value):
			i++
			one = append(one, value[i])
		default:
			one = append(one, b)
		}
	}
	return append(values, string(one))
}

// describeMore appends a sentence to the description.
func (s *schema) describeMore(text string) {
	if s.Description != "" {
		s.Description = strings.TrimSuffix(s.Description, " ") + " "
	}
	s.Description += text
}
