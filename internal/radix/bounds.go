package radix

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// bounds are the arguments of a converter before they are checked; nil is
// absent.
type bounds struct {
	min, max, length, minLength, maxLength, fixed *bound
	signed                                        bool
}

type bound struct {
	text   string
	offset int // in the arguments
}

// boundsError is an error in the arguments of a converter.
type boundsError struct {
	offset int // in the arguments
	msg    string
}

// configure sets the parameter up for a built-in converter with arguments.
func (pa *Param) configure(kind Kind, args string) *boundsError {
	pa.Kind = kind
	if kind == KindAny {
		return pa.setAny(args)
	}
	b, err := parseBounds(kind, args)
	if err != nil {
		return err
	}
	switch kind {
	case KindString:
		return pa.setString(b)
	case KindInt:
		return pa.setInt(b)
	case KindUint:
		return pa.setUint(b)
	case KindFloat:
		return pa.setFloat(b)
	}
	pa.key = kind.String()
	return nil
}

var boundNames = map[Kind][]string{
	KindString: {"length", "minlength", "maxlength"},
	KindInt:    {"min", "max", "fixed_digits", "signed"},
	KindUint:   {"min", "max", "fixed_digits"},
	KindFloat:  {"min", "max", "signed"},
}

func parseBounds(kind Kind, args string) (bounds, *boundsError) {
	var b bounds
	if args == "" {
		return b, nil
	}
	offset := 0
	seen := map[string]bool{}
	for arg := range strings.SplitSeq(args, ",") {
		trimmed := strings.TrimLeft(arg, " ")
		at := offset + len(arg) - len(trimmed)
		offset += len(arg) + 1

		name, value, assigned := strings.Cut(trimmed, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		names := boundNames[kind]
		switch {
		case len(names) == 0:
			return b, &boundsError{at, "takes no arguments"}
		case !slices.Contains(names, name):
			return b, &boundsError{at, "unknown argument " + strconv.Quote(name) + " (known: " + strings.Join(names, ", ") + ")"}
		case seen[name]:
			return b, &boundsError{at, "argument " + strconv.Quote(name) + " occurs twice"}
		}
		seen[name] = true
		if err := b.set(name, value, assigned, at); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (b *bounds) set(name, value string, assigned bool, at int) *boundsError {
	if name == "signed" {
		switch {
		case !assigned, value == "true", value == "True":
			b.signed = true
		case value != "false" && value != "False":
			return &boundsError{at, "signed is true or false"}
		}
		return nil
	}
	if value == "" {
		return &boundsError{at, name + " needs a value"}
	}
	field := map[string]**bound{
		"min": &b.min, "max": &b.max, "fixed_digits": &b.fixed,
		"length": &b.length, "minlength": &b.minLength, "maxlength": &b.maxLength,
	}[name]
	*field = &bound{value, at}
	return nil
}

func (pa *Param) setAny(args string) *boundsError {
	if args == "" {
		return &boundsError{0, "needs alternatives, as in any(a|b)"}
	}
	offset := 0
	for s := range strings.SplitSeq(args, "|") {
		switch {
		case s == "":
			return &boundsError{offset, "an alternative is empty"}
		case strings.Contains(s, "/"):
			return &boundsError{offset + strings.Index(s, "/"), "an alternative cannot contain '/'"}
		case strings.Contains(s, ","):
			return &boundsError{offset + strings.Index(s, ","), "alternatives are separated by '|'"}
		case slices.Contains(pa.Any, s):
			return &boundsError{offset, "alternative " + strconv.Quote(s) + " occurs twice"}
		}
		pa.Any = append(pa.Any, s)
		offset += len(s) + 1
	}
	sorted := slices.Clone(pa.Any)
	slices.Sort(sorted)
	pa.key = "any " + strings.Join(sorted, "|")
	pa.width = uint64(len(sorted))
	return nil
}

// small reads a positive int, as for lengths.
func (b *bound) small(limit int) (int, *boundsError) {
	n, err := strconv.Atoi(b.text)
	if err != nil || n < 1 || n > limit {
		return 0, &boundsError{b.offset, b.text + " is not a number from 1 to " + strconv.Itoa(limit)}
	}
	return n, nil
}

func (pa *Param) setString(b bounds) *boundsError {
	const limit = math.MaxInt32
	pa.Kind, pa.MinLength = KindString, 1
	if b.length != nil && (b.minLength != nil || b.maxLength != nil) {
		return &boundsError{b.length.offset, "length excludes minlength and maxlength"}
	}
	if b.length != nil {
		b.minLength, b.maxLength = b.length, b.length
	}
	var err *boundsError
	if b.minLength != nil {
		if pa.MinLength, err = b.minLength.small(limit); err != nil {
			return err
		}
	}
	pa.width = math.MaxUint64 - uint64(pa.MinLength)
	if b.maxLength != nil {
		if pa.MaxLength, err = b.maxLength.small(limit); err != nil {
			return err
		}
		if pa.MaxLength < pa.MinLength {
			return &boundsError{b.maxLength.offset, "maxlength is less than minlength"}
		}
		pa.width = uint64(pa.MaxLength - pa.MinLength)
	}
	pa.key = "string " + strconv.Itoa(pa.MinLength) + " " + strconv.Itoa(pa.MaxLength)
	return nil
}

func (pa *Param) setFixed(b *bound, limit int) *boundsError {
	if b == nil {
		return nil
	}
	n, err := b.small(limit)
	if err != nil {
		return err
	}
	pa.FixedDigits = n
	width := uint64(1)
	for range n {
		if width > math.MaxUint64/10 {
			return nil
		}
		width *= 10
	}
	pa.width = min(pa.width, width-1)
	return nil
}

func (pa *Param) setInt(b bounds) *boundsError {
	pa.Signed = b.signed
	pa.MaxInt = math.MaxInt64
	if b.signed {
		pa.MinInt = math.MinInt64
	}
	parse := func(b *bound, has *bool, n *int64) *boundsError {
		if b == nil {
			return nil
		}
		v, err := strconv.ParseInt(b.text, 10, 64)
		switch {
		case err != nil:
			return &boundsError{b.offset, b.text + " is not an int64"}
		case v < 0 && !pa.Signed:
			return &boundsError{b.offset, b.text + " is negative and the parameter is not signed"}
		}
		*has, *n = true, v
		return nil
	}
	if err := parse(b.min, &pa.HasMin, &pa.MinInt); err != nil {
		return err
	}
	if err := parse(b.max, &pa.HasMax, &pa.MaxInt); err != nil {
		return err
	}
	if pa.MinInt > pa.MaxInt {
		return &boundsError{b.either().offset, "min is greater than max"}
	}
	pa.width = uint64(pa.MaxInt) - uint64(pa.MinInt)
	if err := pa.setFixed(b.fixed, 19); err != nil {
		return err
	}
	pa.key = strings.Join([]string{
		"int", strconv.FormatBool(pa.Signed), strconv.Itoa(pa.FixedDigits),
		strconv.FormatInt(pa.MinInt, 10), strconv.FormatInt(pa.MaxInt, 10),
	}, " ")
	return nil
}

// either returns a bound to point at when both contradict each other.
func (b *bounds) either() *bound {
	if b.max != nil {
		return b.max
	}
	return b.min
}

func (pa *Param) setUint(b bounds) *boundsError {
	pa.MaxUint = math.MaxUint64
	parse := func(b *bound, has *bool, n *uint64) *boundsError {
		if b == nil {
			return nil
		}
		v, err := strconv.ParseUint(b.text, 10, 64)
		if err != nil {
			return &boundsError{b.offset, b.text + " is not a uint64"}
		}
		*has, *n = true, v
		return nil
	}
	if err := parse(b.min, &pa.HasMin, &pa.MinUint); err != nil {
		return err
	}
	if err := parse(b.max, &pa.HasMax, &pa.MaxUint); err != nil {
		return err
	}
	if pa.MinUint > pa.MaxUint {
		return &boundsError{b.either().offset, "min is greater than max"}
	}
	pa.width = pa.MaxUint - pa.MinUint
	if err := pa.setFixed(b.fixed, 20); err != nil {
		return err
	}
	pa.key = strings.Join([]string{
		"uint", strconv.Itoa(pa.FixedDigits),
		strconv.FormatUint(pa.MinUint, 10), strconv.FormatUint(pa.MaxUint, 10),
	}, " ")
	return nil
}

func (pa *Param) setFloat(b bounds) *boundsError {
	pa.Signed = b.signed
	pa.MinFloat, pa.MaxFloat = math.Inf(-1), math.Inf(1)
	pa.width = 6
	if b.signed {
		pa.width++
	}
	parse := func(b *bound, has *bool, n *float64, text *decimal) *boundsError {
		if b == nil {
			return nil
		}
		v, err := strconv.ParseFloat(b.text, 64)
		switch {
		case err != nil || math.IsInf(v, 0) || math.IsNaN(v):
			return &boundsError{b.offset, b.text + " is not a finite number"}
		case v < 0 && !pa.Signed:
			return &boundsError{b.offset, b.text + " is negative and the parameter is not signed"}
		}
		*has, *n = true, v
		*text = newDecimal(strconv.FormatFloat(v, 'f', -1, 64))
		pa.width -= 2
		return nil
	}
	if err := parse(b.min, &pa.HasMin, &pa.MinFloat, &pa.minText); err != nil {
		return err
	}
	if err := parse(b.max, &pa.HasMax, &pa.MaxFloat, &pa.maxText); err != nil {
		return err
	}
	if pa.MinFloat > pa.MaxFloat {
		return &boundsError{b.either().offset, "min is greater than max"}
	}
	pa.key = strings.Join([]string{
		"float", strconv.FormatBool(pa.Signed),
		strconv.FormatFloat(pa.MinFloat, 'g', -1, 64), strconv.FormatFloat(pa.MaxFloat, 'g', -1, 64),
	}, " ")
	return nil
}
