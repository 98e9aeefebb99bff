package openapi

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goquart/quart"
)

// pathPart is literal text followed by at most one parameter.
type pathPart struct {
	literal string
	param   int // index into the route's parameters, -1 for none
}

// template is a path of the document.
type template struct {
	path   string // "/films/{id}"
	shape  string // "/films/{}": paths of one shape are one path in a document
	params []int  // indexes into the route's parameters
}

// partsOf takes a pattern, or a host's, apart. The first of its parameters has the index first.
func partsOf(pattern string, first int) (parts []pathPart, next int) {
	for pattern != "" {
		open := strings.IndexByte(pattern, '{')
		if open < 0 {
			return append(parts, pathPart{pattern, -1}), first
		}
		parts = append(parts, pathPart{pattern[:open], first})
		first++
		pattern = pattern[closingBrace(pattern, open)+1:]
	}
	return parts, first
}

// closingBrace returns the offset of the brace that closes the one at open: they nest, and one after a backslash does not count.
func closingBrace(pattern string, open int) int {
	depth := 0
	for i := open; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(pattern) - 1
}

// templatesOf returns the paths that a pattern stands for: several if it has optional parameters, the one with all of them first.
func templatesOf(parts []pathPart, params []quart.Field) []template {
	var list []template
	for _, given := range choices(parts, params) {
		list = append(list, templateOf(parts, params, given))
	}
	return list
}

// choices returns the sets of parts that can be in a path together. Consecutive optional ones are filled from the left.
func choices(parts []pathPart, params []quart.Field) [][]bool {
	optional := func(i int) bool { return parts[i].param >= 0 && !params[parts[i].param].Required }
	sets := [][]bool{make([]bool, len(parts))}
	for i := 0; i < len(parts); {
		if !optional(i) {
			for _, set := range sets {
				set[i] = true
			}
			i++
			continue
		}
		end := i
		for end < len(parts) && optional(end) && (end == i || parts[end].literal == "/") {
			end++
		}
		var more [][]bool
		for _, set := range sets {
			for n := end; n >= i; n-- {
				one := append([]bool(nil), set...)
				for k := i; k < n; k++ {
					one[k] = true
				}
				more = append(more, one)
			}
		}
		sets, i = more, end
	}
	return sets
}

func templateOf(parts []pathPart, params []quart.Field, given []bool) template {
	var t template
	for i, part := range parts {
		literal := part.literal
		if !given[i] { // leaves with the slash before it
			t.addText(strings.TrimSuffix(literal, "/"))
			continue
		}
		t.addText(literal)
		if part.param >= 0 {
			t.params = append(t.params, part.param)
			t.path += "{" + params[part.param].Name + "}"
			t.shape += "{}"
		}
	}
	if t.path == "" {
		t.addText("/")
	}
	return t
}

// addText adds literal text, which patterns have decoded.
func (t *template) addText(literal string) {
	text := (&url.URL{Path: literal}).EscapedPath()
	t.path += text
	t.shape += text
}

// converter splits a converter as patterns have it: "int(min=1)" into the word and its arguments. The word is empty for a regular
// expression, "path" for "*" and "string" for nothing.
func converter(text string) (name string, args map[string]string, alternatives []string) {
	switch text {
	case "":
		return "string", nil, nil
	case "*":
		return "path", nil, nil
	}
	name, rest, call := strings.Cut(text, "(")
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || name == "" {
		return "", nil, nil
	}
	if !call {
		return name, nil, nil
	}
	list, closed := strings.CutSuffix(rest, ")")
	if !closed || !builtIn[name] {
		return "", nil, nil
	}
	if name == "any" {
		return name, nil, strings.Split(list, "|")
	}
	args = map[string]string{}
	for arg := range strings.SplitSeq(list, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(arg), "=")
		args[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return name, args, nil
}

var builtIn = map[string]bool{"any": true, "float": true, "int": true, "path": true, "string": true, "uint": true, "uuid": true}

// narrow adds what a converter demands to the schema of a path parameter.
func (s *schema) narrow(text string) {
	name, args, alternatives := converter(text)
	if s.target != nil {
		return // says itself what it is
	}
	switch name {
	case "":
		if p, ok := ecmaPattern("^(?:" + text + ")$"); ok && s.is("string") {
			s.Pattern = p
		} else {
			s.describeMore("Matches the regular expression (RE2) " + text)
		}
	case "any":
		for _, one := range alternatives {
			s.Enum = append(s.Enum, s.value(stringType, one))
		}
	case "int", "uint", "float":
		s.narrowNumber(name, args)
	case "string":
		s.narrowString(args)
	case "uuid":
		if s.is("string") {
			s.Format = "uuid"
		}
	case "path":
		s.describeMore("The rest of the path, which may contain slashes.")
	}
}

func (s *schema) is(kind string) bool { return len(s.Type) == 1 && s.Type[0] == kind }

func (s *schema) narrowNumber(name string, args map[string]string) {
	if digits := args["fixed_digits"]; digits != "" {
		s.describeMore("Exactly " + digits + " digits.")
		if s.is("string") {
			s.Pattern = "^[0-9]{" + digits + "}$"
		}
	}
	if !s.is("integer") && !s.is("number") {
		return
	}
	_, signed := args["signed"]
	signed = signed && !strings.EqualFold(args["signed"], "false")
	if !signed && (s.Minimum == nil || s.Minimum[0] == '-') {
		s.Minimum = number("0")
	}
	if low := jsontext.Value(args["min"]); isNumber(low) {
		s.Minimum = low
	}
	if high := jsontext.Value(args["max"]); isNumber(high) {
		s.Maximum = high
	}
}

func (s *schema) narrowString(args map[string]string) {
	if !s.is("string") || s.Format != "" || s.Pattern != "" {
		return
	}
	low, high := args["minlength"], args["maxlength"]
	if exact := args["length"]; exact != "" {
		low, high = exact, exact
	}
	if low == "" {
		low = "1" // a parameter is never empty
	}
	if _, err := strconv.Atoi(low); err == nil && s.MinLength == nil {
		s.MinLength = number(low)
	}
	if _, err := strconv.Atoi(high); err == nil && s.MaxLength == nil {
		s.MaxLength = number(high)
	}
}
