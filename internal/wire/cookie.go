package wire

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// CookieNext returns the first pair of a Cookie field and what follows it. ok is
// false when there is none left.
//
// It takes what browsers send, which is more than RFC 6265 allows: any bytes but
// ';'. Space around name and value and one pair of quotes around the value are
// removed, nothing is decoded. A pair without '=' has an empty value; one without
// a name is skipped.
func CookieNext(header []byte) (name, value, rest []byte, ok bool) {
	for len(header) > 0 {
		pair := header
		if end := bytes.IndexByte(header, ';'); end < 0 {
			header = nil
		} else {
			pair, header = header[:end], header[end+1:]
		}
		if eq := bytes.IndexByte(pair, '='); eq < 0 {
			name, value = trim(pair), nil
		} else {
			name, value = trim(pair[:eq]), trim(pair[eq+1:])
		}
		if len(name) > 0 {
			return name, unquote(value), header, true
		}
	}
	return nil, nil, nil, false
}

func unquote(b []byte) []byte {
	if len(b) >= 2 && b[0] == '"' && b[len(b)-1] == '"' {
		return b[1 : len(b)-1]
	}
	return b
}

// CookieValue returns the value of the last cookie with this name, as CookieNext
// gives it. Names are compared with regard to case.
func CookieValue(header []byte, name string) (value []byte, ok bool) {
	for len(header) > 0 {
		k, v, rest, more := CookieNext(header)
		if !more {
			break
		}
		if string(k) == name {
			value, ok = v, true
		}
		header = rest
	}
	return value, ok
}

// SetCookie is what a Set-Cookie field says (RFC 6265bis, 4.1). A zero attribute
// is left out.
type SetCookie struct {
	Name, Value string
	Path        string
	Domain      string
	SameSite    string        // Strict, Lax or None, in any case
	MaxAge      time.Duration // rounded up to seconds; less than 0 deletes the cookie
	Expires     time.Time
	Secure      bool
	HttpOnly    bool
	Partitioned bool // CHIPS; needs Secure
}

// CookieError is why a cookie cannot be sent.
type CookieError struct {
	Cookie string // its name
	Reason string // like `byte 0x3b in the value`
}

func (e *CookieError) Error() string { return "cookie " + strconv.Quote(e.Cookie) + ": " + e.Reason }

// AppendSetCookie appends the value of a Set-Cookie field. The attributes are
// always in the order Expires, Max-Age, Domain, Path, Secure, HttpOnly, SameSite,
// Partitioned.
//
// What a browser would drop or read as something else is refused with a
// *CookieError, and dst is returned as it was: a name that is no token, bytes in
// the value that are no cookie-octet, a domain or path with control bytes or ';',
// SameSite=None or Partitioned without Secure, and names with the prefixes
// __Secure- and __Host- (in any case) without what these promise. Only an error
// allocates.
func AppendSetCookie(dst []byte, c *SetCookie) ([]byte, error) {
	if reason := c.fault(); reason != "" {
		return dst, &CookieError{c.Name, reason}
	}
	dst = append(dst, c.Name...)
	dst = append(dst, '=')
	dst = append(dst, c.Value...)
	if !c.Expires.IsZero() {
		dst = append(dst, "; Expires="...)
		dst = c.Expires.UTC().AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
	}
	if c.MaxAge != 0 {
		dst = append(dst, "; Max-Age="...)
		dst = strconv.AppendInt(dst, maxAgeSeconds(c.MaxAge), 10)
	}
	if c.Domain != "" {
		dst = append(append(dst, "; Domain="...), c.Domain...)
	}
	if c.Path != "" {
		dst = append(append(dst, "; Path="...), c.Path...)
	}
	if c.Secure {
		dst = append(dst, "; Secure"...)
	}
	if c.HttpOnly {
		dst = append(dst, "; HttpOnly"...)
	}
	if c.SameSite != "" {
		dst = append(append(dst, "; SameSite="...), canonicalSameSite(c.SameSite)...)
	}
	if c.Partitioned {
		dst = append(dst, "; Partitioned"...)
	}
	return dst, nil
}

// maxAgeSeconds rounds up: half a second is not "delete at once".
func maxAgeSeconds(d time.Duration) int64 {
	if d < 0 {
		return 0
	}
	s := int64(d / time.Second)
	if d%time.Second > 0 {
		s++
	}
	return s
}

func canonicalSameSite(s string) string {
	for _, known := range [...]string{"Strict", "Lax", "None"} {
		if equalFold(s, known) {
			return known
		}
	}
	return ""
}

// fault returns what is wrong with the cookie, or "".
func (c *SetCookie) fault() string {
	if c.Name == "" {
		return "no name"
	}
	for i := range len(c.Name) {
		if class[c.Name[i]]&tchar == 0 {
			return byteFault(c.Name[i], "name")
		}
	}
	for i := range len(c.Value) {
		if class[c.Value[i]]&cookieChar == 0 {
			return byteFault(c.Value[i], "value")
		}
	}
	if i := badAttribute(c.Path); i >= 0 {
		return byteFault(c.Path[i], "path")
	}
	if i := badAttribute(c.Domain); i >= 0 {
		return byteFault(c.Domain[i], "domain")
	}
	if !c.Expires.IsZero() {
		if year := c.Expires.UTC().Year(); year < 1601 || year > 9999 {
			return "the year " + strconv.Itoa(year) + " in Expires"
		}
	}
	return c.policyFault()
}

// policyFault finds combinations with which browsers drop a cookie without a
// word (RFC 6265bis, 4.1.2.7 and 4.1.3).
func (c *SetCookie) policyFault() string {
	sameSite := canonicalSameSite(c.SameSite)
	switch {
	case c.SameSite != "" && sameSite == "":
		return "SameSite is not Strict, Lax or None"
	case sameSite == "None" && !c.Secure:
		return "SameSite=None without Secure"
	case c.Partitioned && !c.Secure:
		return "Partitioned without Secure"
	case hasPrefixFold(c.Name, "__Secure-") && !c.Secure:
		return "the prefix __Secure- without Secure"
	case hasPrefixFold(c.Name, "__Host-") && (!c.Secure || c.Path != "/" || c.Domain != ""):
		return "the prefix __Host- without Secure, with a domain, or with a path other than /"
	}
	return ""
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && equalFold(s[:len(prefix)], prefix)
}

// badAttribute returns the index of the first byte that would end the attribute
// or the field, or -1.
func badAttribute(s string) int {
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f || r == ';' })
}

func byteFault(c byte, where string) string { return fmt.Sprintf("byte 0x%02x in the %s", c, where) }
