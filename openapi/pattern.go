package openapi

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The characters that are escaped.
const (
	outsideClass = `\.+*?()|[]{}^$/`
	insideClass  = `\]^-[`
)

// maxClass bounds the ranges of a character class that is written out: \pL has hundreds.
const maxClass = 32

// ecmaPattern writes a regular expression of package regexp in the syntax of ECMA-262, which JSON Schema asks for, with the same meaning. It
// is not ok when there is none: for (?m) and \B among others, and for the large classes of Unicode.
func ecmaPattern(re string) (pattern string, ok bool) {
	tree, err := syntax.Parse(re, syntax.Perl)
	if err != nil {
		return "", false
	}
	if sameInBoth(re) {
		return re, true
	}
	var w patternWriter
	w.write(tree)
	return w.String(), !w.failed
}

// sameInBoth reports whether re is written with what means the same in both, in ECMA-262 with the flag u, by which JSON Schema has patterns
// read: it is kept as it is, for people.
func sameInBoth(re string) bool {
	inClass, inRepeat := false, false
	for i := 0; i < len(re); i++ {
		switch c := re[i]; {
		case c >= 0x80 || c < ' ':
			return false
		case c == '\\':
			i++
			if !sameEscape(re[i:], inClass) {
				return false
			}
		case inClass:
			if c == '[' {
				return false // [[:alpha:]]
			}
			inClass = c != ']'
		case c == '[':
			inClass = true
			if rest := strings.TrimPrefix(re[i+1:], "^"); strings.HasPrefix(rest, "]") {
				return false // a literal one for RE2
			}
		case c == '.':
			return false // takes \r for RE2
		case c == '(' && strings.HasPrefix(re[i+1:], "?") && !strings.HasPrefix(re[i+1:], "?:"):
			return false
		case c == ']', c == '}' && !inRepeat:
			return false
		case c == '{' && !opensRepeat(re[i:]):
			return false
		case c == '{', c == '}':
			inRepeat = c == '{'
		case (c == '^' || c == '$') && i+1 < len(re) && strings.IndexByte("*+?{", re[i+1]) >= 0:
			return false // nothing to repeat
		}
	}
	return true
}

// sameEscape is sameInBoth for what is behind a backslash.
func sameEscape(rest string, inClass bool) bool {
	switch {
	case rest == "":
		return false
	case strings.IndexByte("dDwW", rest[0]) >= 0: // with u they begin no range: [\w-.]
		return !inClass || !strings.HasPrefix(rest[1:], "-") || strings.HasPrefix(rest[1:], "-]")
	case rest[0] == '-':
		return inClass
	}
	return strings.IndexByte(`.*+?()[]{}|^$\/`, rest[0]) >= 0
}

// opensRepeat reports whether s begins with {2}, {2,} or {2,4}.
func opensRepeat(s string) bool {
	inner, _, closed := strings.Cut(s[1:], "}")
	return closed && inner != "" && inner[0] != ',' && strings.Trim(inner, "0123456789,") == "" && strings.Count(inner, ",") <= 1
}

// patternWriter writes the tree of a regular expression.
type patternWriter struct {
	strings.Builder
	failed bool
}

func (w *patternWriter) write(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		w.WriteString("(?:)")
	case syntax.OpLiteral:
		w.literal(re)
	case syntax.OpCharClass:
		w.class(re.Rune)
	case syntax.OpAnyCharNotNL:
		w.WriteString(`[^\n]`)
	case syntax.OpAnyChar:
		w.WriteString(`[\s\S]`)
	case syntax.OpBeginText:
		w.WriteByte('^')
	case syntax.OpEndText:
		w.WriteByte('$')
	case syntax.OpWordBoundary:
		w.WriteString(`\b`)
	case syntax.OpNoWordBoundary:
		w.WriteString(`\B`)
	case syntax.OpCapture:
		w.group("(", re.Sub[0])
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		w.repeat(re)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			w.part(sub)
		}
	case syntax.OpAlternate:
		for i, sub := range re.Sub {
			if i > 0 {
				w.WriteByte('|')
			}
			w.write(sub)
		}
	default: // OpNoMatch, and lines by (?m)
		w.failed = true
	}
}

func (w *patternWriter) group(open string, re *syntax.Regexp) {
	w.WriteString(open)
	w.write(re)
	w.WriteByte(')')
}

// part writes a part of a concatenation.
func (w *patternWriter) part(re *syntax.Regexp) {
	if re.Op == syntax.OpAlternate {
		w.group("(?:", re)
		return
	}
	w.write(re)
}

func (w *patternWriter) repeat(re *syntax.Regexp) {
	sub := re.Sub[0]
	single := sub.Op == syntax.OpCharClass || sub.Op == syntax.OpCapture || sub.Op == syntax.OpAnyChar || sub.Op == syntax.OpAnyCharNotNL ||
		sub.Op == syntax.OpLiteral && len(sub.Rune) == 1
	if single {
		w.write(sub)
	} else {
		w.group("(?:", sub)
	}
	switch re.Op {
	case syntax.OpStar:
		w.WriteByte('*')
	case syntax.OpPlus:
		w.WriteByte('+')
	case syntax.OpQuest:
		w.WriteByte('?')
	default:
		w.WriteByte('{')
		w.WriteString(strconv.Itoa(re.Min))
		if re.Max != re.Min {
			w.WriteByte(',')
		}
		if re.Max > re.Min {
			w.WriteString(strconv.Itoa(re.Max))
		}
		w.WriteByte('}')
	}
	if re.Flags&syntax.NonGreedy != 0 {
		w.WriteByte('?')
	}
}

func (w *patternWriter) literal(re *syntax.Regexp) {
	for _, r := range re.Rune {
		if re.Flags&syntax.FoldCase != 0 {
			w.folded(r)
			continue
		}
		w.char(r, outsideClass)
	}
}

// folded writes a letter in all its cases.
func (w *patternWriter) folded(r rune) {
	cases := []rune{r}
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		cases = append(cases, f)
	}
	if len(cases) == 1 {
		w.char(r, outsideClass)
		return
	}
	slices.Sort(cases)
	w.WriteByte('[')
	for _, one := range cases {
		w.char(one, insideClass)
	}
	w.WriteByte(']')
}

// class writes a character class, as its complement if that is shorter.
func (w *patternWriter) class(ranges []rune) {
	const last = 0x10FFFF
	switch {
	case len(ranges) == 0:
		w.WriteString(`[^\s\S]`) // [] is for ECMA-262 alone
		return
	case len(ranges) == 2 && ranges[0] == 0 && ranges[1] == last:
		w.WriteString(`[\s\S]`)
		return
	}
	w.WriteByte('[')
	if ranges[0] == 0 && ranges[len(ranges)-1] == last {
		w.WriteByte('^')
		ranges = ranges[1 : len(ranges)-1] // the gaps between the ranges, each too wide by one at both ends
		for i := 0; i+1 < len(ranges); i += 2 {
			w.span(ranges[i]+1, ranges[i+1]-1)
		}
	} else {
		for i := 0; i+1 < len(ranges); i += 2 {
			w.span(ranges[i], ranges[i+1])
		}
	}
	w.WriteByte(']')
	w.failed = w.failed || len(ranges) > 2*maxClass
}

func (w *patternWriter) span(lo, hi rune) {
	w.char(lo, insideClass)
	if hi > lo {
		if hi > lo+1 {
			w.WriteByte('-')
		}
		w.char(hi, insideClass)
	}
}

// char writes one character, escaped if it is one of special. Beyond the first plane a pattern means two different things with and
// without the flag u: that is left out.
func (w *patternWriter) char(r rune, special string) {
	switch {
	case strings.ContainsRune(special, r):
		w.WriteByte('\\')
		w.WriteRune(r)
	case r < ' ' || r == 0x7F || r >= 0xD800 && r <= 0xDFFF || r == 0x2028 || r == 0x2029 || r == 0xFFFD || r == 0xFFFF:
		fmt.Fprintf(w, `\u%04X`, r)
	case r > 0xFFFF:
		w.failed = true
	default:
		w.WriteRune(r)
	}
}
