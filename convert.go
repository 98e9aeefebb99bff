package quart

import (
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/goquart/quart/internal/bytesconv"
	"github.com/goquart/quart/internal/wire"
)

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// takeCell returns a zero *T from idle: memory that reflection may see, so that a T needs none of its own.
func takeCell[T any](idle *sync.Pool) *T {
	if cell, ok := idle.Get().(*T); ok {
		return cell
	}
	return new(T)
}

// putCell gives a cell back and returns what was in it.
func putCell[T any](idle *sync.Pool, cell *T) (v T) {
	v, *cell = *cell, v
	idle.Put(cell)
	return v
}

// conversion is a textType for ParamAs and QueryAs.
type conversion struct {
	textType
	idle sync.Pool
}

var conversions sync.Map // by reflect.Type

func conversionFor(t reflect.Type) *conversion {
	if cv, ok := conversions.Load(t); ok {
		return cv.(*conversion)
	}
	tt, ok := textTypeOf(t)
	if !ok {
		panic(fmt.Sprintf("quart: type %v is made from no text: implement encoding.TextUnmarshaler (%s)", t, callSite()))
	}
	cv, _ := conversions.LoadOrStore(t, &conversion{textType: tt})
	return cv.(*conversion)
}

// ParamAs returns a path parameter as a T, which is any type that a path field of a typed input can have. A value that is no T is a 404, an optional
// parameter that was left out the zero T, and a name that the route does not have a 500. 0 allocations, for
// a pointer 1.
func ParamAs[T any](c *Ctx, name string) (T, error) {
	var zero T
	if c.Route() == nil || !c.route.hasParam(name) {
		return zero, fmt.Errorf("quart: there is no path parameter %q", name)
	}
	v, detail := readAs(c, fromPath, name, zero)
	if detail != "" {
		return zero, ErrNotFound
	}
	return v, nil
}

// QueryAs returns a query argument as a T, which is any type that a query field of a typed input can have, slices included: def when there is none,
// def and a 422 when it is no T. 0 allocations, for a slice or a pointer 1.
func QueryAs[T any](c *Ctx, name string, def T) (T, error) {
	c.live()
	v, detail := readAs(c, fromQuery, name, def)
	if detail != "" {
		return def, Problems(FieldError{"query", name, detail})
	}
	return v, nil
}

func readAs[T any](c *Ctx, from source, name string, def T) (v T, detail string) {
	cv := conversionFor(reflect.TypeFor[T]())
	var buf [8][]byte
	texts := c.texts(buf[:0], from, name, cv.many)
	if len(texts) == 0 {
		return def, ""
	}
	cell := takeCell[T](&cv.idle)
	detail = cv.fill(c, reflect.ValueOf(cell).Elem(), texts)
	return putCell(&cv.idle, cell), detail
}

// texts appends the values of that name to dst: the one that counts, or all.
func (c *Ctx) texts(dst [][]byte, from source, name string, all bool) [][]byte {
	switch from {
	case fromPath:
		if v := c.param(name); len(v) > 0 {
			return append(dst, v)
		}
	case fromQuery:
		for k, v := range c.fc.QueryArgs().All() {
			if string(k) != name {
				continue
			}
			dst = append(dst, v)
			if !all {
				break
			}
		}
	case fromHeader:
		if all {
			for _, line := range c.fc.Request.Header.PeekAll(name) {
				dst = wire.AppendElems(dst, line)
			}
			return dst
		}
		if v := c.fc.Request.Header.Peek(name); len(v) > 0 {
			return append(dst, v)
		}
	case fromCookie:
		if v, ok := c.cookie(name); ok {
			return append(dst, v)
		}
	case fromForm:
		return c.formTexts(dst, name, all)
	}
	return dst
}

// formTexts is texts for a form, which has been read.
func (c *Ctx) formTexts(dst [][]byte, name string, all bool) [][]byte {
	if c.body.form != nil {
		for _, v := range c.body.form.Value[name] {
			dst = append(dst, bytesconv.Bytes(v)) // setters only read
			if !all {
				break
			}
		}
		return dst
	}
	for k, v := range c.body.args.All() {
		if string(k) != name {
			continue
		}
		dst = append(dst, v)
		if !all {
			break
		}
	}
	return dst
}

func (c *Ctx) cookie(name string) (value []byte, ok bool) {
	for _, line := range c.fc.Request.Header.PeekAll("Cookie") { // HTTP/2 may split the field
		if v, found := wire.CookieValue(line, name); found {
			value, ok = v, true
		}
	}
	return value, ok
}

// setter stores the value of a text and returns what is wrong with it, "" for nothing. dst is addressable.
type setter func(c *Ctx, dst reflect.Value, text []byte) (detail string)

// textType is a type that is made from text: from one, or as a slice from many.
type textType struct {
	set  setter // of the element, if many
	many bool
}

func textTypeOf(t reflect.Type) (textType, bool) {
	if set := setterOf(t); set != nil {
		return textType{set: set}, true
	}
	if t.Kind() != reflect.Slice {
		return textType{}, false
	}
	set := setterOf(t.Elem())
	return textType{set: set, many: true}, set != nil
}

// fill stores texts, of which there is at least one.
func (tt *textType) fill(c *Ctx, dst reflect.Value, texts [][]byte) (detail string) {
	if !tt.many {
		return tt.set(c, dst, texts[0])
	}
	dst.SetZero() // never into a slice that someone else may hold
	dst.Grow(len(texts))
	dst.SetLen(len(texts))
	for i, text := range texts {
		if detail = tt.set(c, dst.Index(i), text); detail != "" {
			return detail
		}
	}
	return ""
}

// setterOf returns nil for a type that is not made from one text.
func setterOf(t reflect.Type) setter {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return setDuration
	case t == reflect.TypeFor[time.Time]():
		return setTime
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		return setText
	}
	switch t.Kind() {
	case reflect.String:
		return setString
	case reflect.Bool:
		return setBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return setUint
	case reflect.Float32, reflect.Float64:
		return setFloat
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return setBytes
		}
	case reflect.Array:
		if t.Len() == 16 && t.Elem().Kind() == reflect.Uint8 {
			return setUUID
		}
	case reflect.Pointer:
		if t.Elem().Kind() != reflect.Pointer {
			return setPointerOf(t.Elem())
		}
	}
	return nil
}

func setPointerOf(t reflect.Type) setter {
	set := setterOf(t)
	if set == nil {
		return nil
	}
	return func(c *Ctx, dst reflect.Value, text []byte) string {
		p := reflect.New(t)
		detail := set(c, p.Elem(), text)
		dst.Set(p)
		return detail
	}
}

// setString takes UTF-8 only, as JSON does. c is nil for a string that belongs to no request.
func setString(c *Ctx, dst reflect.Value, text []byte) string {
	switch {
	case !utf8.Valid(text):
		return "must be text in UTF-8"
	case c == nil:
		dst.SetString(string(text))
	default:
		dst.SetString(c.str(text))
	}
	return ""
}

func setBytes(_ *Ctx, dst reflect.Value, text []byte) string {
	dst.SetBytes(slices.Clone(text))
	return ""
}

// setBool takes what strconv.ParseBool takes, and what browsers send for a checkbox.
func setBool(_ *Ctx, dst reflect.Value, text []byte) string {
	b, err := strconv.ParseBool(bytesconv.String(text)) // borrowed for the call: its error is dropped
	if err != nil && string(text) != "on" && string(text) != "off" {
		return "must be true or false"
	}
	dst.SetBool(b || string(text) == "on")
	return ""
}

func setInt(_ *Ctx, dst reflect.Value, text []byte) string {
	n, err := strconv.ParseInt(string(text), 10, 64) // no allocation: the string does not escape
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return "must be an integer"
	}
	if err != nil || dst.OverflowInt(n) {
		return "is out of range"
	}
	dst.SetInt(n)
	return ""
}

func setUint(_ *Ctx, dst reflect.Value, text []byte) string {
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return "must be an integer, not negative"
	}
	if err != nil || dst.OverflowUint(n) {
		return "is out of range"
	}
	dst.SetUint(n)
	return ""
}

// setFloat takes decimal numbers only: NaN passes every comparison with a bound, and JSON has neither it nor Inf.
func setFloat(_ *Ctx, dst reflect.Value, text []byte) string {
	for _, b := range text {
		if (b < '0' || b > '9') && b != '.' && b != '-' && b != '+' && b != 'e' && b != 'E' {
			return "must be a number"
		}
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return "must be a number"
	}
	if err != nil || dst.OverflowFloat(f) {
		return "is out of range"
	}
	dst.SetFloat(f)
	return ""
}

// setUUID takes the text of RFC 9562, section 4, in either case.
func setUUID(_ *Ctx, dst reflect.Value, text []byte) string {
	var id [16]byte
	if !parseUUID(&id, text) {
		return "must be a UUID"
	}
	for i, b := range id {
		dst.Index(i).SetUint(uint64(b))
	}
	return ""
}

func parseUUID(id *[16]byte, text []byte) bool {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return false
	}
	var digits [32]byte
	n := copy(digits[:], text[:8])
	n += copy(digits[n:], text[9:13])
	n += copy(digits[n:], text[14:18])
	n += copy(digits[n:], text[19:23])
	copy(digits[n:], text[24:])
	_, err := hex.Decode(id[:], digits[:])
	return err == nil
}

func setDuration(_ *Ctx, dst reflect.Value, text []byte) string {
	d, err := time.ParseDuration(bytesconv.String(text)) // borrowed for the call: its error is dropped
	if err != nil {
		return "must be a duration such as 1m30s"
	}
	dst.SetInt(int64(d))
	return ""
}

const detailTime = "must be a time such as 2006-01-02T15:04:05Z"

func setTime(_ *Ctx, dst reflect.Value, text []byte) string {
	if dst.Addr().Interface().(*time.Time).UnmarshalText(text) != nil {
		return detailTime
	}
	return ""
}

// setText must not let the type keep text: encoding.TextUnmarshaler forbids it.
func setText(_ *Ctx, dst reflect.Value, text []byte) string {
	return ownDetail(dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(text))
}

// ownDetail is what a type says of a text that it does not take: the Detail of an *HTTPError. Other errors are not for clients.
func ownDetail(err error) string {
	var e *HTTPError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e) && e.Detail != "":
		return e.Detail
	}
	return "is not valid"
}
