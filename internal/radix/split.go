package radix

import "bytes"

// split matches the segment against path[pos:end] and sets the spans of its
// parameters.
func (s *segment) split(path []byte, pos, end int, spans []Span) bool {
	if end-pos < len(s.prefix) || string(path[pos:pos+len(s.prefix)]) != s.prefix {
		return false
	}
	pos += len(s.prefix)
	if len(s.params) == 0 {
		return pos == end
	}
	suffix := s.literals[len(s.literals)-1]
	if end-pos <= len(suffix) || string(path[end-len(suffix):end]) != suffix {
		return false
	}
	end -= len(suffix)
	if len(s.params) == 1 {
		spans[0] = Span{uint32(pos), uint32(end)}
		return s.params[0].accepts(path[pos:end])
	}
	sp := splitter{
		segment: s,
		text:    path[:end],
		spans:   spans,
		budget:  splitBudget(end - pos),

		firstSlash: end,
		lastSlash:  -1,
	}
	if s.path >= 0 {
		sp.firstSlash = segmentEnd(sp.text, pos)
		sp.lastSlash = bytes.LastIndexByte(sp.text, '/')
	}
	return sp.run(0, pos)
}

// splitBudget bounds the work of the splitter in one segment of n bytes. It is
// counted in bytes looked at, 4 times as much for a regular expression and the
// like, and allows some hundreds of failing candidates in a segment of usual
// length. String and path parameters take nothing from it.
func splitBudget(n int) int { return 32<<10 + 16*n }

// splitter distributes a segment among its parameters: each takes as much as it
// can, from the left, so that the rest matches.
//
// Parameters that accept any text are tried once per place where they can end,
// whatever stands before them, which is linear. The budget bounds the others.
type splitter struct {
	*segment
	text       []byte // the path up to the end of the last parameter
	spans      []Span
	firstSlash int // parameters before the path parameter end here at the latest
	lastSlash  int // the path parameter ends after it
	budget     int
	tried      [MaxParams]int // ends from here on have failed; 0 for none
}

// run matches the parameters from i on against the text from start on, which is
// long enough for a byte of each.
func (sp *splitter) run(i, start int) bool {
	if i == len(sp.params)-1 {
		return sp.last(i, start)
	}
	lo, hi := start+1, len(sp.text)-sp.need[i]
	if i < sp.path {
		hi = min(hi, sp.firstSlash)
	}
	pa := sp.params[i]
	switch {
	case hi < lo:
		return false
	case pa.Kind == KindPath:
		return sp.text[start] != '/' && sp.free(i, start, max(lo, sp.lastSlash+1), hi)
	case pa.plain():
		return sp.free(i, start, lo, hi)
	}
	return sp.bound(i, start, lo, hi)
}

func (sp *splitter) last(i, start int) bool {
	sp.spans[i] = Span{uint32(start), uint32(len(sp.text))}
	return sp.accepts(i, start, len(sp.text))
}

// free tries the ends from hi down to lo of a parameter that accepts any text.
func (sp *splitter) free(i, start, lo, hi int) bool {
	if sp.tried[i] > 0 {
		hi = min(hi, sp.tried[i]-1)
	}
	literal := sp.literals[i]
	for hi >= lo && sp.budget >= 0 {
		j := lastIndex(sp.text[lo:hi+len(literal)], literal)
		if j < 0 {
			break
		}
		end := lo + j
		if sp.run(i+1, end+len(literal)) {
			sp.spans[i] = Span{uint32(start), uint32(end)}
			return true
		}
		hi = end - 1
	}
	if sp.tried[i] == 0 || lo < sp.tried[i] {
		sp.tried[i] = lo
	}
	return false
}

// bound tries the ends of a parameter that does not accept every text.
func (sp *splitter) bound(i, start, lo, hi int) bool {
	reach := sp.params[i].reach(sp.text[start:hi])
	sp.budget -= 1 + reach
	hi = start + reach
	literal := sp.literals[i]
	for hi >= lo && sp.budget >= 0 {
		j := lastIndex(sp.text[lo:hi+len(literal)], literal)
		if j < 0 {
			break
		}
		end := lo + j
		if sp.accepts(i, start, end) && sp.run(i+1, end+len(literal)) {
			sp.spans[i] = Span{uint32(start), uint32(end)}
			return true
		}
		hi = end - 1
	}
	return false
}

// accepts asks the parameter and charges the budget.
func (sp *splitter) accepts(i, start, end int) bool {
	pa := sp.params[i]
	cost := 1 + end - start
	switch {
	case pa.Kind == KindPath || pa.plain():
		cost = 0
	case pa.Kind == KindRegexp || pa.Kind == KindCustom || pa.Kind == KindString:
		cost *= 4
	}
	sp.budget -= cost
	return sp.budget >= 0 && pa.accepts(sp.text[start:end])
}

// lastIndex is bytes.LastIndex for a string, which must not be empty.
func lastIndex(text []byte, literal string) int {
	for end := len(text) - len(literal) + 1; end > 0; {
		i := bytes.LastIndexByte(text[:end], literal[0])
		if i < 0 || string(text[i:i+len(literal)]) == literal {
			return i
		}
		end = i
	}
	return -1
}

// reach returns how many bytes of text the parameter can take at most.
func (pa *Param) reach(text []byte) int {
	switch pa.Kind {
	case KindInt, KindUint:
		sign := 0
		if pa.Signed && len(text) > 0 && text[0] == '-' {
			sign = 1
		}
		return sign + digits(text[sign:])
	case KindFloat:
		n := 0
		for n < len(text) && (isDigit(text[n]) || text[n] == '.' || n == 0 && text[n] == '-') {
			n++
		}
		return n
	case KindUUID:
		return min(len(text), 36)
	case KindAny:
		n := 0
		for _, s := range pa.Any {
			n = max(n, len(s))
		}
		return min(len(text), n)
	case KindString:
		// Invalid UTF-8 counts a character per byte, so 4 bytes are the most.
		if pa.MaxLength > 0 && pa.MaxLength < len(text)/4 {
			return 4 * pa.MaxLength
		}
	}
	return len(text)
}
