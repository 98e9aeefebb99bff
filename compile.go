package quart

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goquart/quart/internal/radix"
)

// scope is a group as mounted in one place, or the app: where errors travel up and relative names are resolved.
type scope struct {
	parent *scope
	errors *errorHandlers
	name   string // "api.v1", "" for none
	own    string // "v1"
}

// table is the compiled router: built once by App.freeze, read-only from then on.
type table struct {
	methods  []*methodTable // in the order in which Allow lists them
	get      *methodTable
	post     *methodTable
	socket   *methodTable // nil without websocket routes
	any      *methodTable // nil without MethodAny routes
	hasHosts bool
	routes   []*Route // in order of pattern, then method
	names    map[string][]*Route
	shared   map[string]bool // names of handler functions that stand for several patterns
	allow    []byte          // all methods, for OPTIONS *
	unmatch  Handler         // the app's middleware around what no route takes
}

// methodTable holds the routes of one method.
type methodTable struct {
	method string
	paths  radix.Tree[*Route]
	hosts  radix.Tree[*Route] // keyed by host and path
}

// compiler flattens the tree of declarations.
type compiler struct {
	app   *App
	table *table
	gets  []insertion // what linkMethods repeats for HEAD
}

type insertion struct {
	route   *Route
	host    string
	pattern *radix.Pattern
}

// place is where a router's declarations end up.
type place struct {
	scope  *scope
	host   string
	prefix string
	layers []Middleware
	mounts string // ", mounted at file:line" for each group around
}

func compile(a *App) *table {
	co := &compiler{app: a, table: &table{names: map[string][]*Route{}, shared: map[string]bool{}}}
	co.walk(&a.router, place{scope: &a.scope, layers: a.layers})
	co.linkMethods()
	co.linkNames()
	t := co.table
	slices.SortStableFunc(t.routes, func(x, y *Route) int {
		return cmp.Or(strings.Compare(x.pattern, y.pattern), strings.Compare(x.method, y.method))
	})
	for _, r := range t.routes {
		r.onion = wrap(r.handler, r.layers)
		if !r.noOptions {
			r.options = wrap((*Ctx).answerOptions, r.layers)
		}
	}
	t.unmatch = wrap((*Ctx).unmatched, a.layers)
	return t
}

// wrap composes the onion: the first layer is the outermost. Inside of it a panic is an error, so that every layer
// sees it; without layers the handler itself is the onion.
func wrap(h Handler, layers []Middleware) Handler {
	if len(layers) == 0 {
		return h
	}
	h = protect(h)
	for _, layer := range slices.Backward(layers) {
		if h = layer(h); h == nil {
			panic("quart: the middleware " + funcPlace(layer) + " returned a nil handler")
		}
	}
	return h
}

func (co *compiler) walk(r *router, at place) {
	r.frozen = true
	for _, decl := range r.routes {
		decl.frozen = true
		co.add(decl, at)
	}
	for _, m := range r.mounts {
		g := &m.group.router
		name := g.name
		if m.name != "" {
			name = m.name
		}
		inner := place{
			scope:  &scope{parent: at.scope, errors: &g.errors, name: joinName(at.scope.name, name), own: name},
			host:   at.host,
			prefix: at.prefix + m.prefix,
			layers: slices.Concat(at.layers, g.layers),
			mounts: ", mounted at " + m.source + at.mounts,
		}
		if g.host != "" {
			inner.host = lowerHost(g.host)
		}
		co.walk(g, inner)
	}
}

// lowerHost lowers the case of a host's pattern, except inside of parameters.
func lowerHost(pattern string) string {
	depth := 0
	return strings.Map(func(r rune) rune {
		switch {
		case r == '{':
			depth++
		case r == '}':
			depth--
		case depth == 0 && 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, pattern)
}

func joinName(scope, name string) string {
	if scope == "" || name == "" {
		return scope + name
	}
	return scope + "." + name
}

// add compiles one declaration in one place.
func (co *compiler) add(decl *Route, at place) {
	r := new(Route)
	*r = *decl
	r.app, r.scope = co.app, at.scope
	r.place = decl.source + at.mounts
	r.layers = slices.Concat(at.layers, decl.layers)
	r.noOptions = decl.noOptions || co.app.cfg.NoAutoOptions || decl.method == MethodWebSocket
	r.pattern = at.prefix + decl.pattern
	if r.pattern == "" {
		r.pattern = "/"
	}
	offset := len(at.host) + len(at.prefix) // of what decl says
	switch {
	case decl.pattern != "" && decl.pattern[0] != '/':
		co.fail(r, at.host, offset, "a pattern begins with '/'")
	case strings.HasPrefix(r.pattern, "//"):
		co.fail(r, at.host, len(at.host), "a path never begins with two slashes")
	}
	r.parsed = co.parse(r, at.host, r.pattern)
	r.hostParts, r.pathParts = cutHost(r.parsed, at.host)
	for _, p := range r.parsed.Params {
		r.paramNames = append(r.paramNames, p.Name)
	}
	co.checkParams(r, at.host, offset)

	mt := co.table.method(r.method)
	co.insert(mt, insertion{r, at.host, r.parsed}, offset)
	if other := otherSlash(r.pattern); r.looseSlash && other != "" {
		co.insert(mt, insertion{r, at.host, co.parse(r, at.host, other)}, offset)
	}
	co.table.routes = append(co.table.routes, r)
}

// fail panics with the pattern, the offset of the mistake in it and the place of the registration.
func (co *compiler) fail(r *Route, host string, offset int, format string, args ...any) {
	err := &radix.SyntaxError{Pattern: host + r.pattern, Offset: offset, Msg: fmt.Sprintf(format, args...)}
	panic(fmt.Sprintf("quart: %s %v (%s)", r.method, err, r.place))
}

func (co *compiler) parse(r *Route, host, pattern string) *radix.Pattern {
	var p *radix.Pattern
	var err error
	if host == "" {
		p, err = radix.Parse(pattern, co.app.converters)
	} else {
		co.table.hasHosts = true
		p, err = radix.ParseHost(host+pattern, co.app.converters)
	}
	if err != nil {
		panic(fmt.Sprintf("quart: %s %v (%s)", r.method, err, r.place))
	}
	return p
}

// cutHost splits the parts of a pattern where its path begins.
func cutHost(p *radix.Pattern, host string) (hostParts, pathParts []radix.Part) {
	if host == "" {
		return nil, p.Parts
	}
	for i, part := range p.Parts {
		slash := strings.IndexByte(part.Literal, '/')
		if slash < 0 {
			hostParts = append(hostParts, part)
			continue
		}
		if slash > 0 {
			hostParts = append(hostParts, radix.Part{Literal: part.Literal[:slash], Param: -1})
		}
		pathParts = slices.Clone(p.Parts[i:])
		pathParts[0].Literal = part.Literal[slash:]
		break
	}
	return hostParts, pathParts
}

// checkParams panics when what a route says of parameters does not fit its pattern.
func (co *compiler) checkParams(r *Route, host string, offset int) {
	for _, d := range r.defaults {
		if slices.Contains(r.paramNames, d.name) {
			co.fail(r, host, offset, "the parameter %q cannot have a default, too", d.name)
		}
	}
	if r.target != nil {
		for i := range r.target.Params {
			if name := r.target.Params[i].Name; !r.hasParam(name) {
				co.fail(r, host, offset, "no parameter %q for the redirect to %q", name, r.target.Source)
			}
		}
	}
	if err := r.typed.check(r, co.app.cfg.JSON); err != nil {
		co.fail(r, host, offset, "%v", err)
	}
}

// otherSlash returns the pattern with, or without, the slash at the end; "" for the root.
func otherSlash(pattern string) string {
	if other, ok := strings.CutSuffix(pattern, "/"); ok {
		return other
	}
	return pattern + "/"
}

func (co *compiler) insert(mt *methodTable, in insertion, offset int) {
	if mt == co.table.get {
		co.gets = append(co.gets, in)
	}
	existing, err := mt.tree(in.host).Add(in.pattern, in.route)
	switch {
	case err == nil:
		return
	case !errors.Is(err, radix.ErrConflict):
		co.fail(in.route, in.host, offset, "%v", err)
	}
	same := &radix.SyntaxError{Pattern: in.pattern.Source, Offset: offset, Msg: fmt.Sprintf("matches the same paths as %q", existing.parsed.Source)}
	panic(fmt.Sprintf("quart: %s %v: registered at %s and at %s", in.route.method, same, existing.place, in.route.place))
}

func (mt *methodTable) tree(host string) *radix.Tree[*Route] {
	if host != "" {
		return &mt.hosts
	}
	return &mt.paths
}

// method returns the table of a method, made on its first route.
func (t *table) method(name string) *methodTable {
	switch {
	case name == MethodWebSocket && t.socket != nil:
		return t.socket
	case name == MethodAny && t.any != nil:
		return t.any
	}
	for _, mt := range t.methods {
		if mt.method == name {
			return mt
		}
	}
	mt := &methodTable{method: name}
	switch name {
	case MethodWebSocket:
		t.socket = mt
		return mt
	case MethodAny:
		t.any = mt
		return mt
	case "GET":
		t.get = mt
	case "POST":
		t.post = mt
	}
	t.methods = append(t.methods, mt)
	return mt
}

// linkMethods lets every GET route answer HEAD, except where HEAD has a route of its own, and adds the methods that Allow lists
// without a route.
func (co *compiler) linkMethods() {
	t := co.table
	if len(co.gets) > 0 {
		head := t.method("HEAD")
		for _, g := range co.gets {
			_, _ = head.tree(g.host).Add(g.pattern, g.route) // a conflict is HEAD's own route, which wins; see miss for a part of one
		}
	}
	if t.socket != nil {
		t.method("GET")
	}
	if !co.app.cfg.NoAutoOptions {
		t.method("OPTIONS")
	}
	slices.SortFunc(t.methods, func(x, y *methodTable) int { return strings.Compare(x.method, y.method) })
	for _, mt := range t.methods {
		t.allow = append(append(t.allow, mt.method...), ", "...)
	}
	t.allow = bytes.TrimSuffix(t.allow, []byte(", "))
}

// linkNames fills the table of names and puts canonical redirects in front of routes beside a Default.
func (co *compiler) linkNames() {
	t := co.table
	implicit := map[string][]*Route{}
	for _, r := range t.routes {
		switch {
		case r.name != "":
			r.name = joinName(r.scope.name, r.name)
			t.names[r.name] = append(t.names[r.name], r)
		case r.implicitName != "":
			full := joinName(r.scope.name, r.implicitName)
			implicit[full] = append(implicit[full], r)
		}
	}
	for name, list := range implicit {
		switch {
		case t.names[name] != nil:
		case slices.ContainsFunc(list, func(r *Route) bool { return !list[0].canShare(r) }):
			t.shared[name] = true
		default:
			t.names[name] = list
			for _, r := range list {
				r.name = name
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.names)) {
		linkName(name, t.names[name])
	}
}

// linkName checks that routes can share a name. Of these the ones with the most defaults are canonical.
func linkName(name string, list []*Route) {
	byDefaults := slices.SortedStableFunc(slices.Values(list), func(x, y *Route) int { return len(x.defaults) - len(y.defaults) })
	for i, r := range list {
		for _, other := range list[:i] {
			if !r.canShare(other) {
				panicShared(name, other, r)
			}
		}
		for _, d := range byDefaults {
			if len(d.defaults) > len(r.defaults) && d.method == r.method && d.host() == r.host() {
				r.handler = canonical(r.handler, d)
			}
		}
	}
}

func panicShared(name string, r, other *Route) {
	hint := ""
	if r.source == other.source {
		hint = "; a group that is mounted twice needs a name for each (Mount.Name)"
	}
	panic(fmt.Sprintf("quart: two routes are named %q: %q, registered at %s, and %q at %s%s",
		name, r.parsed.Source, r.place, other.parsed.Source, other.place, hint))
}

// canShare reports whether two routes can have one name: their URLs differ by defaults at most.
func (r *Route) canShare(other *Route) bool {
	return r.parsed.Source == other.parsed.Source || len(r.defaults)+len(other.defaults) > 0 && slices.Equal(r.values(), other.values())
}

// values are the names of all values that a URL of r takes.
func (r *Route) values() []string {
	names := slices.Clone(r.paramNames)
	for _, d := range r.defaults {
		names = append(names, d.name)
	}
	slices.Sort(names)
	return names
}

// host is the pattern of r's host, "" for any.
func (r *Route) host() string {
	return strings.TrimSuffix(r.parsed.Source, r.pattern)
}
