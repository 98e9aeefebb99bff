package quart

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goquart/quart/internal/bytesconv"
	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
	"github.com/valyala/fasthttp"
)

// response is an Out whose fields are the parts of an answer: status, header, cookie and body.
type response struct {
	status  []int // index of the status field; nil for none
	headers []responseField
	cookies []responseField
	body    []int        // nil for none
	write   resultWriter // of the body
}

// responseField is a header or a cookie. Its zero value is not sent.
type responseField struct {
	name  string
	index []int
	many  bool
	text  func(dst []byte, v reflect.Value) ([]byte, error)
}

// isResponse reports whether t has a field for a part of an answer, and none for a part of a request: a type of inputs may be a result, too.
// The fields of embedded structs are its own.
func isResponse(t reflect.Type) bool {
	answers, asks := partsOf(t)
	return answers && !asks
}

func partsOf(t reflect.Type) (answers, asks bool) {
	if t.Kind() != reflect.Struct {
		return false, false
	}
	for i := range t.NumField() {
		sf := t.Field(i)
		a, q := hasTag(sf, "status", "header", "cookie", "body"), hasTag(sf, "path", "query", "form", "file")
		if sf.Anonymous && sf.Tag.Get("json") == "" && !a && !q { // else it is a member of the JSON, or ignored
			a, q = partsOf(sf.Type)
		}
		answers, asks = answers || a, asks || q
	}
	return answers, asks
}

func hasTag(sf reflect.StructField, keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool {
		_, ok := sf.Tag.Lookup(key)
		return ok
	})
}

func responseResult(t reflect.Type) (result, error) {
	rs := &response{}
	r := result{typ: t, write: rs.respond}
	if err := rs.addFields(t, nil, &r); err != nil {
		return r, fmt.Errorf("result type %v: %w", t, err)
	}
	if r.status == 0 {
		r.status = 200
	}
	if rs.body == nil && r.status == 200 {
		r.status = 204
	}
	return r, nil
}

// addFields adds the fields of t, those of embedded structs included.
func (rs *response) addFields(t reflect.Type, index []int, r *result) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		sf.Index = append(slices.Clone(index), i)
		err := error(nil)
		if sf.Anonymous && sf.Tag.Get("json") == "" && isResponse(sf.Type) {
			err = rs.addFields(sf.Type, sf.Index, r)
		} else {
			err = rs.add(sf, r)
		}
		if err != nil {
			return fmt.Errorf("field %s: %w", sf.Name, err)
		}
	}
	return nil
}

func (rs *response) add(sf reflect.StructField, r *result) error {
	tag := sf.Tag
	if text, ok := tag.Lookup("status"); ok {
		return rs.addStatus(sf, text, r)
	}
	if name, ok := tag.Lookup("header"); ok {
		return rs.addHeader(sf, name, r)
	}
	if name, ok := tag.Lookup("cookie"); ok {
		return rs.addCookie(sf, name, r)
	}
	if _, ok := tag.Lookup("body"); ok {
		return rs.addBody(sf, r)
	}
	if sf.IsExported() {
		return errors.New("has no tag, but others have: tag every field with one of status, header, cookie, body, or none")
	}
	return nil
}

func (rs *response) addStatus(sf reflect.StructField, text string, r *result) error {
	switch {
	case r.status != 0:
		return errors.New("is a second status")
	case sf.Type.Kind() == reflect.Int && sf.IsExported():
		rs.status = sf.Index
	case sf.Name != "_":
		return errors.New("a status is an exported int, or a blank field for a fixed one")
	}
	r.status = 200
	if text == "" && sf.Name != "_" {
		return nil
	}
	code, err := strconv.Atoi(text)
	if err != nil || code < 200 || code > 599 {
		return fmt.Errorf("status %q is none of a response", text)
	}
	r.status = code
	return nil
}

func (rs *response) addHeader(sf reflect.StructField, name string, r *result) error {
	if !sf.IsExported() || !wire.ValidFieldName(name) {
		return fmt.Errorf("a header has a name, not %q, and an exported field", name)
	}
	switch strings.ToLower(name) {
	case "content-length", "transfer-encoding", "connection", "trailer", "upgrade":
		return fmt.Errorf("the header %s is the server's", name)
	}
	t, f := sf.Type, responseField{name: name, index: sf.Index}
	if f.text = textOfType(t); f.text == nil && t.Kind() == reflect.Slice {
		f.many, f.text = true, textOfType(t.Elem())
	}
	if f.text == nil {
		return fmt.Errorf("a %v is no text: implement encoding.TextMarshaler", t)
	}
	rs.headers = append(rs.headers, f)
	r.describe(sf, "header", name)
	return nil
}

var cookieType = reflect.TypeFor[Cookie]()

func (rs *response) addCookie(sf reflect.StructField, name string, r *result) error {
	if !sf.IsExported() || sf.Type != cookieType && sf.Type.Kind() != reflect.String {
		return errors.New("a cookie is an exported string or quart.Cookie")
	}
	if !wire.ValidFieldName(name) {
		return fmt.Errorf("%q is no name of a cookie", name)
	}
	rs.cookies = append(rs.cookies, responseField{name: name, index: sf.Index})
	r.describe(sf, "cookie", name)
	return nil
}

func (r *result) describe(sf reflect.StructField, source, name string) {
	f := Field{Name: name, Source: source, Type: sf.Type, Index: slices.Clone(sf.Index)}
	f.addTags(sf.Tag)
	r.headers = append(r.headers, f)
}

func (rs *response) addBody(sf reflect.StructField, r *result) error {
	if rs.body != nil || !sf.IsExported() {
		return errors.New("a result has one body, exported")
	}
	body, err := resultOf(sf.Type)
	if err != nil {
		return err
	}
	rs.body, rs.write = sf.Index, body.write
	r.contentType, r.body = body.contentType, cmpType(body.body, body.typ)
	return nil
}

func cmpType(a, b reflect.Type) reflect.Type {
	if a != nil {
		return a
	}
	return b
}

// respond writes the parts of out. Headers come last, so that a body that cannot be encoded leaves none on the error's answer.
func (rs *response) respond(c *Ctx, out reflect.Value) error {
	if rs.status != nil {
		if err := c.resultStatus(int(out.FieldByIndex(rs.status).Int())); err != nil {
			return err
		}
	}
	if err := rs.writeBody(c, out); err != nil {
		return err
	}
	for i := range rs.headers {
		if err := rs.headers[i].addTo(c, out.FieldByIndex(rs.headers[i].index)); err != nil {
			return err
		}
	}
	for i := range rs.cookies {
		c.setResultCookie(rs.cookies[i].name, out.FieldByIndex(rs.cookies[i].index))
	}
	return nil
}

func (rs *response) writeBody(c *Ctx, out reflect.Value) error {
	if rs.body == nil {
		return writeNone(c, out)
	}
	return rs.write(c, out.FieldByIndex(rs.body))
}

func (f *responseField) addTo(c *Ctx, v reflect.Value) error {
	if v.IsZero() {
		return nil
	}
	if !f.many {
		return f.set(c, v, (*Ctx).SetHeader)
	}
	for i := range v.Len() {
		if err := f.set(c, v.Index(i), (*Ctx).AddHeader); err != nil {
			return err
		}
	}
	return nil
}

func (f *responseField) set(c *Ctx, v reflect.Value, to func(c *Ctx, name, value string)) error {
	if v.Kind() == reflect.String {
		to(c, f.name, v.String())
		return nil
	}
	buf := pool.GetBuffer(64)
	defer pool.PutBuffer(buf)
	b, err := f.text(buf.B, v)
	if err != nil {
		return err
	}
	buf.B = b
	to(c, f.name, bytesconv.String(b)) // which copies it
	return nil
}

// setResultCookie sets the cookie of a result: a string is its value.
func (c *Ctx) setResultCookie(name string, v reflect.Value) {
	if v.IsZero() {
		return
	}
	if v.Kind() == reflect.String {
		c.SetCookie(Cookie{Name: name, Value: v.String()})
		return
	}
	ck := *v.Addr().Interface().(*Cookie)
	if ck.Name == "" {
		ck.Name = name
	}
	c.SetCookie(ck)
}

var textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()

// textOfType is how a type is written into a header; nil for one that is not text.
func textOfType(t reflect.Type) func(dst []byte, v reflect.Value) ([]byte, error) {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return func(dst []byte, v reflect.Value) ([]byte, error) {
			return fasthttp.AppendHTTPDate(dst, v.Interface().(time.Time)), nil
		}
	case reflect.PointerTo(t).Implements(textMarshaler) && t.Kind() != reflect.Pointer:
		return func(dst []byte, v reflect.Value) ([]byte, error) {
			b, err := v.Addr().Interface().(encoding.TextMarshaler).MarshalText()
			return append(dst, b...), err
		}
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return appendReflect(dst, v), nil }
	case reflect.Pointer:
		text := textOfType(t.Elem())
		if text == nil || t.Elem().Kind() == reflect.Pointer {
			return nil
		}
		return func(dst []byte, v reflect.Value) ([]byte, error) { return text(dst, v.Elem()) }
	}
	return nil
}
