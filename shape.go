package quart

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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
	folded    map[string]int // by names without case, for codecs of others
	loose     map[string]int // by names as the codec folds them, of members with case:ignore
	elem      *shape         // of a list, a dict or a pointer
	check     bool           // rules or defaults are on members of it, or below them
	opaque    bool           // it decodes itself
	required  bool           // something in it is
	misfit    error          // why quart's codec would not take a member, here or below; only for what shapeOf returns
	validates [][]int        // of values in it with a method Validate() error, see validatorsIn
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
	s.misfit = co.misfit
	cached, _ := shapes.LoadOrStore(t, s)
	return cached.(*shape), nil
}

// checked reports whether there is anything to hold against a value.
func (s *shape) checked() bool { return s != nil && s.check }

type shapeCompiler struct {
	made   map[reflect.Type]*shape
	misfit error
}

// isOpaque reports whether t decodes itself.
func isOpaque(t reflect.Type) bool {
	return hasMethods(t, unmarshalerType) || hasMethods(t, unmarshalFromType) || hasMethods(t, textUnmarshaler)
}

func (co *shapeCompiler) compile(t reflect.Type) (*shape, error) {
	if s := co.made[t]; s != nil {
		return s, nil
	}
	s := &shape{typ: t}
	co.made[t] = s
	if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		s.validates = validatorsIn(t, false)
	}
	if t.Kind() != reflect.Pointer && isOpaque(t) {
		if holdsRules(t, map[reflect.Type]bool{}) {
			return nil, fmt.Errorf("%v decodes itself, so the rules of its fields are held by nobody: give it a method Validate() error", t)
		}
		s.opaque = true
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
		if t.Key().Kind() == reflect.Pointer {
			return nil, fmt.Errorf("the keys of a %v are pointers, of which two for one name differ", t)
		}
		s.kind = shapeDict
		s.elem, err = co.compile(t.Elem())
	case reflect.Struct:
		s.kind = shapeObject
		if err = co.addMembers(s); err == nil {
			err = takesText(s.typ, []byte("{}"))
		}
		if err == nil && co.misfit == nil {
			co.misfit = s.misfitting()
		}
	}
	return s, err
}

// misfitting asks quart's codec whether the members of s, an object, are of types for JSON at all.
func (s *shape) misfitting() error {
	for i := range s.members {
		m := &s.members[i]
		sf := s.typ.FieldByIndex(m.index)
		elem := sf.Type
		for indirect(elem) != elem {
			elem = indirect(elem)
		}
		if isOpaque(elem) && m.setDefault == nil || !sf.IsExported() {
			continue // users' code could do anything, if it is not called for the default anyway; at null for a struct that is embedded under a name the codec panics
		}
		text, _ := jsontext.AppendQuote([]byte{'{'}, m.name)
		if m.options {
			text = append(text, ":0}"...) // the option string is looked at behind pointers only
		} else {
			text = append(text, ":null}"...)
		}
		if err := takesText(s.typ, text); err != nil {
			return err
		}
	}
	return nil
}

func takesText(t reflect.Type, text []byte) error {
	var semantic *json.SemanticError
	if err := json.Unmarshal(text, reflect.New(t).Interface(), jsonDecoding); errors.As(err, &semantic) && isTypeFault(semantic) {
		return semantic
	}
	return nil
}

// jsonField is a field that may be a member, with what decides between several of one name.
type jsonField struct {
	field reflect.StructField
	index []int
	tag   jsonTag
}

// addMembers plans the fields of s.typ under their JSON names, as the codec finds them.
func (co *shapeCompiler) addMembers(s *shape) error {
	all, err := co.fields(s.typ)
	if err != nil {
		return err
	}
	s.byName, s.folded, s.loose = map[string]int{}, map[string]int{}, map[string]int{}
	taken := dominant(slices.Clone(all))
	for _, f := range all {
		if hasRules(f.field) && !slices.ContainsFunc(taken, func(t jsonField) bool { return t.tag.name == f.tag.name }) {
			return fmt.Errorf("field %s: has rules, but there are two of JSON's %q, of which the codec takes neither", f.field.Name, f.tag.name)
		}
	}
	for _, f := range taken {
		m, err := co.member(f)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.field.Name, err)
		}
		i := len(s.members)
		s.byName[m.name] = i
		s.folded[string(appendFold(nil, []byte(m.name), false))] = i
		if f.tag.ignoreCase {
			s.loose[string(appendFold(nil, []byte(m.name), true))] = i
		}
		s.members = append(s.members, m)
	}
	if len(s.members) > maxMembers {
		return fmt.Errorf("%v has more than %d fields", s.typ, maxMembers)
	}
	return nil
}

// fields finds all that may be members of root, breadth first.
func (co *shapeCompiler) fields(root reflect.Type) (all []jsonField, err error) {
	type level struct {
		typ   reflect.Type
		index []int
		below bool // what is embedded in it counts
	}
	seen := map[reflect.Type]bool{root: true}
	for queue := []level{{root, nil, true}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for i := range at.typ.NumField() {
			f := jsonField{field: at.typ.Field(i), index: append(slices.Clone(at.index), i)}
			f.tag = parseJSONTag(f.field)
			t := indirect(f.field.Type)
			switch {
			case f.tag.ignored:
				if hasRules(f.field) {
					return nil, fmt.Errorf("field %s: has rules, but is nothing of JSON", f.field.Name)
				}
			case !f.tag.embed:
				all = append(all, f)
			case t.Kind() != reflect.Struct:
				if hasRules(f.field) || holdsRules(t, map[reflect.Type]bool{}) {
					return nil, fmt.Errorf("field %s: what an embedded %v takes is held to no rules", f.field.Name, t)
				}
			case at.below:
				queue = append(queue, level{t, f.index, !seen[t]})
				seen[t] = true
			}
		}
	}
	return all, nil
}

// dominant keeps of the fields of one name the one that the codec takes: the least deep, then the one with a name in its tag, and
// none if that is not one. They stay in their order.
func dominant(all []jsonField) []jsonField {
	byName := map[string][]jsonField{}
	for _, f := range all {
		byName[f.tag.name] = append(byName[f.tag.name], f)
	}
	rank := func(f jsonField) int {
		if f.tag.named {
			return 2 * len(f.index)
		}
		return 2*len(f.index) + 1
	}
	return slices.DeleteFunc(all, func(f jsonField) bool {
		return slices.ContainsFunc(byName[f.tag.name], func(other jsonField) bool {
			return !slices.Equal(other.index, f.index) && rank(other) <= rank(f)
		})
	})
}

func hasRules(sf reflect.StructField) bool {
	_, rules := sf.Tag.Lookup("rules")
	_, def := sf.Tag.Lookup("default")
	return rules || def
}

// holdsRules reports whether a field of t, or below it, has rules or a default.
func holdsRules(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsRules(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if sf := t.Field(i); hasRules(sf) || holdsRules(sf.Type, seen) {
				return true
			}
		}
	}
	return false
}

func (co *shapeCompiler) member(f jsonField) (m member, err error) {
	sf := f.field
	m = member{name: f.tag.name, index: f.index, options: f.tag.form}
	if m.check, err = compileRules(sf); err != nil {
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
	detail := tt.fill(nil, v, texts)
	if detail == "" {
		detail = checkValue(check, v)
	}
	if detail != "" {
		return nil, fmt.Errorf("default %q %s", def, detail)
	}
	switch k := t.Kind(); {
	case k == reflect.String, k >= reflect.Bool && k <= reflect.Float64:
		return func(dst reflect.Value) { dst.Set(v) }, nil
	}
	return func(dst reflect.Value) { tt.fill(nil, dst, texts) }, nil // each input has its own
}

// compileRules compiles the rules tag of a field.
func compileRules(sf reflect.StructField) (rulesCheck, error) {
	for _, other := range [...]string{"rule", "binding"} {
		if _, ok := sf.Tag.Lookup(other); ok {
			return nil, fmt.Errorf("the tag %s is nobody's here: it is rules, see Handle", other)
		}
	}
	tag := sf.Tag.Get("rules")
	check, err := rules.Compile(tag, sf.Type)
	if err != nil {
		return nil, fmt.Errorf("rules %q: %w", tag, err)
	}
	return check, nil
}

// jsonTag is what a field is in JSON.
type jsonTag struct {
	name       string
	named      bool // by the tag
	ignored    bool // it is not in the JSON
	embed      bool // its members are those of what it is in
	form       bool // its value has another form than its type has
	ignoreCase bool
}

func parseJSONTag(sf reflect.StructField) jsonTag {
	tag := sf.Tag.Get("json")
	if tag == "-" || !sf.IsExported() && !(sf.Anonymous && indirect(sf.Type).Kind() == reflect.Struct) {
		return jsonTag{ignored: true}
	}
	name, rest := cutJSONName(tag)
	t := jsonTag{name: name, named: name != ""}
	if !t.named {
		t.name = sf.Name
	}
	for opt := range strings.SplitSeq(rest, ",") {
		switch {
		case opt == "embed":
			t.embed = true
		case opt == "string", strings.HasPrefix(opt, "format:"):
			t.form = true
		case opt == "case:ignore":
			t.form, t.ignoreCase = true, true
		}
	}
	t.embed = t.embed || sf.Anonymous && !t.named && indirect(sf.Type).Kind() == reflect.Struct
	return t
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

// indirect is what t points to, if it is a pointer without a name.
func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		return t.Elem()
	}
	return t
}

// appendFold appends a form of a name that is equal for all names that differ by case only; if loose, also for those that differ by
// dashes and underscores.
func appendFold(dst, name []byte, loose bool) []byte {
	for len(name) > 0 {
		r, n := utf8.DecodeRune(name)
		name = name[n:]
		if loose && (r == '-' || r == '_') {
			continue
		}
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		dst = utf8.AppendRune(dst, least)
	}
	return dst
}

// spread tells every shape what is below it; types that contain themselves need as many rounds as they are deep.
func (co *shapeCompiler) spread() {
	for changed := true; changed; {
		changed = false
		for _, s := range co.made {
			check, required, within := s.below()
			if check != s.check || required != s.required || within != s.within {
				s.check, s.required, s.within, changed = check, required, within, true
			}
		}
	}
}

func (s *shape) below() (check, required, within bool) {
	check, required, within = s.check, s.required, s.within
	if s.elem != nil {
		check = check || s.elem.check
		required = required || s.elem.required
		within = within || len(s.elem.validates) > 0 || s.elem.within
	}
	for i := range s.members {
		m := &s.members[i]
		check = check || m.check != nil || m.setDefault != nil || m.shape.check
		required = required || requires(m.check) || m.shape.required
		within = within || len(m.shape.validates) > 0 || m.shape.within
	}
	return check, required, within
}

// requires reports whether something has to be there by a check or by that of its elements.
func requires(check rulesCheck) bool {
	return check != nil && (check.Required || requires(check.Items))
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

// foldedAt finds a member that a codec may take for the one called name: certain tells that ours does.
func (s *shape) foldedAt(name []byte, foreign bool) (i int, certain bool) {
	var buf [64]byte
	if len(s.loose) > 0 {
		if i, ok := s.loose[string(appendFold(buf[:0], name, true))]; ok {
			return i, !foreign
		}
	}
	if foreign {
		if i, ok := s.folded[string(appendFold(buf[:0], name, false))]; ok {
			return i, false
		}
	}
	return -1, false
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

// madeAt is fieldAt, but makes what nil embedded pointers are to point to.
func madeAt(v reflect.Value, index []int) reflect.Value {
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}
