package wire

import (
	"bytes"
	"net/netip"

	"github.com/goquart/quart/internal/bytesconv"
)

// Hop is what one proxy says of the request that it received: one element of a
// Forwarded field (RFC 7239). Quotes are removed; what it does not say is nil.
type Hop struct {
	For   []byte // a node, see ParseNode
	By    []byte // a node
	Host  []byte
	Proto []byte
}

// ForwardedLast takes the last element off a Forwarded field, the one that the
// nearest proxy wrote, and returns the field without it. Empty elements are
// skipped.
//
// ok is false when there is none left, or when it is malformed: then nothing
// further left may be trusted either. What stands left of a trusted element
// cannot change how that is read, not even with an open quote.
func ForwardedLast(header []byte) (hop Hop, rest []byte, ok bool) {
	for len(header) > 0 {
		elem := header
		if comma := lastComma(header); comma < 0 {
			header = nil
		} else {
			elem, header = header[comma+1:], header[:comma]
		}
		if elem = trim(elem); len(elem) > 0 {
			hop, ok = parseHop(elem)
			return hop, header, ok
		}
	}
	return Hop{}, nil, false
}

// ForwardedHop returns the n-th element from the right, 0 being the last. ok is
// false if there are not as many, or if one on the way is malformed.
func ForwardedHop(header []byte, n int) (hop Hop, ok bool) {
	for ; n >= 0; n-- {
		if hop, header, ok = ForwardedLast(header); !ok {
			return Hop{}, false
		}
	}
	return hop, ok
}

// lastComma returns the index of the last comma outside of quoted strings, seen
// from the right, or -1.
func lastComma(b []byte) int {
	for i := len(b) - 1; i >= 0; i-- {
		switch b[i] {
		case ',':
			return i
		case '"':
			i = openQuote(b, i)
		}
	}
	return -1
}

// openQuote returns the index of the quote that belongs to the closing one at
// end, or -1. A quote behind an odd number of backslashes is content.
func openQuote(b []byte, end int) int {
	for i := end - 1; i >= 0; i-- {
		if b[i] != '"' {
			continue
		}
		j := i
		for j > 0 && b[j-1] == '\\' {
			j--
		}
		if (i-j)%2 == 0 {
			return i
		}
		i = j
	}
	return -1
}

func parseHop(elem []byte) (hop Hop, ok bool) {
	for {
		elem = trim(elem)
		if len(elem) > 0 && elem[0] != ';' {
			if elem, ok = hop.parsePair(elem); !ok {
				return Hop{}, false
			}
		}
		if len(elem) == 0 {
			return hop, true
		}
		elem = elem[1:] // the semicolon
	}
}

// parsePair reads one forwarded-pair into h and returns what follows it, which is
// empty or begins with ';'.
func (h *Hop) parsePair(b []byte) (rest []byte, ok bool) {
	eq := tokenLen(b)
	if eq == 0 || eq == len(b) || b[eq] != '=' {
		return nil, false
	}
	value, rest, ok := hopValue(b[eq+1:])
	if rest = trim(rest); !ok || len(rest) > 0 && rest[0] != ';' {
		return nil, false
	}
	var field *[]byte
	switch name := b[:eq]; {
	case equalFold(name, "for"):
		field = &h.For
	case equalFold(name, "by"):
		field = &h.By
	case equalFold(name, "host"):
		field = &h.Host
	case equalFold(name, "proto"):
		field = &h.Proto
	default:
		return rest, true
	}
	if *field != nil || bytes.IndexByte(value, '\\') >= 0 {
		return nil, false // once per element (RFC 7239, 4), and no host or address needs an escape
	}
	*field = value
	return rest, true
}

// hopValue splits a value off b, without its quotes. The ':' and brackets that
// belong into quotes are taken without, because proxies forget them.
func hopValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) > 0 && b[0] == '"' {
		n := quotedLen(b)
		if n == 0 {
			return nil, nil, false
		}
		return b[1 : n-1], b[n:], true
	}
	n := 0
	for n < len(b) && (class[b[n]]&tchar != 0 || b[n] == ':' || b[n] == '[' || b[n] == ']') {
		n++
	}
	return b[:n], b[n:], n > 0
}

// ListLast takes the last non-empty element off a comma list without quoted
// strings, like X-Forwarded-For, -Proto, -Host or -Port, and returns the list
// without it. A nil element says that there is none left.
func ListLast(header []byte) (elem, rest []byte) {
	for len(header) > 0 {
		elem = header
		if comma := bytes.LastIndexByte(header, ','); comma < 0 {
			header = nil
		} else {
			elem, header = header[comma+1:], header[:comma]
		}
		if elem = trim(elem); len(elem) > 0 {
			return elem, header
		}
	}
	return nil, nil
}

// ListHop returns the n-th non-empty element from the right, 0 being the last.
func ListHop(header []byte, n int) (elem []byte, ok bool) {
	for ; n >= 0; n-- {
		if elem, header = ListLast(header); elem == nil {
			return nil, false
		}
	}
	return elem, elem != nil
}

// ParseNode reads a node of Forwarded (RFC 7239, 6) or an element of
// X-Forwarded-For: an IPv4 or IPv6 address, with or without a port. An IPv6
// address with a port is in brackets. IPv4 in IPv6 is returned as IPv4.
//
// The zero Addr stands for what is no address: "unknown", obfuscated names like
// "_hidden", addresses with a zone. port is 0 if there is none or if it is
// obfuscated.
func ParseNode(node []byte) (addr netip.Addr, port uint16) {
	host, portPart := splitNode(node)
	if len(portPart) > 0 {
		var ok bool
		if port, ok = nodePort(portPart[1:]); !ok {
			return netip.Addr{}, 0
		}
	}
	bracketed := len(host) >= 2 && host[0] == '['
	if bracketed {
		host = host[1 : len(host)-1]
	}
	if !isAddrText(host) {
		return netip.Addr{}, 0 // not worth the error that ParseAddr would allocate
	}
	addr, err := netip.ParseAddr(bytesconv.String(host)) // keeps no zone, so nothing of host
	if err != nil || bracketed && !addr.Is6() {
		return netip.Addr{}, 0
	}
	return addr.Unmap(), port
}

func isAddrText(b []byte) bool {
	for _, c := range b {
		if class[c]&hexDigit == 0 && c != '.' && c != ':' {
			return false
		}
	}
	return len(b) >= len("::")
}

// splitNode splits a node into its host, brackets included, and its port, colon
// included.
func splitNode(node []byte) (host, port []byte) {
	colon := bytes.LastIndexByte(node, ':')
	if len(node) > 0 && node[0] == '[' {
		end := bytes.IndexByte(node, ']')
		if end < 0 || end+1 < len(node) && node[end+1] != ':' {
			return nil, nil
		}
		return node[:end+1], node[end+1:]
	}
	if colon < 0 || bytes.IndexByte(node, ':') != colon {
		return node, nil
	}
	return node[:colon], node[colon:]
}

// nodePort reads a port, which is 0 if it is obfuscated.
func nodePort(b []byte) (port uint16, ok bool) {
	if len(b) > 1 && b[0] == '_' {
		return 0, isToken(b)
	}
	if len(b) > 5 || !isDigits(b) {
		return 0, false
	}
	n := 0
	for _, c := range b {
		n = n*10 + int(c-'0')
	}
	return uint16(n), n < 1<<16
}
