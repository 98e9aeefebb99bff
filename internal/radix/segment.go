package radix

import (
	"cmp"
	"strconv"
	"strings"
)

// variant is a pattern with a choice of its optional parameters made.
type variant struct {
	segments []segment
	slots    []uint8 // index in Pattern.Params of each parameter of the variant
}

// segment is the text between two slashes of a variant: a literal, and then
// parameters, each followed by a literal. Only the last literal may be empty.
type segment struct {
	prefix   string
	params   []*Param
	literals []string // literals[i] follows params[i]
	need     []int    // need[i] bytes at least must follow the value of params[i], without the last literal
	path     int      // index of the path parameter in params, or -1
}

// variants expands the optional parameters.
func (ps *parser) variants() error {
	masks := ps.masks()
	if len(masks) > maxVariants {
		return ps.errorf(ps.firstOptional(), "the optional parameters stand for more than %d patterns", maxVariants)
	}
	seen := map[string]bool{}
	for _, mask := range masks {
		v := ps.pattern.variant(mask)
		shape := v.shape()
		if seen[shape] {
			return ps.errorf(ps.firstOptional(), "the optional parameters make the pattern ambiguous: a value fits more than one of them")
		}
		seen[shape] = true
		ps.pattern.variants = append(ps.pattern.variants, v)
	}
	return nil
}

func (ps *parser) firstOptional() int {
	for i := range ps.pattern.Params {
		if ps.pattern.Params[i].Optional {
			return ps.offsets[i]
		}
	}
	return 0
}

// masks returns the sets of parameters that can be given together; bit i stands
// for Params[i]. It stops soon after there are too many.
func (ps *parser) masks() []uint32 {
	masks := []uint32{0}
	parts := ps.pattern.Parts
	for i := 0; i < len(parts) && len(masks) <= maxVariants; {
		param := parts[i].Param
		switch {
		case param < 0:
			i++
		case !ps.pattern.Params[param].Optional:
			for j := range masks {
				masks[j] |= 1 << param
			}
			i++
		default:
			// A run of optional segments, which are filled from the left.
			base := masks
			var run uint32
			for ; i < len(parts) && parts[i].Param >= 0 && ps.pattern.Params[parts[i].Param].Optional; i++ {
				run |= 1 << parts[i].Param
				for _, m := range base {
					masks = append(masks, m|run)
				}
			}
		}
	}
	return masks
}

// variant returns the variant with the parameters in given.
func (p *Pattern) variant(given uint32) variant {
	var b segments
	b.start()
	var slots []uint8
	for _, part := range p.Parts {
		if part.Param >= 0 && given&(1<<part.Param) == 0 {
			continue
		}
		b.literal(part.Literal)
		if part.Param >= 0 {
			b.param(&p.Params[part.Param])
			slots = append(slots, uint8(part.Param))
		}
	}
	if len(b) == 1 {
		b.start() // every optional segment is absent: "/" remains
	}
	for i := range b {
		b[i].measure()
	}
	return variant{b, slots}
}

func (v *variant) shape() string {
	var b strings.Builder
	for i := range v.segments {
		b.WriteByte('/')
		b.WriteString(strconv.Quote(v.segments[i].prefix))
		v.segments[i].writeKey(&b)
	}
	return b.String()
}

// segments is a list under construction.
type segments []segment

func (b *segments) start() { *b = append(*b, segment{path: -1}) }

func (b *segments) literal(s string) {
	for {
		text, rest, slash := strings.Cut(s, "/")
		last := &(*b)[len(*b)-1]
		if n := len(last.literals); n > 0 {
			last.literals[n-1] += text
		} else {
			last.prefix += text
		}
		if !slash {
			return
		}
		b.start()
		s = rest
	}
}

func (b *segments) param(pa *Param) {
	last := &(*b)[len(*b)-1]
	if pa.Kind == KindPath {
		last.path = len(last.params)
	}
	last.params = append(last.params, pa)
	last.literals = append(last.literals, "")
}

func (s *segment) measure() {
	s.need = make([]int, len(s.params))
	for i := len(s.params) - 2; i >= 0; i-- {
		s.need[i] = len(s.literals[i]) + 1 + s.need[i+1]
	}
}

func (s *segment) writeKey(b *strings.Builder) {
	for i, pa := range s.params {
		b.WriteByte('{')
		b.WriteString(strconv.Quote(pa.key))
		b.WriteByte('}')
		b.WriteString(strconv.Quote(s.literals[i]))
	}
}

// compareSegments orders what follows equal text: negative if a is tried first.
// The tails are the numbers of segments that follow; they count after a path
// parameter only.
func compareSegments(a, b *segment, aTail, bTail int) int {
	for i := range min(len(a.params), len(b.params)) {
		if c := compareParams(a.params[i], b.params[i]); c != 0 {
			return c
		}
		if c := cmp.Compare(bTail, aTail); c != 0 && a.params[i].Kind == KindPath {
			return c
		}
		if c := compareLiterals(a.literals[i], b.literals[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(b.params), len(a.params))
}

// compareParams orders parameters in the same place.
func compareParams(a, b *Param) int {
	return cmp.Or(
		cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.width, b.width),
		cmp.Compare(a.key, b.key),
	)
}

// compareLiterals puts the longer text first.
func compareLiterals(a, b string) int {
	return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
}
