package h3

import (
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// refusal is why a request is answered without the app: what quart finds in the raw head of HTTP/1.1, which there is none of here. 0 is none.
func refusal(r *http.Request) (status int, detail string) {
	if r.Method == http.MethodConnect {
		return http.StatusNotImplemented, "CONNECT and websockets are not served over HTTP/3"
	}
	fields := 0
	for _, values := range r.Header {
		fields += len(values)
	}
	if fields > maxFields {
		return http.StatusRequestHeaderFieldsTooLarge, "the request has too many header fields"
	}
	if !validHost(r.Host) {
		return http.StatusBadRequest, "the host is malformed"
	}
	return 0, ""
}

// validHost checks what URLs are made of.
func validHost(host string) bool {
	for i := range len(host) {
		if b := host[i]; b <= ' ' || b >= 0x7f || strings.IndexByte("/\\@?#<>\"'`{}|^%", b) >= 0 {
			return false
		}
	}
	return len(host) > 0 && len(host) < 256
}

// fill makes a fasthttp request of r. Its head was checked by quic-go: pseudo-fields, names, values, and that no field of a connection is there.
func (x *exchange) fill(r *http.Request) {
	h := &x.fc.Request.Header
	h.SetMethod(r.Method)
	h.SetRequestURI(r.RequestURI)
	h.SetProtocol("HTTP/3.0")
	h.SetHost(r.Host)
	for name, values := range r.Header {
		if name == "Host" || name == "Trailer" {
			continue
		}
		for _, v := range values {
			h.Add(name, v)
		}
	}
	x.fc.Request.URI().SetScheme("https") // fasthttp's own flag is out of reach
	if n := bodyLength(r); n != 0 {
		x.body = body{x: x, src: r.Body, expect: strings.EqualFold(r.Header.Get("Expect"), "100-continue")}
		x.fc.Request.SetBodyStream(&x.body, n)
	}
}

// bodyLength is negative for a body of unknown length. Every request without a Content-Length could have one; GET and HEAD are taken at their word.
func bodyLength(r *http.Request) int {
	if r.ContentLength < 0 && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return 0
	}
	return int(r.ContentLength)
}

// maxEmpty is how many frames without a byte may follow each other in a body.
const maxEmpty = 100

// body is the request body as fasthttp's stream. It keeps the times that quart's own connections keep.
type body struct {
	x      *exchange
	src    io.Reader
	expect bool // the client waits to be told to go on
	waited time.Duration
	done   bool
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.done {
		return 0, io.EOF
	}
	if b.expect {
		b.expect = false
		_ = b.x.conn.interim(http.StatusContinue, "", nil)
	}
	for range maxEmpty {
		n, err := b.wait(p)
		if err == io.EOF {
			b.done = true
			b.x.takeTrailers()
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// wait is one read, within what is left of the time.
func (b *body) wait(p []byte) (int, error) {
	cfg := &b.x.server.cfg
	limit := cfg.BodyReadTimeout
	if cfg.BodyTimeout > 0 {
		left := cfg.BodyTimeout - b.waited
		if left <= 0 {
			return 0, os.ErrDeadlineExceeded
		}
		if limit == 0 || left < limit {
			limit = left
		}
	}
	begin := time.Now()
	if limit > 0 {
		_ = b.x.conn.SetReadDeadline(begin.Add(limit))
	}
	n, err := b.src.Read(p)
	b.waited += time.Since(begin)
	return n, err
}

// takeTrailers adds the trailers of the request to its header, as fasthttp does behind a chunked body. Those that may not be trailers are dropped.
func (x *exchange) takeTrailers() {
	h := &x.fc.Request.Header
	for name, values := range x.req.Trailer {
		if len(values) == 0 || h.AddTrailer(name) != nil {
			continue
		}
		for _, v := range values {
			h.Add(name, v)
		}
	}
}

// quiet is the log of RequestCtx: what fasthttp logs is about what peers do wrong.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

var _ fasthttp.Logger = quiet{}
