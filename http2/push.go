package http2

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/valyala/fasthttp"
)

// This file is server push (RFC 9113, section 8.4). Browsers have given it up: it is for clients that ask for it by SETTINGS_ENABLE_PUSH, which has been 0 in theirs for years.

// CanPush reports whether the client takes a push from this stream.
func (s *Stream) CanPush() bool {
	s.c.lock()
	defer s.c.unlock()
	return s.c.canPush(s)
}

// canPush: a pushed response cannot push, so that one request cannot grow into a crawl. mu is held.
func (c *conn) canPush(s *Stream) bool {
	return c.peerPush && c.leaving == staying && !s.pushed && !s.state.closed() && !s.state.localEnd && len(s.pushes) < maxPushes &&
		c.pushing < int(min(c.peerStreams, uint32(c.srv.cfg.MaxConcurrentStreams))) && c.pushID < maxStreamID-2
}

// Push promises the client the response to a GET of target, a path of the same origin, and lets the handler answer it: call it in the handler, before the response has
// begun. The fields Accept, Accept-Encoding, Accept-Language, Cache-Control and User-Agent are those of this request. A target that was pushed already is
// not pushed again.
//
// Errors: ErrNoPush where the client takes none, or no more of them; another for a target that is no path.
func (s *Stream) Push(target string) error { return s.push(fasthttp.MethodGet, target) }

// pushedFields are those of a request that a pushed one has, too.
var pushedFields = [...]string{"accept", "accept-encoding", "accept-language", "cache-control", "user-agent"}

func (s *Stream) push(method, target string) error {
	c := s.c
	if !validPath([]byte(target), nil) || strings.HasPrefix(target, "//") {
		return fmt.Errorf("http2: %q cannot be pushed: it is no path", target)
	}
	for _, t := range s.pushes {
		if t == target {
			return nil
		}
	}
	c.lock()
	if s.ctx == nil || !c.canPush(s) {
		c.unlock()
		return ErrNoPush
	}
	s.pushes = append(s.pushes, target)
	c.pushID += 2
	p := c.srv.newStream(c, c.pushID)
	p.pushed = true
	p.isHead = method == fasthttp.MethodHead
	c.fillPushed(p, &s.ctx.Request.Header, method, target)
	c.appendPromise(s, p)
	c.add(p)
	c.pushing++
	p.state.remoteEnd = true
	p.running = true
	c.srv.workers.submit([]*Stream{p})
	c.unlockFlush()
	return nil
}

func (c *conn) fillPushed(p *Stream, from *fasthttp.RequestHeader, method, target string) {
	h := &p.ctx.Request.Header
	h.SetMethod(method)
	h.SetRequestURI(target)
	h.SetHostBytes(from.Host())
	h.SetProtocolBytes(protocolName)
	for _, name := range pushedFields {
		if v := from.Peek(name); len(v) > 0 {
			h.SetBytesV(name, v)
		}
	}
	if c.tls != nil {
		p.ctx.Request.URI().SetSchemeBytes(schemeHTTPS)
	}
}

// appendPromise appends PUSH_PROMISE for p on s. mu is held.
func (c *conn) appendPromise(s, p *Stream) {
	h := &p.ctx.Request.Header
	scheme := []byte("http")
	if c.tls != nil {
		scheme = schemeHTTPS
	}
	start := len(c.out)
	b := append(c.out, make([]byte, frameHeaderLen)...)
	b = binary.BigEndian.AppendUint32(b, p.id)
	b = c.enc.Begin(b)
	b = c.enc.AppendField(b, []byte(":method"), h.Method(), false)
	b = c.enc.AppendField(b, []byte(":scheme"), scheme, false)
	b = c.enc.AppendField(b, []byte(":authority"), h.Host(), false)
	b = c.enc.AppendField(b, []byte(":path"), h.RequestURI(), false)
	for _, name := range pushedFields {
		if v := h.Peek(name); len(v) > 0 {
			b = c.enc.AppendField(b, []byte(name), v, false)
		}
	}
	c.out = appendHeaderFrames(b, start, framePushPromise, 0, s.id)
}

// pushLinks pushes what the Link fields of a response preload.
func (c *conn) pushLinks(s *Stream, resp *fasthttp.Response) {
	if !c.mayPush.Load() || len(resp.Header.Peek("Link")) == 0 || s.protocol != "" || resp.StatusCode() >= 300 || !s.CanPush() {
		return
	}
	if m := s.ctx.Method(); string(m) != "GET" && string(m) != "HEAD" {
		return
	}
	for _, value := range resp.Header.PeekAll("Link") {
		for target := range preloads(value) {
			if path, ok := c.ownPath(s, target); ok {
				_ = s.Push(path)
			}
		}
	}
}

// ownPath returns the path of a target of the request's own origin.
func (c *conn) ownPath(s *Stream, target []byte) (string, bool) {
	scheme := "http://"
	if c.tls != nil {
		scheme = "https://"
	}
	if rest, ok := bytes.CutPrefix(target, []byte(scheme)); ok {
		if target, ok = bytes.CutPrefix(rest, s.ctx.Host()); !ok {
			return "", false
		}
	}
	if len(target) == 0 || target[0] != '/' || bytes.HasPrefix(target, []byte("//")) {
		return "", false
	}
	path, _, _ := bytes.Cut(target, []byte("#"))
	return string(path), true
}

// preloads ranges over the targets of a Link field (RFC 8288) that have rel=preload and not nopush (W3C Preload).
func preloads(value []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(value) > 0 {
			_, rest, ok := bytes.Cut(value, []byte("<"))
			if !ok {
				return
			}
			target, rest, ok := bytes.Cut(rest, []byte(">"))
			if !ok {
				return
			}
			var params []byte
			params, value = cutQuoted(rest, ',')
			if isPreload(params) && !yield(target) {
				return
			}
		}
	}
}

// cutQuoted cuts b at the first separator that is not in a quoted string.
func cutQuoted(b []byte, separator byte) (before, after []byte) {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '"':
			quoted = !quoted
		case b[i] == '\\' && quoted:
			i++
		case b[i] == separator && !quoted:
			return b[:i], b[i+1:]
		}
	}
	return b, nil
}

func isPreload(params []byte) bool {
	preload := false
	for len(params) > 0 {
		var p []byte
		p, params = cutQuoted(params, ';')
		name, value, _ := bytes.Cut(p, []byte("="))
		name = bytes.TrimSpace(name)
		switch {
		case bytes.EqualFold(name, []byte("nopush")):
			return false
		case bytes.EqualFold(name, []byte("rel")):
			for rel := range bytes.FieldsSeq(bytes.Trim(bytes.TrimSpace(value), `"`)) {
				preload = preload || bytes.EqualFold(rel, []byte("preload"))
			}
		}
	}
	return preload
}
