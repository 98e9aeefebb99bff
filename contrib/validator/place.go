package validator

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// sourceKeys are the tags that say where a field of an input comes from, and what problems call that place.
var sourceKeys = [...]struct{ tag, location string }{
	{"path", "path"},
	{"query", "query"},
	{"header", "header"},
	{"cookie", "cookie"},
	{"form", "form"},
	{"file", "form"},
	{"body", ""},
}

// A place is where a value is for the client.
type place struct {
	location string // "" is the body
	pointer  string // into the body; elsewhere the name of the value
	item     string // begins the detail: which of the values of that name, since a name has no pointer
	sources  bool   // the next field, or one in it, has a source tag
	owner    reflect.Type
}

// follow goes a validator's path of Go names, indexes and keys, such as "Items[3].Name". It goes by the value, because keys and the names in tags may
// have dots and brackets in them.
func (p *place) follow(v reflect.Value, path string) {
	for path != "" {
		v = indirect(v)
		if strings.HasPrefix(path, "[") {
			v, path = p.index(v, path[1:])
		} else {
			v, path = p.field(v, path)
		}
		path = strings.TrimPrefix(path, ".")
	}
}

// index takes an index or a key and its closing bracket.
func (p *place) index(v reflect.Value, path string) (elem reflect.Value, rest string) {
	if v.Kind() == reflect.Map {
		if key, text := keyIn(v, path); key.IsValid() {
			p.add(text)
			return v.MapIndex(key), path[len(text)+1:]
		}
	}
	text, rest, _ := strings.Cut(path, "]")
	i, err := strconv.Atoi(text)
	if err == nil && p.location != "" {
		p.item = fmt.Sprintf("item %d ", i+1)
	} else {
		p.add(text)
	}
	if list := v.Kind() == reflect.Slice || v.Kind() == reflect.Array; !list || err != nil || i >= v.Len() {
		return reflect.Value{}, rest
	}
	return v.Index(i), rest
}

// keyIn finds the key that the path begins with: the longest, since a key may look like a shorter one and what is in its value.
func keyIn(v reflect.Value, path string) (found reflect.Value, text string) {
	for _, key := range v.MapKeys() {
		s := keyText(key)
		rest, ok := strings.CutPrefix(path, s+"]")
		if !ok || rest != "" && rest[0] != '.' && rest[0] != '[' {
			continue
		}
		if !found.IsValid() || len(s) > len(text) {
			found, text = key, s
		}
	}
	return found, text
}

// field takes the name of a field. One that the struct does not have was reported by a function of the program, under a name of its own.
func (p *place) field(v reflect.Value, path string) (elem reflect.Value, rest string) {
	name := path
	if i := strings.IndexAny(path, ".["); i >= 0 {
		name, rest = path[:i], path[i:]
	}
	if v.Kind() != reflect.Struct {
		p.add(name)
		return reflect.Value{}, rest
	}
	sf, ok := v.Type().FieldByName(name)
	if !ok {
		p.add(name)
		return reflect.Value{}, rest
	}
	p.owner = v.Type()
	p.enter(sf)
	return v.FieldByIndex(sf.Index[:1]), rest
}

// enter adds what the client calls a field.
func (p *place) enter(sf reflect.StructField) {
	if !p.sources {
		if name := jsonName(sf); name != "" {
			p.add(name)
		}
		return
	}
	for _, key := range sourceKeys {
		if name, ok := sf.Tag.Lookup(key.tag); ok {
			p.location, p.sources = key.location, false
			if p.location != "" {
				p.pointer = name
			}
			return
		}
	}
}

func (p *place) add(token string) { p.pointer += "/" + escape(token) }

// escape makes a token of a JSON pointer (RFC 6901, section 3).
func escape(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}

// jsonName is the name of a field in JSON, "" where its own fields stand in its place.
func jsonName(sf reflect.StructField) string {
	tag := sf.Tag.Get("json")
	name, options, _ := strings.Cut(tag, ",")
	if quoted, ok := strings.CutPrefix(tag, "'"); ok { // a name with a comma in it
		name, options, _ = strings.Cut(quoted, "'")
	}
	for option := range strings.SplitSeq(options, ",") {
		if option == "embed" {
			return ""
		}
	}
	switch {
	case name != "" && tag != "-":
		return name
	case sf.Anonymous && indirectType(sf.Type).Kind() == reflect.Struct:
		return ""
	}
	return sf.Name
}

// nameOf is what the client calls a field, wherever it comes from.
func nameOf(sf reflect.StructField) string {
	for _, key := range sourceKeys {
		if name := sf.Tag.Get(key.tag); name != "" && key.location != "" {
			return name
		}
	}
	return jsonName(sf)
}

// hasSources reports whether a field of t, or of a struct in it that groups such, has a source tag: then t is no JSON body as a whole.
func hasSources(t reflect.Type) bool {
	for i := range t.NumField() {
		sf := t.Field(i)
		for _, key := range sourceKeys {
			if _, ok := sf.Tag.Lookup(key.tag); ok {
				return true
			}
		}
		if (sf.Anonymous || sf.IsExported()) && sf.Type.Kind() == reflect.Struct && hasSources(sf.Type) {
			return true
		}
	}
	return false
}

func indirectType(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// keyText is a key of a map as the validator writes it. Keys with a text of their own (MarshalText) are shown as their Go values.
func keyText(key reflect.Value) string { return fmt.Sprint(key.Interface()) }
