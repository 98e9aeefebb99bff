package openapi

import (
	"encoding"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// mode is the direction that a schema describes.
type mode uint8

const (
	output mode = iota
	input
)

// Schemer is implemented by types that say themselves what their JSON is: JSONSchema returns a JSON Schema of the dialect 2020-12. It is
// asked of a zero value.
type Schemer interface {
	JSONSchema() string
}

var (
	anyType          = reflect.TypeFor[any]()
	schemerType      = reflect.TypeFor[Schemer]()
	marshalerType    = reflect.TypeFor[json.Marshaler]()
	marshalToType    = reflect.TypeFor[json.MarshalerTo]()
	unmarshalerType  = reflect.TypeFor[json.Unmarshaler]()
	unmarshalFrom    = reflect.TypeFor[json.UnmarshalerFrom]()
	textMarshaler    = reflect.TypeFor[encoding.TextMarshaler]()
	textAppender     = reflect.TypeFor[encoding.TextAppender]()
	textUnmarshaler  = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType     = reflect.TypeFor[time.Duration]()
	timeType         = reflect.TypeFor[time.Time]()
	rawType          = reflect.TypeFor[jsontext.Value]()
	bigIntType       = reflect.TypeFor[big.Int]()
	durationExamples = []jsontext.Value{jsontext.Value(`"1m30s"`)}
)

// component is a type with a name in the document, in one mode.
type component struct {
	typ    reflect.Type
	mode   mode
	schema *schema
	uses   []*component
	same   *component // the output's, when the input's is equal
	name   string
}

type componentKey struct {
	typ  reflect.Type
	mode mode
}

// reflector makes schemas of types.
type reflector struct {
	components map[componentKey]*component
	order      []*component // in which they were met
	refs       []*schema
	current    *component // being described
	err        error      // the first mistake in a type
}

func newReflector() *reflector {
	return &reflector{components: map[componentKey]*component{}}
}

func (r *reflector) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("openapi: "+format, args...)
	}
}

// hasMethods reports whether a t, as it lies in a variable, has the methods of the interface.
func hasMethods(t, iface reflect.Type) bool {
	return t.Implements(iface) || t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(iface)
}

// schemaOf describes the JSON of t.
func (r *reflector) schemaOf(t reflect.Type, m mode) *schema {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		return nullable(r.schemaOf(t.Elem(), m))
	}
	if r.named(t, m) {
		return r.refTo(t, m)
	}
	return r.describe(t, m)
}

// named reports whether t becomes a component. A type that is made by a method in one direction is none in this one only: in the other
// it is written out by its kind, and may hold itself.
func (r *reflector) named(t reflect.Type, m mode) bool {
	if t.Name() == "" || t.PkgPath() == "" {
		return false
	}
	if hasMethods(t, schemerType) {
		return true
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return r.special(t, m) == nil
	case reflect.Slice, reflect.Array:
		return t.Elem().Kind() != reflect.Uint8 && r.special(t, m) == nil
	}
	return false
}

// madeByMethod reports whether JSON or text of t is made by methods of its own.
func madeByMethod(t reflect.Type) bool {
	for _, iface := range [...]reflect.Type{
		schemerType, marshalerType, marshalToType, unmarshalerType, unmarshalFrom, textMarshaler, textAppender, textUnmarshaler,
	} {
		if hasMethods(t, iface) {
			return true
		}
	}
	return false
}

// refTo returns a reference to the component of t, which is described at the first one.
func (r *reflector) refTo(t reflect.Type, m mode) *schema {
	key := componentKey{t, m}
	c := r.components[key]
	if c == nil {
		c = &component{typ: t, mode: m}
		r.components[key] = c
		r.order = append(r.order, c)
		outer := r.current
		r.current = c
		c.schema = r.describe(t, m)
		r.current = outer
	}
	if r.current != nil && !slices.Contains(r.current.uses, c) {
		r.current.uses = append(r.current.uses, c)
	}
	s := &schema{target: c}
	r.refs = append(r.refs, s)
	return s
}

// describe writes the schema of t out.
func (r *reflector) describe(t reflect.Type, m mode) *schema {
	if s := r.special(t, m); s != nil {
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		return nullable(r.schemaOf(t.Elem(), m))
	case reflect.Struct:
		return r.object(t, m)
	case reflect.Map:
		return &schema{Type: types{"object"}, AdditionalProperties: r.schemaOf(t.Elem(), m)}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &schema{Type: types{"string"}, ContentEncoding: "base64"}
		}
		return &schema{Type: types{"array"}, Items: r.schemaOf(t.Elem(), m)}
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return &schema{Type: types{"string"}, ContentEncoding: "base64"}
		}
		n := number(strconv.Itoa(t.Len()))
		return &schema{Type: types{"array"}, Items: r.schemaOf(t.Elem(), m), MinItems: n, MaxItems: n}
	}
	return basic(t)
}

// special describes types that are not what their kind says, nil for others.
func (r *reflector) special(t reflect.Type, m mode) *schema {
	switch {
	case hasMethods(t, schemerType):
		return r.ownSchema(t)
	case t == timeType:
		return &schema{Type: types{"string"}, Format: "date-time"}
	case t == durationType:
		return &schema{Type: types{"integer"}, Format: "int64", Description: "Nanoseconds."}
	case t == bigIntType:
		return &schema{Type: types{"integer"}}
	case t == rawType:
		return &schema{}
	}
	asJSON, asText := []reflect.Type{marshalToType, marshalerType}, []reflect.Type{textAppender, textMarshaler}
	if m == input {
		asJSON, asText = []reflect.Type{unmarshalFrom, unmarshalerType}, []reflect.Type{textUnmarshaler}
	}
	has := func(iface reflect.Type) bool { return hasMethods(t, iface) }
	switch {
	case slices.ContainsFunc(asJSON, has):
		return &schema{}
	case slices.ContainsFunc(asText, has):
		return textual(t)
	}
	return nil
}

// ownSchema asks t.
func (r *reflector) ownSchema(t reflect.Type) *schema {
	v, ok := reflect.New(t).Interface().(Schemer)
	if !ok {
		v, ok = reflect.Zero(t).Interface().(Schemer)
	}
	if !ok { // an interface with the method: there is no value to ask
		return &schema{}
	}
	text := jsontext.Value(v.JSONSchema())
	if err := text.Compact(); err != nil {
		r.fail("%v: JSONSchema returns no JSON: %w", t, err)
		return &schema{}
	}
	if k := text.Kind(); k != '{' && k != 't' && k != 'f' {
		r.fail("%v: JSONSchema returns neither an object nor a boolean: %s", t, text)
		return &schema{}
	}
	return &schema{raw: text}
}

// textual describes a type that makes text of itself.
func textual(t reflect.Type) *schema {
	s := &schema{Type: types{"string"}}
	if t.Kind() == reflect.Array && t.Len() == 16 && t.Elem().Kind() == reflect.Uint8 && (t.Name() == "UUID" || t.Name() == "uuid") {
		s.Format = "uuid"
	}
	return s
}

// basic describes kinds without parts.
func basic(t reflect.Type) *schema {
	s := &schema{}
	switch k := t.Kind(); k {
	case reflect.Bool:
		s.Type = types{"boolean"}
	case reflect.String:
		s.Type = types{"string"}
	case reflect.Int, reflect.Int64:
		s.Type, s.Format = types{"integer"}, "int64"
	case reflect.Int32:
		s.Type, s.Format = types{"integer"}, "int32"
	case reflect.Int8, reflect.Int16:
		limit := int64(1) << (t.Bits() - 1)
		s.Type = types{"integer"}
		s.Minimum, s.Maximum = number(strconv.FormatInt(-limit, 10)), number(strconv.FormatInt(limit-1, 10))
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		s.Type, s.Minimum = types{"integer"}, number("0")
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		s.Type, s.Minimum = types{"integer"}, number("0")
		s.Maximum = number(strconv.FormatUint(1<<t.Bits()-1, 10))
	case reflect.Float32:
		s.Type, s.Format = types{"number"}, "float"
	case reflect.Float64:
		s.Type, s.Format = types{"number"}, "double"
	}
	return s
}

func number(text string) jsontext.Value { return jsontext.Value(text) }

// object describes a struct.
func (r *reflector) object(t reflect.Type, m mode) *schema {
	members, rest := membersOf(t)
	s := &schema{Type: types{"object"}, Description: docOf(t)}
	for i := range members {
		f := &members[i]
		s.Properties = append(s.Properties, property{f.name, r.member(t, f, m)})
		if r.required(f, m) {
			s.Required = append(s.Required, f.name)
		}
	}
	if rest != nil && rest != anyType {
		s.AdditionalProperties = r.schemaOf(rest, m)
	}
	return s
}

// required reports whether a member is always there: in an input what its rules require, in an output what is never omitted.
func (r *reflector) required(f *member, m mode) bool {
	if m == output {
		return !f.omits && !f.optional
	}
	_, hasDefault := f.Tag.Lookup("default")
	return !hasDefault && requiredBy(f.tag("rules"))
}

// member describes one field of a struct.
func (r *reflector) member(owner reflect.Type, f *member, m mode) *schema {
	t, pointer := f.Type, false
	for t.Kind() == reflect.Pointer && t.Name() == "" {
		t, pointer = t.Elem(), true
	}
	s := r.schemaOf(t, m)
	var inQuotes *schema
	if f.quoted && (s.is("integer") || s.is("number")) {
		inQuotes, s = s, &schema{Type: types{"string"}, Description: "A number as a string."}
	}
	if err := r.constrain(s, t, m, f.tag("rules")); err != nil {
		r.fail("%v, field %s: %w", owner, f.Name, err)
	}
	needed := m == input && requiredBy(f.tag("rules")) // "there, and not null"
	if pointer && !needed && (!f.omits || f.Type.Elem().Kind() == reflect.Pointer) {
		s = nullable(s)
	}
	annotate(s, t, f.tag("doc"), f.tag("default"), f.tag("example"))
	if inQuotes != nil && s.Default != nil {
		s.Default = quote(string(inQuotes.defaultValue(t, f.tag("default"))))
	}
	return s
}

// nullable admits null besides what s describes.
func nullable(s *schema) *schema {
	null := &schema{Type: types{"null"}}
	switch {
	case s.target != nil || s.raw != nil:
		return &schema{AnyOf: []*schema{s, null}}
	case len(s.AnyOf) > 0:
		if !slices.ContainsFunc(s.AnyOf, func(one *schema) bool { return slices.Equal(one.Type, null.Type) }) {
			s.AnyOf = append(s.AnyOf, null)
		}
	case len(s.Type) > 0 && !slices.Contains(s.Type, "null"):
		s.Type = append(s.Type, "null")
		if len(s.Enum) > 0 {
			s.Enum = append(s.Enum, jsontext.Value("null"))
		}
	}
	return s
}

// textSchema describes a value that is made from text: a parameter or the field of a form.
func (r *reflector) textSchema(t reflect.Type) *schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == durationType:
		return &schema{Type: types{"string"}, Pattern: durationPattern, Examples: durationExamples}
	case t == timeType:
		return &schema{Type: types{"string"}, Format: "date-time"}
	case hasMethods(t, schemerType):
		return r.refTo(t, input)
	case hasMethods(t, textUnmarshaler):
		return textual(t)
	}
	switch t.Kind() {
	case reflect.Array: // of 16 bytes: no other is made from text
		return &schema{Type: types{"string"}, Format: "uuid"}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &schema{Type: types{"string"}}
		}
		return &schema{Type: types{"array"}, Items: r.textSchema(t.Elem())}
	}
	return basic(t)
}

// headerSchema describes what a result writes into a header.
func (r *reflector) headerSchema(t reflect.Type) *schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == timeType:
		return &schema{Type: types{"string"}, Description: "A date of HTTP: Fri, 02 Jan 2026 03:04:05 GMT (RFC 9110, section 5.6.7)."}
	case t == durationType:
		return r.special(t, output)
	case hasMethods(t, schemerType):
		return r.refTo(t, output)
	case hasMethods(t, textMarshaler):
		return textual(t)
	case t.Kind() == reflect.Slice:
		return &schema{Type: types{"array"}, Items: r.headerSchema(t.Elem())}
	}
	return basic(t)
}

// durationPattern is what time.ParseDuration takes.
const durationPattern = `^[+-]?(?:0|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)$`
