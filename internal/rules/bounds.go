package rules

import (
	"fmt"
	"reflect"
	"strings"
)

// checkRanges refuses rules that no value can meet together. They have compiled, each for itself. An error begins with the name of a rule.
func checkRanges(own []Rule, t reflect.Type) error {
	for _, of := range [...]string{"Length", "Items", "Properties"} {
		if err := checkCounts(own, of, t); err != nil {
			return err
		}
	}
	if n := numericOf(t); n != nil {
		return n.checkRange(own)
	}
	return nil
}

func checkCounts(own []Rule, of string, t reflect.Type) error {
	var (
		lower, upper *Rule
		lo, hi       int64
	)
	for i, r := range own {
		if bound, ok := strings.CutSuffix(r.Name, of); ok && bound == "min" {
			lower = &own[i]
			lo, _ = countOf(r, t)
		} else if ok && bound == "max" {
			upper = &own[i]
			hi, _ = countOf(r, t)
		}
	}
	if lower != nil && upper != nil && lo > hi {
		return errApart(lower, upper)
	}
	if t.Kind() != reflect.Array {
		return nil
	}
	if length := int64(t.Len()); lower != nil && lo > length {
		return errNever(lower, t)
	} else if upper != nil && hi < length {
		return errNever(upper, t)
	}
	return nil
}

// end is one end of a range; rule is nil where it is the type's.
type end[T any] struct {
	at   T
	open bool
	rule *Rule
}

func (n *number[T]) checkRange(own []Rule) error {
	lo, hi := end[T]{at: n.lo}, end[T]{at: n.hi}
	for i, r := range own {
		open := strings.HasPrefix(r.Name, "exclusive")
		switch r.Name {
		case "min", "exclusiveMin":
			if b, _ := n.parse(r.Value); b > lo.at || b == lo.at && (open || lo.rule == nil) {
				lo = end[T]{b, open, &own[i]}
			}
		case "max", "exclusiveMax":
			if b, _ := n.parse(r.Value); b < hi.at || b == hi.at && (open || hi.rule == nil) {
				hi = end[T]{b, open, &own[i]}
			}
		}
	}
	switch {
	case lo.at < hi.at && !(n.whole && lo.open && hi.open && hi.at-lo.at == 1), lo.at == hi.at && !lo.open && !hi.open:
		return nil
	case lo.rule == nil:
		return errNever(hi.rule, n.typ)
	case hi.rule == nil:
		return errNever(lo.rule, n.typ)
	}
	return errApart(lo.rule, hi.rule)
}

func errApart(lower, upper *Rule) error {
	return fmt.Errorf("%s=%s and %s=%s leave no value", lower.Name, lower.Value, upper.Name, upper.Value)
}

func errNever(r *Rule, t reflect.Type) error {
	return fmt.Errorf("%s=%s leaves no value of %s", r.Name, r.Value, typeName(t))
}
