package quart

import (
	"errors"
	"fmt"
	"mime/multipart"
	"reflect"
	"slices"
	"strconv"

	"github.com/goquart/quart/internal/rules"
)

// maxFaults is how many faults of an input are reported.
const maxFaults = 100

// decode fills v, an addressable value of the plan's type, and validates it.
func (p *plan) decode(c *Ctx, v reflect.Value) error {
	if p.form {
		if err := c.bindForm(p.files); err != nil {
			return err
		}
	}
	var faults []FieldError
	for i := range p.fields {
		f := &p.fields[i]
		detail := f.decode(c, v.FieldByIndex(f.index))
		if detail == "" {
			continue
		}
		if f.from == fromPath {
			return ErrNotFound // whatever else is wrong
		}
		faults = append(faults, FieldError{f.from.location(), f.name, detail})
	}
	if p.hasBody {
		if err := p.content.read(c, p.bodyOf(v)); err != nil {
			return joinFaults(faults, err)
		}
	}
	if len(faults) > 0 {
		return Problems(faults...)
	}
	return p.validate(c, v)
}

// decode returns what is wrong with the field.
func (f *fieldPlan) decode(c *Ctx, dst reflect.Value) (detail string) {
	if f.from == fromFile {
		return f.decodeFiles(c, dst)
	}
	var buf [8][]byte
	texts := c.texts(buf[:0], f.from, f.name, f.many)
	if f.from == fromForm && !f.many && !f.isText() && len(texts) == 1 && len(texts[0]) == 0 {
		texts = nil // browsers send a field that was left empty
	}
	if len(texts) == 0 {
		texts = f.defaults
	}
	if len(texts) == 0 {
		return f.absent()
	}
	return f.fillChecked(c, dst, texts)
}

// isText reports whether an empty text is a value of the field.
func (f *fieldPlan) isText() bool {
	k := indirect(f.typ).Kind()
	return k == reflect.String || k == reflect.Slice
}

func (f *fieldPlan) absent() (detail string) {
	if f.check != nil && f.check.Required {
		return detailMissing
	}
	return ""
}

const detailMissing = "is missing"

func (f *fieldPlan) decodeFiles(c *Ctx, dst reflect.Value) (detail string) {
	var files []*multipart.FileHeader
	if c.body.form != nil {
		files = c.body.form.File[f.name]
	}
	switch {
	case len(files) == 0:
		return f.absent()
	case f.typ == fileType:
		dst.Set(reflect.ValueOf(files[0]))
	default:
		dst.Set(reflect.ValueOf(slices.Clone(files)))
	}
	return checkValue(f.check, dst)
}

// fillChecked stores texts and holds the rules against what they are.
func (f *fieldPlan) fillChecked(c *Ctx, dst reflect.Value, texts [][]byte) (detail string) {
	if detail = f.fill(c, dst, texts); detail != "" {
		return detail
	}
	return checkValue(f.check, dst)
}

// checkValue holds rules against v and its elements.
func checkValue(check *rules.Check, v reflect.Value) (detail string) {
	if check == nil {
		return ""
	}
	if detail = check.Value(v); detail != "" || check.Items == nil {
		return detail
	}
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	for i := range v.Len() {
		if detail = checkValue(check.Items, v.Index(i)); detail != "" {
			return "item " + strconv.Itoa(i+1) + " " + detail
		}
	}
	return ""
}

// joinFaults adds what is wrong with single values before to an error of the body, if that is of the same kind.
func joinFaults(before []FieldError, err error) error {
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

// Bind decodes the request into v, a pointer, by the same tags and with the same errors as the input of a typed handler (see
// Handle). Fields without a value in the request stay as they are, or get their default; on an error v holds what could be decoded. It panics when v is no pointer or its type cannot
// be an input: that is a bug. Quart's own part is 0 allocations.
func (c *Ctx) Bind(v any) error {
	c.live()
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		panic(fmt.Sprintf("quart: Bind needs a pointer, not a %T (%s)", v, callSite()))
	}
	return c.bind(planFor(rv.Type().Elem()), rv.Elem())
}

// Bind decodes the request into a T: a typed handler's input, inside a plain handler. With an error it returns what could be decoded, to show a
// form again, say; Fields of the *HTTPError name what is wrong.
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
