package quart

import (
	"strings"
	"time"

	"github.com/goquart/quart/internal/wire"
	"github.com/goquart/quart/pool"
	"github.com/valyala/fasthttp"
	"github.com/valyala/quicktemplate"
)

var (
	ctText = []byte("text/plain; charset=utf-8")
	ctHTML = []byte("text/html; charset=utf-8")
	ctJSON = []byte("application/json")

	nosniffName  = []byte("X-Content-Type-Options")
	nosniffValue = []byte("nosniff")
)

// start sets what every responder sets: status, type, and that no browser guesses another type.
func (c *Ctx) start(status int, contentType []byte) {
	c.live()
	if c.pending != nil {
		c.dropPending()
	}
	resp := &c.fc.Response
	resp.SetStatusCode(status)
	resp.Header.SetContentTypeBytes(contentType)
	resp.Header.SetCanonical(nosniffName, nosniffValue)
	c.responded = true
}

// write ends a responder whose body was built in the response's own buffer, taken by SwapBody.
func (c *Ctx) write(contentType, body []byte) {
	c.start(c.fc.Response.StatusCode(), contentType)
	c.fc.Response.SwapBody(body)
}

// Text answers with s as text/plain in UTF-8. 0 allocations.
func (c *Ctx) Text(status int, s string) error {
	c.start(status, ctText)
	c.fc.Response.SetBodyString(s)
	return nil
}

// HTML answers with s as text/html in UTF-8. s is sent as it is: what came from a user must have been
// escaped, as templates do (see Render). 0 allocations.
func (c *Ctx) HTML(status int, s string) error {
	c.start(status, ctHTML)
	c.fc.Response.SetBodyString(s)
	return nil
}

// Bytes answers with a copy of b. The type is sent as it is: a text type without a charset gets none. 0 allocations.
func (c *Ctx) Bytes(status int, contentType string, b []byte) error {
	c.live()
	if !wire.ValidFieldValue(contentType) {
		c.refuseHeader("Content-Type")
		return nil
	}
	c.start(status, nil)
	c.fc.Response.Header.SetContentType(contentType)
	c.fc.Response.SetBody(b)
	return nil
}

// JSON answers with v, encoded by Config.JSON straight into the response's buffer.
// A v that cannot be encoded is an error, and nothing of it is sent. Pass a pointer to a struct
// to spare the allocation of its interface value; quart's own part is 0.
func (c *Ctx) JSON(status int, v any) error {
	c.live()
	return c.json(status, ctJSON, v)
}

func (c *Ctx) json(status int, contentType []byte, v any) error {
	resp := &c.fc.Response
	body, err := c.app.cfg.JSON.Append(resp.SwapBody(nil)[:0], v)
	if err != nil {
		resp.SwapBody(body[:0])
		return err
	}
	resp.SetStatusCode(status)
	c.write(contentType, body)
	return nil
}

// NoContent answers 204.
func (c *Ctx) NoContent() error {
	c.live()
	c.clearContent()
	c.fc.Response.SetStatusCode(fasthttp.StatusNoContent)
	c.responded = true
	return nil
}

// Template is a page compiled by quicktemplate: what qtc makes of {% func (p *Home) Render() %}.
type Template interface {
	StreamRender(qw *quicktemplate.Writer)
}

// Render answers with t as text/html, rendered straight into the response's buffer.
// {%s %} escapes, {%s= %} does not. 0 allocations beyond the template's own; a panic of the template
// is a 500, and nothing of the page is sent. (Flask: render_template.)
func (c *Ctx) Render(status int, t Template) error {
	c.live()
	resp := &c.fc.Response
	p := pages.Get()
	defer pages.Put(p)
	p.body = resp.SwapBody(nil)[:0]
	qw := quicktemplate.AcquireWriter(p)
	t.StreamRender(qw)
	quicktemplate.ReleaseWriter(qw)
	resp.SetStatusCode(status)
	c.write(ctHTML, p.body)
	return nil
}

// page collects what a template writes.
type page struct{ body []byte }

var pages = pool.New(func(p *page) { p.body = nil })

func (p *page) Write(b []byte) (int, error) {
	p.body = append(p.body, b...)
	return len(b), nil
}

// Redirect answers with a Location: to is a path, kept relative, or a URL. Spaces and non-ASCII bytes
// of it are percent-encoded. The status is one of 301, 302, 303, 307 and 308, else the answer is 500.
// A to with CR, LF or NUL is answered 400. Never redirect to a value of the request without checking it
// against the places you mean.
func (c *Ctx) Redirect(status int, to string) error {
	c.live()
	switch status {
	case 301, 302, 303, 307, 308:
	default:
		return Errorf(500, "redirect with status %d", status)
	}
	buf := pool.GetBuffer(len(to) + 16)
	defer pool.PutBuffer(buf)
	location, ok := wire.AppendLocation(buf.B, to)
	if !ok {
		return Errorf(400, "the redirect target has a control byte")
	}
	buf.B = location
	c.redirect(status, location)
	return nil
}

var locationName = []byte("Location")

func (c *Ctx) redirect(status int, location []byte) {
	c.clearContent()
	c.fc.Response.SetStatusCode(status)
	c.fc.Response.Header.SetCanonical(locationName, location)
	c.responded = true
}

// Status returns the status of the response as it stands; 200 when nothing set one.
func (c *Ctx) Status() int {
	c.live()
	return c.fc.Response.StatusCode()
}

// SetStatus sets the status that a typed result keeps. Responders take theirs as an argument.
func (c *Ctx) SetStatus(code int) {
	c.live()
	c.fc.Response.SetStatusCode(code)
}

// Responded reports whether a responder or Fail has written the response.
func (c *Ctx) Responded() bool {
	c.live()
	return c.responded || c.err != nil
}

// SetHeader sets a response header, replacing its values. A name that is no token or a value with CR, LF
// or NUL is dropped and logged, and the answer becomes 500: it is an injection or a bug.
func (c *Ctx) SetHeader(name, value string) {
	c.live()
	if c.validHeader(name, value) {
		c.fc.Response.Header.Set(name, value)
	}
}

// AddHeader adds a value to a response header. It refuses what SetHeader refuses.
func (c *Ctx) AddHeader(name, value string) {
	c.live()
	if c.validHeader(name, value) {
		c.fc.Response.Header.Add(name, value)
	}
}

// DelHeader removes a response header.
func (c *Ctx) DelHeader(name string) {
	c.live()
	c.fc.Response.Header.Del(name)
}

// ResponseHeader returns the first value of a response header.
func (c *Ctx) ResponseHeader(name string) string {
	c.live()
	return c.str(c.fc.Response.Header.Peek(name))
}

// Vary adds names to the response's Vary header, each at most once (RFC 9110, section 12.5.5).
func Vary(c *Ctx, names ...string) {
	for _, name := range names {
		have := c.fc.Response.Header.Peek("Vary")
		if hasListItem(have, name) {
			continue
		}
		if len(have) == 0 {
			c.SetHeader("Vary", name)
			continue
		}
		c.SetHeader("Vary", string(have)+", "+name)
	}
}

func hasListItem(list []byte, item string) bool {
	for s := range strings.SplitSeq(string(list), ",") {
		if s = strings.TrimSpace(s); s == "*" || strings.EqualFold(s, item) {
			return true
		}
	}
	return false
}

func (c *Ctx) validHeader(name, value string) bool {
	c.live()
	if wire.ValidFieldName(name) && wire.ValidFieldValue(value) {
		return true
	}
	c.refuseHeader(name)
	return false
}

func (c *Ctx) refuseHeader(name string) {
	c.badHeader = true
	c.Log().Error("response header refused: a bad name, or CR, LF or NUL in its value", "header", name, "path", c.Path())
}

// Cookie is a response cookie. Its zero value, but for a name, is a session cookie that is
// Secure, HttpOnly and SameSite=Lax, with Path "/".
type Cookie struct {
	Name, Value  string
	Path, Domain string        // "" is "/" and the host alone
	SameSite     string        // Strict, Lax or None; "" is Lax
	MaxAge       time.Duration // 0: until the browser closes; negative: delete now
	Insecure     bool          // also over plain http
	Script       bool          // readable by scripts
	Partitioned  bool          // CHIPS: one jar per embedding site
}

// SetCookie adds a cookie to the response; a second one of that name replaces the first. A name, value or attribute
// that RFC 6265 does not allow is dropped and logged, and the answer becomes 500: encode values
// that may hold spaces, commas, quotes or semicolons. 0 allocations.
func (c *Ctx) SetCookie(ck Cookie) {
	c.live()
	sc := wire.SetCookie{
		Name: ck.Name, Value: ck.Value, Path: ck.Path, Domain: ck.Domain, SameSite: ck.SameSite,
		MaxAge: ck.MaxAge, Secure: !ck.Insecure, HttpOnly: !ck.Script, Partitioned: ck.Partitioned,
	}
	if sc.Path == "" {
		sc.Path = "/"
	}
	if sc.SameSite == "" {
		sc.SameSite = "Lax"
	}
	switch {
	case ck.MaxAge > 0:
		sc.Expires = time.Now().Add(ck.MaxAge)
	case ck.MaxAge < 0:
		sc.Expires = time.Unix(0, 0)
	}
	c.addCookie(&sc)
}

func (c *Ctx) addCookie(sc *wire.SetCookie) {
	buf := pool.GetBuffer(256)
	defer pool.PutBuffer(buf)
	value, err := wire.AppendSetCookie(buf.B, sc)
	if err != nil {
		c.badHeader = true
		c.Log().Error("response cookie refused", "error", err.Error(), "path", c.Path())
		return
	}
	buf.B = value
	if len(value) > 4093 {
		c.Log().Warn("cookie over 4093 bytes: browsers may drop it", "cookie", sc.Name, "bytes", len(value))
	}
	h := &c.fc.Response.Header
	h.DelCookie(sc.Name)
	h.AddBytesV("Set-Cookie", value)
}

// DelCookie tells the browser to forget a cookie set with the default path and domain. Over plain http it is sent without Secure, which
// browsers would ignore there; over https a Secure cookie is forgotten, too.
// For another path or domain use SetCookie with a negative MaxAge.
func (c *Ctx) DelCookie(name string) {
	c.live()
	prefixed := strings.HasPrefix(name, "__Secure-") || strings.HasPrefix(name, "__Host-")
	c.SetCookie(Cookie{Name: name, MaxAge: -1, Insecure: !prefixed && c.Scheme() != "https"})
}
