package quart

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goquart/quart/internal/bytesconv"
	"github.com/goquart/quart/internal/radix"
	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
)

// Keys with a meaning of their own among the pairs of URL.
const (
	Anchor    = "#"       // the fragment: URL("film", "id", 5, quart.Anchor, "reviews")
	URLScheme = "scheme:" // of an external URL, instead of the request's; makes Ctx.URL external
)

// URL returns the path of the route named name, with parameters, and what is left over as the query, from pairs of
// a name and a value: URL("film", "id", 5, "tab", "cast") is "/film/5?tab=cast".
//
// Values are strings, []byte, numbers, booleans, [16]byte (a UUID) and types made of these; in the query also slices, which repeat the
// name, and nil, which leaves it out. A value with the key Anchor is the fragment. A route of a host group gives "//host/path". URL
// panics on an unknown name and on a missing or unfit value: these are bugs, as in a template. It freezes the app. (Flask: url_for.)
func (a *App) URL(name string, pairs ...any) string {
	buf := pool.GetBuffer(128)
	defer pool.PutBuffer(buf)
	r := a.routeFor(name, pairs)
	buf.B = r.appendURL(buf.B, r.format(pairs))
	return string(buf.B)
}

// AppendURL appends to dst what URL returns: 0 allocations if dst has room. It does not call Converter.Format: pass values of
// custom converters as text.
func (a *App) AppendURL(dst []byte, name string, pairs ...any) []byte {
	return a.routeFor(name, pairs).appendURL(dst, pairs)
}

// URL is App.URL; a name that begins with a dot is looked up in the group of the current route first, under the name
// it is mounted by, then in the groups around it. With URLScheme, and for a websocket route ("ws://host/path"), it is ExternalURL.
func (c *Ctx) URL(name string, pairs ...any) string {
	c.live()
	r := c.app.routeFor(c.absoluteName(name), pairs)
	if r.method == MethodWebSocket || pairValue(pairs, URLScheme) != nil {
		return c.external(r, pairs)
	}
	buf := pool.GetBuffer(128)
	defer pool.PutBuffer(buf)
	buf.B = r.appendURL(buf.B, r.format(pairs))
	return c.str(buf.B)
}

// ExternalURL is URL with scheme and host, by the request or by trusted proxies (see Host). (Flask: _external=True.)
func (c *Ctx) ExternalURL(name string, pairs ...any) string {
	c.live()
	return c.external(c.app.routeFor(c.absoluteName(name), pairs), pairs)
}

func (c *Ctx) external(r *Route, pairs []any) string {
	buf := pool.GetBuffer(256)
	defer pool.PutBuffer(buf)
	scheme := c.Scheme()
	if s, ok := pairValue(pairs, URLScheme).(string); ok {
		scheme = s
	}
	if r.method == MethodWebSocket {
		scheme = webSocketScheme(scheme)
	}
	buf.B = append(append(buf.B, scheme...), ':')
	if r.hostParts == nil {
		buf.B = append(append(buf.B, "//"...), c.Host()...)
	}
	buf.B = r.appendURL(buf.B, r.format(pairs))
	return c.str(buf.B)
}

func webSocketScheme(scheme string) string {
	switch scheme {
	case "http":
		return "ws"
	case "https":
		return "wss"
	}
	return scheme
}

// absoluteName resolves ".film" in the scope of the current route, then in those around it.
func (c *Ctx) absoluteName(name string) string {
	if len(name) == 0 || name[0] != '.' {
		return name
	}
	scope := &c.app.scope
	if c.route != nil {
		scope = c.route.scope
	}
	for s := scope; s != nil; s = s.parent {
		if full := joinName(s.name, name[1:]); c.app.table.names[full] != nil {
			return full
		}
	}
	return joinName(scope.name, name[1:])
}

// routeFor picks the route of a name that the pairs fit: of several, the one with the most defaults.
func (a *App) routeFor(name string, pairs []any) *Route {
	a.freeze()
	checkPairs(name, pairs)
	list := a.table.names[name]
	if list == nil {
		panic("quart: no route is named " + strconv.Quote(name) + a.table.hint(name))
	}
	var best *Route
	for _, r := range list {
		if r.fits(pairs) && (best == nil || len(r.defaults) > len(best.defaults)) {
			best = r
		}
	}
	if best == nil {
		panic("quart: URL of " + strconv.Quote(name) + list[0].misfit(pairs))
	}
	return best
}

// misfit says why r does not fit.
func (r *Route) misfit(pairs []any) string {
	if missing := r.parsed.Missing(r.given(pairs)); missing >= 0 {
		return " lacks a value for " + strconv.Quote(r.paramNames[missing])
	}
	return ": a value differs from the default, and no other route takes it"
}

func checkPairs(name string, pairs []any) {
	if len(pairs)%2 != 0 {
		panic("quart: URL of " + strconv.Quote(name) + ": pairs of a name and a value, but an odd number of them")
	}
	for i := 0; i < len(pairs); i += 2 {
		if _, ok := pairs[i].(string); !ok {
			panic("quart: URL of " + strconv.Quote(name) + ": the name of pair " + strconv.Itoa(i/2) + " is no string")
		}
	}
}

func pairValue(pairs []any, name string) any {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i].(string) == name {
			return pairs[i+1]
		}
	}
	return nil
}

// given is the set of r's parameters that have a value.
func (r *Route) given(pairs []any) (bits uint32) {
	for i, name := range r.paramNames {
		if pairValue(pairs, name) != nil {
			bits |= 1 << i
		}
	}
	return bits
}

func (r *Route) fits(pairs []any) bool {
	if r.parsed.Missing(r.given(pairs)) >= 0 {
		return false
	}
	var buf [64]byte
	for _, d := range r.defaults {
		if v := pairValue(pairs, d.name); v != nil && !bytes.Equal(appendValue(buf[:0], v), d.value) {
			return false
		}
	}
	return true
}

func (r *Route) appendURL(dst []byte, pairs []any) []byte {
	scratch := pool.GetBuffer(64)
	defer pool.PutBuffer(scratch)
	if r.hostParts != nil {
		dst = append(dst, "//"...)
		for _, part := range r.hostParts {
			dst = append(dst, part.Literal...)
			if part.Param >= 0 {
				scratch.B = r.appendHostParam(scratch.B[:0], part.Param, pairs)
				dst = append(dst, scratch.B...)
			}
		}
	}
	start := len(dst)
	for _, part := range r.pathParts {
		scratch.B = scratch.B[:0]
		if part.Param >= 0 {
			p := &r.parsed.Params[part.Param]
			v := pairValue(pairs, p.Name)
			if v == nil && p.Optional {
				continue
			}
			scratch.B = r.appendParam(scratch.B, p, v)
		}
		// Only the value of a path parameter has slashes: the others are checked.
		dst = wire.AppendPath(wire.AppendPath(dst, part.Literal), bytesconv.String(scratch.B))
	}
	if len(dst) == start {
		dst = append(dst, '/')
	}
	return r.appendQuery(dst, pairs)
}

// appendParam formats v as its parameter wants it and panics when the pattern would not match it.
func (r *Route) appendParam(dst []byte, p *radix.Param, v any) []byte {
	start := len(dst)
	dst = appendValue(dst, v)
	switch {
	case p.Kind == radix.KindUUID:
		lowerASCII(dst[start:])
	case p.FixedDigits > 0:
		dst = padDigits(dst, start, p.FixedDigits)
	}
	if !p.Accepts(dst[start:]) {
		r.refuse(p, dst[start:])
	}
	return dst
}

// refuse panics for a value that would not come back.
func (r *Route) refuse(p *radix.Param, value []byte) {
	panic("quart: URL of " + strconv.Quote(r.name) + ": the pattern does not match " + strconv.Quote(string(value)) + " as " + strconv.Quote(p.Name))
}

// appendHostParam is appendParam for a part of a host: lower case, and no byte that would end the host.
func (r *Route) appendHostParam(dst []byte, param int, pairs []any) []byte {
	p := &r.parsed.Params[param]
	start := len(dst)
	dst = appendValue(dst, pairValue(pairs, p.Name))
	lowerASCII(dst[start:])
	for _, b := range dst[start:] {
		if b != '-' && b != '.' && b != '_' && (b < '0' || b > '9') && (b < 'a' || b > 'z') {
			r.refuse(p, dst[start:])
		}
	}
	if !p.Accepts(dst[start:]) {
		r.refuse(p, dst[start:])
	}
	return dst
}

func lowerASCII(b []byte) {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
}

// padDigits puts zeros in front of the number at start, behind its sign, so that it has n digits.
func padDigits(dst []byte, start, n int) []byte {
	if start < len(dst) && dst[start] == '-' {
		start++
	}
	for len(dst)-start < n {
		dst = slices.Insert(dst, start, '0')
	}
	return dst
}

// appendQuery appends what is neither a parameter nor a default, then the anchor.
func (r *Route) appendQuery(dst []byte, pairs []any) []byte {
	sep := byte('?')
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i].(string)
		if name == Anchor || name == URLScheme || pairs[i+1] == nil || r.parsed.Index(name) >= 0 || r.defaultOf(name) != nil {
			continue
		}
		n := len(dst)
		dst = appendQueryPair(dst, sep, name, pairs[i+1])
		if len(dst) > n {
			sep = '&'
		}
	}
	return appendAnchor(dst, pairValue(pairs, Anchor))
}

func appendAnchor(dst []byte, v any) []byte {
	if v == nil {
		return dst
	}
	scratch := pool.GetBuffer(64)
	defer pool.PutBuffer(scratch)
	scratch.B = appendValue(scratch.B, v)
	if len(scratch.B) == 0 {
		return dst
	}
	return wire.AppendFragment(append(dst, '#'), bytesconv.String(scratch.B))
}

func appendQueryPair(dst []byte, sep byte, name string, v any) []byte {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice || rv.Type().Elem().Kind() == reflect.Uint8 {
		return appendPair(dst, sep, name, rv)
	}
	for i := range rv.Len() {
		elem := rv.Index(i)
		if elem.Kind() == reflect.Interface {
			if elem = elem.Elem(); !elem.IsValid() {
				continue // nil, as outside of a list
			}
		}
		dst = appendPair(dst, sep, name, elem)
		sep = '&'
	}
	return dst
}

func appendPair(dst []byte, sep byte, name string, v reflect.Value) []byte {
	scratch := pool.GetBuffer(64)
	defer pool.PutBuffer(scratch)
	scratch.B = appendReflect(scratch.B, v)
	return wire.AppendQuery(append(wire.AppendQuery(append(dst, sep), name), '='), bytesconv.String(scratch.B))
}

// appendValue appends the text of a value of a URL.
// perf: v does not escape, so that callers box it without an allocation (BenchmarkQuartAppendURL).
func appendValue(dst []byte, v any) []byte {
	return appendReflect(dst, reflect.ValueOf(v))
}

func appendReflect(dst []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.String:
		return append(dst, v.String()...)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(dst, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(dst, v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return appendFloat(dst, v.Float())
	case reflect.Bool:
		return strconv.AppendBool(dst, v.Bool())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return append(dst, v.Bytes()...)
		}
	case reflect.Array:
		if v.Len() == 16 && v.Type().Elem().Kind() == reflect.Uint8 {
			var id [16]byte
			for i := range id {
				id[i] = byte(v.Index(i).Uint())
			}
			return appendUUID(dst, id)
		}
	case reflect.Invalid:
		return dst
	}
	panic("quart: a URL has no place for a value of type " + v.Type().String())
}

// formatted is the text that a custom converter made of a value.
type formatted string

// format replaces values of parameters with custom converters by their text, in a copy of pairs.
func (r *Route) format(pairs []any) []any {
	if len(r.app.formats) == 0 {
		return pairs
	}
	pairs = slices.Clone(pairs)
	for i := 0; i < len(pairs); i += 2 {
		n := r.parsed.Index(pairs[i].(string))
		if n < 0 || pairs[i+1] == nil {
			continue
		}
		format := r.app.formats[r.parsed.Params[n].Converter]
		if format == nil {
			continue
		}
		s, err := format(pairs[i+1])
		if err != nil {
			panic(fmt.Sprintf("quart: URL of %q: %s: %v", r.name, pairs[i], err))
		}
		pairs[i+1] = formatted(s)
	}
	return pairs
}

// appendFloat always writes a dot: the float converter wants one.
func appendFloat(dst []byte, f float64) []byte {
	n := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if bytes.IndexByte(dst[n:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}

func appendUUID(dst []byte, id [16]byte) []byte {
	const digits = "0123456789abcdef"
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return dst
}

// hint says what may have been meant by a name that no route has.
func (t *table) hint(name string) string {
	if t.shared[name] {
		return ": it is the name of a handler function of several patterns, which need Route.Name"
	}
	best, bestDistance := "", len(name)/2+1
	for candidate := range t.names {
		d := radix.EditDistance(name, candidate)
		if strings.HasSuffix(candidate, "."+name) {
			d = 0 // the group is missing
		}
		if d < bestDistance || d == bestDistance && candidate < best {
			best, bestDistance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + strconv.Quote(best) + "?"
}
