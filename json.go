package quart

import (
	"bytes"
	"errors"
	"reflect"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/goquart/quart/pool"
)

// JSONCodec encodes and decodes JSON. The default has the semantics of encoding/json/v2: names match by case, duplicate
// names and invalid UTF-8 are refused, because a second key that overrides the first by case or by repetition gets past
// checks. It sorts the keys of maps, so that equal answers are equal bytes, and a time.Duration is a number of nanoseconds.
type JSONCodec interface {
	// Append appends v's JSON to dst and returns the extended buffer, also on error.
	Append(dst []byte, v any) ([]byte, error)
	// Decode stores data into v, a pointer. It must not keep data. quart has checked the depth (64).
	// An error with a method StatusCode() int is answered with that status. After another one quart finds what is
	// wrong: 400 if data is no JSON, else 422 with all values that Decode does not take by themselves.
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
	jsonEncoding = json.JoinOptions(json.Deterministic(true), jsonv1.FormatDurationAsNano(true), jsontext.AllowInvalidUTF8(true))
	jsonDecoding = jsonv1.FormatDurationAsNano(true)
)

// Append implements JSONCodec. Invalid UTF-8, which any client can put into a query, becomes U+FFFD. 0 allocations for structs of basic types behind a pointer.
func (jsonV2) Append(dst []byte, v any) ([]byte, error) {
	s := jsonSinks.Get()
	s.b = dst
	err := json.MarshalWrite(s, v, jsonEncoding)
	dst = s.b
	jsonSinks.Put(s)
	return dst, err
}

// Decode implements JSONCodec.
func (jsonV2) Decode(data []byte, v any) error { return json.Unmarshal(data, v, jsonDecoding) }

// isTypeFault reports whether no JSON at all would fit: a chan, an interface with methods, a struct with two fields of one name. That is
// the program's fault, not the client's.
func isTypeFault(e *json.SemanticError) bool {
	if e.GoType == nil || isOpaque(e.GoType) {
		return false
	}
	return e.JSONKind == 0 || e.JSONKind == '{' && e.GoType.Kind() == reflect.Struct
}

// decodeDetail says what was wanted where err came from, in the words of JSON. A codec that does not tell is taken to mean t.
func decodeDetail(err error, t reflect.Type) string {
	if errors.Is(err, strconv.ErrRange) {
		return "is out of range"
	}
	var own *HTTPError
	if errors.As(err, &own) {
		return ownDetail(own)
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && semantic.GoType != nil {
		t = semantic.GoType
	}
	return typeDetail(t)
}

func typeDetail(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[time.Time]() {
		return detailTime
	}
	if t == nil || isOpaque(t) {
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

const (
	detailNoJSON    = "the body is no valid JSON"
	detailDuplicate = "the body has a JSON object with a duplicate name"
)

// syntaxDetail says what is wrong with bytes that are no JSON, and where: lines and columns are counted from 1, columns in bytes.
func syntaxDetail(data []byte) string {
	detail := detailNoJSON
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	err := dec.SkipValue()
	if errors.Is(err, jsontext.ErrDuplicateName) {
		detail = detailDuplicate
	}
	before := data // io.EOF: it lacks a value
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		before = data[:syntax.ByteOffset]
	case err == nil: // there is something behind the value
		before = data[:len(data)-len(bytes.TrimLeft(data[dec.InputOffset():], " \t\r\n"))]
	}
	return detail + placeIn(before)
}

// placeIn says where the text ends that is given.
func placeIn(before []byte) string {
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return " at line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column)
}

// sameMember returns the codec's error of two names for one member, or key of a map, nil for another: they differ as bytes, by case say.
func sameMember(err error) *jsontext.SyntacticError {
	var semantic *json.SemanticError
	var syntax *jsontext.SyntacticError
	if errors.As(err, &semantic) || !errors.As(err, &syntax) || !errors.Is(err, jsontext.ErrDuplicateName) {
		return nil
	}
	return syntax
}
