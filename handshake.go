package quart

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goquart/quart/internal/wsproto"
	"github.com/valyala/fasthttp"
)

var (
	errSocketVersion error = &HTTPError{Status: 426, Detail: "this resource speaks websocket version 13", Header: [][2]string{
		{"Sec-WebSocket-Version", "13"}, {"Upgrade", "websocket"}, {"Connection", "Upgrade"},
	}}
	errSocketKey      error = &HTTPError{Status: 400, Detail: "the Sec-WebSocket-Key is not 16 bytes in base64"}
	errSocketOrigin   error = &HTTPError{Status: 403, Detail: "this origin may not open a websocket here"}
	errSocketStopping error = &HTTPError{Status: 503, Detail: "the server is stopping"}
)

// checkHandshake refuses what is no proper handshake, and pages of foreign origins.
func (c *Ctx) checkHandshake(allowed func() bool) error {
	h := &c.fc.Request.Header
	if !c.wantsWebSocket() || !h.IsHTTP11() && c.h2 == nil {
		return errUpgrade
	}
	if versions := h.PeekAll("Sec-WebSocket-Version"); len(versions) != 1 || string(versions[0]) != "13" {
		return errSocketVersion
	}
	if keys := h.PeekAll("Sec-WebSocket-Key"); c.h2 == nil && (len(keys) != 1 || !wsproto.ValidKey(keys[0])) { // RFC 8441 has none
		return errSocketKey
	}
	if !allowed() {
		return errSocketOrigin
	}
	if c.app.server.conns.draining.Load() {
		return errSocketStopping
	}
	return nil
}

// sameOrigin reports whether the request comes from a page of its own host, or from no page at all.
func (c *Ctx) sameOrigin() bool {
	u, ok := c.origin()
	if !ok || u == nil {
		return ok
	}
	// A proxy that ends TLS may pass the port of https on.
	host := stripDefaultPort([]byte(c.Host()), u.Scheme)
	return strings.EqualFold(string(stripDefaultPort([]byte(u.Host), u.Scheme)), string(host))
}

// origin returns the request's origin, nil without one. It reports false for one that cannot be compared.
func (c *Ctx) origin() (u *url.URL, ok bool) {
	origins := c.fc.Request.Header.PeekAll("Origin")
	if len(origins) != 1 {
		return nil, len(origins) == 0
	}
	u, err := url.Parse(string(origins[0]))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Host == "" || u.Path+u.RawQuery+u.Fragment != "" {
		return nil, false
	}
	if strings.IndexFunc(u.Host, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 { // of which some fold to ASCII
		return nil, false
	}
	return u, true
}

// allowsOrigin is sameOrigin, or one of those in list (see SocketConfig.Origins).
func (c *Ctx) allowsOrigin(list []string) bool {
	if c.sameOrigin() {
		return true
	}
	u, ok := c.origin()
	mustBeOrigins(list)
	for _, allowed := range list {
		if allowed == "*" || ok && matchOrigin(allowed, u) {
			return true
		}
	}
	return false
}

// mustBeOrigins panics for a list with an entry that no origin matches.
func mustBeOrigins(list []string) {
	for _, s := range list {
		scheme, host, ok := strings.Cut(s, "://")
		if s != "*" && (!ok || scheme != "http" && scheme != "https" || host == "" || strings.ContainsAny(host, "/?#@ ")) {
			panic("quart: SocketConfig.Origins: " + strconv.Quote(s) + " is no origin, such as https://example.com")
		}
	}
}

func matchOrigin(allowed string, u *url.URL) bool {
	scheme, host, ok := strings.Cut(allowed, "://")
	if !ok || !strings.EqualFold(scheme, u.Scheme) {
		return false
	}
	own := strings.ToLower(string(stripDefaultPort([]byte(u.Host), u.Scheme)))
	host = strings.ToLower(string(stripDefaultPort([]byte(host), scheme)))
	if below, ok := strings.CutPrefix(host, "*."); ok {
		return strings.HasSuffix(own, "."+below) && len(own) > len(below)+1
	}
	return own == host
}

// subprotocol is the first of the server's that the client speaks, too.
func subprotocol(h *fasthttp.RequestHeader, list []string) string {
	for _, own := range list {
		for _, line := range h.PeekAll("Sec-WebSocket-Protocol") {
			for theirs := range strings.SplitSeq(string(line), ",") {
				if strings.Trim(theirs, " \t") == own {
					return own
				}
			}
		}
	}
	return ""
}
