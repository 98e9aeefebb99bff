package quart

import (
	"bytes"
	"net"
	"net/netip"

	"github.com/goquart/quart/internal/wire"
)

// forwarded is what is known of the client: from the connection, or from the proxies that Config trusts.
type forwarded struct {
	ip     netip.Addr
	scheme []byte // nil: the connection's
	host   []byte // nil: the request's
}

// RemoteIP returns the address of the client: the connection's peer, or, if that is one of
// Config.TrustedProxies, the nearest address in X-Forwarded-For (or Forwarded) that is not.
// It is the zero Addr for a unix socket without proxy headers, or when the trusted proxy hides it.
func (c *Ctx) RemoteIP() netip.Addr {
	c.live()
	return c.client().ip
}

// Scheme returns "http" or "https", by the connection or a trusted proxy.
func (c *Ctx) Scheme() string {
	c.live()
	if string(c.client().scheme) == "https" {
		return "https"
	}
	if c.client().scheme == nil && c.fc.IsTLS() {
		return "https"
	}
	return "http"
}

// Host returns the host that the client asked for, in lower case, with its port unless that is the
// scheme's default. It comes from the client: do not build links that you mail from it without
// Config.TrustedHosts.
func (c *Ctx) Host() string {
	c.live()
	host := c.client().host
	if host == nil {
		host = c.fc.URI().Host()
	}
	return c.str(stripDefaultPort(host, c.Scheme()))
}

func stripDefaultPort(host []byte, scheme string) []byte {
	if scheme == "https" {
		return bytes.TrimSuffix(host, []byte(":443"))
	}
	return bytes.TrimSuffix(host, []byte(":80"))
}

// client works out the proxies' word once per request.
func (c *Ctx) client() *forwarded {
	c.live()
	if c.proxyKnown {
		return &c.proxy
	}
	c.proxyKnown = true
	peer := c.fc.RemoteAddr()
	c.proxy = forwarded{ip: peerAddr(peer)}
	// A peer on a unix socket has no address; only a local process can reach it.
	if len(c.app.cfg.TrustedProxies) == 0 || !c.app.trusts(c.proxy.ip) && peer.Network() != "unix" {
		return &c.proxy
	}
	if c.app.cfg.Forwarded {
		c.readForwarded()
	} else {
		c.readXForwarded()
	}
	return &c.proxy
}

func peerAddr(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap().WithZone("")
	case *net.UDPAddr: // HTTP/3
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// trusts reports whether addr may speak for others.
func (a *App) trusts(addr netip.Addr) bool {
	for _, p := range a.cfg.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// hops is how many entries may be believed.
func (a *App) hops() int {
	if a.cfg.ProxyHops > 0 {
		return a.cfg.ProxyHops
	}
	return 32
}

// readForwarded walks RFC 7239 elements from the right: each was written by the proxy that the one before it names.
func (c *Ctx) readForwarded() {
	rest := c.field("Forwarded")
	for range c.app.hops() {
		hop, left, ok := wire.ForwardedLast(rest)
		if !ok {
			return
		}
		c.proxy.setScheme(hop.Proto)
		c.proxy.setHost(hop.Host)
		addr, _ := wire.ParseNode(hop.For)
		c.proxy.ip = addr
		if !addr.IsValid() || !c.app.trusts(addr) {
			return
		}
		rest = left
	}
}

// readXForwarded does the same for the X-Forwarded lists, whose entries at one depth belong together.
func (c *Ctx) readXForwarded() {
	addrs, depth := c.field("X-Forwarded-For"), 0
	for depth < c.app.hops() {
		elem, rest := wire.ListLast(addrs)
		if elem == nil {
			break
		}
		depth++
		addr, _ := wire.ParseNode(elem)
		c.proxy.ip = addr
		if !addr.IsValid() || !c.app.trusts(addr) {
			break
		}
		addrs = rest
	}
	c.proxy.setScheme(atDepth(c.field("X-Forwarded-Proto"), depth))
	c.proxy.setHost(atDepth(c.field("X-Forwarded-Host"), depth))
}

// atDepth returns the entry that the depth-th proxy wrote, or the leftmost there is: inner proxies
// often pass an outer one's value on without adding theirs.
func atDepth(list []byte, depth int) []byte {
	elem, rest := wire.ListLast(list)
	for i := 1; i < depth && len(rest) > 0; i++ {
		next, left := wire.ListLast(rest)
		if next == nil {
			break
		}
		elem, rest = next, left
	}
	return elem
}

func (f *forwarded) setScheme(proto []byte) {
	switch {
	case equalFold(proto, "https"):
		f.scheme = []byte("https")
	case equalFold(proto, "http"):
		f.scheme = []byte("http")
	}
}

func (f *forwarded) setHost(host []byte) {
	if validHost(host) {
		f.host = bytes.ToLower(host)
	}
}

// validHost reports whether host may stand in a URL: a name or address, and a port.
func validHost(host []byte) bool {
	for _, b := range host {
		if b <= ' ' || b >= 0x7f || bytes.IndexByte([]byte("/\\@?#<>\"'`{}|^%"), b) >= 0 {
			return false
		}
	}
	return len(host) > 0 && len(host) < 256
}

// field returns a request header with all its lines joined.
func (c *Ctx) field(name string) []byte {
	lines := c.fc.Request.Header.PeekAll(name)
	if len(lines) == 1 {
		return lines[0]
	}
	return joinFields(lines)
}
