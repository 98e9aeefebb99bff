package validator

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/goquart/quart"
)

// maxFaults is how many values that failed are reported, as many as quart reports itself.
const maxFaults = 100

// New makes a Config.Validator of v, nil being a new one with WithRequiredStructEnabled. Its own tags and functions are registered before
// the first request.
//
// The function checks structs and pointers to such, and each in a slice, an array or a map; other values pass. It returns
// nil, or an *HTTPError of status 422 (quart.Problems) with up to 100 fields. Inside of a struct, lists are looked into only where the tag says dive, as
// always with this validator. It may be called by many goroutines.
//
// A tag that the validator does not know, or that does not fit its field, panics at the first value of that type: the answer is a 500.
func New(v *validator.Validate) func(any) error {
	if v == nil {
		v = validator.New(validator.WithRequiredStructEnabled())
	}
	return func(in any) error {
		c := checker{validate: v}
		if err := c.value(reflect.ValueOf(in), ""); err != nil {
			return err
		}
		if len(c.faults) == 0 {
			return nil
		}
		return quart.Problems(c.faults...)
	}
}

// checker gathers what is wrong with an input.
type checker struct {
	validate *validator.Validate
	faults   []quart.FieldError
}

// value checks the structs in v, which the pointer leads to.
func (c *checker) value(v reflect.Value, pointer string) error {
	v = indirect(v)
	if !v.IsValid() || len(c.faults) >= maxFaults || !holdsStructs(v.Type()) {
		return nil
	}
	switch v.Kind() {
	case reflect.Struct:
		return c.structure(v, pointer)
	case reflect.Map:
		return c.dict(v, pointer)
	}
	for i := range v.Len() {
		if err := c.value(v.Index(i), pointer+"/"+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return nil
}

// dict goes in the order of the keys, so that equal inputs get equal answers.
func (c *checker) dict(v reflect.Value, pointer string) error {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(keyText(a), keyText(b)) })
	for _, key := range keys {
		if err := c.value(v.MapIndex(key), pointer+"/"+escape(keyText(key))); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) structure(v reflect.Value, pointer string) error {
	in := v
	if v.CanAddr() {
		in = v.Addr() // no copy
	}
	err := c.validate.Struct(in.Interface())
	if err == nil {
		return nil
	}
	var failed validator.ValidationErrors
	if !errors.As(err, &failed) {
		return &quart.HTTPError{Status: 500, Err: fmt.Errorf("validator: %w", err)}
	}
	for _, fe := range failed[:min(len(failed), maxFaults-len(c.faults))] {
		c.faults = append(c.faults, faultOf(v, pointer, fe))
	}
	return nil
}

// faultOf says what failed in v, a struct that the pointer leads to.
func faultOf(v reflect.Value, pointer string, fe validator.FieldError) quart.FieldError {
	p := place{pointer: pointer, sources: pointer == "" && hasSources(v.Type())}
	path := fe.StructNamespace()
	if name := v.Type().Name(); name != "" {
		path = strings.TrimPrefix(path, name+".")
	}
	p.follow(v, path)
	return quart.FieldError{Location: p.location, Pointer: p.pointer, Detail: p.item + detail(fe, p.owner)}
}

// indirect follows pointers and interfaces. What it returns for nil is not valid.
func indirect(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v
}

var timeType = reflect.TypeFor[time.Time]()

// holdsStructs reports whether a t may have a struct in it that the validator takes. Bytes, numbers and texts are not gone through.
func holdsStructs(t reflect.Type) bool {
	for {
		switch t.Kind() {
		case reflect.Struct:
			return !t.ConvertibleTo(timeType)
		case reflect.Interface:
			return true
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		default:
			return false
		}
	}
}
