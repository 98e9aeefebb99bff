package quart

import (
	"bytes"
	"reflect"
	"slices"
	"strings"

	"github.com/goquart/quart/internal/bytesconv"
	"github.com/goquart/quart/internal/radix"
	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
	"github.com/valyala/fasthttp"
)

var (
	errTarget    error = &HTTPError{Status: 400, Detail: "the request target is malformed"}
	errVersion   error = &HTTPError{Status: 400, Detail: "the protocol version is not HTTP/1.0 or HTTP/1.1"}
	errNoHost    error = &HTTPError{Status: 400, Detail: "the request has no Host"}
	errQueryArgs error = &HTTPError{Status: 400, Detail: "the query has over 1000 arguments"}
	errMethod    error = &HTTPError{Status: 405}
	errUpgrade   error = &HTTPError{
		Status: 426, Detail: "this resource speaks websocket",
		Header: [][2]string{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}},
	}
	errUnknownHost error = &HTTPError{Status: 400, Detail: "the request names a host that is not served here"}
)

// headErrors are made once: an attacker's head costs no allocation.
var headErrors = func() (errs [wire.FaultExpect + 1]error) {
	for f := wire.HeadFault(1); f <= wire.FaultExpect; f++ {
		errs[f] = &HTTPError{Status: f.Status(), Detail: f.String()}
	}
	return errs
}()

// checkHead looks at what fasthttp's parser lets through and at the target, and decodes the path.
func (c *Ctx) checkHead() error {
	h := &c.fc.Request.Header
	if raw := h.RawHeaders(); len(raw) > 0 {
		flags, fault := wire.CheckHead(raw, maxHeaderFields)
		if fault != wire.HeadOK {
			return headErrors[fault]
		}
		if flags&wire.HeadHost == 0 && h.IsHTTP11() {
			return errNoHost
		}
	}
	if !h.IsHTTP11() && !bytes.Equal(h.Protocol(), strHTTP10) && c.conn != nil {
		return errVersion
	}
	if c.h2 != nil {
		if err := c.checkStream(); err != nil {
			return err
		}
	}
	uri, target := c.fc.URI(), h.RequestURI()
	if len(target) > 1 && target[0] == '/' && target[1] == '/' {
		c.parseSlashes(uri, target)
	}
	if q := uri.QueryString(); len(q) >= maxQueryArgs && wire.CountPairs(q) > maxQueryArgs {
		return errQueryArgs
	}
	escaped, ok := wire.CheckTarget(target)
	if !ok || target[0] != '/' && !validAuthority(target) {
		return errTarget
	}
	return c.setPath(uri.PathOriginal(), escaped)
}

// validAuthority checks a target that is no path: the host of an absolute URL goes before the Host field (RFC 9112, section
// 3.2.2), so it must be as good as that. What is neither that nor "*" falls to setPath.
func validAuthority(target []byte) bool {
	scheme, rest, ok := bytes.Cut(target, []byte("://"))
	if !ok {
		return true
	}
	if i := bytes.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[:i]
	}
	return (equalFold(scheme, "http") || equalFold(scheme, "https")) && validHost(rest)
}

// parseSlashes parses a target that begins with slashes as a path. fasthttp takes what follows them for a host when the request
// has no Host or "://" occurs further on, as in "//other.example/?next=http://...".
func (c *Ctx) parseSlashes(uri *fasthttp.URI, target []byte) {
	slashes := len(target) - len(bytes.TrimLeft(target, "/"))
	_ = uri.Parse(c.fc.Request.Header.Host(), target[slashes-1:])
	if c.fc.IsTLS() {
		uri.SetScheme("https")
	}
}

var strHTTP10 = []byte("HTTP/1.0")

// setPath decodes the path into c's own buffer: what routes match and parameters point into. In front of it
// stands the host, when some routes have one.
func (c *Ctx) setPath(raw []byte, escaped bool) error {
	for len(raw) > 1 && raw[0] == '/' && raw[1] == '/' {
		raw = raw[1:]
	}
	buf := c.pathBuf[:0]
	c.hostLen = 0
	if c.app.table.hasHosts {
		buf = append(buf, c.hostName()...)
		c.hostLen = len(buf)
	}
	if escaped {
		buf, _ = wire.DecodePath(buf, raw) // CheckTarget saw to the escapes
	} else {
		buf = append(buf, raw...)
	}
	if len(buf) == c.hostLen {
		buf = append(buf, '/')
	}
	c.pathBuf = buf
	c.path = buf[c.hostLen:]
	if c.path[0] != '/' && !(len(c.path) == 1 && c.path[0] == '*' && c.fc.IsOptions()) {
		return errTarget
	}
	return nil
}

// hostName is the request's host without port, in lower case.
func (c *Ctx) hostName() []byte {
	host := c.client().host
	if host == nil {
		host = c.fc.URI().Host()
	}
	return withoutPort(host)
}

func withoutPort(host []byte) []byte {
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		return host[:i]
	}
	return host
}

func (t *table) methodOf(method []byte) *methodTable {
	switch string(method) {
	case "GET":
		return t.get
	case "POST":
		return t.post
	}
	for _, mt := range t.methods {
		if mt.method == string(method) {
			return mt
		}
	}
	return nil
}

// match finds the route of a request.
func (t *table) match(c *Ctx) bool {
	if t.socket != nil && c.wantsWebSocket() && t.find(t.socket, c) {
		return true
	}
	if mt := t.methodOf(c.fc.Method()); mt != nil && t.find(mt, c) {
		return true
	}
	return t.any != nil && t.find(t.any, c)
}

// find matches the path, with the host first where hosts are used.
func (t *table) find(mt *methodTable, c *Ctx) bool {
	if t.hasHosts && mt.hosts.Len() > 0 {
		if r, ok := mt.hosts.Lookup(c.pathBuf, &c.match); ok {
			c.route, c.matched = r, c.pathBuf
			return true
		}
	}
	r, ok := mt.paths.Lookup(c.path, &c.match)
	if !ok {
		return false
	}
	c.route, c.matched = r, c.path
	return true
}

// wantsWebSocket reports whether this is a GET that asks for a websocket. Both fields are lists (RFC 9110, sections 7.6.1 and 7.8).
func (c *Ctx) wantsWebSocket() bool {
	if c.h2 != nil {
		return c.h2.Protocol() == "websocket"
	}
	h := &c.fc.Request.Header
	return h.IsGet() && len(h.Peek("Upgrade")) > 0 && listed(h.PeekAll("Upgrade"), "websocket") &&
		listed(h.PeekAll("Connection"), "upgrade") && !h.ConnectionClose()
}

// listed reports whether a field that is a list, on any number of lines, has a member, in any case.
func listed(lines [][]byte, member string) bool {
	for _, line := range lines {
		for m := range bytes.SplitSeq(line, []byte(",")) {
			if equalFold(bytes.Trim(m, " \t"), member) {
				return true
			}
		}
	}
	return false
}

// miss handles requests that no route takes. An OPTIONS request runs inside the onion of the route that it asks about, so that
// CORS of one route can answer its preflight; everything else inside the app's.
func (a *App) miss(c *Ctx) error {
	switch {
	case c.fc.IsOptions() && c.path[0] == '/':
		if r := a.table.askedRoute(c); r != nil {
			return r.options(c)
		}
	case c.fc.IsHead() && a.table.get != nil && a.table.find(a.table.get, c):
		return c.route.onion(c) // HEAD has a route for some of the pattern's paths
	}
	c.route = nil
	c.match.N = 0
	return a.table.unmatch(c)
}

// askedRoute finds the route that an OPTIONS request is about: that of Access-Control-Request-Method, else any of the path. It
// is nil where none has an automatic answer.
func (t *table) askedRoute(c *Ctx) *Route {
	asked := t.methodOf(c.fc.Request.Header.Peek("Access-Control-Request-Method"))
	if asked != nil && t.find(asked, c) && !c.route.noOptions {
		return c.route
	}
	for _, mt := range t.methods {
		if t.find(mt, c) && !c.route.noOptions {
			return c.route
		}
	}
	return nil
}

// answerOptions answers OPTIONS with the methods of the path (RFC 9110, section 9.3.7).
func (c *Ctx) answerOptions() error {
	route, match, matched := c.route, c.match, c.matched
	c.setAllow()
	c.route, c.match, c.matched = route, match, matched
	c.responded = true
	return nil
}

// unmatched answers what no route takes: OPTIONS for the whole server, a redirect to the path as it should be, 426, 405 or 404.
func (c *Ctx) unmatched() error {
	t := c.app.table
	switch {
	case c.path[0] == '*':
		c.fc.Response.Header.SetCanonical(allowName, t.allow)
		c.responded = true
		return nil
	case c.redirectSlash():
		return nil
	case t.socket != nil && c.fc.IsGet() && t.find(t.socket, c):
		c.route = nil
		return errUpgrade
	case c.setAllow():
		return errMethod
	}
	return ErrNotFound
}

var allowName = []byte("Allow")

// setAllow sets Allow to the methods of the path, sorted, and reports whether there is one.
func (c *Ctx) setAllow() bool {
	buf := pool.GetBuffer(128)
	defer pool.PutBuffer(buf)
	t := c.app.table
	known, automatic, options := false, false, -1
	for _, mt := range t.methods {
		switch {
		case t.find(mt, c) || mt == t.get && t.socket != nil && t.find(t.socket, c):
			known = true
			automatic = automatic || !c.route.noOptions
		case mt.method == "OPTIONS":
			options = len(buf.B) // if one of the others is automatic
		default:
			continue
		}
		buf.B = append(append(buf.B, mt.method...), ", "...)
	}
	c.route = nil
	if !known {
		return false
	}
	if options >= 0 && !automatic {
		buf.B = slices.Delete(buf.B, options, options+len("OPTIONS, "))
	}
	c.fc.Response.Header.SetCanonical(allowName, buf.B[:len(buf.B)-2])
	return true
}

// redirectSlash answers 308 where a route takes the path with a slash at its end, with repeated slashes merged, or both.
func (c *Ctx) redirectSlash() bool {
	buf := pool.GetBuffer(len(c.pathBuf) + 1)
	defer pool.PutBuffer(buf)
	buf.B = append(append(buf.B, c.pathBuf...), '/') // host and path
	closed := c.path[len(c.path)-1] == '/'
	if !closed && c.redirectIfTaken(buf.B) {
		return true
	}
	if !bytes.Contains(c.path, strSlashes) {
		return false
	}
	merged := mergeSlashes(buf.B[c.hostLen:])
	buf.B = buf.B[:c.hostLen+len(merged)]
	if !closed && c.redirectIfTaken(buf.B[:len(buf.B)-1]) {
		return true
	}
	return c.redirectIfTaken(buf.B)
}

var strSlashes = []byte("//")

// mergeSlashes replaces repeated slashes by one, in place.
func mergeSlashes(path []byte) []byte {
	merged := path[:0]
	for _, b := range path {
		if n := len(merged); b != '/' || n == 0 || merged[n-1] != '/' {
			merged = append(merged, b)
		}
	}
	return merged
}

// redirectIfTaken redirects to target, which is c's host and another path, if that has a route for the method.
func (c *Ctx) redirectIfTaken(target []byte) bool {
	pathBuf, path := c.pathBuf, c.path
	c.pathBuf, c.path = target, target[c.hostLen:]
	taken := c.app.table.takes(c)
	c.pathBuf, c.path = pathBuf, path
	c.route = nil
	if !taken {
		return false
	}
	buf := pool.GetBuffer(2*len(target) + 64)
	defer pool.PutBuffer(buf)
	buf.B = wire.AppendPath(buf.B, bytesconv.String(target[c.hostLen:]))
	c.redirectHere(buf)
	return true
}

// takes reports whether c's method has a route, or an automatic answer, for c's path.
func (t *table) takes(c *Ctx) bool {
	if mt := t.methodOf(c.fc.Method()); mt != nil && t.find(mt, c) {
		return true
	}
	if t.any != nil && t.find(t.any, c) {
		return true
	}
	return c.fc.IsOptions() && t.askedRoute(c) != nil
}

// redirectHere answers 308 to a path of this host, with the request's query. The path is escaped, backslashes
// too, and begins with exactly one slash, so that it cannot name another host.
func (c *Ctx) redirectHere(buf *pool.Buffer) {
	path := bytes.TrimLeft(buf.B, "/")
	buf.B = slices.Delete(buf.B, 1, len(buf.B)-len(path))
	if q := c.fc.URI().QueryString(); len(q) > 0 {
		buf.B, _ = wire.AppendLocation(append(buf.B, '?'), bytesconv.String(q)) // CheckTarget saw to the control bytes
	}
	c.redirect(fasthttp.StatusPermanentRedirect, buf.B)
}

// redirectTo answers 308 to the path of a pattern, filled with the request's parameters.
func (c *Ctx) redirectTo(path []radix.Part, p *radix.Pattern) {
	buf := pool.GetBuffer(128)
	defer pool.PutBuffer(buf)
	for _, part := range path {
		var value []byte
		if part.Param >= 0 {
			param := &p.Params[part.Param]
			value = c.param(param.Name)
			if len(value) == 0 && param.Optional {
				continue
			}
		}
		buf.B = wire.AppendPath(wire.AppendPath(buf.B, part.Literal), bytesconv.String(value))
	}
	if len(buf.B) == 0 {
		buf.B = append(buf.B, '/')
	}
	c.redirectHere(buf)
}

// canonical redirects to d where the request's values are d's defaults.
func canonical(h Handler, d *Route) Handler {
	return func(c *Ctx) error {
		for i := range d.defaults {
			if !c.hasValue(&d.defaults[i]) {
				return h(c)
			}
		}
		c.redirectTo(d.pathParts, d.parsed)
		return nil
	}
}

// hasValue reports whether the request's value is d's: of a number, as a number.
func (c *Ctx) hasValue(d *routeDefault) bool {
	value := c.param(d.name)
	if i := c.route.parsed.Index(d.name); i >= 0 {
		switch c.route.parsed.Params[i].Kind {
		case radix.KindInt, radix.KindUint:
			return bytes.Equal(trimZeros(value), trimZeros(d.value))
		case radix.KindUUID:
			return bytes.EqualFold(value, d.value)
		}
	}
	return bytes.Equal(value, d.value)
}

func trimZeros(digits []byte) []byte {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	return digits
}

// trustedHosts refuses requests for hosts other than those listed. It is the outermost layer.
func trustedHosts(hosts []string) Middleware {
	return func(next Handler) Handler {
		return func(c *Ctx) error {
			name := bytesconv.String(c.hostName())
			for _, h := range hosts {
				if strings.EqualFold(name, strings.TrimPrefix(h, ".")) || h[0] == '.' && hasSuffixFold(name, h) {
					return next(c)
				}
			}
			return errUnknownHost
		}
	}
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) > len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// refuse answers a malformed head and closes the connection: what follows on it cannot be trusted.
func (c *Ctx) refuse(err error) {
	c.closeAfter()
	c.failLast(err)
}

// sameError compares errors, of whatever type; two of one type that cannot be compared are taken for one.
func sameError(a, b error) bool {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return false
	}
	return !reflect.ValueOf(a).Comparable() || a == b
}
