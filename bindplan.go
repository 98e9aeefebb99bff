package quart

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/goquart/quart/internal/rules"
	"github.com/goquart/quart/internal/wire"
)

// source is where a field of an input comes from.
type source uint8

const (
	fromPath source = iota
	fromQuery
	fromHeader
	fromCookie
	fromForm
	fromFile
	fromBody
)

var sourceNames = [...]string{"path", "query", "header", "cookie", "form", "file", "body"}

func (s source) String() string { return sourceNames[s] }

// location is what problems call it.
func (s source) location() string {
	if s == fromFile {
		return fromForm.String()
	}
	return s.String()
}

// plan says how an input type is filled. It is compiled once for a type and read-only from then on.
type plan struct {
	typ       reflect.Type
	fields    []fieldPlan
	form      bool // there are form or file fields
	files     bool
	hasBody   bool
	body      []int // index of the body field; empty when the input as a whole is the body
	content   content
	validates [][]int // see validatorsIn
	idle      sync.Pool
}

// fieldPlan fills one field from text, or with files.
type fieldPlan struct {
	textType
	name     string
	from     source
	typ      reflect.Type
	index    []int
	check    *rules.Check // nil for none
	defaults [][]byte     // texts in place of absent ones; several for a slice
}

// content says how a body is read.
type content struct {
	kind      contentKind
	mediaType string  // that a raw body must have, "" for any
	optional  bool    // a pointer, which an absent body leaves nil
	validates [][]int // of the body field, see validatorsIn
	shape     *shape  // of JSON
	check     *rules.Check
}

type contentKind uint8

const (
	contentJSON contentKind = iota
	contentBytes
	contentString
	contentReader
)

var (
	unmarshalerType   = reflect.TypeFor[json.Unmarshaler]()
	unmarshalFromType = reflect.TypeFor[json.UnmarshalerFrom]()
	readerType        = reflect.TypeFor[io.Reader]()
	fileType          = reflect.TypeFor[*multipart.FileHeader]()
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
	p := &plan{typ: t, validates: validatorsIn(indirect(t), true)}
	if isNone(t) {
		return p, nil
	}
	if inner := indirect(t); inner != t && inner.Kind() == reflect.Struct && hasSources(inner) {
		return nil, fmt.Errorf("has fields with sources: take the %v itself", inner)
	}
	if t.Kind() != reflect.Struct || !hasSources(t) {
		p.hasBody = true
		return p, p.content.compile(t, "", "")
	}
	if err := p.addFields(t, nil); err != nil {
		return nil, err
	}
	if p.form && p.hasBody {
		return nil, errors.New("has form fields and a body: a form is the body")
	}
	return p, p.checkNames()
}

// checkNames refuses two fields for one value.
func (p *plan) checkNames() error {
	type place struct{ location, name string }
	seen := map[place]bool{}
	for i := range p.fields {
		f := &p.fields[i]
		at := place{f.from.location(), f.name}
		if f.from == fromHeader {
			at.name = strings.ToLower(at.name)
		}
		if seen[at] {
			return fmt.Errorf("has two fields for %s %q", f.from, f.name)
		}
		seen[at] = true
	}
	return nil
}

// isNone reports whether t has room for nothing: None, and what users declare alike.
func isNone(t reflect.Type) bool { return t.Kind() == reflect.Struct && t.NumField() == 0 }

// hasMethods reports whether a t, as it lies in a variable, has the methods of the interface.
func hasMethods(t, iface reflect.Type) bool {
	return t.Implements(iface) || reflect.PointerTo(t).Implements(iface)
}

// hasSources reports whether a field of t, or of a struct in it that may be a group of such, has a source tag.
func hasSources(t reflect.Type) bool {
	for i := range t.NumField() {
		sf := t.Field(i)
		for _, key := range sourceNames {
			if _, ok := sf.Tag.Lookup(key); ok {
				return true
			}
		}
		if isGroup(sf) {
			return true
		}
	}
	return false
}

// isGroup reports whether a field holds others that have sources.
func isGroup(sf reflect.StructField) bool {
	return (sf.Anonymous || sf.IsExported()) && sf.Type.Kind() == reflect.Struct && hasSources(sf.Type)
}

// addFields plans the fields of t, those of embedded and grouping structs included.
func (p *plan) addFields(t reflect.Type, index []int) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		if err := p.addStructField(sf, append(slices.Clone(index), i)); err != nil {
			return fmt.Errorf("field %s: %w", sf.Name, err)
		}
	}
	return nil
}

func (p *plan) addStructField(sf reflect.StructField, index []int) error {
	from, name, tagged, err := sourceOf(sf.Tag)
	switch {
	case err != nil:
		return err
	case tagged && !sf.IsExported():
		return errors.New("has a source tag, but is not exported")
	case tagged && from == fromBody:
		return p.addBody(sf, name, index)
	case tagged && from == fromFile:
		return p.addFile(sf, name, index)
	case tagged:
		return p.addField(sf, from, name, index)
	case isGroup(sf) || sf.Anonymous && isNone(sf.Type):
		return p.addFields(sf.Type, index)
	case sf.IsExported():
		return errors.New("has no source tag, but others have: tag every field with one of path, query, header, cookie, form, file, body, or none")
	}
	return nil
}

// sourceOf reads the source tag of a field.
func sourceOf(tag reflect.StructTag) (from source, name string, tagged bool, err error) {
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
	switch {
	case from == fromBody:
	case strings.Contains(name, ","):
		return 0, "", false, fmt.Errorf("its %s tag has a comma: there are no options", from)
	case (from == fromHeader || from == fromCookie) && tagged && !wire.ValidFieldName(name):
		return 0, "", false, fmt.Errorf("%q is no name of a %s", name, from)
	}
	return from, name, tagged, nil
}

func (p *plan) addBody(sf reflect.StructField, kind string, index []int) error {
	if p.hasBody {
		return errors.New("is a second body")
	}
	if _, ok := sf.Tag.Lookup("default"); ok {
		return errors.New("a body has no default as a whole")
	}
	p.hasBody, p.body = true, index
	p.content.validates = validatorsIn(indirect(sf.Type), false)
	if err := p.content.compile(sf.Type, kind, sf.Tag.Get("rules")); err != nil {
		return err
	}
	required := p.content.check != nil && p.content.check.Required
	p.content.optional = sf.Type.Kind() == reflect.Pointer && !required
	return nil
}

// compile decides by the type how the body is read. kind is the body tag: "" or "json", or the media type of a raw body.
func (ct *content) compile(t reflect.Type, kind, ruleTag string) (err error) {
	if ct.check, err = rules.Compile(ruleTag, t); err != nil {
		return fmt.Errorf("rules %q: %w", ruleTag, err)
	}
	raw := true
	switch own := hasMethods(t, unmarshalerType) || hasMethods(t, unmarshalFromType); {
	case t == readerType && ct.check != nil:
		return fmt.Errorf("rules %q: an io.Reader is not looked into, and may be empty", ruleTag)
	case t == readerType:
		ct.kind = contentReader
	case t.Kind() == reflect.String && !own:
		ct.kind = contentString
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !own:
		ct.kind = contentBytes
	default:
		raw = false
	}
	switch {
	case raw && kind == "*/*":
	case raw && isMediaRange(kind):
		ct.mediaType = kind
	case kind == "" && raw:
	case raw:
		return fmt.Errorf("body %q: a %v takes a raw body, of the media type in the tag, which has no parameters, or of any", kind, t)
	case kind != "" && kind != "json":
		return fmt.Errorf("body kind %q is not known: json for a %v", kind, t)
	}
	if raw {
		return nil
	}
	if err := checkBodyType(t); err != nil {
		return err
	}
	ct.shape, err = shapeOf(t)
	return err
}

// isMediaRange reports whether s is a media type, or all of a kind (image/*).
func isMediaRange(s string) bool {
	kind, sub, _ := strings.Cut(s, "/")
	return kind != "*" && wire.ValidFieldName(kind) && wire.ValidFieldName(sub) // which are tokens
}

// checkBodyType refuses what no JSON body is read into.
func checkBodyType(t reflect.Type) error {
	if hasMethods(t, unmarshalerType) || hasMethods(t, unmarshalFromType) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Array, reflect.Slice:
		return nil
	case reflect.Pointer:
		return checkBodyType(t.Elem())
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return nil
		}
	}
	return fmt.Errorf("a %v cannot hold a body: use a struct, map or slice for JSON, []byte, string or io.Reader for others, or None", t)
}

func (p *plan) addField(sf reflect.StructField, from source, name string, index []int) error {
	tt, ok := textTypeOf(sf.Type)
	if !ok {
		return fmt.Errorf("type %v is made from no text: implement encoding.TextUnmarshaler", sf.Type)
	}
	if tt.many && from != fromQuery && from != fromHeader && from != fromForm {
		return fmt.Errorf("a %s is one value, not a slice", from)
	}
	p.form = p.form || from == fromForm
	f := fieldPlan{textType: tt, name: name, from: from, typ: sf.Type, index: index}
	var err error
	if f.check, err = compileRules(sf); err != nil {
		return err
	}
	if def, ok := sf.Tag.Lookup("default"); ok {
		if from == fromPath {
			return errors.New("a path field has its default from Route.Default")
		}
		if f.check != nil && f.check.Required {
			return errors.New("is required and has a default")
		}
		f.setDefault(def)
		if detail := f.fillChecked(nil, reflect.New(sf.Type).Elem(), f.defaults); detail != "" {
			return fmt.Errorf("default %q %s", def, detail)
		}
	}
	p.fields = append(p.fields, f)
	return nil
}

func (p *plan) addFile(sf reflect.StructField, name string, index []int) error {
	if sf.Type != fileType && sf.Type != reflect.SliceOf(fileType) {
		return fmt.Errorf("a file is a *multipart.FileHeader or a slice of them, not a %v", sf.Type)
	}
	if _, ok := sf.Tag.Lookup("default"); ok {
		return errors.New("a file has no default")
	}
	check, err := compileRules(sf)
	if err != nil {
		return err
	}
	p.form, p.files = true, true
	p.fields = append(p.fields, fieldPlan{name: name, from: fromFile, typ: sf.Type, index: index, check: check})
	return nil
}

// setDefault takes the text of a default tag: of a slice, its elements between commas.
func (f *fieldPlan) setDefault(def string) { f.defaults = defaultTexts(def, f.many) }

func defaultTexts(def string, many bool) (texts [][]byte) {
	if !many {
		return [][]byte{[]byte(def)}
	}
	for s := range strings.SplitSeq(def, ",") {
		texts = append(texts, []byte(s))
	}
	return texts
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

// empty reports whether there is nothing to decode.
func (p *plan) empty() bool { return !p.hasBody && len(p.fields) == 0 }

// mediaType is what a document says of the body; "" for none and for any.
func (p *plan) mediaType() string {
	switch {
	case p.files:
		return "multipart/form-data"
	case p.form:
		return "application/x-www-form-urlencoded"
	case p.hasBody && p.content.kind == contentJSON:
		return contentTypeJSON
	}
	return p.content.mediaType
}
