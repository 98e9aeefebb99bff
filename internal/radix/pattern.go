package radix

import (
	"fmt"
	"regexp"
)

// MaxParams is the largest number of parameters in a pattern.
const MaxParams = 16

// Kind tells what a parameter matches. Kinds are ordered by weight: of two
// parameters in the same place, the one of the smaller Kind is tried first.
type Kind uint8

// The kinds of parameters, in order of weight.
const (
	KindAny    Kind = iota // any(a|b)
	KindInt                // int
	KindUint               // uint
	KindUUID               // uuid
	KindFloat              // float
	KindCustom             // a converter of [Converters]
	KindRegexp             // a regular expression
	KindString             // string, and no converter at all
	KindPath               // path and *
)

var kindNames = [...]string{"any", "int", "uint", "uuid", "float", "custom", "regexp", "string", "path"}

// String returns the kind's name: the converter's as it is written in patterns,
// or "custom" or "regexp".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Pattern is a parsed route pattern. It is immutable: callers must not change
// its slices. One Pattern can be added to several trees.
type Pattern struct {
	Source string  // as given to Parse
	Params []Param // in order of appearance
	Parts  []Part  // the pattern in pieces, for building paths

	variants []variant // without optional parameters there is exactly one
}

// Part is literal text followed by at most one parameter. To build a path,
// append the literal and then the parameter's value, part by part. A part whose
// optional parameter is absent is left out, literal included: that literal is
// exactly "/". If nothing remains, or only the host of a [ParseHost] pattern, the
// path is "/".
type Part struct {
	Literal string // raw, not percent-encoded; may be empty
	Param   int    // index into Pattern.Params, or -1
}

// Param is one parameter of a pattern.
type Param struct {
	Name      string
	Converter string // as written, without the mark of an optional one: "", "int(min=1)", "[0-9]+", "*"
	Kind      Kind
	Optional  bool

	// KindString: bounds of the length in characters. MaxLength 0 means no limit.
	MinLength, MaxLength int

	// KindInt and KindFloat: one leading '-' is allowed.
	Signed bool

	// KindInt and KindUint: the exact number of digits, 0 for any. A path is
	// built with zeros in front.
	FixedDigits int

	// Bounds of the value, inclusive. The pair that belongs to Kind is always
	// set; HasMin and HasMax tell whether the pattern names them.
	HasMin, HasMax     bool
	MinInt, MaxInt     int64
	MinUint, MaxUint   uint64
	MinFloat, MaxFloat float64

	Any    []string       // KindAny: the alternatives in the order of the pattern
	Regexp *regexp.Regexp // KindRegexp: anchored at both ends; Converter is the source

	custom           func([]byte) bool // KindCustom; nil accepts everything
	minText, maxText decimal           // KindFloat: the bounds for comparison without conversion
	key              string            // equal for parameters that match the same values
	width            uint64            // orders parameters of one kind: narrower first
}

// String returns the pattern as it was written.
func (p *Pattern) String() string { return p.Source }

// Static reports whether the pattern has no parameters.
func (p *Pattern) Static() bool { return len(p.Params) == 0 }

// Index returns the index in Params of the parameter with the name, or -1.
func (p *Pattern) Index(name string) int {
	for i := range p.Params {
		if p.Params[i].Name == name {
			return i
		}
	}
	return -1
}

// Missing returns the index of the first parameter that must have a value too
// if those in given have one (bit i stands for Params[i]), or -1 if a path can
// be built: all required ones are there, and no optional segment follows
// directly on one that is left out.
func (p *Pattern) Missing(given uint32) int {
	gap := -1 // the first absent parameter of the current run of optional segments
	for _, part := range p.Parts {
		if part.Param < 0 || !p.Params[part.Param].Optional {
			gap = -1
		}
		if part.Param < 0 {
			continue
		}
		switch has := given&(1<<part.Param) != 0; {
		case has && gap >= 0:
			return gap
		case !has && !p.Params[part.Param].Optional:
			return part.Param
		case !has && gap < 0:
			gap = part.Param
		}
	}
	return -1
}

// SyntaxError says what is wrong with a pattern and where.
type SyntaxError struct {
	Pattern string
	Offset  int // of the offending byte in Pattern, from 0
	Msg     string
}

// Error returns the message with the pattern and the offset.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("pattern %q at offset %d: %s", e.Pattern, e.Offset, e.Msg)
}
