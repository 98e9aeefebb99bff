package quart

import "reflect"

// meets reports whether v meets its rules whatever the text says of it. Then nobody has to look into the text, which tells what is absent: a value
// that is not zero was there, and no null, a zero is good where nothing is required and there is no default. False is no verdict: what
// decodes itself can be more than zero for null.
//
// perf: a pass over the text less, BenchmarkBind/quart
func (s *shape) meets(check rulesCheck, v reflect.Value) bool {
	switch {
	case check == nil && !s.checked():
		return true
	case check != nil && check.Required && (s.opaque || v.IsZero()):
		return false
	}
	for s.kind == shapePointer {
		if v.IsNil() {
			return true
		}
		s, v = s.elem, v.Elem()
	}
	if check != nil {
		if check.Value(v) != "" {
			return false
		}
		check = check.Items
	}
	switch {
	case s.kind == shapeObject && s.check:
		return s.membersMeet(v)
	case s.kind == shapeList && (s.check || check != nil):
		for i := range v.Len() {
			if !s.elem.meets(check, v.Index(i)) {
				return false
			}
		}
	case s.kind == shapeDict && (s.check || check != nil):
		return false // they are to be copied
	}
	return true
}

func (s *shape) membersMeet(v reflect.Value) bool {
	for i := range s.members {
		m := &s.members[i]
		if m.check == nil && m.setDefault == nil && !m.shape.check {
			continue
		}
		field, ok := fieldAt(v, m.index)
		if !ok || m.setDefault != nil && field.IsZero() || !m.shape.meets(m.check, field) {
			return false
		}
	}
	return true
}
