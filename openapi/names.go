package openapi

import (
	"bytes"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

const schemaPrefix = "#/components/schemas/"

// resolve gives all components their names, and references their targets. It returns the components.
func (r *reflector) resolve() (map[string]*schema, error) {
	r.mergeTwins()
	r.nameAll()
	for _, s := range r.refs {
		s.Ref = schemaPrefix + s.target.final().name
	}
	if r.err != nil || len(r.order) == 0 {
		return nil, r.err
	}
	named := map[string]*schema{}
	for _, c := range r.order {
		if c.same == nil {
			named[c.name] = c.schema
		}
	}
	return named, nil
}

func (c *component) final() *component {
	if c.same != nil {
		return c.same
	}
	return c
}

// mergeTwins finds the inputs that are described as their outputs are: equal in themselves, and in all that they refer to.
func (r *reflector) mergeTwins() {
	numbers := map[reflect.Type]string{}
	for _, c := range r.order {
		if numbers[c.typ] == "" {
			numbers[c.typ] = strconv.Itoa(len(numbers) + 1)
		}
	}
	for _, s := range r.refs {
		s.Ref = numbers[s.target.typ] // of either mode, for the comparison
	}
	for _, c := range r.order {
		twin := r.components[componentKey{c.typ, output}]
		if c.mode == input && twin != nil && r.equal(c.schema, twin.schema) {
			c.same = twin
		}
	}
	for changed := true; changed; {
		changed = false
		for _, c := range r.order {
			if c.same != nil && slices.ContainsFunc(c.uses, differs) {
				c.same, changed = nil, true
			}
		}
	}
}

// differs reports whether a component that an input refers to is not that of the output.
func differs(c *component) bool { return c.mode == input && c.same == nil }

func (r *reflector) equal(a, b *schema) bool {
	x, err := json.Marshal(a, json.Deterministic(true))
	if err != nil {
		r.fail("%w", err)
	}
	y, err := json.Marshal(b, json.Deterministic(true))
	if err != nil {
		r.fail("%w", err)
	}
	return bytes.Equal(x, y)
}

// nameAll names components by their types, with the packages where that is not enough, and an input that differs from its output
// by the suffix Input.
func (r *reflector) nameAll() {
	short := map[string][]reflect.Type{}
	for _, c := range r.order {
		name := typeName(c.typ, false)
		if !slices.Contains(short[name], c.typ) {
			short[name] = append(short[name], c.typ)
		}
	}
	byType := map[reflect.Type]string{}
	taken := map[string]bool{}
	for _, c := range r.order { // names that nobody else wants come first
		if name := typeName(c.typ, false); len(short[name]) == 1 || c.typ == problemType {
			byType[c.typ] = name
			taken[name] = true
		}
	}
	for _, c := range r.order {
		if byType[c.typ] == "" {
			byType[c.typ] = unique(typeName(c.typ, true), taken)
		}
	}
	for _, c := range r.order {
		c.name = byType[c.typ]
		if c.mode == input && c.same == nil && r.components[componentKey{c.typ, output}] != nil {
			c.name = unique(c.name+"Input", taken)
		}
	}
}

// unique returns name, or name with a number, and marks it as taken.
func unique(name string, taken map[string]bool) string {
	free := name
	for n := 2; taken[free]; n++ {
		free = name + strconv.Itoa(n)
	}
	taken[free] = true
	return free
}

// typeName makes a name of a type: Page[example.org/films.Film] is PageOfFilm, and when qualified ApiPageOfFilmsFilm.
func typeName(t reflect.Type, qualified bool) string {
	prefix := ""
	if qualified {
		prefix = packageWord(t.PkgPath())
	}
	return prefix + argName(t.Name(), qualified)
}

// argName makes a name of a type as it is written between the brackets of a generic one, with the paths of packages.
func argName(s string, qualified bool) string {
	switch {
	case strings.HasPrefix(s, "*"):
		return argName(s[1:], qualified)
	case strings.HasPrefix(s, "[]"):
		return argName(s[2:], qualified) + "List"
	case strings.HasPrefix(s, "["):
		_, elem, _ := strings.Cut(s, "]")
		return argName(elem, qualified) + "Array"
	case strings.HasPrefix(s, "map["):
		return argName(s[closingBracket(s, 3)+1:], qualified) + "Map"
	}
	base, args := s, ""
	if i := strings.IndexByte(s, '['); i >= 0 {
		base, args = s[:i], s[i+1:closingBracket(s, i)]
	}
	if i := strings.IndexAny(base, " {("); i >= 0 {
		return word(base[:i]) // struct, interface, func
	}
	pkg := ""
	if i := strings.LastIndexByte(base, '.'); i >= 0 {
		pkg, base = base[:i], base[i+1:]
	}
	base, _, _ = strings.Cut(base, "·") // of a type that is declared in a function
	name := word(base)
	if qualified && pkg != "" {
		name = packageWord(pkg) + name
	}
	for i, arg := range splitArgs(args) {
		if i == 0 {
			name += "Of"
		} else {
			name += "And"
		}
		name += argName(arg, qualified)
	}
	return name
}

// closingBracket returns the offset of the bracket that closes the one at open.
func closingBracket(s string, open int) int {
	depth := 0
	for i := open; i < len(s); i++ {
		switch s[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s) - 1
}

// splitArgs splits at the commas outside of brackets, braces and parentheses.
func splitArgs(s string) (args []string) {
	if s == "" {
		return nil
	}
	depth, start := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '[', '{', '(':
			depth++
		case ']', '}', ')':
			depth--
		case ',':
			if depth == 0 {
				args = append(args, s[start:i])
				start = i + 1
			}
		}
	}
	return append(args, s[start:])
}

// packageWord makes a word of the last element of a package's path that is no version.
func packageWord(path string) string {
	elements := strings.Split(path, "/")
	last := elements[len(elements)-1]
	if len(elements) > 1 && len(last) > 1 && last[0] == 'v' && strings.Trim(last[1:], "0123456789") == "" {
		last = elements[len(elements)-2]
	}
	return word(last)
}

// word begins with a capital, as does what follows another character, and holds letters and digits of ASCII, which is what names of
// components may have.
func word(s string) string {
	var b strings.Builder
	up := true
	for _, r := range s {
		switch {
		case r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r):
			up = true
			continue
		case up:
			r = unicode.ToUpper(r)
		}
		up = false
		b.WriteRune(r)
	}
	if b.Len() == 0 {
		return "Type"
	}
	return b.String()
}
