package openapi

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// member is a field of a struct as a member of a JSON object.
type member struct {
	reflect.StructField
	name     string
	tagged   bool // its name is in the tag
	omits    bool // omitempty or omitzero
	quoted   bool // the option string
	optional bool // below an embedded pointer, which may be nil
	depth    int
}

// membersOf returns the members of t's JSON object, in the order of the fields, and the element type of the map that takes all other
// members, nil without one.
func membersOf(t reflect.Type) (list []member, rest reflect.Type) {
	w := memberWalk{}
	w.walk(t, 0, false, map[reflect.Type]bool{})
	return dominant(w.list), w.rest
}

type memberWalk struct {
	list []member
	rest reflect.Type
}

func (w *memberWalk) walk(t reflect.Type, depth int, optional bool, above map[reflect.Type]bool) {
	if above[t] {
		return // embeds itself: what is deeper is hidden
	}
	above[t] = true
	defer delete(above, t)
	for i := range t.NumField() {
		sf := t.Field(i)
		m, embed, ok := memberOf(sf)
		if !ok {
			continue
		}
		if !embed {
			m.depth, m.optional = depth, optional
			w.list = append(w.list, m)
			continue
		}
		inner, nilable := sf.Type, false
		if inner.Kind() == reflect.Pointer {
			inner, nilable = inner.Elem(), true
		}
		switch inner.Kind() {
		case reflect.Struct:
			w.walk(inner, depth+1, optional || nilable, above)
		case reflect.Map:
			w.rest = inner.Elem()
		default: // jsontext.Value
			w.rest = anyType
		}
	}
}

// memberOf reads the json tag of a field: embed says that the members of its type are the struct's own.
func memberOf(sf reflect.StructField) (m member, embed, ok bool) {
	tag, tagged := sf.Tag.Lookup("json")
	if tag == "-" || !sf.IsExported() && !sf.Anonymous {
		return m, false, false
	}
	name, options := cutName(tag)
	m = member{StructField: sf, name: cmp.Or(name, sf.Name), tagged: name != ""}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty", "omitzero":
			m.omits = true
		case "string":
			m.quoted = true
		case "embed":
			embed = true
		}
	}
	if sf.Anonymous && name == "" && structBehind(sf.Type) {
		embed = true
	}
	if !embed && !sf.IsExported() || !tagged && !embed && !encodable(sf.Type) {
		return m, false, false
	}
	return m, embed, true
}

// cutName takes the name of a json tag off, which may be in single quotes.
func cutName(tag string) (name, options string) {
	if !strings.HasPrefix(tag, "'") {
		name, options, _ = strings.Cut(tag, ",")
		return name, options
	}
	end := strings.IndexByte(tag[1:], '\'')
	if end < 0 {
		return "", ""
	}
	name, err := strconv.Unquote(`"` + strings.ReplaceAll(tag[1:1+end], `"`, `\"`) + `"`)
	if err != nil {
		return "", ""
	}
	return name, strings.TrimPrefix(tag[2+end:], ",")
}

func structBehind(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && !madeByMethod(t)
}

// encodable reports whether there is JSON for t at all.
func encodable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return madeByMethod(t)
	}
	return true
}

// dominant leaves one member of each name: the shallowest; of several of these the one whose name is in its tag; none where that is not
// one either.
func dominant(list []member) []member {
	byName := map[string][]int{}
	for i := range list {
		byName[list[i].name] = append(byName[list[i].name], i)
	}
	var kept []member
	for i := range list {
		if winner(list, byName[list[i].name]) == i {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// winner returns which of the members at indexes, which have one name, counts; -1 for none.
func winner(list []member, indexes []int) int {
	best, ties := -1, 0
	for _, i := range indexes {
		switch c := rank(&list[i], list, best); {
		case c > 0:
			best, ties = i, 0
		case c == 0:
			ties++
		}
	}
	if ties > 0 {
		return -1
	}
	return best
}

// rank is positive if m goes before the best so far, 0 if they are equal.
func rank(m *member, list []member, best int) int {
	if best < 0 {
		return 1
	}
	b := &list[best]
	if m.depth != b.depth {
		return b.depth - m.depth
	}
	switch {
	case m.tagged && !b.tagged:
		return 1
	case b.tagged && !m.tagged:
		return -1
	}
	return 0
}

func (m *member) tag(key string) string { return m.Tag.Get(key) }

// docOf is the text on a struct: the doc tag of its blank field.
func docOf(t reflect.Type) string {
	i := slices.IndexFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Name == "_" && len(f.Index) == 1 })
	if i < 0 {
		return ""
	}
	return reflect.VisibleFields(t)[i].Tag.Get("doc")
}
