package quart

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/goquart/quart/internal/rules"
	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
)

// bodyCheck holds the rules of a type against a value and the JSON that it was decoded from, side by side: the value has the
// content, the text tells what was there at all. An absent member gets its default, or is a fault if it is required; other rules
// do not ask for what is absent.
type bodyCheck struct {
	cursor  wire.JSONCursor
	codec   JSONCodec
	foreign bool // the codec is not ours, and may take names in any case
	path    []step
	faults  []FieldError
	budget  int    // of bytes that explain may still decode
	name    []byte // an unescaped name
}

const detailNull = "must not be null"

// step is a member or an element on the way to a value.
type step struct {
	name  string
	index int // of an element, if name is ""
	elem  bool
}

var bodyChecks = pool.New(func(k *bodyCheck) { clear(k.path[:cap(k.path)]) })

func takeBodyCheck(codec JSONCodec, data []byte) *bodyCheck {
	k := bodyChecks.Get()
	k.cursor, k.codec = wire.JSONCursor{Data: data}, codec
	_, own := codec.(jsonV2)
	k.foreign = !own
	return k
}

func (k *bodyCheck) release() {
	k.cursor, k.codec, k.path, k.faults = wire.JSONCursor{}, nil, k.path[:0], nil
	bodyChecks.Put(k)
}

func (k *bodyCheck) takeFaults() []FieldError {
	faults := k.faults
	k.faults = nil
	return faults
}

// run reports false if the text is no JSON after all, for a codec that is more lenient than ours.
func (k *bodyCheck) run(s *shape, check rulesCheck, v reflect.Value) bool {
	if check != nil && check.Required && k.cursor.Peek() == 'n' {
		k.fault(detailNull)
	}
	k.value(s, check, v, true)
	return !k.cursor.Bad && k.cursor.Peek() == 0
}

// value checks v, whose text comes next if there is one: text is false below what the text does not have, by a codec that takes
// names in another case for one.
func (k *bodyCheck) value(s *shape, check rulesCheck, v reflect.Value, text bool) {
	if len(k.faults) >= maxFaults || check == nil && !s.checked() {
		k.skip(text)
		return
	}
	for s.kind == shapePointer {
		if v.IsNil() {
			k.skip(text)
			return
		}
		s, v = s.elem, v.Elem()
	}
	if check != nil {
		if detail := check.Value(v); detail != "" && (detail != rules.DetailRepeated || !k.faultBelow()) {
			k.fault(detail)
		}
		check = check.Items
	}
	switch {
	case s.kind == shapeObject && s.check:
		k.object(s, v, text)
	case s.kind == shapeList && (s.check || check != nil):
		k.list(s, check, v, text)
	case s.kind == shapeDict && (s.check || check != nil):
		k.dict(s, check, v, text)
	default:
		k.skip(text)
	}
}

func (k *bodyCheck) skip(text bool) {
	if text {
		k.cursor.Skip()
	}
}

// open takes the bracket that a value of the shape begins with. If another byte is there, null say, it skips the value.
func (k *bodyCheck) open(text bool, bracket byte) bool {
	switch {
	case !text:
		return false
	case k.cursor.Peek() != bracket:
		k.cursor.Skip()
		return false
	}
	k.cursor.Pos++
	return true
}

type memberSet [maxMembers / 64]uint64

func (set *memberSet) add(i int)      { set[i/64] |= 1 << (i % 64) }
func (set *memberSet) has(i int) bool { return set[i/64]&(1<<(i%64)) != 0 }

func (k *bodyCheck) object(s *shape, v reflect.Value, text bool) {
	var seen memberSet
	if k.open(text, '{') {
		for next, first := 0, true; k.cursor.More(first, '}'); first = false {
			name := k.memberName()
			i, certain := s.memberAt(name, next), true
			if i < 0 {
				i, certain = s.foldedAt(name, k.foreign)
			}
			if i < 0 {
				k.cursor.Skip()
				continue
			}
			next = i + 1
			m := &s.members[i]
			if certain || m.isSet(v) {
				seen.add(i)
			}
			if m.check == nil && m.setDefault == nil && !m.shape.check {
				k.cursor.Skip()
				continue
			}
			k.member(m, v)
		}
	}
	for i := range s.members {
		if m := &s.members[i]; !seen.has(i) {
			k.unseen(m, v, text)
		}
	}
}

// isSet reports whether the member has a value that is not zero.
func (m *member) isSet(v reflect.Value) bool {
	field, ok := fieldAt(v, m.index)
	return ok && !field.IsZero()
}

// memberName takes the name that comes next. It is valid until the next one.
func (k *bodyCheck) memberName() []byte {
	name, escaped := k.cursor.Name()
	if !escaped {
		return name
	}
	k.name, _ = jsontext.AppendUnquote(k.name[:0], slices.Concat([]byte{'"'}, name, []byte{'"'}))
	return k.name
}

// member checks a member whose value comes next.
func (k *bodyCheck) member(m *member, v reflect.Value) {
	k.path = append(k.path, step{name: m.name})
	defer k.pop()
	if m.check != nil && m.check.Required && k.cursor.Peek() == 'n' {
		k.fault(detailNull)
		k.cursor.Skip()
		return
	}
	null := k.cursor.Peek() == 'n'
	field, ok := fieldAt(v, m.index)
	if !ok || null && field.IsZero() {
		if null && m.setDefault != nil {
			m.setDefault(madeAt(v, m.index)) // null is as good as absent
		}
		k.cursor.Skip()
		return
	}
	k.value(m.shape, m.check, field, true)
}

func (k *bodyCheck) pop() { k.path = k.path[:len(k.path)-1] }

// unseen is for a member that the text does not have under its name. A value may be there nevertheless: it was set before,
// or the codec takes names in another case.
func (k *bodyCheck) unseen(m *member, v reflect.Value, text bool) {
	if m.check == nil && m.setDefault == nil && !m.shape.check {
		return
	}
	field, ok := fieldAt(v, m.index)
	if ok && !field.IsZero() {
		k.path = append(k.path, step{name: m.name})
		k.value(m.shape, m.check, field, false)
		k.pop()
		return
	}
	switch {
	case m.check != nil && m.check.Required:
		k.path = append(k.path, step{name: m.name})
		k.fault(detailMissing)
		k.pop()
	case m.setDefault != nil:
		m.setDefault(madeAt(v, m.index))
	}
}

func (k *bodyCheck) list(s *shape, check rulesCheck, v reflect.Value, text bool) {
	n, i := v.Len(), 0
	if k.open(text, '[') {
		for first := true; k.cursor.More(first, ']'); first = false {
			if i < n {
				k.element(s, check, v.Index(i), i, true)
			} else {
				k.cursor.Skip()
			}
			i++
		}
	}
	for ; i < n; i++ {
		k.element(s, check, v.Index(i), i, false)
	}
}

func (k *bodyCheck) element(s *shape, check rulesCheck, v reflect.Value, i int, text bool) {
	k.path = append(k.path, step{index: i, elem: true})
	k.value(s.elem, check, v, text)
	k.pop()
}

// dict checks the values of a map. They are copied, as those of a map cannot be changed: an allocation each.
func (k *bodyCheck) dict(s *shape, check rulesCheck, v reflect.Value, text bool) {
	if !k.open(text, '{') {
		k.dictAlone(s, check, v)
		return
	}
	all := true
	for first := true; k.cursor.More(first, '}'); first = false {
		name := string(k.memberName())
		key, ok := k.keyOf(v.Type().Key(), name)
		switch {
		case ok && v.MapIndex(key).IsValid():
			k.entry(s, check, v, key, name, true)
			continue
		case ok:
			all = false
		}
		k.cursor.Skip()
	}
	if !all {
		k.dictAlone(s, check, v) // the keys are not what they were made from
	}
}

// keyOf makes a map's key of the name of a member; ok is false for a name that is none, which explain has told.
func (k *bodyCheck) keyOf(t reflect.Type, name string) (key reflect.Value, ok bool) {
	if key, ok = plainKey(t, name); ok {
		return key, true
	}
	text, keys := oneKey(t, name)
	if k.codec.Decode(text, keys.Addr().Interface()) != nil || keys.Len() != 1 {
		return key, false
	}
	return keys.MapKeys()[0], true
}

// plainKey makes the keys that are to every codec what their text is to us, which spares the codec.
func plainKey(t reflect.Type, name string) (key reflect.Value, ok bool) {
	k := t.Kind()
	plain := k == reflect.String || k >= reflect.Int && k <= reflect.Int64 || k >= reflect.Uint && k <= reflect.Uint64
	if !plain || isOpaque(t) || t == reflect.TypeFor[time.Duration]() {
		return key, false
	}
	key = reflect.New(t).Elem()
	return key, setterOf(t)(nil, key, []byte(name)) == ""
}

// oneKey returns an object with the one name, and a map to decode it into: what codecs make keys of is theirs.
func oneKey(t reflect.Type, name string) (text []byte, keys reflect.Value) {
	text, _ = jsontext.AppendQuote([]byte{'{'}, name)
	return append(text, ":{}}"...), reflect.New(keysOf(t)).Elem()
}

func keysOf(t reflect.Type) reflect.Type { return reflect.MapOf(t, reflect.TypeFor[struct{}]()) }

func (k *bodyCheck) dictAlone(s *shape, check rulesCheck, v reflect.Value) {
	for iter := v.MapRange(); iter.Next(); {
		k.entry(s, check, v, iter.Key(), keyText(iter.Key()), false)
	}
}

func (k *bodyCheck) entry(s *shape, check rulesCheck, dict, key reflect.Value, name string, text bool) {
	own := reflect.New(s.elem.typ).Elem()
	own.Set(dict.MapIndex(key))
	k.path = append(k.path, step{name: name})
	k.value(s.elem, check, own, text)
	k.pop()
	dict.SetMapIndex(key, own) // it may have got defaults
}

// keyText is the name that a key has in JSON.
func keyText(key reflect.Value) string {
	if key.Type() == reflect.TypeFor[string]() {
		return key.String()
	}
	keys := reflect.MakeMap(keysOf(key.Type()))
	keys.SetMapIndex(key, reflect.ValueOf(struct{}{}))
	text, err := json.Marshal(keys.Interface(), jsonEncoding)
	if err != nil {
		return fmt.Sprint(key.Interface())
	}
	name, _ := jsontext.AppendUnquote(nil, text[len("{"):len(text)-len(":{}}")])
	return string(name)
}

// fault notes what is wrong with the value at path, unless something was found there, or around it, before.
func (k *bodyCheck) fault(detail string) { k.faultAt(k.pointer(), detail) }

func (k *bodyCheck) faultAt(pointer, detail string) {
	if len(k.faults) >= maxFaults {
		return
	}
	for i := range k.faults {
		before := k.faults[i].Pointer
		if strings.HasPrefix(pointer, before) && (len(pointer) == len(before) || pointer[len(before)] == '/') {
			return
		}
	}
	k.faults = append(k.faults, FieldError{"body", pointer, detail})
}

// faultBelow reports whether something in the value at path was found to be wrong before: what did not decode is zero, and no
// zero that the client sent.
func (k *bodyCheck) faultBelow() bool {
	here := k.pointer() + "/"
	return slices.ContainsFunc(k.faults, func(f FieldError) bool { return strings.HasPrefix(f.Pointer, here) })
}

// pointer is the JSON pointer of path (RFC 6901).
func (k *bodyCheck) pointer() string {
	var b []byte
	for _, s := range k.path {
		b = append(b, '/')
		if s.elem {
			b = strconv.AppendInt(b, int64(s.index), 10)
			continue
		}
		b = append(b, pointerEscapes.Replace(s.name)...)
	}
	return string(b)
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")
