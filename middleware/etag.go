package middleware

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// ETagConfig configures ETag.
type ETagConfig struct {
	// Weak makes the tags weak: no ranges, and no If-Match, of what may differ in its bytes and mean the same.
	Weak bool
	Skip func(c *quart.Ctx) bool // asked before the handler runs; true: the response stays as it is
}

// ETag gives responses an entity tag made of their body (RFC 9110, section 8.8.3), and answers 304 to a GET or HEAD whose If-None-Match
// has it: the handler runs, but the body stays here. What knows its version without the body calls quart.CheckConditions instead, and
// spares itself the work as well.
//
// It looks at buffered 200s without Cache-Control: no-store. A tag that the handler set stays and is checked, that of a stream as
// well; so are the request's other conditions, and an If-Match that does not hold is a 412. Where HEAD is answered without a body there is no tag.
//
// Compress stands outside of it: then a 304 is found before anything is compressed, and the tag becomes weak with the body that is. With
// Compress inside, each coding has a tag of its own, made of what was compressed for nothing if the answer is 304.
//
// The tag is 128 bits of SHA-256: nobody can make a body that has the tag of another, and all instances of an app agree. That
// takes about 0.7 ns for each byte, and no allocation.
func ETag(cfg ETagConfig) quart.Middleware {
	return func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			h := &c.Fast().Request.Header
			if !h.IsGet() && !h.IsHead() || cfg.Skip != nil && cfg.Skip(c) {
				return next(c)
			}
			if err := next(c); err != nil {
				return err
			}
			return cfg.check(c)
		}
	}
}

// check runs when the handler has answered.
func (cfg *ETagConfig) check(c *quart.Ctx) error {
	fc := c.Fast()
	if fc.Response.StatusCode() != fasthttp.StatusOK || fc.Hijacked() {
		return nil
	}
	state := validatorsOf(&fc.Response.Header)
	switch {
	case state.noStore || len(state.etag) > 0 && !isETag(state.etag):
		return nil
	case len(state.etag) == 0 && !cfg.tag(c):
		return nil
	}
	// perf: read back from the header the tag is a string that costs no allocation (BenchmarkETag).
	_, err := quart.CheckConditions(c, c.ResponseHeader("ETag"), state.modified)
	return err
}

// tag sets the entity tag of a buffered body.
func (cfg *ETagConfig) tag(c *quart.Ctx) bool {
	if quart.Streaming(c) {
		return false
	}
	fc := c.Fast()
	body := fc.Response.Body()
	if len(body) == 0 && fc.IsHead() {
		return false
	}
	var buf [32]byte
	fc.Response.Header.SetCanonical(etagName, appendETag(buf[:0], body, cfg.Weak))
	return true
}

// validators is what the header of a response says of its state.
type validators struct {
	etag     []byte
	modified time.Time
	noStore  bool
}

func validatorsOf(h *fasthttp.ResponseHeader) (v validators) {
	for key, value := range h.All() {
		switch string(key) {
		case "Etag":
			v.etag = value
		case "Cache-Control":
			v.noStore = v.noStore || hasDirective(value, "no-store")
		case "Last-Modified":
			v.modified, _ = fasthttp.ParseHTTPDate(value) // else it is no date, and no condition
		}
	}
	return v
}

// appendETag appends the entity tag of body: 24 bytes, 26 when weak.
func appendETag(dst, body []byte, weak bool) []byte {
	sum := sha256.Sum256(body)
	if weak {
		dst = append(dst, "W/"...)
	}
	dst = base64.RawURLEncoding.AppendEncode(append(dst, '"'), sum[:16])
	return append(dst, '"')
}

// isETag reports whether b is an entity tag.
func isETag(b []byte) bool {
	if len(b) > 2 && b[0] == 'W' && b[1] == '/' {
		b = b[2:]
	}
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return false
	}
	for _, x := range b[1 : len(b)-1] {
		if x <= ' ' || x == '"' || x == 0x7f {
			return false
		}
	}
	return true
}
