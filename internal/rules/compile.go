package rules

import (
	"errors"
	"fmt"
	"mime/multipart"
	"reflect"
	"strings"
	"time"
)

// Check is what a tag was compiled to. It does not change: any number of goroutines may use it at once.
type Check struct {
	Required bool   // the value must be there: the caller looks, since a reflect.Value does not tell
	Items    *Check // for each element of the list, nil for none: the caller walks, since it knows the paths
	tests    []test
}

// test looks at a value that is no pointer, and returns what is wrong with it.
type test func(v reflect.Value) (detail string)

var (
	fileType     = reflect.TypeFor[multipart.FileHeader]()
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)

// Compile makes the check of a tag for values of type t; nil for an empty tag. It follows pointers, so t may be one. An error names the rule and
// why it cannot be: it does not fit t, its value does not, or no value could pass.
func Compile(tag string, t reflect.Type) (*Check, error) {
	list, err := Parse(tag)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return compile(list, t, "")
}

func compile(list []Rule, t reflect.Type, prefix string) (*Check, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var (
		c     = new(Check)
		own   []Rule
		items []Rule
	)
	for _, r := range list {
		if name, ok := strings.CutPrefix(r.Name, itemsPrefix); ok {
			items = append(items, Rule{name, r.Value})
			continue
		}
		if r.Name == "required" {
			c.Required = true
			continue
		}
		own = append(own, r)
	}
	if err := c.addTests(own, t); err != nil {
		return nil, fmt.Errorf("rule %s%w", prefix, err)
	}
	if len(items) == 0 {
		return c, nil
	}
	if !isList(t) {
		return nil, fmt.Errorf("rule %s%s%s does not fit %s, which has no items", prefix, itemsPrefix, items[0].Name, typeName(t))
	}
	var err error
	if c.Items, err = compile(items, t.Elem(), prefix+itemsPrefix); err != nil {
		return nil, err
	}
	return c, nil
}

// addTests compiles the rules that are for the value itself. An error begins with the name of the rule.
func (c *Check) addTests(own []Rule, t reflect.Type) error {
	for _, r := range own {
		tst, err := compileRule(r, t)
		if err != nil {
			return fmt.Errorf("%s %w", r.Name, err)
		}
		c.tests = append(c.tests, tst)
	}
	return checkRanges(own, t)
}

var errInterface = errors.New("does not fit an interface, whose type is known only when there is a value")

func compileRule(r Rule, t reflect.Type) (test, error) {
	if t.Kind() == reflect.Interface {
		return nil, errInterface
	}
	switch r.Name {
	case "minLength", "maxLength":
		return lengthTest(r, t)
	case "pattern":
		return patternTest(r, t)
	case "format":
		return formatTest(r, t)
	case "enum":
		return enumTest(r, t)
	case "minItems", "maxItems":
		return itemsTest(r, t)
	case "uniqueItems":
		return uniqueTest(t)
	case "minProperties", "maxProperties":
		return propertiesTest(r, t)
	}
	return numberTest(r, t)
}

// Value returns what is wrong with v, a value of the type that the check was compiled for: by the first rule of the tag that it does not
// meet, in words for a client ("must be at least 1"), or "" when it meets all. Pointers are followed, and one that is nil passes. A nil slice or map is an
// empty one. Required and Items are left to the caller. 0 allocations, whatever comes out; only uniqueItems takes memory, for
// lists of more than 32,768 elements. A nil Check passes everything.
func (c *Check) Value(v reflect.Value) (detail string) {
	if c == nil {
		return ""
	}
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	for _, t := range c.tests {
		if detail = t(v); detail != "" {
			return detail
		}
	}
	return ""
}

// isBytes reports whether values of t are bytes: text or a base64 string outside of Go, not a list.
func isBytes(t reflect.Type) bool {
	k := t.Kind()
	return (k == reflect.Slice || k == reflect.Array) && t.Elem().Kind() == reflect.Uint8
}

// isList reports whether values of t are lists of elements.
func isList(t reflect.Type) bool {
	k := t.Kind()
	return (k == reflect.Slice || k == reflect.Array) && !isBytes(t)
}

// errNotFor says that a rule is not for t.
func errNotFor(t reflect.Type, fits string) error {
	return fmt.Errorf("does not fit %s: it is for %s", typeName(t), fits)
}

// typeName is the type with its article: "an int", "a []string".
func typeName(t reflect.Type) string {
	name := t.String()
	if strings.IndexByte("aeio", name[0]) >= 0 { // not u: a uint
		return "an " + name
	}
	return "a " + name
}
