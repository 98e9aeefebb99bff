package h3

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/goquart/quart/pool"
	"github.com/valyala/fasthttp"
)

// respond writes resp. It reports false when the response could not be completed, so that its stream must be reset.
func (x *exchange) respond(resp *fasthttp.Response) bool {
	if !x.conn.final() {
		return false
	}
	stream := resp.BodyStream()
	announced := x.head(resp)
	switch {
	case x.fc.IsHead(), resp.SkipBody, !bodyAllowed(resp.StatusCode()):
		x.lengthOfNone(resp, stream)
		x.w.WriteHeader(resp.StatusCode())
		return true
	case stream != nil:
		if !x.stream(resp, stream) {
			return false
		}
	default:
		if !x.buffered(resp.StatusCode(), resp.Body()) {
			return false
		}
	}
	x.trailers(resp, announced)
	return true
}

// head fills in the header fields and returns the names that were announced as trailers.
func (x *exchange) head(resp *fasthttp.Response) (announced []string) {
	out := x.w.Header()
	out["Content-Type"] = nil // quic-go would guess one
	for key, value := range resp.Header.All() {
		name := fieldName(key)
		if name == "" {
			continue
		}
		out[name] = append(out[name], string(value))
	}
	for _, key := range resp.Header.PeekTrailerKeys() {
		announced = append(announced, string(key))
	}
	if len(announced) > 0 {
		out["Trailer"] = []string{strings.Join(announced, ", ")}
	}
	return announced
}

// trailers follow the body: those that were announced, and, under the prefix, those that the body brought.
func (x *exchange) trailers(resp *fasthttp.Response, announced []string) {
	out := x.w.Header()
	for i, key := range resp.Header.PeekTrailerKeys() {
		name := string(key)
		if i >= len(announced) || announced[i] != name {
			name = http.TrailerPrefix + name
		}
		for _, v := range resp.Header.PeekAll(string(key)) {
			out[name] = append(out[name], string(v))
		}
	}
}

// lengthOfNone sets the Content-Length of a response whose body is not sent: what GET would be answered, where that is known.
func (x *exchange) lengthOfNone(resp *fasthttp.Response, stream io.Reader) {
	n := resp.Header.ContentLength()
	if stream == nil && len(resp.Body()) > 0 {
		n = len(resp.Body())
	}
	out := x.w.Header()
	if out["Content-Length"] = nil; n > 0 && x.fc.IsHead() { // nil: quic-go adds none of its own
		out["Content-Length"] = []string{strconv.Itoa(n)}
	}
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// buffered writes a body that is there.
func (x *exchange) buffered(status int, body []byte) bool {
	x.w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.w.WriteHeader(status)
	if len(body) == 0 {
		return true
	}
	return x.write(body) == nil
}

// piece is what a client must take within Config.WriteTimeout.
const piece = 64 << 10

// write writes p behind the head. quic-go holds a short p back until the request or the next write is over.
func (x *exchange) write(p []byte) error {
	for len(p) > 0 {
		x.limitWrite()
		n, err := x.w.Write(p[:min(len(p), piece)])
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// stream writes a body that is made while it is sent.
func (x *exchange) stream(resp *fasthttp.Response, src io.Reader) bool {
	size := resp.Header.ContentLength()
	out := streamWriter{x: x, status: resp.StatusCode(), left: -1}
	if size >= 0 {
		out.left = int64(size)
		x.w.Header()["Content-Length"] = []string{strconv.Itoa(size)}
	}
	if resp.ImmediateHeaderFlush && out.begin() != nil {
		return false
	}
	var err error
	if wt, ok := src.(fasthttp.BodyWriterTo); ok && wt.SupportsBodyWriteTo() {
		_, err = wt.WriteTo(&out)
	} else {
		err = copyBody(&out, src, int64(size))
	}
	if err == nil {
		err = resp.CloseBodyStream()
	}
	if err == nil && !out.begun {
		x.w.WriteHeader(out.status)
	}
	switch {
	case err == nil && out.err == nil:
		return out.left <= 0
	case !out.begun && out.err == nil:
		resp.Header.Reset() // of trailers, too
		x.problem(http.StatusInternalServerError, "")
		return true
	}
	return false
}

// copyBody writes the n bytes of src, or, if n is negative, all.
func copyBody(w io.Writer, src io.Reader, n int64) error {
	if n >= 0 {
		src = io.LimitReader(src, n)
	}
	buf := pool.GetBuffer(32 << 10)
	defer pool.PutBuffer(buf)
	_, err := io.CopyBuffer(w, struct{ io.Reader }{src}, buf.B[:cap(buf.B)])
	return err
}

// streamWriter sends each piece of a body at once.
type streamWriter struct {
	x      *exchange
	status int
	left   int64 // of the length that was told; negative: none was
	begun  bool
	err    error
}

// begin sends the head.
func (s *streamWriter) begin() error {
	s.begun = true
	s.x.limitWrite()
	s.x.w.WriteHeader(s.status)
	s.err = s.x.w.FlushError()
	return s.err
}

// Write implements io.Writer.
func (s *streamWriter) Write(p []byte) (int, error) {
	if s.err == nil && !s.begun {
		_ = s.begin()
	}
	if s.err == nil {
		s.err = s.x.write(p)
	}
	if s.err != nil {
		return 0, s.err
	}
	if s.left > 0 {
		s.left -= int64(len(p))
	}
	return len(p), nil
}

// limitWrite sets the time for the next write.
func (x *exchange) limitWrite() {
	if d := x.server.cfg.WriteTimeout; d > 0 {
		_ = x.w.SetWriteDeadline(time.Now().Add(d))
	}
}

// problem answers in the place of the app.
func (x *exchange) problem(status int, detail string) {
	h := x.w.Header()
	clear(h)
	body := fmt.Appendf(nil, `{"title":%q,"status":%d`, http.StatusText(status), status)
	if detail != "" {
		body = fmt.Appendf(body, `,"detail":%q`, detail)
	}
	body = append(body, '}')
	h["Content-Type"] = []string{"application/problem+json"}
	h["x-content-type-options"] = []string{"nosniff"}
	x.buffered(status, body)
}

// fieldName is the name of a field as quic-go is to have it, "" for one that is not sent: fields of a connection (RFC 9114, section 4.2), and those
// that are set elsewhere. quic-go looks for Content-Type and Date in their canonical form, and sends all in lower case.
//
// perf: names in lower case spare it an allocation each, and the usual ones are not made at all (BenchmarkGet).
func fieldName(key []byte) string {
	if name, ok := fieldNames[string(key)]; ok {
		return name
	}
	return strings.ToLower(string(key))
}

var fieldNames = func() map[string]string {
	names := map[string]string{"Content-Type": "Content-Type", "Date": "Date"}
	for _, key := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "Trailer", "Content-Length", "Te"} {
		names[key] = ""
	}
	for _, key := range []string{
		"Accept-Ranges", "Access-Control-Allow-Origin", "Alt-Svc", "Cache-Control", "Content-Encoding", "Content-Disposition", "Content-Range",
		"Content-Security-Policy", "Etag", "Expires", "Last-Modified", "Link", "Location", "Referrer-Policy", "Server", "Set-Cookie",
		"Strict-Transport-Security", "Vary", "X-Accel-Buffering", "X-Content-Type-Options", "X-Frame-Options", "X-Request-Id",
	} {
		names[key] = strings.ToLower(key)
	}
	return names
}()
