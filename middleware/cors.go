package middleware

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// CORSConfig configures CORS. The zero value lets pages of any origin read responses, without credentials.
type CORSConfig struct {
	// AllowOrigins are compared exactly, by case, too: "https://app.example.com", with a port if it is not the scheme's own, without
	// a slash at the end. "*" is any origin, and "null" what browsers call the origin of files and sandboxes. Default: "*", unless
	// AllowPatterns is set.
	AllowOrigins []string
	// AllowPatterns are regular expressions (RE2) for whole origins: `https://[a-z]+\.example\.com`. They are anchored at both ends; escape
	// the dots.
	AllowPatterns []string
	// AllowMethods are those that a preflight grants. Default: GET, HEAD, POST, OPTIONS, PUT, PATCH and DELETE. "*" is any.
	AllowMethods []string
	// AllowHeaders are the request headers that a preflight grants, in any case. Default: "*", those that it asks for.
	AllowHeaders []string
	// ExposeHeaders are the response headers that scripts may read, besides the safelisted ones.
	ExposeHeaders []string
	// AllowCredentials lets requests carry cookies and Authorization. It panics together with the origin "*".
	AllowCredentials bool
	// MaxAge is how long a browser may keep the answer to a preflight. 0 leaves it to the browser (5 s), negative is not at all.
	MaxAge time.Duration
	// AllowPrivateNetwork grants requests from public sites to a private network.
	AllowPrivateNetwork bool
}

// corsApplied says that a CORS layer further in has seen to the response.
var corsApplied = quart.NewKey[bool]("CORS")

var (
	varyName       = []byte("Vary")
	originName     = []byte("Origin")
	acaoName       = []byte("Access-Control-Allow-Origin")
	credentialName = []byte("Access-Control-Allow-Credentials")
	exposeName     = []byte("Access-Control-Expose-Headers")
	acamName       = []byte("Access-Control-Allow-Methods")
	acahName       = []byte("Access-Control-Allow-Headers")
	maxAgeName     = []byte("Access-Control-Max-Age")
	privateName    = []byte("Access-Control-Allow-Private-Network")

	anyValue  = []byte("*")
	trueValue = []byte("true")
)

// CORS tells browsers which other origins may read responses (Fetch standard, section 3.2), and answers their preflights: the automatic answer to
// OPTIONS runs inside the layers of the route that the preflight asks about, so CORS works for an app, a group and a single route alike.
// Where several are nested the innermost alone counts. Error responses get its headers, too.
//
// A request is never refused: it is the browser that does not let a page of another origin read the response. What must
// not be done on behalf of strangers needs a defence of its own.
//
// A preflight carries no credentials; a 401 or 403 of a layer inside becomes a 204. Responses that depend on the origin
// have Vary: Origin, also when the request names none. 0 allocations, except for preflights.
func CORS(cfg CORSConfig) quart.Middleware {
	p := newCORSPolicy(&cfg)
	return func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if isPreflight(c) {
				return p.preflight(c, next)
			}
			defer p.simple(c) // a layer inside may panic
			return next(c)
		}
	}
}

// corsPolicy is a checked CORSConfig with its header values made.
type corsPolicy struct {
	any         bool // "*"
	credentials bool
	private     bool
	origins     map[string][]byte
	patterns    []*regexp.Regexp
	anyMethod   bool
	methods     []string
	methodList  []byte
	anyHeader   bool
	headers     []string
	exposed     []byte // nil for none
	maxAge      []byte // nil for none
}

func newCORSPolicy(cfg *CORSConfig) *corsPolicy {
	p := &corsPolicy{credentials: cfg.AllowCredentials, private: cfg.AllowPrivateNetwork, origins: map[string][]byte{}}
	if len(cfg.AllowOrigins) == 0 && len(cfg.AllowPatterns) == 0 {
		p.any = true
	}
	for _, origin := range cfg.AllowOrigins {
		p.any = p.any || origin == "*"
		mustBeOrigin(origin)
		p.origins[origin] = []byte(origin)
	}
	if p.any && p.credentials {
		panic(`middleware: CORS with AllowCredentials for the origin "*": name the origins`)
	}
	for _, pattern := range cfg.AllowPatterns {
		regexp.MustCompile(pattern) // on its own: a)|(b must not get out of the anchors
		p.patterns = append(p.patterns, regexp.MustCompile(`\A(?:`+pattern+`)\z`))
	}
	p.methods = tokens("method", cfg.AllowMethods, []string{"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
	p.anyMethod = slices.Contains(p.methods, "*")
	p.methodList = []byte(strings.Join(p.methods, ", "))
	p.headers = tokens("header", cfg.AllowHeaders, []string{"*"})
	p.anyHeader = slices.Contains(p.headers, "*")
	if exposed := tokens("header", cfg.ExposeHeaders, nil); len(exposed) > 0 {
		p.exposed = []byte(strings.Join(exposed, ", "))
	}
	if cfg.MaxAge != 0 {
		p.maxAge = strconv.AppendInt(nil, int64(max(cfg.MaxAge, 0)/time.Second), 10)
	}
	return p
}

// mustBeOrigin panics for what can equal no Origin header.
func mustBeOrigin(s string) {
	if s == "*" || s == "null" {
		return
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" || !strings.EqualFold(u.Scheme+"://"+u.Host, s) {
		panic(fmt.Sprintf("middleware: CORS with origin %q, which is not scheme://host or scheme://host:port", s))
	}
}

func tokens(what string, list, def []string) []string {
	if len(list) == 0 {
		list = def
	}
	for _, s := range list {
		if !isToken(s) {
			panic(fmt.Sprintf("middleware: CORS with %s %q", what, s))
		}
	}
	return slices.Clone(list)
}

// isPreflight reports whether c asks what a later request may do.
func isPreflight(c *quart.Ctx) bool {
	fc := c.Fast()
	return fc.IsOptions() && len(fc.Request.Header.Peek("Origin")) > 0 && len(fc.Request.Header.Peek("Access-Control-Request-Method")) > 0
}

// begin reports whether this is the innermost layer, which sees to the response.
func begin(c *quart.Ctx) bool {
	if done, _ := corsApplied.Get(c); done {
		return false
	}
	corsApplied.Set(c, true)
	return true
}

// simple sets the headers of any response but a preflight's.
func (p *corsPolicy) simple(c *quart.Ctx) {
	if begin(c) && p.allow(c) && p.exposed != nil {
		c.Fast().Response.Header.SetCanonical(exposeName, p.exposed)
	}
}

// preflight grants what is allowed of what the request asks for. The layers inside run first: one of them may be a CORS nearer to the route.
func (p *corsPolicy) preflight(c *quart.Ctx, next quart.Handler) error {
	err := next(c)
	if !begin(c) || !p.allow(c) || !p.grant(c) {
		return err
	}
	if err == nil {
		err = c.Err()
	}
	if status := quart.StatusOf(err); status != 401 && status != 403 {
		return err
	}
	c.DelHeader("WWW-Authenticate")
	return c.NoContent()
}

// allow sets Access-Control-Allow-Origin, if the request's origin is allowed, and Vary.
func (p *corsPolicy) allow(c *quart.Ctx) bool {
	fc := c.Fast()
	h := &fc.Response.Header
	if p.any {
		h.SetCanonical(acaoName, anyValue)
		return true
	}
	if len(h.Peek("Vary")) == 0 {
		h.SetCanonical(varyName, originName)
	} else {
		quart.Vary(c, "Origin")
	}
	allowed := p.match(fc.Request.Header.Peek("Origin"))
	if allowed == nil {
		h.Del("Access-Control-Allow-Origin") // of an upstream that the handler asked, say
		return false
	}
	h.SetCanonical(acaoName, allowed)
	if p.credentials {
		h.SetCanonical(credentialName, trueValue)
	}
	return true
}

// match returns the value that allows origin, nil if it is not allowed.
func (p *corsPolicy) match(origin []byte) []byte {
	if len(origin) == 0 {
		return nil
	}
	if value := p.origins[string(origin)]; value != nil {
		return value
	}
	for _, re := range p.patterns {
		if re.Match(origin) {
			return origin
		}
	}
	return nil
}

// grant sets what a preflight asks for, and reports whether its method is allowed.
func (p *corsPolicy) grant(c *quart.Ctx) bool {
	fc := c.Fast()
	asked, h := &fc.Request.Header, &fc.Response.Header
	method := asked.Peek("Access-Control-Request-Method")
	switch {
	case p.anyMethod && isToken(string(method)):
		h.SetCanonical(acamName, method)
	case slices.Contains(p.methods, string(method)):
		h.SetCanonical(acamName, p.methodList)
	default:
		return false
	}
	if granted := p.grantedHeaders(asked); len(granted) > 0 {
		h.SetCanonical(acahName, granted)
	}
	if p.maxAge != nil {
		h.SetCanonical(maxAgeName, p.maxAge)
	}
	if p.private && string(asked.Peek("Access-Control-Request-Private-Network")) == "true" {
		h.SetCanonical(privateName, trueValue)
	}
	return true
}

// grantedHeaders lists the allowed ones of the headers that a preflight asks for, as it spells them.
func (p *corsPolicy) grantedHeaders(asked *fasthttp.RequestHeader) []byte {
	var granted []byte
	for _, line := range asked.PeekAll("Access-Control-Request-Headers") {
		for name := range bytes.SplitSeq(line, []byte(",")) {
			name = bytes.Trim(name, " \t")
			if !isToken(string(name)) || !p.anyHeader && !slices.ContainsFunc(p.headers, func(s string) bool { return strings.EqualFold(s, string(name)) }) {
				continue
			}
			if len(granted) > 0 {
				granted = append(granted, ", "...)
			}
			granted = append(granted, name...)
		}
	}
	return granted
}
