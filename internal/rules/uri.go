package rules

import "strings"

// What may stand in a part of a URI besides percent-encoded bytes (RFC 3986, appendix A).
const (
	inScheme   uint8 = 1 << iota // behind its first letter
	inName                       // unreserved and sub-delims: host names
	inUserinfo                   // and ":"
	inPath                       // pchar and "/"
	inQuery                      // and "?": queries and fragments
)

var uriChars = uriTable()

func uriTable() (t [256]uint8) {
	allow := func(chars string, parts uint8) {
		for i := range len(chars) {
			t[chars[i]] |= parts
		}
	}
	const all = inName | inUserinfo | inPath | inQuery
	allow("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", all|inScheme)
	allow("-._~", all)
	allow("!$&'()*+,;=", all)
	allow("+-.", inScheme)
	allow(":", inUserinfo|inPath|inQuery)
	allow("@/", inPath|inQuery)
	allow("?", inQuery)
	return t
}

// allIn reports whether s is made of characters of that part and of percent-encoded bytes.
func allIn(s string, part uint8) bool {
	for i := 0; i < len(s); i++ {
		if uriChars[s[i]]&part != 0 {
			continue
		}
		if s[i] != '%' || i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return false
		}
		i += 2
	}
	return true
}

// isURI is URI of RFC 3986, section 3: it begins with a scheme, and may have a fragment.
func isURI(s string) bool {
	n := schemeLen(s)
	return n > 0 && isRelative(s[n+1:])
}

// isURIReference is URI-reference of RFC 3986, section 4.1. "" is one.
func isURIReference(s string) bool {
	if n := schemeLen(s); n > 0 {
		return isRelative(s[n+1:])
	}
	first := s
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		first = s[:i]
	}
	return strings.IndexByte(first, ':') < 0 && isRelative(s)
}

// schemeLen returns the length of the scheme that a colon ends, 0 for none.
func schemeLen(s string) int {
	if s == "" || !isLetter(s[0]) {
		return 0
	}
	for i := range len(s) {
		if s[i] == ':' {
			return i
		}
		if uriChars[s[i]]&inScheme == 0 {
			return 0
		}
	}
	return 0
}

// isRelative checks what stands behind the scheme.
func isRelative(s string) bool {
	s, fragment, _ := strings.Cut(s, "#")
	s, query, _ := strings.Cut(s, "?")
	if !allIn(fragment, inQuery) || !allIn(query, inQuery) {
		return false
	}
	rest, hasAuthority := strings.CutPrefix(s, "//")
	if !hasAuthority {
		return allIn(s, inPath)
	}
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	return isAuthority(authority) && allIn(path, inPath)
}

func isAuthority(s string) bool {
	if i := strings.IndexByte(s, '@'); i >= 0 {
		if !allIn(s[:i], inUserinfo) {
			return false
		}
		s = s[i+1:]
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		host, port, closed := strings.Cut(inner, "]")
		return closed && (isIPv6(host) || isIPvFuture(host)) && (port == "" || isPort(port))
	}
	if i := strings.IndexByte(s, ':'); i >= 0 {
		return allIn(s[:i], inName) && isPort(s[i:])
	}
	return allIn(s, inName)
}

// isPort is a colon and any number of digits, none included.
func isPort(s string) bool { return s[0] == ':' && digits(s[1:]) == len(s)-1 }

// isIPvFuture is an address of a version that does not exist yet.
func isIPvFuture(s string) bool {
	if s == "" || s[0] != 'v' && s[0] != 'V' {
		return false
	}
	version, address, ok := strings.Cut(s[1:], ".")
	if !ok || version == "" || address == "" || strings.IndexByte(address, '%') >= 0 {
		return false
	}
	for i := range len(version) {
		if !isHex(version[i]) {
			return false
		}
	}
	return allIn(address, inUserinfo)
}
