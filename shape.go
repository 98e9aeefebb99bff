package quart

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/goquart/quart/internal/rules"
)

type rulesCheck = *rules.Check

// shape is a type as JSON has it: where its tags are, so that rules, defaults and problems find their place. It is read-only
// once compiled; types may contain themselves.
type shape struct {
	kind      shapeKind
	typ       reflect.Type
	members   []member       // of an object
	byName    map[string]int // index in members
	elem      *shape         // of a list, a dict or a pointer
	check     bool           // rules or defaults are on members of it, or below them
	validates bool           // the type has a method Validate() error
	within    bool           // so has something below it
}

type shapeKind uint8

const (
	shapeLeaf shapeKind = iota
	shapeObject
	shapeList
	shapeDict
	shapePointer
)

// member is a field of a struct under its JSON name.
type member struct {
	name       string
	index      []int
	shape      *shape
	check      rulesCheck
	options    bool                    // of the json tag: its form is not that of its type
	setDefault func(dst reflect.Value) // nil for none
}

// shapes caches what shapeOf compiled, by reflect.Type.
var shapes sync.Map

// maxMembers bounds the set of names that were seen in an object.
const maxMembers = 256

func shapeOf(t reflect.Type) (*shape, error) {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape), nil
	}
	co := shapeCompiler{made: map[reflect.Type]*shape{}}
	s, err := co.compile(t)
	if err != nil {
		return nil, err
	}
	co.spread()
	cached, _ := shapes.LoadOrStore(t, s)
	return cached.(*shape), nil
}

// checked reports whether there is anything to hold against a value.
func (s *shape) checked() bool { return s != nil && s.check }

type shapeCompiler struct {
	made map[reflect.Type]*shape
}

var jsonMethods = []reflect.Type{
	unmarshalerType, unmarshalFromType, textUnmarshaler,
	reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.MarshalerTo](),
}

// isOpaque reports whether t says itself what it is in JSON.
func isOpaque(t reflect.Type) bool {
	return slices.ContainsFunc(jsonMethods, func(m reflect.Type) bool { return hasMethods(t, m) })
}

func (co *shapeCompiler) compile(t reflect.Type) (*shape, error) {
	if s := co.made[t]; s != nil {
		return s, nil
	}
	s := &shape{typ: t, validates: t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface && hasMethods(t, validatorType)}
	co.made[t] = s
	if t.Kind() != reflect.Pointer && isOpaque(t) {
		return s, nil
	}
	var err error
	switch t.Kind() {
	case reflect.Pointer:
		s.kind = shapePointer
		s.elem, err = co.compile(t.Elem())
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return s, nil
		}
		s.kind = shapeList
		s.elem, err = co.compile(t.Elem())
	case reflect.Map:
		s.kind = shapeDict
		s.elem, err = co.compile(t.Elem())
	case reflect.Struct:
		s.kind = shapeObject
		err = co.addMembers(s)
	}
	return s, err
}

// addMembers plans the fields of s.typ under their JSON names, breadth first: of two of one name the one that is less deep counts, as
// for the codec.
func (co *shapeCompiler) addMembers(s *shape) error {
	s.byName = map[string]int{}
	type level struct {
		typ   reflect.Type
		index []int
	}
	seen := map[reflect.Type]bool{}
	for queue := []level{{typ: s.typ}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if seen[at.typ] {
			continue
		}
		seen[at.typ] = true
		for i := range at.typ.NumField() {
			sf := at.typ.Field(i)
			index := append(slices.Clone(at.index), i)
			name, options, inline := jsonName(sf)
			switch {
			case inline:
				queue = append(queue, level{deref(sf.Type), index})
				continue
			case name == "" || !sf.IsExported():
				if strings.TrimSpace(sf.Tag.Get("rules")) != "" {
					return fmt.Errorf("field %s: has rules, but is nothing of JSON", sf.Name)
				}
				continue
			}
			if _, ok := s.byName[name]; ok {
				continue
			}
			m, err := co.member(sf, name, index, options)
			if err != nil {
				return fmt.Errorf("field %s: %w", sf.Name, err)
			}
			s.byName[name] = len(s.members)
			s.members = append(s.members, m)
		}
	}
	if len(s.members) > maxMembers {
		return fmt.Errorf("%v has more than %d fields", s.typ, maxMembers)
	}
	return nil
}

func (co *shapeCompiler) member(sf reflect.StructField, name string, index []int, options bool) (m member, err error) {
	m = member{name: name, index: index, options: options}
	if m.check, err = rules.Compile(sf.Tag.Get("rules"), sf.Type); err != nil {
		return m, err
	}
	if m.shape, err = co.compile(sf.Type); err != nil {
		return m, err
	}
	def, ok := sf.Tag.Lookup("default")
	if !ok {
		return m, nil
	}
	if m.check != nil && m.check.Required {
		return m, errors.New("is required and has a default")
	}
	m.setDefault, err = defaultOf(sf.Type, def, m.check)
	return m, err
}

// defaultOf compiles a default tag to what sets it.
func defaultOf(t reflect.Type, def string, check rulesCheck) (func(dst reflect.Value), error) {
	tt, ok := textTypeOf(t)
	if !ok {
		return nil, fmt.Errorf("default %q: a %v is made from no text", def, t)
	}
	texts := defaultTexts(def, tt.many)
	v := reflect.New(t).Elem()
	detail := tt.fill(new(Ctx), v, texts)
	if detail == "" {
		detail = checkValue(check, v)
	}
	if detail != "" {
		return nil, fmt.Errorf("default %q %s", def, detail)
	}
	if k := t.Kind(); k == reflect.Pointer || k == reflect.Slice {
		return func(dst reflect.Value) { tt.fill(new(Ctx), dst, texts) }, nil // each input has its own
	}
	return func(dst reflect.Value) { dst.Set(v) }, nil
}

// jsonName reads a json tag: name is "" for a field that is not in the JSON, options tells that its value has another form than
// its type has.
func jsonName(sf reflect.StructField) (name string, options, inline bool) {
	tag, tagged := sf.Tag.Lookup("json")
	if tag == "-" {
		return "", false, false
	}
	name, rest := cutJSONName(tag)
	for opt := range strings.SplitSeq(rest, ",") {
		switch {
		case opt == "inline":
			return "", false, deref(sf.Type).Kind() == reflect.Struct
		case opt == "unknown":
			return "", false, false
		case opt == "string", strings.HasPrefix(opt, "format:"), strings.HasPrefix(opt, "case:"):
			options = true
		}
	}
	if sf.Anonymous && name == "" && deref(sf.Type).Kind() == reflect.Struct && !isOpaque(sf.Type) {
		return "", false, true
	}
	if name == "" && (!tagged || tag == "" || tag[0] == ',') {
		name = sf.Name
	}
	return name, options, false
}

// cutJSONName splits the name of a json tag, which json/v2 lets stand in single quotes, from the options.
func cutJSONName(tag string) (name, options string) {
	if strings.HasPrefix(tag, "'") {
		if end := strings.IndexByte(tag[1:], '\''); end >= 0 {
			return tag[1 : 1+end], strings.TrimPrefix(tag[end+2:], ",")
		}
	}
	name, options, _ = strings.Cut(tag, ",")
	return name, options
}

func deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// spread tells every shape what is below it; types that contain themselves need as many rounds as they are deep.
func (co *shapeCompiler) spread() {
	for changed := true; changed; {
		changed = false
		for _, s := range co.made {
			check, within := s.below()
			if check != s.check || within != s.within {
				s.check, s.within, changed = check, within, true
			}
		}
	}
}

func (s *shape) below() (check, within bool) {
	check, within = s.check, s.within
	if s.elem != nil {
		check = check || s.elem.check
		within = within || s.elem.validates || s.elem.within
	}
	for i := range s.members {
		m := &s.members[i]
		check = check || m.check != nil || m.setDefault != nil || m.shape.check
		within = within || m.shape.validates || m.shape.within
	}
	return check, within
}

// memberAt finds a member by its name; next is where the names are expected to go on.
func (s *shape) memberAt(name []byte, next int) int {
	if next < len(s.members) && s.members[next].name == string(name) {
		return next // perf: most clients keep the order of the fields (BenchmarkBind)
	}
	if i, ok := s.byName[string(name)]; ok {
		return i
	}
	return -1
}

// fieldAt is v.FieldByIndex, but ok is false where an embedded pointer is nil.
func fieldAt(v reflect.Value, index []int) (field reflect.Value, ok bool) {
	if len(index) == 1 {
		return v.Field(index[0]), true
	}
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}
