package quarttest

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Cookie is a cookie as a response sets it.
type Cookie struct {
	Name, Value            string
	Path, Domain, SameSite string        // "" when the attribute is missing
	Expires                time.Time     // zero when missing or malformed
	MaxAge                 time.Duration // 0 when missing; negative for a Max-Age of 0 or less
	Secure, HttpOnly       bool
	Partitioned            bool
}

// expired reports whether the cookie is to be deleted. Max-Age goes before Expires (RFC 6265, section 5.3).
func (ck *Cookie) expired(now time.Time) bool {
	if ck.MaxAge != 0 {
		return ck.MaxAge < 0
	}
	return !ck.Expires.IsZero() && !ck.Expires.After(now)
}

func parseCookie(line string) (Cookie, bool) {
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, ok := strings.Cut(pair, "=")
	ck := Cookie{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)}
	if !ok || ck.Name == "" {
		return Cookie{}, false
	}
	for attribute := range strings.SplitSeq(attributes, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(attribute), "=")
		ck.set(strings.ToLower(key), value)
	}
	return ck, true
}

func (ck *Cookie) set(key, value string) {
	switch key {
	case "path":
		ck.Path = value
	case "domain":
		ck.Domain = value
	case "samesite":
		ck.SameSite = value
	case "secure":
		ck.Secure = true
	case "httponly":
		ck.HttpOnly = true
	case "partitioned":
		ck.Partitioned = true
	case "expires":
		if t, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", value); err == nil {
			ck.Expires = t
		}
	case "max-age":
		seconds, err := strconv.ParseInt(value, 10, 32)
		switch {
		case err != nil:
		case seconds <= 0:
			ck.MaxAge = -1
		default:
			ck.MaxAge = time.Duration(seconds) * time.Second
		}
	}
}

// jar keeps cookies as RFC 6265 says, with three liberties, as all requests go to one app over one kind of connection: Domain is not looked
// at, Secure cookies are sent although the connection is plain, and so are SameSite ones.
type jar struct {
	mu      sync.Mutex
	cookies []stored
}

type stored struct {
	name, value, path string
	until             time.Time // zero: until the test ends
}

func (j *jar) store(target string, resp *Response) {
	now := time.Now()
	for _, ck := range resp.Cookies() {
		path := ck.Path
		if !strings.HasPrefix(path, "/") {
			path = defaultPath(target)
		}
		if ck.expired(now) {
			j.remove(ck.Name, path)
			continue
		}
		s := stored{name: ck.Name, value: ck.Value, path: path, until: ck.Expires}
		if ck.MaxAge > 0 {
			s.until = now.Add(ck.MaxAge)
		}
		j.put(s)
	}
}

// put replaces the cookie of the same name and path.
func (j *jar) put(s stored) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.cookies {
		if j.cookies[i].name == s.name && j.cookies[i].path == s.path {
			j.cookies[i] = s
			return
		}
	}
	j.cookies = append(j.cookies, s)
}

func (j *jar) remove(name, path string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cookies = slices.DeleteFunc(j.cookies, func(s stored) bool { return s.name == name && s.path == path })
}

// header is the Cookie header for target: longer paths first.
func (j *jar) header(target string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	j.cookies = slices.DeleteFunc(j.cookies, func(s stored) bool { return !s.until.IsZero() && !s.until.After(now) })
	path := pathOf(target)
	var sent []stored
	for _, s := range j.cookies {
		if pathMatches(path, s.path) {
			sent = append(sent, s)
		}
	}
	slices.SortStableFunc(sent, func(a, b stored) int { return len(b.path) - len(a.path) })
	var b strings.Builder
	for i, s := range sent {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(s.name + "=" + s.value)
	}
	return b.String()
}

func pathOf(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}

// defaultPath is that of RFC 6265, section 5.1.4.
func defaultPath(target string) string {
	path := pathOf(target)
	i := strings.LastIndexByte(path, '/')
	if i <= 0 || path[0] != '/' {
		return "/"
	}
	return path[:i]
}

func pathMatches(path, cookiePath string) bool {
	rest, ok := strings.CutPrefix(path, cookiePath)
	return ok && (rest == "" || strings.HasSuffix(cookiePath, "/") || rest[0] == '/')
}

// Cookie returns the value of a cookie that the client holds, for any path; "" if it holds none.
func (cl *Client) Cookie(name string) string {
	cl.jar.mu.Lock()
	defer cl.jar.mu.Unlock()
	for _, s := range cl.jar.cookies {
		if s.name == name && (s.until.IsZero() || s.until.After(time.Now())) {
			return s.value
		}
	}
	return ""
}

// SetCookie puts a cookie with the path "/" into the jar. Neither part is checked or encoded.
func (cl *Client) SetCookie(name, value string) {
	cl.jar.put(stored{name: name, value: value, path: "/"})
}

// ClearCookies empties the jar.
func (cl *Client) ClearCookies() {
	cl.jar.mu.Lock()
	defer cl.jar.mu.Unlock()
	cl.jar.cookies = nil
}
