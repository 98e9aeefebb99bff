package quarttest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// field is one header line, its name as it was sent.
type field struct{ name, value string }

// Response is a complete response.
type Response struct {
	Status  int
	Target  string      // that it is the answer to: the last one of a chain of redirects
	History []*Response // the redirects that Follow followed, in their order
	Interim []*Response // the informational responses that came before it (RFC 9110, section 15.2), such as 103; they have no body

	t        testing.TB
	method   string
	header   []field
	trailer  []field
	body     []byte
	switched bool // to the websocket protocol
}

// Text returns the body.
func (r *Response) Text() string { return string(r.body) }

// Bytes returns the body.
func (r *Response) Bytes() []byte { return r.body }

// Header returns the first value of a header field, "" if there is none. The name's case does not matter.
func (r *Response) Header(name string) string { return first(r.header, name) }

// HeaderAll returns the values of a header field, one for each line.
func (r *Response) HeaderAll(name string) []string {
	var values []string
	for _, f := range r.header {
		if strings.EqualFold(f.name, name) {
			values = append(values, f.value)
		}
	}
	return values
}

// HasHeader reports whether there is a header field of that name, be it empty.
func (r *Response) HasHeader(name string) bool { return r.HeaderAll(name) != nil }

// Trailer returns the first value of a field that came behind the body: of a chunked one over HTTP/1.1, of any over HTTP/2.
func (r *Response) Trailer(name string) string { return first(r.trailer, name) }

func first(fields []field, name string) string {
	for _, f := range fields {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

// Head returns the status and the header lines as they were received, for messages and golden files: over HTTP/2 with names in lower case.
func (r *Response) Head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", r.Status)
	for _, f := range r.header {
		fmt.Fprintf(&b, "%s: %s\n", f.name, f.value)
	}
	return b.String()
}

// Decode stores the body's JSON into v, with the semantics of encoding/json/v2. The test ends when it does not fit.
func (r *Response) Decode(v any) {
	r.t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		r.t.Fatalf("%s %s: status %d: %v; body: %s", r.method, r.Target, r.Status, err, excerpt(r.body))
	}
}

// Decode returns the body's JSON as a T. The test ends when it does not fit.
func Decode[T any](r *Response) T {
	r.t.Helper()
	var v T
	r.Decode(&v)
	return v
}

// Cookies returns the cookies that the response sets, in its order, deletions included.
func (r *Response) Cookies() []Cookie {
	var cookies []Cookie
	for _, line := range r.HeaderAll("Set-Cookie") {
		if ck, ok := parseCookie(line); ok {
			cookies = append(cookies, ck)
		}
	}
	return cookies
}

// Cookie returns the cookie of that name that the response sets.
func (r *Response) Cookie(name string) (Cookie, bool) {
	for _, ck := range r.Cookies() {
		if ck.Name == name {
			return ck, true
		}
	}
	return Cookie{}, false
}

// excerpt is what of a body goes into a message.
func excerpt(body []byte) string {
	const most = 2000
	if len(body) > most {
		return fmt.Sprintf("%s... (%d bytes)", body[:most], len(body))
	}
	return string(body)
}
