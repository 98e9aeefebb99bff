package wsproto

import (
	"errors"
	"strconv"
)

// The sizes of a window, as powers of two (RFC 7692, section 7.1.2).
const (
	minBits = 8
	maxBits = 15

	// keptBits is the window that a client with takeover is asked to be content
	// with, if it can be asked: 8 KiB, which idle sockets hold.
	keptBits = 13
)

// ErrExtensions is that a Sec-WebSocket-Extensions field breaks the grammar of RFC
// 6455, section 9.1: the handshake is answered with 400.
var ErrExtensions = errors.New("wsproto: malformed Sec-WebSocket-Extensions")

// Params is what the handshake negotiated of permessage-deflate (RFC 7692, section
// 7.1).
type Params struct {
	Deflate          bool
	ServerBits       uint8 // 8 to 15: the server refers to at most 1<<ServerBits bytes back
	ClientBits       uint8 // 8 to 15: the client does
	ServerNoTakeover bool  // the server compresses each message by itself
	ClientNoTakeover bool  // the client does

	serverAsked bool // the client asked for ServerBits, which has to be answered then
}

// Negotiate picks the first offer of permessage-deflate that can be kept. lines are
// the values of all Sec-WebSocket-Extensions fields. Other extensions are passed
// over, and so are offers with a parameter that is unknown, doubled, or of a wrong
// value (RFC 7692, section 7.1). Without one that is left, p is zero. The error is
// [ErrExtensions]; empty lines are none.
//
// takeover lets both sides use the messages before to compress the next one. Then a
// client that can limit its window is limited to 8 KiB, since the server has to keep
// as much. Without takeover neither side does, whatever is offered.
//
// It allocates nothing.
func Negotiate(lines [][]byte, takeover bool) (p Params, err error) {
	for _, line := range lines {
		s := scanner{b: line}
		for s.nextElement() {
			offer, ok := s.extension()
			if s.bad {
				return Params{}, ErrExtensions
			}
			if ok && !p.Deflate {
				p = offer.params(takeover)
			}
		}
		if s.bad {
			return Params{}, ErrExtensions
		}
	}
	return p, nil
}

// AppendExtension appends the value of the Sec-WebSocket-Extensions field that
// answers with p, which [Negotiate] returned and which has Deflate.
func AppendExtension(dst []byte, p Params) []byte {
	dst = append(dst, "permessage-deflate"...)
	if p.ServerNoTakeover {
		dst = append(dst, "; server_no_context_takeover"...)
	}
	if p.ClientNoTakeover {
		dst = append(dst, "; client_no_context_takeover"...)
	}
	if p.serverAsked || p.ServerBits != 0 && p.ServerBits < maxBits {
		dst = strconv.AppendUint(append(dst, "; server_max_window_bits="...), uint64(p.ServerBits), 10)
	}
	if p.ClientBits != 0 && p.ClientBits < maxBits {
		dst = strconv.AppendUint(append(dst, "; client_max_window_bits="...), uint64(p.ClientBits), 10)
	}
	return dst
}

// offer is one of permessage-deflate.
type offer struct {
	serverNo, clientNo, serverSet, clientSet bool
	serverBits, clientBits                   uint8 // 0: without a value
}

// params returns the answer to o.
func (o offer) params(takeover bool) Params {
	p := Params{
		Deflate:          true,
		ServerBits:       maxBits,
		ClientBits:       maxBits,
		ServerNoTakeover: !takeover || o.serverNo,
		ClientNoTakeover: !takeover || o.clientNo,
		serverAsked:      o.serverSet,
	}
	if o.serverSet {
		p.ServerBits = o.serverBits
	}
	if o.clientSet && o.clientBits != 0 {
		p.ClientBits = o.clientBits
	}
	if o.clientSet && !p.ClientNoTakeover {
		p.ClientBits = min(p.ClientBits, keptBits)
	}
	return p
}

// set notes a parameter and reports whether it is legal and new.
func (o *offer) set(name, value []byte, hasValue bool) bool {
	switch string(name) {
	case "server_no_context_takeover":
		return !hasValue && once(&o.serverNo)
	case "client_no_context_takeover":
		return !hasValue && once(&o.clientNo)
	case "server_max_window_bits":
		o.serverBits = windowBits(value)
		return o.serverBits != 0 && once(&o.serverSet)
	case "client_max_window_bits":
		o.clientBits = windowBits(value)
		return (o.clientBits != 0 || !hasValue) && once(&o.clientSet)
	}
	return false
}

// once sets flag and reports whether it was not set.
func once(flag *bool) bool {
	was := *flag
	*flag = true
	return !was
}

// windowBits parses 8 to 15 without leading zeros. Anything else is 0.
func windowBits(v []byte) uint8 {
	switch {
	case len(v) == 1 && v[0] >= '8' && v[0] <= '9':
		return v[0] - '0'
	case len(v) == 2 && v[0] == '1' && v[1] >= '0' && v[1] <= '5':
		return 10 + v[1] - '0'
	}
	return 0
}

// scanner reads the grammar of RFC 6455, section 9.1, with the white space and the
// empty elements that lists may have (RFC 9110, section 5.6.1).
type scanner struct {
	b   []byte
	bad bool
}

// nextElement goes to the next element of the list.
func (s *scanner) nextElement() bool {
	s.space()
	for s.take(',') {
		s.space()
	}
	return !s.bad && len(s.b) > 0
}

// extension reads one element. ok: it is a legal offer of permessage-deflate.
func (s *scanner) extension() (o offer, ok bool) {
	ok = string(s.token()) == "permessage-deflate"
	for s.space(); s.take(';'); s.space() {
		s.space()
		name := s.token()
		s.space()
		var value []byte
		hasValue := s.take('=')
		if hasValue {
			s.space()
			value = s.value()
		}
		ok = ok && !s.bad && o.set(name, value, hasValue)
	}
	if len(s.b) > 0 && s.b[0] != ',' {
		s.bad = true
	}
	return o, ok && !s.bad
}

func (s *scanner) space() {
	for len(s.b) > 0 && (s.b[0] == ' ' || s.b[0] == '\t') {
		s.b = s.b[1:]
	}
}

func (s *scanner) take(c byte) bool {
	if len(s.b) == 0 || s.b[0] != c {
		return false
	}
	s.b = s.b[1:]
	return true
}

// token reads at least one character of a token.
func (s *scanner) token() []byte {
	n := 0
	for n < len(s.b) && isToken(s.b[n]) {
		n++
	}
	t := s.b[:n]
	s.b = s.b[n:]
	s.bad = s.bad || n == 0
	return t
}

// value reads a token or a quoted one. A quoted value with escapes is checked, and
// then returned as nil: no value that is legal here has any.
func (s *scanner) value() []byte {
	if !s.take('"') {
		return s.token()
	}
	n, escaped := 0, false
	for n < len(s.b) && s.b[n] != '"' {
		if s.b[n] == '\\' && n+1 < len(s.b) {
			escaped = true
			n++
		}
		s.bad = s.bad || !isToken(s.b[n])
		n++
	}
	if n == 0 || n >= len(s.b) {
		s.bad = true
		return nil
	}
	v := s.b[:n]
	s.b = s.b[n+1:]
	if escaped {
		return nil
	}
	return v
}

// isToken reports whether c may stand in a token (RFC 9110, section 5.6.2).
func isToken(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}
