package quart

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goquart/quart/internal/wire"
)

var (
	errJSONDepth error = &HTTPError{Status: 400, Detail: "the body nests deeper than 64 levels"}
	errJSONEmpty error = &HTTPError{Status: 400, Detail: "the body is empty"}
	errJSONType  error = &HTTPError{Status: 415, Detail: "the body must be of type application/json"}
	errFormType  error = &HTTPError{Status: 415, Detail: "the body must be a form: of type application/x-www-form-urlencoded or multipart/form-data"}
	errEncoded   error = &HTTPError{Status: 415, Detail: "the body is encoded (Content-Encoding), which this resource does not take"}
	errFilesType error = &HTTPError{Status: 415, Detail: "the body must be of type multipart/form-data"}
)

// read fills v, the body or the field for it, and holds the rules against it.
func (ct *content) read(c *Ctx, v reflect.Value) error {
	if ct.kind == contentJSON {
		return ct.readJSON(c, v)
	}
	if !ct.accepts(c) {
		return &HTTPError{Status: 415, Detail: "the body must be of type " + ct.mediaType}
	}
	if ct.kind == contentReader {
		v.Set(reflect.ValueOf(c.BodyReader()))
		return nil
	}
	data, err := c.Body()
	if err != nil {
		return err
	}
	if ct.check != nil && ct.check.Required && len(data) == 0 {
		return errJSONEmpty
	}
	if ct.kind == contentString {
		v.SetString(c.str(data))
	} else {
		v.SetBytes(data)
	}
	if detail := checkValue(ct.check, v); detail != "" {
		return Problems(FieldError{"body", "", detail})
	}
	return nil
}

// accepts reports whether the body's type is the one that the tag names.
func (ct *content) accepts(c *Ctx) bool {
	if ct.mediaType == "" {
		return true
	}
	got := c.mediaType()
	if kind, ok := strings.CutSuffix(ct.mediaType, "/*"); ok { // image/*
		return len(got) > len(kind) && got[len(kind)] == '/' && equalFold(got[:len(kind)], kind)
	}
	return equalFold(got, ct.mediaType)
}

// readJSON reads a JSON body: 415 for another type, 400 for bytes that are no JSON, 422 for JSON of the wrong shape.
func (ct *content) readJSON(c *Ctx, v reflect.Value) error {
	h := &c.fc.Request.Header
	contentType := h.ContentType()
	if len(contentType) == 0 && h.ContentLength() == 0 {
		return ct.empty() // not even a body to have a type
	}
	if !isJSON(contentType) {
		return errJSONType
	}
	data, err := c.Body()
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return ct.empty()
	}
	if err := c.app.unmarshal(data, v, ct.shape, ct.check); err != nil {
		if StatusOf(err) == 400 && c.body.filter.wrap == nil && len(h.Peek("Content-Encoding")) > 0 {
			return errEncoded
		}
		return err
	}
	if v.Kind() == reflect.Pointer && v.IsNil() && !ct.optional {
		return Problems(FieldError{"body", "", "null is no input here"})
	}
	return nil
}

func (ct *content) empty() error {
	if ct.optional {
		return nil
	}
	return errJSONEmpty
}

// unmarshal decodes data, which a client sent, into v, and holds the rules of its type and those of check against it.
func (a *App) unmarshal(data []byte, v reflect.Value, s *shape, check rulesCheck) error {
	if !wire.JSONDepth(data, maxJSONDepth) {
		return errJSONDepth
	}
	_, own := a.cfg.JSON.(jsonV2)
	err := a.cfg.JSON.Decode(data, v.Addr().Interface())
	if err == nil && (own || check == nil && !s.required) && s.meets(check, v) {
		return nil // a codec of others may take null for nothing: what is in v stays
	}
	k := takeBodyCheck(a.cfg.JSON, data)
	defer k.release()
	if err != nil {
		if stop := k.explain(err, s, v); stop != nil {
			return stop
		}
		if k.budget <= 0 {
			return Problems(k.takeFaults()...) // what was not decoded any more is zero, and would be taken for that
		}
	}
	if !k.run(s, check, v) {
		return &HTTPError{Status: 400, Detail: detailNoJSON}
	}
	if len(k.faults) >= maxFaults {
		return &HTTPError{Status: 422, Detail: detailFaults, Fields: k.takeFaults()}
	}
	if len(k.faults) > 0 {
		return Problems(k.takeFaults()...)
	}
	return nil
}

const detailFaults = "the input does not meet its constraints; more may be wrong than these 100"

// readMessage decodes and validates a websocket's message as a body is.
func (a *App) readMessage(data []byte, v any) error {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("quart: JSON is read into a pointer, not a %T", v)
	}
	s, err := shapeOf(rv.Type().Elem())
	if err != nil {
		return fmt.Errorf("quart: %v: %w", rv.Type().Elem(), err)
	}
	if err := a.unmarshal(data, rv.Elem(), s, nil); err != nil {
		return err
	}
	if err := s.validateWithin(rv.Elem()); err != nil {
		return err
	}
	if err := callValidators(rv.Elem(), s.validates); err != nil {
		return err
	}
	if a.cfg.Validator == nil {
		return nil
	}
	return unprocessable(a.cfg.Validator(v))
}

// statusOf is the status that a codec's error has, or one of a type that decodes itself; 0 for none.
func statusOf(err error) int {
	var coded interface{ StatusCode() int }
	if errors.As(err, &coded) {
		return coded.StatusCode()
	}
	return 0
}

// notJSON is the answer to an error of the codec when it is the bytes that are wrong, or the program; nil when it is the shape.
func notJSON(err error, data []byte) error {
	if coded := statusOf(err); coded != 0 && coded != 422 {
		return err
	}
	if jsontext.Value(data).IsValid() {
		if syntax := sameMember(err); syntax != nil {
			return &HTTPError{Status: 400, Detail: detailDuplicate + placeIn(data[:min(int(syntax.ByteOffset), len(data))]), Err: err}
		}
		return nil
	}
	// A value of the wrong type does not excuse bytes behind it that are no JSON.
	return &HTTPError{Status: 400, Detail: syntaxDetail(data), Err: err}
}

// isJSON accepts application/json and any application/*+json, with or without parameters.
func isJSON(contentType []byte) bool {
	for i, b := range contentType {
		if b == ';' {
			contentType = contentType[:i]
			break
		}
	}
	for len(contentType) > 0 && (contentType[len(contentType)-1] == ' ' || contentType[len(contentType)-1] == '\t') {
		contentType = contentType[:len(contentType)-1]
	}
	if equalFold(contentType, "application/json") {
		return true
	}
	const prefix, suffix = "application/", "+json"
	n := len(contentType)
	return n > len(prefix)+len(suffix) && equalFold(contentType[:len(prefix)], prefix) && equalFold(contentType[n-len(suffix):], suffix)
}

// bindForm reads the form for a typed input. A request without a body is an empty form.
func (c *Ctx) bindForm(files bool) error {
	kind := c.mediaType()
	multi := equalFold(kind, "multipart/form-data")
	switch {
	case multi:
		if _, err := c.boundary(); err != nil {
			return err
		}
	case len(kind) == 0 && c.fc.Request.Header.ContentLength() == 0:
		return nil
	case files:
		return errFilesType
	case !equalFold(kind, "application/x-www-form-urlencoded"):
		return errFormType
	}
	return c.readForm()
}
