package quarttest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

const maxRedirects = 10

// Request is a request in the making. Its methods return it, to be chained; Send, Want and Try send it. It may be sent more than
// once, and is not safe for concurrent use.
type Request struct {
	cl             *Client
	method, target string
	header         []field
	contentType    string
	body           []byte
	hasBody        bool
	parts          []part
	follow         bool
	err            error
}

type part struct {
	name, file, contentType string
	data                    []byte
	isFile                  bool
}

// Header adds a header field. Host replaces the default, "localhost". A Content-Type, Content-Length, Transfer-Encoding or Cookie given here
// is sent in the place of the client's own; a body for Transfer-Encoding is given in its chunks.
//
// HTTP/2 has no fields about the connection (RFC 9113, section 8.2.2): Connection, Upgrade and their like are not sent over it, a Host
// becomes the authority, and a chunked body goes without its chunks and with its trailer.
func (r *Request) Header(name, value string) *Request {
	if strings.ContainsAny(name+value, "\r\n\x00") || name == "" {
		r.fail(fmt.Errorf("header %q: %q cannot be sent; see Client.Raw", name, value))
	}
	r.header = append(r.header, field{name, value})
	return r
}

// Query adds names and values, in turn, to the target's query.
func (r *Request) Query(pairs ...string) *Request {
	if len(pairs)%2 != 0 {
		r.fail(errors.New("Query takes names and values in turn"))
		return r
	}
	sep := "?"
	if strings.Contains(r.target, "?") {
		sep = "&"
	}
	for i := 0; i < len(pairs); i += 2 {
		r.target += sep + url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1])
		sep = "&"
	}
	return r
}

// Basic sets an Authorization header of scheme Basic (RFC 7617).
func (r *Request) Basic(user, password string) *Request {
	return r.Header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// Bearer sets an Authorization header of scheme Bearer (RFC 6750).
func (r *Request) Bearer(token string) *Request {
	return r.Header("Authorization", "Bearer "+token)
}

// JSON makes v the body, as application/json.
func (r *Request) JSON(v any) *Request {
	data, err := json.Marshal(v)
	if err != nil {
		r.fail(fmt.Errorf("JSON: %w", err))
	}
	return r.Body("application/json", data)
}

// Body makes data the body. It is not copied.
func (r *Request) Body(contentType string, data []byte) *Request {
	r.contentType, r.body, r.hasBody = contentType, data, true
	return r
}

// Form adds names and values, in turn, to a form: application/x-www-form-urlencoded, or multipart/form-data together with File.
func (r *Request) Form(pairs ...string) *Request {
	if len(pairs)%2 != 0 {
		r.fail(errors.New("Form takes names and values in turn"))
		return r
	}
	r.hasBody = true
	for i := 0; i < len(pairs); i += 2 {
		r.parts = append(r.parts, part{name: pairs[i], data: []byte(pairs[i+1])})
	}
	return r
}

// File adds a file to a form, which becomes multipart/form-data. An empty contentType is application/octet-stream.
func (r *Request) File(name, filename, contentType string, data []byte) *Request {
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	r.hasBody = true
	r.parts = append(r.parts, part{name, filename, contentType, data, true})
	return r
}

// Follow makes Send follow redirects within the app, at most 10: 303, and 301 and 302 of a POST, go on with GET and without the body;
// otherwise method and body stay (RFC 9110, section 15.4). A redirect to another host is not followed. See Response.History.
func (r *Request) Follow() *Request {
	r.follow = true
	return r
}

// Want sends the request and ends the test if the response has another status.
func (r *Request) Want(status int) *Response {
	r.cl.t.Helper()
	resp := r.Send()
	if resp.Status != status {
		r.cl.t.Fatalf("%s %s: status %d, want %d; body: %s", resp.method, resp.Target, resp.Status, status, excerpt(resp.body))
	}
	return resp
}

// Send sends the request and returns the response, whatever its status. The test ends when there is none, or it is malformed or incomplete.
func (r *Request) Send() *Response {
	r.cl.t.Helper()
	resp, err := r.Try()
	if err != nil {
		r.cl.t.Fatalf("%s %s: %v", r.method, r.target, err)
	}
	return resp
}

// Try is Send that returns the failure. The Response is nil when not even its head arrived.
func (r *Request) Try() (*Response, error) {
	if err := r.ready(); err != nil {
		return nil, err
	}
	step := *r
	var history []*Response
	for {
		resp, err := step.once()
		if err != nil {
			return resp, err
		}
		resp.History = history
		if !step.follow || !step.redirect(resp) {
			return resp, nil
		}
		if history = append(history, resp); len(history) > maxRedirects {
			return resp, fmt.Errorf("over %d redirects, the last one to %s", maxRedirects, step.target)
		}
	}
}

// Start sends the request and does not wait for its answer. leave closes the connection, or resets the stream over HTTP/2, as a client does
// that gives up: for tests of what the app does then, with c.Context() above all. It is closed with the test at the latest.
func (r *Request) Start() (leave func()) {
	r.cl.t.Helper()
	err := r.ready()
	var x exchange
	if err == nil {
		x, err = r.send()
	}
	if err != nil {
		r.cl.t.Fatalf("%s %s: %v", r.method, r.target, err)
	}
	return x.leave
}

// ready reports what was wrong with the calls so far, and completes the body.
func (r *Request) ready() error {
	if r.err != nil {
		return r.err
	}
	return r.encodeForm()
}

func (r *Request) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// once sends the request as it stands, with the jar's cookies, and reads the response.
func (r *Request) once() (*Response, error) {
	x, err := r.send()
	if err != nil {
		return nil, err
	}
	resp, err := receive(x, r.method)
	if resp != nil {
		r.took(resp)
	}
	return resp, err
}

func (r *Request) send() (exchange, error) {
	if err := r.sendable(); err != nil {
		return nil, err
	}
	if r.cl.protocol != HTTP1 {
		return r.sendStream()
	}
	c, err := r.cl.send(r.encode())
	if err != nil {
		return nil, err // not a nil *conn in an interface
	}
	return c, nil
}

func (r *Request) sendable() error {
	if !validTarget(r.target) || r.method == "" || strings.ContainsAny(r.method, " \r\n") {
		return fmt.Errorf("the request line %q cannot be sent; see Client.Raw", r.method+" "+r.target)
	}
	return nil
}

// took completes a response to r, and takes its cookies.
func (r *Request) took(resp *Response) {
	resp.t, resp.method, resp.Target = r.cl.t, r.method, r.target
	for _, interim := range resp.Interim {
		interim.t, interim.method, interim.Target = r.cl.t, r.method, r.target
	}
	r.cl.jar.store(r.target, resp)
}

func validTarget(target string) bool {
	for i := range len(target) {
		if target[i] <= ' ' || target[i] == 0x7f {
			return false
		}
	}
	return target != ""
}

func (r *Request) encode() []byte {
	b := append([]byte(nil), r.method+" "+r.target+" HTTP/1.1\r\n"...)
	b = appendField(b, "Host", r.host())
	if cookies := r.cl.jar.header(r.target); cookies != "" && !r.has("Cookie") {
		b = appendField(b, "Cookie", cookies)
	}
	for _, f := range r.header {
		if !strings.EqualFold(f.name, "Host") {
			b = appendField(b, f.name, f.value)
		}
	}
	if r.hasBody {
		if r.contentType != "" && !r.has("Content-Type") {
			b = appendField(b, "Content-Type", r.contentType)
		}
		if !r.has("Content-Length") && !r.has("Transfer-Encoding") {
			b = appendField(b, "Content-Length", strconv.Itoa(len(r.body)))
		}
	}
	return append(append(b, "\r\n"...), r.body...)
}

func appendField(b []byte, name, value string) []byte {
	return append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
}

func (r *Request) host() string {
	host := "localhost"
	for _, f := range r.header {
		if strings.EqualFold(f.name, "Host") {
			host = f.value
		}
	}
	return host
}

func (r *Request) has(name string) bool {
	for _, f := range r.header {
		if strings.EqualFold(f.name, name) {
			return true
		}
	}
	return false
}

// encodeForm turns the form's parts, if any, into the body.
func (r *Request) encodeForm() error {
	if len(r.parts) == 0 {
		return nil
	}
	files := false
	for _, p := range r.parts {
		files = files || p.isFile
	}
	if files {
		return r.encodeMultipart()
	}
	var b []byte
	for i, p := range r.parts {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, url.QueryEscape(p.name)+"="+url.QueryEscape(string(p.data))...)
	}
	r.contentType, r.body = "application/x-www-form-urlencoded", b
	return nil
}

func (r *Request) encodeMultipart() error {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	quote := strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace
	for _, p := range r.parts {
		h := textproto.MIMEHeader{}
		disposition := `form-data; name="` + quote(p.name) + `"`
		if p.isFile {
			disposition += `; filename="` + quote(p.file) + `"`
			h.Set("Content-Type", p.contentType)
		}
		h.Set("Content-Disposition", disposition)
		pw, err := w.CreatePart(h)
		if err != nil {
			return err
		}
		if _, err := pw.Write(p.data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	r.contentType, r.body = w.FormDataContentType(), b.Bytes()
	return nil
}

// redirect turns r into the request that resp asks for, and reports whether it does.
func (r *Request) redirect(resp *Response) bool {
	switch resp.Status {
	case 301, 302, 303, 307, 308:
	default:
		return false
	}
	base, err := url.Parse(r.target)
	location := resp.Header("Location")
	if err != nil || location == "" {
		return false
	}
	to, err := base.Parse(location)
	if err != nil || to.Host != "" && !strings.EqualFold(to.Host, r.host()) {
		return false
	}
	r.target = to.RequestURI()
	if resp.Status == 303 && r.method != "HEAD" || resp.Status < 303 && r.method == "POST" {
		r.method = "GET"
		r.dropBody()
	}
	return true
}

func (r *Request) dropBody() {
	r.body, r.hasBody, r.parts, r.contentType = nil, false, nil, ""
	var kept []field
	for _, f := range r.header {
		if n := strings.ToLower(f.name); !strings.HasPrefix(n, "content-") && n != "transfer-encoding" {
			kept = append(kept, f)
		}
	}
	r.header = kept
}
