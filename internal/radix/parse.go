package radix

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxVariants bounds the paths that optional segments expand to.
const maxVariants = 64

// Parse parses the pattern of a path, which begins with '/'. The converters in
// custom, which may be nil, are known besides the built-in ones. An error is a
// *[SyntaxError].
func Parse(pattern string, custom Converters) (*Pattern, error) {
	if !strings.HasPrefix(pattern, "/") {
		return nil, &SyntaxError{pattern, 0, "a path must begin with '/'"}
	}
	return parse(pattern, custom)
}

// ParseHost parses the pattern of a host with a path, such as
// "{user}.example.org/x/{id:int}". It differs from [Parse] only in that the
// first segment is the host: it must not be empty and a slash must follow it.
// Bytes are compared as they are; the caller folds the case of hosts.
func ParseHost(pattern string, custom Converters) (*Pattern, error) {
	if pattern == "" || pattern[0] == '/' {
		return nil, &SyntaxError{pattern, 0, "a host is missing before '/'"}
	}
	p, err := parse(pattern, custom)
	if err != nil {
		return nil, err
	}
	slash := false
	for _, part := range p.Parts {
		slash = slash || strings.Contains(part.Literal, "/")
	}
	// A path parameter as the host would swallow the path, too.
	if !slash || p.variants[0].segments[0].path >= 0 {
		return nil, &SyntaxError{pattern, 0, "a host must be followed by '/' and cannot be a path parameter"}
	}
	return p, nil
}

func parse(pattern string, custom Converters) (*Pattern, error) {
	ps := parser{src: pattern, custom: custom, pattern: &Pattern{Source: pattern}}
	if err := ps.parts(); err != nil {
		return nil, err
	}
	if err := ps.variants(); err != nil {
		return nil, err
	}
	return ps.pattern, nil
}

// parser holds what has been read of a pattern.
type parser struct {
	src     string
	custom  Converters
	pattern *Pattern
	offsets []int // of the opening brace of each parameter
}

func (ps *parser) errorf(offset int, format string, args ...any) error {
	return &SyntaxError{ps.src, offset, fmt.Sprintf(format, args...)}
}

// parts reads the whole pattern.
func (ps *parser) parts() error {
	start := 0 // of the literal being read
	for i := 0; i < len(ps.src); {
		switch ps.src[i] {
		case '}':
			return ps.errorf(i, "'}' without '{'")
		case '{':
			end, err := ps.closing(i)
			if err != nil {
				return err
			}
			if err := ps.param(start, i, end); err != nil {
				return err
			}
			i = end + 1
			start = i
		default:
			i++
		}
	}
	if start < len(ps.src) {
		ps.addPart(ps.src[start:], -1)
	}
	return nil
}

func (ps *parser) addPart(literal string, param int) {
	ps.pattern.Parts = append(ps.pattern.Parts, Part{literal, param})
}

// closing returns the offset of the brace that closes the one at open. Braces
// nest; one after a backslash does not count.
func (ps *parser) closing(open int) (int, error) {
	depth := 0
	for i := open; i < len(ps.src); i++ {
		switch ps.src[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i, nil
			}
		}
	}
	return 0, ps.errorf(open, "'{' is not closed")
}

// param reads the parameter between the braces at open and end; the literal
// before it begins at start.
func (ps *parser) param(start, open, end int) error {
	index := len(ps.pattern.Params)
	switch {
	case index == MaxParams:
		return ps.errorf(open, "more than %d parameters", MaxParams)
	case index > 0 && start == open:
		return ps.errorf(open, "parameters need literal text between them")
	}
	var pa Param
	name, converter, typed := strings.Cut(ps.src[open+1:end], ":")
	pa.Name, pa.Optional = strings.CutSuffix(name, "?")
	if err := ps.checkName(pa.Name, open+1); err != nil {
		return err
	}
	if typed {
		if err := ps.converter(&pa, converter, open+2+len(name)); err != nil {
			return err
		}
	} else {
		pa.setString(bounds{})
	}
	if err := ps.checkPlace(&pa, start, open, end); err != nil {
		return err
	}
	ps.pattern.Params = append(ps.pattern.Params, pa)
	ps.offsets = append(ps.offsets, open)

	literal := ps.src[start:open]
	if pa.Optional {
		if literal != "/" {
			ps.addPart(literal[:len(literal)-1], -1)
		}
		literal = "/"
	}
	ps.addPart(literal, index)
	return nil
}

func (ps *parser) checkName(name string, offset int) error {
	if name == "" {
		return ps.errorf(offset, "a parameter needs a name")
	}
	if name[0] == '*' {
		return ps.errorf(offset, "a path parameter is written {name:*}")
	}
	for i, r := range name {
		if r == utf8.RuneError || r != '_' && r != '-' && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return ps.errorf(offset+i, "%q in the name of a parameter: letters, digits, '_', '-' and '.' are allowed", r)
		}
	}
	if ps.pattern.Index(name) >= 0 {
		return ps.errorf(offset, "parameter %q occurs twice", name)
	}
	return nil
}

// checkPlace checks what depends on the text around the parameter.
func (ps *parser) checkPlace(pa *Param, start, open, end int) error {
	if pa.Optional {
		before := open > start && ps.src[open-1] == '/'
		after := end+1 == len(ps.src) || ps.src[end+1] == '/'
		if !before || !after {
			return ps.errorf(open, "an optional parameter must be a whole segment after '/'")
		}
	}
	if pa.Kind == KindPath {
		for i := range ps.pattern.Params {
			if ps.pattern.Params[i].Kind == KindPath {
				return ps.errorf(open, "a second path parameter: %q is one already", ps.pattern.Params[i].Name)
			}
		}
	}
	return nil
}

// converter reads what follows the colon.
func (ps *parser) converter(pa *Param, s string, offset int) error {
	word, args, call, optional := splitConverter(s)
	known := BuiltIn(word)
	fn, isCustom := ps.custom[word]
	isCustom = isCustom && !known
	switch {
	case s == "":
		return ps.errorf(offset, "a converter or a regular expression must follow ':'")
	case s == "*" || s == "*?":
		pa.Kind, pa.key = KindPath, "path"
		optional = s == "*?"
	case word != "" && !known && !isCustom && (!call || looksLikeBounds(args)):
		return ps.errorf(offset, "%s", ps.unknown(pa.Name, word))
	case known:
		if err := pa.configure(builtIn[word], args); err != nil {
			return ps.errorf(offset+len(word)+1+err.offset, "%s: %s", word, err.msg)
		}
	case isCustom:
		if args != "" {
			return ps.errorf(offset+len(word)+1, "converter %q takes no arguments", word)
		}
		pa.Kind, pa.custom, pa.key = KindCustom, fn, "custom "+word
	default:
		optional = false
		if err := ps.regexp(pa, s, offset); err != nil {
			return err
		}
	}
	pa.Converter = s
	if optional {
		pa.Converter = s[:len(s)-1]
		pa.Optional = true
	}
	return nil
}

// splitConverter takes "word", "word(args)" and both with a '?' at the end
// apart. The word is empty if s has no such form.
func splitConverter(s string) (word, args string, call, optional bool) {
	n := 0
	for n < len(s) && (s[n] == '_' || 'a' <= s[n]|0x20 && s[n]|0x20 <= 'z' || n > 0 && isDigit(s[n])) {
		n++
	}
	rest, optional := strings.CutSuffix(s[n:], "?")
	switch {
	case n == 0:
		return "", "", false, false
	case rest == "":
		return s[:n], "", false, optional
	case rest[0] == '(' && closesAtEnd(rest):
		return s[:n], rest[1 : len(rest)-1], true, optional
	}
	return "", "", false, false
}

// closesAtEnd reports whether the parenthesis that s begins with is closed by
// its last byte.
func closesAtEnd(s string) bool {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i == len(s)-1
			}
		}
	}
	return false
}

var boundsLike = regexp.MustCompile(`^(?:signed|(?:min|max|length|minlength|maxlength|fixed_digits)\s*=)`)

// looksLikeBounds tells a mistyped converter from a regular expression that
// begins with a word.
func looksLikeBounds(args string) bool { return boundsLike.MatchString(args) }

func (ps *parser) regexp(pa *Param, s string, offset int) error {
	// Alone first: "a)|(b" would compile inside of the group.
	if _, err := regexp.Compile(s); err != nil {
		return ps.errorf(offset, "%v", err)
	}
	re, err := regexp.Compile(`\A(?:` + s + `)\z`)
	if err != nil {
		return ps.errorf(offset, "%v", err) // nested too deeply with the group
	}
	pa.Kind, pa.Regexp, pa.key = KindRegexp, re, "regexp "+s
	return nil
}

// unknown is the message for a word that is no converter.
func (ps *parser) unknown(name, word string) string {
	names := make([]string, 0, len(builtIn)+len(ps.custom))
	for n := range builtIn {
		names = append(names, n)
	}
	for n := range ps.custom {
		if !BuiltIn(n) {
			names = append(names, n)
		}
	}
	slices.Sort(names)

	hint := ""
	if slices.Contains(names, name) {
		hint = fmt.Sprintf(", did you mean {%s:%s}?", word, name)
	} else if near := nearest(word, names); near != "" {
		hint = fmt.Sprintf(", did you mean %q?", near)
	}
	return fmt.Sprintf("unknown converter %q%s (known: %s; the regular expression is written (%s))",
		word, hint, strings.Join(names, ", "), word)
}

// nearest returns the name at the smallest edit distance, at most 2 and less
// than the word's length, or "".
func nearest(word string, names []string) string {
	best, limit := "", min(2, len(word)-1)
	for _, n := range names {
		if d := EditDistance(word, n); d <= limit {
			best, limit = n, d-1
		}
	}
	return best
}

// EditDistance is the number of bytes to insert, delete or replace to turn a into b (Levenshtein), for suggestions.
func EditDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
