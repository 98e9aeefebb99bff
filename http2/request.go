package http2

import (
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"
)

var (
	errMalformed = errors.New("http2: malformed request")
	errOversize  = errors.New("http2: too many header fields")
)

// headReader fills a RequestCtx with the fields of a header block.
type headReader struct {
	c    *conn
	emit func(name, value []byte, sensitive bool) error

	s        *Stream
	h        *fasthttp.RequestHeader
	trailers bool
	list     []field // of trailers
	size     int
	count    int
	regular  bool
	have     uint8 // pseudo-header fields
	method   [16]byte
	methodN  int
	scheme   [8]byte
	schemeN  int
	path     []byte
	host     []byte // of :authority
	hostLine []byte // of Host, where :authority is there, too
}

const (
	haveMethod = 1 << iota
	haveScheme
	haveAuthority
	havePath
	haveProtocol
	haveHost
	haveLength
)

// newRequest makes the stream of a header block. Errors are those of the connection; a malformed request is noted in the stream.
func (c *conn) newRequest(id uint32, end bool, data []byte) (*Stream, error) {
	s := c.srv.newStream(c, id)
	r := &c.head
	r.reset(s)
	err := c.dec.Decode(data, r.emit)
	switch {
	case err == errOversize:
		s.tooLarge = true
		s.isHead = r.have&haveMethod != 0 && string(r.method[:r.methodN]) == "HEAD" // its answer has no body either
	case err == errMalformed:
		s.malformed = true
	case err != nil:
		c.srv.releaseCtx(s.ctx)
		return nil, connError(CompressionError, "%v", err)
	}
	if !s.tooLarge && !s.malformed && !r.complete(end) {
		s.malformed = true
	}
	return s, nil
}

func (r *headReader) reset(s *Stream) {
	r.s, r.h = s, &s.ctx.Request.Header
	r.trailers, r.regular = false, false
	r.size, r.count, r.have = 0, 0, 0
	r.path, r.host, r.hostLine = r.path[:0], r.host[:0], r.hostLine[:0]
}

// field takes the next field.
func (r *headReader) field(name, value []byte, _ bool) error {
	r.size += len(name) + len(value) + 32
	if r.size > r.c.srv.cfg.MaxHeaderListSize {
		return errOversize
	}
	if len(name) == 0 {
		return errMalformed
	}
	if name[0] == ':' {
		if r.regular || r.trailers {
			return errMalformed
		}
		return r.pseudo(name, value)
	}
	r.regular = true
	if r.count++; r.count > r.c.srv.cfg.MaxHeaderFields {
		return errOversize
	}
	if !validName(name) || !validValue(value) {
		return errMalformed
	}
	if r.trailers {
		return r.trailer(name, value)
	}
	return r.plain(name, value)
}

// pseudo takes a pseudo-header field (RFC 9113, section 8.3).
func (r *headReader) pseudo(name, value []byte) error {
	var bit uint8
	switch string(name) {
	case ":method":
		bit = haveMethod
		if len(value) == 0 || len(value) > len(r.method) || !validMethod(value) {
			return errMalformed
		}
		r.methodN = copy(r.method[:], value)
	case ":scheme":
		bit = haveScheme
		if len(value) == 0 || len(value) > len(r.scheme) {
			return errMalformed
		}
		r.schemeN = copy(r.scheme[:], value)
	case ":authority":
		bit = haveAuthority
		r.host = append(r.host, value...)
	case ":path":
		bit = havePath
		r.path = append(r.path, value...)
	case ":protocol":
		bit = haveProtocol
		if !r.c.srv.cfg.ExtendedConnect || !validValue(value) || len(value) == 0 {
			return errMalformed
		}
		r.s.protocol = "websocket"
		if string(value) != r.s.protocol {
			r.s.protocol = string(value)
		}
	default:
		return errMalformed
	}
	if r.have&bit != 0 {
		return errMalformed
	}
	r.have |= bit
	return nil
}

// plain takes a field that is no pseudo-header field.
func (r *headReader) plain(name, value []byte) error {
	switch string(name) {
	case "connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection":
		return errMalformed // section 8.2.2
	case "te":
		if string(value) != "trailers" {
			return errMalformed
		}
	case "host":
		if r.have&haveHost != 0 {
			return errMalformed
		}
		r.have |= haveHost
		r.hostLine = append(r.hostLine, value...)
		return nil
	case "content-length":
		n, ok := parseLength(value)
		if !ok || r.have&haveLength != 0 {
			return errMalformed
		}
		r.have |= haveLength
		r.s.declared = n
		return nil // with the body
	case "expect":
		r.s.expects = bytes.EqualFold(value, []byte("100-continue"))
	case "priority":
		r.s.setPriority(value)
	}
	r.h.AddBytesKV(name, value)
	return nil
}

// trailer takes a field of a trailer section.
func (r *headReader) trailer(name, value []byte) error {
	switch string(name) {
	case "connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection":
		return errMalformed
	}
	r.list = append(r.list, field{bytes.Clone(name), bytes.Clone(value)})
	return nil
}

// complete checks what only the whole block shows, and fills in the request line. It reports false for a malformed request.
func (r *headReader) complete(end bool) bool {
	s, h := r.s, r.h
	method := r.method[:r.methodN]
	if r.have&haveMethod == 0 || !r.authority() {
		return false
	}
	connect := string(method) == "CONNECT"
	switch {
	case connect && s.protocol == "":
		if r.have&(haveScheme|havePath) != 0 || len(r.host) == 0 {
			return false
		}
		r.path = append(r.path, r.host...)
	case s.protocol != "" && (!connect || end || len(r.host) == 0):
		return false
	case r.have&haveScheme == 0 || !validPath(r.path, method):
		return false
	}
	if s.protocol != "" {
		method = []byte("GET")
	}
	h.SetMethodBytes(method)
	h.SetRequestURIBytes(r.path)
	h.SetHostBytes(r.host)
	h.SetProtocolBytes(protocolName)
	s.isHead = string(method) == "HEAD"
	if end && s.declared > 0 {
		return false
	}
	s.hasBody = !end && !connect
	if s.declared >= 0 {
		h.SetContentLength(int(s.declared))
	}
	if s.hasBody && r.c.srv.cfg.StreamRequestBody {
		s.streamBody()
	}
	if r.c.tls != nil {
		s.ctx.Request.URI().SetSchemeBytes(schemeHTTPS)
	}
	return true
}

var (
	protocolName = []byte("HTTP/2.0")
	schemeHTTPS  = []byte("https")
)

// authority checks :authority and Host, which must not differ, and leaves the one that counts in r.host (section 8.3.1).
func (r *headReader) authority() bool {
	if r.have&haveHost != 0 {
		if len(r.host) == 0 {
			r.host = append(r.host, r.hostLine...)
		} else if !bytes.EqualFold(r.host, r.hostLine) {
			return false
		}
	}
	return validAuthority(r.host)
}

// streamBody gives the request its body as a stream. fasthttp marks one of unknown length by a field that is none of the client's.
func (s *Stream) streamBody() {
	req := &s.ctx.Request
	req.SetBodyStream(&s.body, int(s.declared))
	if s.declared < 0 {
		req.Header.Del("Transfer-Encoding")
	}
}

// onTrailers acts on a second block of a stream.
func (c *conn) onTrailers(id uint32, end bool, data []byte) error {
	c.lock()
	s := c.streams[id]
	late := s == nil && c.buried(id)
	var code ErrCode = NoError
	switch {
	case s == nil:
	case s.state.remoteEnd:
		code = StreamClosed
	case !end || s.protocol != "":
		code = ProtocolError
	}
	c.mu.Unlock()
	if s == nil || code != NoError {
		if err := c.skip(data); err != nil {
			return err
		}
	}
	if s == nil {
		if late {
			return nil
		}
		return connError(StreamClosed, "HEADERS on stream %d, which is closed", id)
	}
	if code == NoError {
		var err error
		if code, err = c.readTrailers(s, id, data); err != nil {
			return err
		}
	}
	c.lock()
	defer c.unlockHand()
	if c.streams[id] != s { // reset meanwhile by its handler
		return nil
	}
	if code != NoError {
		return c.streamError(s, code)
	}
	return c.bodyEnd(s)
}

// readTrailers decodes a trailer section. Only the reader of the body, at its end, looks at what it leaves.
func (c *conn) readTrailers(s *Stream, id uint32, data []byte) (ErrCode, error) {
	r := &c.head
	r.s, r.h, r.trailers, r.regular = nil, nil, true, false
	r.size, r.count, r.list = 0, 0, nil
	err := c.dec.Decode(data, r.emit)
	switch {
	case err == errOversize:
		return EnhanceYourCalm, nil
	case err == errMalformed:
		return ProtocolError, nil
	case err != nil:
		return 0, connError(CompressionError, "%v", err)
	}
	c.lock()
	if c.streams[id] == s { // else it has ended meanwhile, and may be another one's
		s.trailers = r.list
	}
	c.unlock()
	return NoError, nil
}

// addTrailers makes the trailers fields of the request, where HTTP/1 has them, too. The goroutine is that of the handler.
func (s *Stream) addTrailers() {
	c := s.c
	c.lock()
	list := s.trailers
	if s.ctx == nil {
		list = nil
	}
	s.trailers = nil
	c.mu.Unlock()
	s.joinTrailers(list)
}

func (s *Stream) joinTrailers(list []field) {
	for _, f := range list {
		h := &s.ctx.Request.Header
		if h.AddTrailerBytes(f.name) == nil {
			h.AddBytesKV(f.name, f.value)
		}
	}
}

// ---- grammar ----

// tokenBytes has the bytes of a field name: those of a token (RFC 9110, section 5.6.2) without upper case.
var tokenBytes = func() (t [256]bool) {
	for _, b := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
		t[b] = true
	}
	return t
}()

func validName(b []byte) bool {
	for _, x := range b {
		if !tokenBytes[x] {
			return false
		}
	}
	return len(b) > 0
}

func validMethod(b []byte) bool {
	for _, x := range b {
		if !tokenBytes[x] && (x < 'A' || x > 'Z') {
			return false
		}
	}
	return true
}

// validValue refuses control bytes, and white space around a value (RFC 9113, section 8.2.1).
func validValue(b []byte) bool {
	for _, x := range b {
		if x < ' ' && x != '\t' || x == 0x7f {
			return false
		}
	}
	return len(b) == 0 || !blank(b[0]) && !blank(b[len(b)-1])
}

func blank(b byte) bool { return b == ' ' || b == '\t' }

// validPath refuses what is neither a path nor the "*" of OPTIONS, and bytes that no target has.
func validPath(b, method []byte) bool {
	if len(b) == 0 || b[0] != '/' && (string(b) != "*" || string(method) != "OPTIONS") {
		return false
	}
	for _, x := range b {
		if x <= ' ' || x == 0x7f || x == '#' {
			return false
		}
	}
	return true
}

// validAuthority refuses user information (RFC 9113, section 8.3.1) and what would end an authority.
func validAuthority(b []byte) bool {
	for _, x := range b {
		if x <= ' ' || x >= 0x7f || x == '@' || x == '/' || x == '?' || x == '#' || x == '\\' {
			return false
		}
	}
	return true
}

// parseLength reads a content-length.
func parseLength(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	n := int64(0)
	for _, x := range b {
		if x < '0' || x > '9' {
			return 0, false
		}
		n = n*10 + int64(x-'0')
	}
	return n, true
}

// sendable reports whether a response may have a field: fasthttp lets handlers set what would make it malformed (sections 8.2.1 and 8.2.2).
func sendable(name, value []byte) bool {
	for _, x := range name {
		if !tokenBytes[x] && (x < 'A' || x > 'Z') {
			return false
		}
	}
	for _, x := range value {
		if x == 0 || x == '\r' || x == '\n' {
			return false
		}
	}
	switch len(name) {
	case 0:
		return false
	case len("upgrade"):
		return !bytes.EqualFold(name, []byte("upgrade"))
	case len("connection"): // and keep-alive
		return !bytes.EqualFold(name, []byte("connection")) && !bytes.EqualFold(name, []byte("keep-alive"))
	case len("proxy-connection"):
		return !bytes.EqualFold(name, []byte("proxy-connection"))
	case len("transfer-encoding"):
		return !bytes.EqualFold(name, []byte("transfer-encoding"))
	}
	return true
}
