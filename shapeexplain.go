package quart

import (
	"bytes"
	"errors"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// explain finds all that is wrong where a codec reports the first fault and stops: it decodes the parts of the text one by one, wherever the
// whole does not decode. It returns the error to answer with when the bytes are no JSON, or the program is at
// fault. It takes at most eight times the codec's time for the whole text, for a small one that of 64 KiB.
func (k *bodyCheck) explain(err error, s *shape, v reflect.Value) error {
	if e := notJSON(err, k.cursor.Data); e != nil {
		return e
	}
	if e := typeFault(err); e != nil {
		return e
	}
	k.budget = 8*len(k.cursor.Data) + 64<<10
	v.SetZero()
	x := explainer{k}
	if e := x.value(s, v, bytes.TrimSpace(k.cursor.Data), err); e != nil {
		return e
	}
	k.cursor.Pos = 0
	return nil
}

// typeFault is the answer to an error that is the program's fault: no JSON at all fits the type.
func typeFault(err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && isTypeFault(semantic) {
		return &HTTPError{Status: 500, Err: err}
	}
	return nil
}

type explainer struct{ *bodyCheck }

// decode decodes raw into v and returns the codec's error; stop is one to answer with.
func (x explainer) decode(raw []byte, v reflect.Value) (err, stop error) {
	x.budget -= len(raw) + 32
	if err = x.codec.Decode(raw, v.Addr().Interface()); err == nil {
		return nil, nil
	}
	if coded := statusOf(err); coded != 0 && coded != 422 {
		return err, err
	}
	if sameMember(err) != nil {
		return err, &HTTPError{Status: 400, Detail: detailDuplicate, Err: err}
	}
	return err, typeFault(err)
}

// value explains err, with which raw did not decode into v.
func (x explainer) value(s *shape, v reflect.Value, raw []byte, err error) error {
	before := len(x.faults)
	if x.budget > 0 && before < maxFaults {
		if stop := x.parts(s, v, raw); stop != nil {
			return stop
		}
	}
	if len(x.faults) == before {
		x.faultAt(x.pointer()+pointerOf(err), decodeDetail(err, s.typ))
	}
	return nil
}

// pointerOf is where in the value the codec saw the fault, if it tells.
func pointerOf(err error) string {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return string(semantic.JSONPointer)
	}
	return ""
}

// parts decodes what raw is made of, if it is of the shape s at all.
func (x explainer) parts(s *shape, v reflect.Value, raw []byte) error {
	for s.kind == shapePointer {
		if v.IsNil() {
			v.Set(reflect.New(s.elem.typ))
		}
		s, v = s.elem, v.Elem()
	}
	switch {
	case len(raw) == 0:
	case s.kind == shapeObject && raw[0] == '{':
		return x.object(s, v, raw)
	case s.kind == shapeList && raw[0] == '[':
		return x.list(s, v, raw)
	case s.kind == shapeDict && raw[0] == '{':
		return x.dict(s, v, raw)
	}
	return nil
}

// part decodes raw into v, and explains why not.
func (x explainer) part(s *shape, v reflect.Value, raw []byte, at step) error {
	if x.budget <= 0 || len(x.faults) >= maxFaults {
		return nil
	}
	err, stop := x.decode(raw, v)
	if stop != nil || err == nil {
		return stop
	}
	x.path = append(x.path, at)
	defer x.pop()
	v.SetZero()
	return x.value(s, v, raw, err)
}

// each calls f with the members or elements of raw; the name of a member is valid until the next one.
func (x explainer) each(raw []byte, closing byte, f func(i int, name, value []byte) error) error {
	outer := x.cursor
	defer func() { x.cursor = outer }()
	x.cursor.Data, x.cursor.Pos = raw, 1
	for i, first := 0, true; x.cursor.More(first, closing); i, first = i+1, false {
		var name []byte
		if closing == '}' {
			name = x.memberName()
		}
		if x.budget <= 0 || len(x.faults) >= maxFaults {
			return nil
		}
		if err := f(i, name, x.cursor.Skip()); err != nil {
			return err
		}
	}
	return nil
}

func (x explainer) object(s *shape, v reflect.Value, raw []byte) error {
	return x.each(raw, '}', func(_ int, name, value []byte) error {
		i := s.memberAt(name, 0)
		if i < 0 {
			i, _ = s.foldedAt(name, x.foreign)
		}
		if i < 0 {
			return nil
		}
		m := &s.members[i]
		if len(m.index) == 1 && !m.options && m.name == string(name) {
			return x.part(m.shape, v.Field(m.index[0]), value, step{name: m.name})
		}
		// What the tag says of the form, and embedded pointers, are the codec's business: it gets an object of this one member.
		one, _ := jsontext.AppendQuote([]byte{'{'}, name)
		one = append(one, ':')
		one = append(append(one, value...), '}')
		err, stop := x.decode(one, v)
		if stop != nil || err == nil {
			return stop
		}
		x.path = append(x.path, step{name: m.name})
		x.fault(decodeDetail(err, m.shape.typ))
		x.pop()
		return nil
	})
}

func (x explainer) list(s *shape, v reflect.Value, raw []byte) error {
	if s.typ.Kind() == reflect.Array {
		return x.array(s, v, raw)
	}
	return x.each(raw, ']', func(i int, _, value []byte) error {
		v.Grow(1)
		v.SetLen(i + 1)
		return x.part(s.elem, v.Index(i), value, step{index: i, elem: true})
	})
}

func (x explainer) array(s *shape, v reflect.Value, raw []byte) error {
	n := 0
	err := x.each(raw, ']', func(i int, _, value []byte) error {
		if n++; i >= v.Len() {
			return nil
		}
		return x.part(s.elem, v.Index(i), value, step{index: i, elem: true})
	})
	if n != v.Len() {
		x.fault(typeDetail(s.typ))
	}
	return err
}

func (x explainer) dict(s *shape, v reflect.Value, raw []byte) error {
	v.Set(reflect.MakeMap(s.typ))
	return x.each(raw, '}', func(_ int, name, value []byte) error {
		at := step{name: string(name)}
		key, ok, stop := x.key(s.typ.Key(), at)
		if stop != nil || !ok {
			return stop
		}
		elem := reflect.New(s.elem.typ).Elem()
		if err := x.part(s.elem, elem, value, at); err != nil {
			return err
		}
		v.SetMapIndex(key, elem)
		return nil
	})
}

// key makes a map's key of a name, and explains why not.
func (x explainer) key(t reflect.Type, at step) (key reflect.Value, ok bool, stop error) {
	if key, ok = plainKey(t, at.name); ok {
		return key, true, nil
	}
	text, keys := oneKey(t, at.name)
	err, stop := x.decode(text, keys)
	if stop != nil {
		return key, false, stop
	}
	if err == nil && keys.Len() == 1 {
		return keys.MapKeys()[0], true, nil
	}
	x.path = append(x.path, at)
	x.fault(decodeDetail(err, t))
	x.pop()
	return key, false, nil
}
