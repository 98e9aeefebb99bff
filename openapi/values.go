package openapi

import (
	"cmp"
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// annotate adds what the tags say besides rules; "" is nothing.
func annotate(s *schema, t reflect.Type, doc, def, example string) {
	if doc != "" {
		extra := s.Description
		s.Description = doc
		if extra != "" {
			s.describeMore(extra)
		}
	}
	if def != "" {
		s.Default = s.defaultValue(t, def)
	}
	if example != "" {
		s.Examples = []jsontext.Value{s.value(t, example)}
	}
}

// defaultValue makes JSON of a default tag: of what the server makes of its text.
func (s *schema) defaultValue(t reflect.Type, text string) jsontext.Value {
	own := hasMethods(t, textUnmarshaler)
	switch {
	case s.ContentEncoding != "":
		return quote(base64.StdEncoding.EncodeToString(bytesOf(t, text)))
	case own && !slices.Contains(s.Type, "string"):
		if v := ownValue(t, text); v != nil {
			return v
		}
	case !own && t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		return s.list(t, text, (*schema).defaultValue)
	}
	return s.value(t, text)
}

// bytesOf returns the bytes that the text of a []byte or a [16]byte, a UUID, stands for.
func bytesOf(t reflect.Type, text string) []byte {
	if id, err := hex.DecodeString(strings.ReplaceAll(text, "-", "")); t.Kind() == reflect.Array && err == nil {
		return id
	}
	return []byte(text)
}

// ownValue has a type with a method UnmarshalText read the text, and encodes what came out, as the default codec does. It is nil if one
// of these fails.
func ownValue(t reflect.Type, text string) jsontext.Value {
	v, ok := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	if !ok || v.UnmarshalText([]byte(text)) != nil {
		return nil
	}
	b, err := json.Marshal(v, jsonv1.FormatDurationAsNano(true), json.Deterministic(true))
	if err != nil {
		return nil
	}
	return b
}

// value makes JSON of the text of a tag, for a value that s describes.
func (s *schema) value(t reflect.Type, text string) jsontext.Value {
	v := jsontext.Value(text)
	switch kindOf(s, t) {
	case "integer", "number":
		if n := numberOf(t, text); n != nil {
			return n
		}
	case "boolean":
		if b, err := strconv.ParseBool(text); err == nil || text == "on" || text == "off" {
			return jsontext.Value(strconv.FormatBool(b || text == "on"))
		}
	case "array":
		if v.Kind() == '[' && v.IsValid() {
			return compact(v)
		}
		return s.list(t, text, (*schema).value)
	case "object", "":
		if v.IsValid() {
			return compact(v)
		}
	}
	return quote(text)
}

func quote(text string) jsontext.Value {
	b, err := json.Marshal(text, jsontext.AllowInvalidUTF8(true))
	if err != nil { // there is no such string
		panic(err)
	}
	return b
}

// numberOf makes a number of JSON of one of Go, which may begin with a plus or zeros; nil for what is none.
func numberOf(t reflect.Type, text string) jsontext.Value {
	if v := jsontext.Value(text); isNumber(v) {
		return v
	}
	if d, err := time.ParseDuration(text); t == durationType && err == nil {
		return number(strconv.FormatInt(int64(d), 10))
	}
	if n, ok := new(big.Int).SetString(text, 10); ok {
		return number(n.String())
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		if v := number(strconv.FormatFloat(f, 'g', -1, 64)); isNumber(v) { // not NaN
			return v
		}
	}
	return nil
}

func isNumber(v jsontext.Value) bool { return v.IsValid() && v.Kind() == '0' }

// list makes an array of elements between commas, as the default of a parameter has them, each by the function.
func (s *schema) list(t reflect.Type, text string, each func(s *schema, t reflect.Type, text string) jsontext.Value) jsontext.Value {
	elem, items := elemOf(t), s.Items
	if items == nil && s.target != nil && s.target.schema != nil {
		items = s.target.schema.Items
	}
	if elem == nil || items == nil {
		elem, items = cmp.Or(elem, stringType), &schema{}
	}
	values := []byte{'['}
	for i, one := range strings.Split(text, ",") {
		if i > 0 {
			values = append(values, ',')
		}
		values = append(values, each(items, elem, one)...)
	}
	return append(values, ']')
}

// kindOf returns the JSON type of what s describes, "" for anything.
func kindOf(s *schema, t reflect.Type) string {
	for _, one := range s.Type {
		if one != "null" {
			return one
		}
	}
	if s.target != nil && s.target.schema != nil && len(s.target.schema.Type) > 0 { // it has none while it is being described
		return kindOf(s.target.schema, t)
	}
	if t.Kind() == reflect.String {
		return "string"
	}
	return ""
}

func compact(v jsontext.Value) jsontext.Value {
	_ = v.Compact() // it is valid
	return v
}
