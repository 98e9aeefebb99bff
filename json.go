package quart

import (
	"errors"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
)

// JSONCodec encodes and decodes JSON. The default has the semantics of encoding/json/v2: names match by case, duplicate
// names and invalid UTF-8 are refused, because a second key that overrides the first by case or by repetition gets past
// checks. It sorts the keys of maps, so that equal answers are equal bytes, and a time.Duration is a number of nanoseconds.
type JSONCodec interface {
	// Append appends v's JSON to dst and returns the extended buffer, also on error.
	Append(dst []byte, v any) ([]byte, error)
	// Decode stores data into v, a pointer. It must not keep data. quart has checked the depth (64).
	// An error with a method StatusCode() int is answered with that status, another with 400.
	Decode(data []byte, v any) error
}

type jsonV2 struct{}

// jsonSink is an io.Writer onto a byte slice.
type jsonSink struct{ b []byte }

func (s *jsonSink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

var jsonSinks = pool.New(func(s *jsonSink) { s.b = nil })

// json/v2 has not decided on a form for time.Duration and refuses it: it is nanoseconds here, as in encoding/json.
var (
	jsonEncoding = []json.Options{json.Deterministic(true), jsonv1.FormatDurationAsNano(true), jsontext.AllowInvalidUTF8(true)}
	jsonDecoding = []json.Options{jsonv1.FormatDurationAsNano(true)}
)

// Append implements JSONCodec. Invalid UTF-8, which any client can put into a query, becomes U+FFFD. 0 allocations for structs of basic types behind a pointer.
func (jsonV2) Append(dst []byte, v any) ([]byte, error) {
	s := jsonSinks.Get()
	s.b = dst
	err := json.MarshalWrite(s, v, jsonEncoding...)
	dst = s.b
	jsonSinks.Put(s)
	return dst, err
}

// Decode implements JSONCodec.
func (jsonV2) Decode(data []byte, v any) error {
	err := json.Unmarshal(data, v, jsonDecoding...)
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) || !jsontext.Value(data).IsValid() {
		// A value of the wrong type does not excuse bytes behind it that are no JSON.
		return &HTTPError{Status: 400, Detail: syntaxDetail(err), Err: err}
	}
	if isTypeFault(semantic) {
		return &HTTPError{Status: 500, Err: err}
	}
	return &HTTPError{
		Status: 422, Detail: detailInvalid, Err: err,
		Fields: []FieldError{{Pointer: string(semantic.JSONPointer), Detail: semanticDetail(semantic)}},
	}
}

// isTypeFault reports whether no JSON at all would fit: a chan, an interface with methods, a struct with two fields of one name. That is
// the program's fault, not the client's.
func isTypeFault(e *json.SemanticError) bool {
	if e.GoType == nil || hasMethods(e.GoType, unmarshalerType) || hasMethods(e.GoType, unmarshalFromType) {
		return false
	}
	return e.JSONKind == 0 || e.JSONKind == '{' && e.GoType.Kind() == reflect.Struct
}

// semanticDetail says what was wanted, in the words of JSON.
func semanticDetail(e *json.SemanticError) string {
	if errors.Is(e.Err, strconv.ErrRange) {
		return "is out of range"
	}
	t := e.GoType
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || hasMethods(t, unmarshalerType) || hasMethods(t, unmarshalFromType) || hasMethods(t, textUnmarshaler) {
		return "is not valid"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "must be an integer"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "must be an integer, not negative"
	case reflect.Float32, reflect.Float64:
		return "must be a number"
	case reflect.String:
		return "must be a string"
	case reflect.Struct, reflect.Map:
		return "must be an object"
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return "must be an array"
		}
	case reflect.Array:
		if t.Elem().Kind() != reflect.Uint8 {
			return "must be an array of " + strconv.Itoa(t.Len())
		}
	}
	return "is not valid"
}

func syntaxDetail(err error) string {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return "the body has a JSON object with a duplicate name"
	}
	return "the body is no valid JSON"
}

const detailInvalid = "the input does not meet its constraints" // as Problems has it

var (
	errJSONDepth error = &HTTPError{Status: 400, Detail: "the body nests deeper than 64 levels"}
	errJSONEmpty error = &HTTPError{Status: 400, Detail: "the body is empty"}
	errJSONType  error = &HTTPError{Status: 415, Detail: "the body must be of type application/json"}
)

// decodeJSON reads the body into v: 415 for another type, 400 for bytes that are no JSON, 422 for JSON of the wrong shape.
func (c *Ctx) decodeJSON(v any) error {
	h := &c.fc.Request.Header
	contentType := h.ContentType()
	if len(contentType) == 0 && h.ContentLength() == 0 {
		return errJSONEmpty // not even a body to have a type
	}
	if !isJSON(contentType) {
		return errJSONType
	}
	data, err := c.Body()
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return errJSONEmpty
	}
	return c.app.unmarshal(data, v)
}

// unmarshal decodes data, which a client sent, into v.
func (a *App) unmarshal(data []byte, v any) error {
	if !wire.JSONDepth(data, maxJSONDepth) {
		return errJSONDepth
	}
	err := a.cfg.JSON.Decode(data, v)
	if err == nil {
		return nil
	}
	var coded interface{ StatusCode() int }
	if errors.As(err, &coded) {
		return err
	}
	return &HTTPError{Status: 400, Detail: syntaxDetail(err), Err: err}
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
