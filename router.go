package quart

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/goquart/quart/internal/radix"
	"github.com/goquart/quart/internal/wire"
)

// Handler answers one request. A returned error is rendered by the error handlers of the route's group, of the
// groups around it and of the app, else as an RFC 9457 problem.
type Handler func(*Ctx) error

// Middleware wraps a Handler in a layer. It runs when the app is frozen, once for each handler that it goes around; the Handler
// that it returns runs for each request. What all routes share, a counter for one, is made outside of it.
type Middleware func(Handler) Handler

// MethodWebSocket is the pseudo-method of websocket routes: GET with Upgrade: websocket. Such a route shares its path
// with a GET route; where it is alone, a plain GET is answered 426.
const MethodWebSocket = "WEBSOCKET"

// MethodAny is the pseudo-method of routes that take every method which no other route of a matching pattern takes.
const MethodAny = "*"

// Router is an *App or a *Group: where routes are registered.
type Router interface {
	Use(mw ...Middleware)
	Handle(method, pattern string, h Handler) *Route
	Group(prefix string, mw ...Middleware) *Group
	Mount(prefix string, g *Group) *Mount
	base() *router // sealed
}

// router is what App and Group share: declarations, compiled when the app is frozen.
type router struct {
	name   string // prefix of route names
	host   string // pattern of a host group
	layers []Middleware
	routes []*Route
	mounts []*Mount
	errors errorHandlers
	frozen bool
}

func (r *router) base() *router { return r }

func (r *router) mustBeOpen(what string) {
	if r.frozen {
		panic("quart: " + what + " after the app was frozen, by serving, Handler, Routes or URL: register first (" + callSite() + ")")
	}
}

// Use adds middleware around every route of the app or group, registered before or after, and of the groups
// in it. An app's middleware also runs for requests that match no route. The first one added is the outermost.
func (r *router) Use(mw ...Middleware) {
	r.mustBeOpen("Use")
	mustNotBeNil(mw)
	r.layers = append(r.layers, mw...)
}

func mustNotBeNil(mw []Middleware) {
	for _, m := range mw {
		if m == nil {
			panic("quart: nil middleware (" + callSite() + ")")
		}
	}
}

// Handle registers h for a method and a pattern. The method is a token, upper-case by custom, or MethodAny or
// MethodWebSocket. GET also answers HEAD, and OPTIONS is answered with the methods of the path, inside the middleware of the route
// that Access-Control-Request-Method asks about.
//
// A pattern is literal text with parameters: {name} matches one non-empty segment, {name:int},
// {name:uint}, {name:float}, {name:uuid}, {name:any(a|b)} and converters registered by App.Convert what they say,
// {name:*} the rest of the path, slashes included, {name:[a-z]+} a regular expression (RE2, one segment), {name?} a segment that
// may be missing. Bounds: int(min=1,max=9), int(fixed_digits=4), int(signed), string(minlength=2), float(min=0.5).
// The most specific pattern wins, whatever the order of registration.
//
// The path is percent-decoded before it is matched, so %2F is a slash. Where nothing matches, a path is redirected (308, with
// its query) to itself with a slash at its end, or with repeated slashes merged, if that has a route for the
// method; a pattern without a slash at its end is not found with one. Slashes at the start of a path count as one. At most
// 16 parameters.
//
// A pattern begins with a slash; "" is the prefix of the group itself. Mistakes panic when the app is frozen, with the pattern,
// the offset and the places of registration.
func (r *router) Handle(method, pattern string, h Handler) *Route {
	r.mustBeOpen("Handle")
	if !wire.ValidFieldName(method) {
		panic(fmt.Sprintf("quart: method %q of %q is no token (%s)", method, pattern, callSite()))
	}
	if h == nil {
		panic(fmt.Sprintf("quart: nil handler for %s %q (%s)", method, pattern, callSite()))
	}
	if hint := foreignSyntax(method, pattern); hint != "" {
		panic(fmt.Sprintf("quart: %s %q: %s (%s)", method, pattern, hint, callSite()))
	}
	route := &Route{method: method, pattern: pattern, handler: h, source: callSite(), implicitName: funcName(h)}
	r.routes = append(r.routes, route)
	return route
}

// foreignSyntax explains a method or pattern that is written as another framework's, or that no request can match as it is
// meant: taken as literal text, it would be a 404 that nobody understands.
func foreignSyntax(method, pattern string) string {
	if upper := strings.ToUpper(method); upper != method && slices.Contains(standardMethods, upper) {
		return "methods are written in upper case: " + upper
	}
	depth, start := 0, true
	for i := range len(pattern) {
		b := pattern[i]
		switch {
		case b == '{':
			depth++
		case b == '}':
			depth--
		case depth > 0:
		case b == ':' && start, b == '<' && strings.IndexByte(pattern[i:], '>') > 0:
			return fmt.Sprintf("offset %d: parameters are written {name} or {name:int}", i)
		case b == '*' && start:
			return fmt.Sprintf("offset %d: the rest of a path is written {name:*}", i)
		case b == '?' || b == '#':
			return fmt.Sprintf("offset %d: a pattern is a path, without query and fragment", i)
		case b == '%' && isHex(pattern, i+1) && isHex(pattern, i+2):
			return fmt.Sprintf("offset %d: a pattern is written decoded, without percent-escapes", i)
		}
		start = b == '/'
	}
	return ""
}

var standardMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY"}

func isHex(s string, i int) bool {
	return i < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[i]) >= 0
}

// Get registers h for GET and HEAD. See Handle for patterns.
func (r *router) Get(pattern string, h Handler) *Route { return r.Handle("GET", pattern, h) }

// Post registers h for POST.
func (r *router) Post(pattern string, h Handler) *Route { return r.Handle("POST", pattern, h) }

// Put registers h for PUT.
func (r *router) Put(pattern string, h Handler) *Route { return r.Handle("PUT", pattern, h) }

// Patch registers h for PATCH.
func (r *router) Patch(pattern string, h Handler) *Route { return r.Handle("PATCH", pattern, h) }

// Delete registers h for DELETE.
func (r *router) Delete(pattern string, h Handler) *Route { return r.Handle("DELETE", pattern, h) }

// Redirect answers GET and HEAD of pattern with a 308 to another path of the app, which may use pattern's parameters, and is not
// relative to a group: Redirect("/old/{id}", "/new/{id}"). The query is kept. Browsers remember a 308: for one that may change
// answer with Ctx.Redirect and 302.
func (r *router) Redirect(pattern, to string) *Route {
	target, err := radix.Parse(to, nil)
	if i := notPath(to); err == nil && i >= 0 {
		err = &radix.SyntaxError{Pattern: to, Offset: i, Msg: "the target is a path"}
	}
	if err != nil {
		panic(fmt.Sprintf("quart: redirect of %q: %v (%s)", pattern, err, callSite()))
	}
	route := r.Handle("GET", pattern, func(c *Ctx) error {
		c.redirectTo(target.Parts, target)
		return nil
	})
	route.target = target
	return route
}

// notPath returns the offset of what makes pattern more than a path, -1 for nothing.
func notPath(pattern string) int {
	if strings.HasPrefix(pattern, "//") {
		return 0
	}
	depth := 0
	for i, r := range pattern {
		switch r {
		case '{':
			depth++
		case '}':
			depth--
		case '?', '#':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// Group makes a group, mounted at prefix. (Flask: a blueprint, registered.)
func (r *router) Group(prefix string, mw ...Middleware) *Group {
	g := NewGroup(mw...)
	r.Mount(prefix, g)
	return g
}

// Mount hangs g at prefix, which may have parameters; "" and "/" are the same. A group can be mounted in several places; the
// second one needs a name if its routes have names.
func (r *router) Mount(prefix string, g *Group) *Mount {
	r.mustBeOpen("Mount")
	switch {
	case g == nil:
		panic("quart: Mount of a nil group (" + callSite() + ")")
	case &g.router == r || g.contains(r):
		panic("quart: a group is mounted in itself (" + callSite() + ")")
	case prefix != "" && prefix[0] != '/':
		panic(fmt.Sprintf("quart: the prefix %q at offset 0: it begins with '/' (%s)", prefix, callSite()))
	}
	m := &Mount{prefix: strings.TrimSuffix(prefix, "/"), parent: r, group: g, source: callSite()}
	r.mounts = append(r.mounts, m)
	return m
}

func (r *router) contains(other *router) bool {
	for _, m := range r.mounts {
		if &m.group.router == other || m.group.contains(other) {
			return true
		}
	}
	return false
}

// Group is a set of routes with a prefix, middleware and error handlers of its own. It can be made before its
// app, nested, and mounted more than once. (Flask: Blueprint.)
type Group struct{ router }

// NewGroup returns a group that hangs nowhere yet.
func NewGroup(mw ...Middleware) *Group {
	mustNotBeNil(mw)
	return &Group{router{layers: mw}}
}

// Name sets the prefix of the names of the group's routes: "api" makes "film" "api.film".
func (g *Group) Name(name string) *Group {
	g.mustBeOpen("Name")
	g.name = validName(name)
	return g
}

// Mount is one place where a group hangs.
type Mount struct {
	prefix string
	name   string
	parent *router
	group  *Group
	source string
}

// Name replaces the group's name in this place. (Flask: register_blueprint(name=).)
func (m *Mount) Name(name string) *Mount {
	m.parent.mustBeOpen("Name")
	m.name = validName(name)
	return m
}

// validName refuses names that Ctx.URL would take for relative ones.
func validName(name string) string {
	if strings.HasPrefix(name, ".") {
		panic(fmt.Sprintf("quart: the name %q begins with a dot (%s)", name, callSite()))
	}
	return name
}

// Route is one registered handler. Its methods return it, to be chained; they panic once the app serves.
// What Ctx.Route returns is its compiled form in one place of mounting.
type Route struct {
	method, pattern string
	name            string
	implicitName    string // of the handler function, used when unambiguous
	source          string // file:line of the registration
	handler         Handler
	layers          []Middleware
	meta            []metaValue
	defaults        []routeDefault
	bodyLimit       int64 // 0: Config's, negative: off
	bodyTimeout     time.Duration
	looseSlash      bool
	noOptions       bool
	target          *radix.Pattern // of Router.Redirect
	frozen          bool
	typed           typedInfo
	doc             Doc
	sse             bool // by Router.SSE

	// set when the app is frozen
	app        *App
	scope      *scope
	place      string         // source, and where its groups are mounted
	parsed     *radix.Pattern // host and path
	hostParts  []radix.Part   // of parsed; nil without a host
	pathParts  []radix.Part
	paramNames []string
	onion      Handler
	options    Handler // the automatic answer to OPTIONS inside the same onion
}

type metaValue struct{ key, value any }

type routeDefault struct {
	name  string
	value []byte
}

func (r *Route) open(what string) *Route {
	if r.frozen {
		panic("quart: Route." + what + " after the app was frozen, by serving, Handler, Routes or URL (" + callSite() + ")")
	}
	return r
}

// Name gives the route a name for URL. Without one, the name of the handler function serves, if it has one and no
// other pattern has it. Two patterns of one name panic when the app is frozen, unless they differ by a Default.
func (r *Route) Name(name string) *Route {
	r.open("Name").name = validName(name)
	return r
}

// Use adds middleware around this route alone, inside that of its groups.
func (r *Route) Use(mw ...Middleware) *Route {
	mustNotBeNil(mw)
	r.open("Use").layers = append(r.layers, mw...)
	return r
}

// BodyLimit sets the most bytes of a request body (413 beyond); negative is no limit, 0 Config.BodyLimit.
func (r *Route) BodyLimit(n int64) *Route {
	r.open("BodyLimit").bodyLimit = n
	return r
}

// BodyTimeout sets the time that a request body may take (408 beyond); negative is no limit, 0 Config.BodyTimeout. Config.BodyReadTimeout
// holds besides it. Browsers may send a request again that was answered 408 on a connection they had used before (RFC 9110, section 15.5.9): an upload, too.
func (r *Route) BodyTimeout(d time.Duration) *Route {
	r.open("BodyTimeout").bodyTimeout = d
	return r
}

// Default gives a parameter that the pattern does not have a value. With a second route of the same name that
// does have it, this one is canonical for the value: /page/ with Default("page", 1) beside /page/{page:int}
// redirects /page/1 to /page/, and URL("page", "page", 1) is /page/. Both have the same method, and host. (Flask: defaults=.)
func (r *Route) Default(param string, v any) *Route {
	r.open("Default").defaults = append(r.defaults, routeDefault{param, appendValue(nil, v)})
	return r
}

// LooseSlash makes the route answer with and without a slash at its end. (Flask: strict_slashes=False.)
func (r *Route) LooseSlash() *Route {
	r.open("LooseSlash").looseSlash = true
	return r
}

// NoAutoOptions switches the automatic answer to OPTIONS off for this route.
func (r *Route) NoAutoOptions() *Route {
	r.open("NoAutoOptions").noOptions = true
	return r
}

// Meta attaches a value for other packages, read by Value.
func (r *Route) Meta(key, value any) *Route {
	r.open("Meta").meta = append(r.meta, metaValue{key, value})
	return r
}

// Doc documents the route for people and for what reads RouteInfo.
func (r *Route) Doc(d Doc) *Route {
	r.open("Doc").doc = d
	return r
}

// Value returns what Meta attached under key, nil if nothing.
func (r *Route) Value(key any) any {
	for i := len(r.meta) - 1; i >= 0; i-- {
		if r.meta[i].key == key {
			return r.meta[i].value
		}
	}
	return nil
}

func (r *Route) defaultOf(name string) []byte {
	for i := range r.defaults {
		if r.defaults[i].name == name {
			return r.defaults[i].value
		}
	}
	return nil
}

// Doc describes a route for people.
type Doc struct {
	Summary, Description, OperationID string
	Tags                              []string
	Deprecated, Hidden                bool
}

// callSite returns file:line of the nearest caller outside of this package.
func callSite() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "github.com/goquart/quart.") {
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if !more {
			return "unknown place"
		}
	}
}

// funcPlace returns file:line of a function.
func funcPlace(f any) string {
	fn := runtime.FuncForPC(reflect.ValueOf(f).Pointer())
	if fn == nil {
		return "unknown"
	}
	file, line := fn.FileLine(fn.Entry())
	return fmt.Sprintf("%s:%d", file, line)
}

// funcName returns the bare name of a named function or method, "" for a closure.
func funcName(f any) string {
	fn := runtime.FuncForPC(reflect.ValueOf(f).Pointer())
	if fn == nil {
		return ""
	}
	name := strings.TrimSuffix(fn.Name(), "-fm")
	name = name[strings.LastIndexByte(name, '/')+1:]
	_, name, _ = strings.Cut(name, ".")
	if strings.Contains(name, ".func") || name == "init" || strings.HasPrefix(name, "init.") || strings.Contains(name, "[") {
		return ""
	}
	return name[strings.LastIndexByte(name, '.')+1:]
}
