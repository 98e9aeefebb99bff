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
	if len(texts) == 0 {
		texts = f.defaults
	}
	if len(texts) == 0 {
		return f.absent()
	}
	return f.fillChecked(c, dst, texts)
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

// validate asks the methods Validate of what the body holds, of the body and of the input, then Config.Validator.
func (p *plan) validate(c *Ctx, v reflect.Value) error {
	if p.hasBody {
		if err := p.content.shape.validateWithin(p.bodyOf(v)); err != nil {
			return err
		}
	}
	if p.content.validates {
		if err := callValidate(p.bodyOf(v)); err != nil {
			return err
		}
	}
	if p.validates {
		if err := callValidate(v); err != nil {
			return p.located(err)
		}
	}
	if c.app.cfg.Validator == nil {
		return nil
	}
	if v.Kind() != reflect.Pointer {
		v = v.Addr()
	}
	if v.IsNil() {
		return nil // JSON null
	}
	return p.located(unprocessable(c.app.cfg.Validator(v.Interface())))
}

// located fills in where the values are that a Validate method names.
func (p *plan) located(err error) error {
	if err == nil || len(p.fields) == 0 {
		return err
	}
	var e *HTTPError
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	own := *e
	own.Fields = slices.Clone(e.Fields)
	for i := range own.Fields {
		fault := &own.Fields[i]
		for j := range p.fields {
			if f := &p.fields[j]; fault.Location == "" && fault.Pointer == f.name {
				fault.Location = f.from.location()
			}
		}
	}
	own.Err = err
	return &own
}

// callValidate calls v's method Validate. A method of the type itself may not be called on a nil pointer to it.
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

// Bind decodes the request into v, a pointer, by the same tags and with the same errors as the input of a typed handler (see
// Handle). Fields without a value in the request stay as they are, or get their default. It panics when v is no pointer or its type cannot
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
