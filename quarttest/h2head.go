package quarttest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// h2request is a request as a stream takes it.
type h2request struct {
	method  string
	head    []field // pseudo-header fields first, all in lower case
	body    []byte
	trailer []field
	tunnel  bool // extended CONNECT: the stream stays open
}

// h2exchange is a stream, or another one where the app has refused to look at the first.
type h2exchange struct {
	*h2stream
	cl    *Client
	q     *h2request
	tries int
}

// sendStream sends r over the shared connection.
func (r *Request) sendStream() (exchange, error) {
	q, err := r.encodeH2()
	if err != nil {
		return nil, err
	}
	return r.cl.sendH2(q)
}

func (cl *Client) sendH2(q *h2request) (*h2exchange, error) {
	x := &h2exchange{cl: cl, q: q}
	if err := x.send(); err != nil {
		return nil, err
	}
	return x, nil
}

// send takes another connection in the place of one that has ended before.
func (x *h2exchange) send() error {
	for ; ; x.tries++ {
		err := x.begin()
		if !errors.Is(err, errLeaving) || x.tries >= maxTries {
			return err
		}
	}
}

const maxTries = 3

func (x *h2exchange) begin() error {
	c, err := x.cl.sharedConn()
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	s, err := c.open(x.q, x.cl.Timeout)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	x.h2stream = s
	return nil
}

func (x *h2exchange) readFinal() (*Response, error) {
	for {
		resp, err := x.h2stream.readFinal()
		if !errors.Is(err, errLeaving) || x.tries >= maxTries {
			return resp, err
		}
		x.tries++
		if err := x.send(); err != nil {
			return nil, err
		}
	}
}

// encodeH2 is encode for HTTP/2 (RFC 9113, section 8.3.1).
func (r *Request) encodeH2() (*h2request, error) {
	authority, path := r.host(), r.target
	for _, scheme := range []string{"http://", "https://"} {
		if rest, ok := strings.CutPrefix(path, scheme); ok {
			authority, path = cutAuthority(rest)
		}
	}
	q := &h2request{method: r.method, head: []field{
		{":method", r.method}, {":scheme", r.cl.scheme()}, {":authority", authority}, {":path", path},
	}}
	if cookies := r.cl.jar.header(r.target); cookies != "" && !r.has("Cookie") {
		q.add("cookie", cookies)
	}
	for _, f := range r.header {
		q.add(strings.ToLower(f.name), f.value)
	}
	return q, r.encodeBodyH2(q)
}

func (r *Request) encodeBodyH2(q *h2request) (err error) {
	if !r.hasBody {
		return nil
	}
	if r.contentType != "" && !r.has("Content-Type") {
		q.add("content-type", r.contentType)
	}
	if r.has("Transfer-Encoding") {
		q.body, q.trailer, err = unchunk(r.body)
		return err
	}
	if !r.has("Content-Length") {
		q.add("content-length", strconv.Itoa(len(r.body)))
	}
	q.body = r.body
	return nil
}

// add adds a field, unless HTTP/2 does not have it. Cookies go one by one, as those of browsers do (RFC 9113, section 8.2.3).
func (q *h2request) add(name, value string) {
	switch name {
	case "host", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
	case "te":
		if strings.EqualFold(value, "trailers") {
			q.head = append(q.head, field{name, "trailers"})
		}
	case "cookie":
		for crumb := range strings.SplitSeq(value, "; ") {
			q.head = append(q.head, field{name, crumb})
		}
	default:
		q.head = append(q.head, field{name, strings.Trim(value, " \t")})
	}
}

func (cl *Client) scheme() string {
	if cl.protocol == HTTP2 {
		return "https"
	}
	return "http"
}

// cutAuthority cuts what follows the scheme of an absolute target.
func cutAuthority(rest string) (authority, path string) {
	authority = rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority = rest[:i]
	}
	if path = rest[len(authority):]; !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return authority, path
}

// unchunk takes a body out of the chunks that were given for HTTP/1.1.
func unchunk(chunks []byte) (body []byte, trailer []field, err error) {
	rest := bufio.NewReader(bytes.NewReader(chunks))
	body, err = io.ReadAll(&chunkedBody{c: &conn{r: rest}, trailer: &trailer})
	if err == nil && rest.Buffered() > 0 {
		err = errors.New("more follows the last one")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the body's chunks cannot be sent over HTTP/2: %w; see Client.Raw", err)
	}
	for i := range trailer {
		trailer[i].name = strings.ToLower(trailer[i].name)
	}
	return body, trailer, nil
}

// responseHead checks a header block that should begin a response (RFC 9113, section 8.3.2).
func responseHead(fields []field) (*Response, error) {
	if len(fields) == 0 || fields[0].name != ":status" {
		return nil, malformed("it does not begin with :status")
	}
	code := fields[0].value
	status, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 || status < 100 || status == 101 { // 101: section 8.6
		return nil, malformed(":status %q", code)
	}
	if err := checkFields(fields[1:]); err != nil {
		return nil, err
	}
	return &Response{Status: status, header: fields[1:]}, nil
}

// checkFields is as strict as RFC 9113, sections 8.2.1 and 8.2.2, allows.
func checkFields(fields []field) error {
	for _, f := range fields {
		if !validName(f.name) {
			return malformed("the field name %q", f.name)
		}
		if strings.ContainsAny(f.value, "\r\n\x00") || f.value != strings.Trim(f.value, " \t") {
			return malformed("the value %q of the field %s", f.value, f.name)
		}
		switch f.name {
		case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
			return malformed("the field %s, which HTTP/2 does not have", f.name)
		}
	}
	return nil
}

// validName reports whether name is a token without capitals.
func validName(name string) bool {
	for _, b := range []byte(name) {
		switch {
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0:
		default:
			return false
		}
	}
	return name != ""
}
