package quart

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
)

// source is where a field of an input comes from.
type source uint8

const (
	fromPath source = iota
	fromQuery
	fromHeader
	fromCookie
	fromBody
)

var sourceNames = [...]string{"path", "query", "header", "cookie", "body"}

func (s source) String() string { return sourceNames[s] }

// plan says how an input type is filled. It is compiled once for a type and read-only from then on.
type plan struct {
	typ       reflect.Type
	fields    []fieldPlan
	body      []int // index of the body field; empty when the input as a whole is the body
	hasBody   bool
	validates bool // the input has a method Validate() error
	bodyValid bool // so has its body field
	idle      sync.Pool
}

// fieldPlan fills one field from text.
type fieldPlan struct {
	textType
	name     string
	from     source
	typ      reflect.Type
	index    []int
	defaults [][]byte // texts in place of absent ones; several for a slice
}

type validator interface{ Validate() error }

var (
	validatorType     = reflect.TypeFor[validator]()
	unmarshalerType   = reflect.TypeFor[json.Unmarshaler]()
	unmarshalFromType = reflect.TypeFor[json.UnmarshalerFrom]()
)

// plans caches what planOf compiled, by reflect.Type.
var plans sync.Map

func planOf(t reflect.Type) (*plan, error) {
	if p, ok := plans.Load(t); ok {
		return p.(*plan), nil
	}
	p, err := compilePlan(t)
	if err != nil {
		return nil, fmt.Errorf("input type %v: %w", t, err)
	}
	cached, _ := plans.LoadOrStore(t, p)
	return cached.(*plan), nil
}

func compilePlan(t reflect.Type) (*plan, error) {
	p := &plan{typ: t, validates: hasMethods(t, validatorType)}
	if isNone(t) {
		return p, nil
	}
	if t.Kind() == reflect.Struct {
		bare, err := p.addFields(t, nil)
		if err != nil {
			return nil, err
		}
		if p.hasBody || len(p.fields) > 0 {
			if bare != "" {
				return nil, fmt.Errorf("field %s has no source tag, but others have: tag every field with one of path, query, header, cookie, body, or none", bare)
			}
			return p, nil
		}
	}
	p.hasBody = true
	return p, checkBodyType(t)
}

// isNone reports whether t has room for nothing: None, and what users declare alike.
func isNone(t reflect.Type) bool { return t.Kind() == reflect.Struct && t.NumField() == 0 }

// hasMethods reports whether a t, as it lies in a variable, has the methods of the interface.
func hasMethods(t, iface reflect.Type) bool {
	return t.Implements(iface) || reflect.PointerTo(t).Implements(iface)
}

// addFields plans the fields of t, those of embedded structs included. bare is the first exported field without
// a source.
func (p *plan) addFields(t reflect.Type, index []int) (bare string, err error) {
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(slices.Clone(index), i)
		from, name, tagged, err := sourceOf(sf.Tag)
		switch {
		case err != nil:
		case tagged && !sf.IsExported():
			err = errors.New("has a source tag, but is not exported")
		case tagged && from == fromBody:
			err = p.addBody(sf, name, at)
		case tagged:
			err = p.addField(sf, from, name, at)
		case sf.Anonymous && sf.Type.Kind() == reflect.Struct:
			inner, err := p.addFields(sf.Type, at)
			if err != nil {
				return "", err
			}
			if bare == "" {
				bare = inner
			}
		case sf.IsExported() && bare == "":
			bare = sf.Name
		}
		if err != nil {
			return "", fmt.Errorf("field %s: %w", sf.Name, err)
		}
	}
	return bare, nil
}

// sourceOf reads the source tag of a field.
func sourceOf(tag reflect.StructTag) (from source, name string, tagged bool, err error) {
	for _, later := range [...]string{"form", "file"} {
		if _, ok := tag.Lookup(later); ok {
			return 0, "", false, fmt.Errorf("source %q is not known", later)
		}
	}
	if _, ok := tag.Lookup("rules"); ok {
		return 0, "", false, errors.New("has a rules tag, which nothing would check: use a method Validate() error")
	}
	for i, key := range sourceNames {
		v, ok := tag.Lookup(key)
		if !ok {
			continue
		}
		if tagged {
			return 0, "", false, fmt.Errorf("has two sources, %s and %s", from, key)
		}
		if v == "" && source(i) != fromBody {
			return 0, "", false, fmt.Errorf("its %s tag lacks a name", key)
		}
		from, name, tagged = source(i), v, true
	}
	return from, name, tagged, nil
}

func (p *plan) addBody(sf reflect.StructField, kind string, index []int) error {
	if p.hasBody {
		return errors.New("is a second body")
	}
	if kind != "" && kind != "json" {
		return fmt.Errorf("body kind %q is not known", kind)
	}
	p.hasBody, p.body, p.bodyValid = true, index, hasMethods(sf.Type, validatorType)
	return checkBodyType(sf.Type)
}

// checkBodyType refuses what no JSON body is read into.
func checkBodyType(t reflect.Type) error {
	if hasMethods(t, unmarshalerType) || hasMethods(t, unmarshalFromType) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Array:
		return nil
	case reflect.Pointer:
		return checkBodyType(t.Elem())
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return nil
		}
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return nil
		}
	}
	return fmt.Errorf("a %v cannot hold a JSON body: use a struct, map, slice, or None", t)
}

func (p *plan) addField(sf reflect.StructField, from source, name string, index []int) error {
	tt, ok := textTypeOf(sf.Type)
	if !ok {
		return fmt.Errorf("type %v is made from no text: implement encoding.TextUnmarshaler", sf.Type)
	}
	if tt.many && from != fromQuery && from != fromHeader {
		return fmt.Errorf("a %s is one value, not a slice", from)
	}
	f := fieldPlan{textType: tt, name: name, from: from, typ: sf.Type, index: index}
	if def, ok := sf.Tag.Lookup("default"); ok {
		if from == fromPath {
			return errors.New("a path field has its default from Route.Default")
		}
		f.setDefault(def)
		if detail := f.fill(new(Ctx), reflect.New(sf.Type).Elem(), f.defaults); detail != "" {
			return fmt.Errorf("default %q %s", def, detail)
		}
	}
	p.fields = append(p.fields, f)
	return nil
}

// setDefault takes the text of a default tag: of a slice, its elements between commas.
func (f *fieldPlan) setDefault(def string) {
	if !f.many {
		f.defaults = [][]byte{[]byte(def)}
		return
	}
	for s := range strings.SplitSeq(def, ",") {
		f.defaults = append(f.defaults, []byte(s))
	}
}

// decode fills v, an addressable value of the plan's type, and validates it.
func (p *plan) decode(c *Ctx, v reflect.Value) error {
	var wrong []FieldError
	for i := range p.fields {
		f := &p.fields[i]
		detail := f.decode(c, v.FieldByIndex(f.index))
		if detail == "" {
			continue
		}
		if f.from == fromPath {
			return ErrNotFound // whatever else is wrong
		}
		wrong = append(wrong, FieldError{f.name, detail})
	}
	if p.hasBody {
		if err := c.decodeJSON(p.bodyOf(v).Addr().Interface()); err != nil {
			return joinFieldErrors(wrong, err)
		}
		if b := p.bodyOf(v); b.Kind() == reflect.Pointer && b.IsNil() {
			return joinFieldErrors(wrong, Problems(FieldError{"", "null is no input here"}))
		}
	}
	if len(wrong) > 0 {
		return Problems(wrong...)
	}
	return p.validate(c, v)
}

func (f *fieldPlan) decode(c *Ctx, dst reflect.Value) (detail string) {
	var buf [8][]byte
	texts := c.texts(buf[:0], f.from, f.name, f.many)
	if len(texts) == 0 {
		texts = f.defaults
	}
	if len(texts) == 0 {
		return ""
	}
	return f.fill(c, dst, texts)
}

// joinFieldErrors adds what is wrong with single values before to an error of the body, if that is of the same kind.
func joinFieldErrors(before []FieldError, err error) error {
	var e *HTTPError
	if len(before) == 0 || !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	return Problems(append(before, e.Fields...)...)
}

func (p *plan) bodyOf(v reflect.Value) reflect.Value {
	if len(p.body) == 0 {
		return v
	}
	return v.FieldByIndex(p.body)
}

// empty reports whether there is nothing to decode.
func (p *plan) empty() bool { return !p.hasBody && len(p.fields) == 0 }

// validate asks the body, the input and Config.Validate, in this order.
func (p *plan) validate(c *Ctx, v reflect.Value) error {
	if p.bodyValid {
		if err := callValidate(p.bodyOf(v)); err != nil {
			return err
		}
	}
	if p.validates {
		if err := callValidate(v); err != nil {
			return err
		}
	}
	if c.app.cfg.Validate == nil {
		return nil
	}
	if v.Kind() != reflect.Pointer {
		v = v.Addr()
	}
	if v.IsNil() {
		return nil // JSON null
	}
	return unprocessable(c.app.cfg.Validate(v.Interface()))
}

func callValidate(v reflect.Value) error {
	if k := v.Kind(); (k == reflect.Pointer || k == reflect.Interface) && v.IsNil() {
		return nil // JSON null
	}
	if x, ok := v.Addr().Interface().(validator); ok {
		return unprocessable(x.Validate())
	}
	return unprocessable(v.Interface().(validator).Validate())
}

// unprocessable makes a 422 of an error without a status.
func unprocessable(err error) error {
	if err == nil {
		return nil
	}
	var coder interface{ StatusCode() int }
	if errors.As(err, &coder) {
		return err
	}
	return &HTTPError{Status: 422, Detail: err.Error(), Err: err}
}

// missingPath returns the name of a path field that r has no parameter and no default for, "" if none.
func (p *plan) missingPath(r *Route) string {
	for i := range p.fields {
		f := &p.fields[i]
		if f.from == fromPath && !r.hasParam(f.name) {
			return f.name
		}
	}
	return ""
}

func (r *Route) hasParam(name string) bool {
	if slices.Contains(r.paramNames, name) {
		return true
	}
	return slices.ContainsFunc(r.defaults, func(d routeDefault) bool { return d.name == name })
}

// Bind decodes the request into v, a pointer, by the same tags and with the same errors as the input of a typed handler (see
// Handle). Fields without a value in the request stay as they are. It panics when v is no pointer or its type cannot
// be an input: that is a bug. Quart's own part is 0 allocations.
func (c *Ctx) Bind(v any) error {
	c.live()
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		panic(fmt.Sprintf("quart: Bind needs a pointer, not a %T (%s)", v, callSite()))
	}
	return c.bind(planFor(rv.Type().Elem()), rv.Elem())
}

// Bind decodes the request into a T: a typed handler's input, inside a plain handler.
func Bind[T any](c *Ctx) (T, error) {
	c.live()
	p := planFor(reflect.TypeFor[T]())
	cell := takeCell[T](&p.idle)
	err := c.bind(p, reflect.ValueOf(cell).Elem())
	return putCell(&p.idle, cell), err
}

func planFor(t reflect.Type) *plan {
	p, err := planOf(t)
	if err != nil {
		panic(fmt.Sprintf("quart: %v (%s)", err, callSite()))
	}
	return p
}

func (c *Ctx) bind(p *plan, v reflect.Value) error {
	if p.empty() {
		return nil
	}
	if c.route != nil {
		if name := p.missingPath(c.route); name != "" {
			return fmt.Errorf("quart: %q has no parameter %q for %v", c.route.pattern, name, p.typ)
		}
	}
	return p.decode(c, v)
}
