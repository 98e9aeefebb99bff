package quarttest

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/fasthttp/websocket"
)

// WebSocket opens a websocket as a browser does: on a connection of its own, or over HTTP/2 on a stream by extended CONNECT (RFC 8441), with the
// cookies of the client, and without following a redirect. The target is a path with its query, or an absolute one of scheme ws or wss as quart's URL makes it, whose host is sent and which
// goes to the app all the same, over what the client speaks. header is names and values, in turn: "Origin", "Sec-WebSocket-Protocol" for the
// subprotocols to offer, "Sec-WebSocket-Extensions" with "permessage-deflate" to have messages compressed (by Config.Compress of the app,
// or not at all). The test ends, with the answer in its message, when the app refuses; see [Client.Handshake].
//
// A read ends with an error when nothing comes for 10 s (or Client.Timeout, if that is less), a ping of the app included, and as always with
// this library no other read succeeds after it; SetReadDeadline sets another limit, and the zero time none. A write that the app does not take
// fails after the same time. Pings are answered by a read only. The connection is closed, without a close frame, with the test at the latest.
//
// [ReadText], [WriteText] and [ReadClose] spare a test the errors.
func (cl *Client) WebSocket(target string, header ...string) *websocket.Conn {
	cl.t.Helper()
	return cl.handshake(target, header).WebSocket()
}

// Handshake is [Client.WebSocket] for a look at the app's answer. A refusal is returned without a connection; it is complete, whatever its
// status. With a connection, the answer is the head of the 101, over HTTP/2 of the 200: its header fields and cookies. The test ends when
// there is no answer, and when a 101 is not what RFC 6455, section 4.1, has a client insist on.
//
// A header field that is given takes the place of the client's own, so that bad handshakes can be made:
//
//	_, resp := cl.Handshake("/ws", "Sec-WebSocket-Version", "8") // resp.Status is 426
//
// What does not ask for a websocket, by its method or by an Upgrade or a Connection of its own, goes over HTTP/2 as an ordinary request.
//
// The library behind the connection has no context takeover. An app that takes its context over, as it may unless the offer says
// "permessage-deflate; server_no_context_takeover", or that asks the client for a smaller window, which needs an offer with
// client_max_window_bits, has its 101 returned and no connection.
func (cl *Client) Handshake(target string, header ...string) (*websocket.Conn, *Response) {
	cl.t.Helper()
	return cl.handshake(target, header).Handshake()
}

func (cl *Client) handshake(target string, header []string) *Request {
	cl.t.Helper()
	r := cl.Get(target)
	if len(header)%2 != 0 {
		cl.t.Fatalf("GET %s: header names and values go in turn", target)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header(header[i], header[i+1])
	}
	return r
}

// WebSocket is [Client.WebSocket] for a request with a query or credentials that methods of Request have added.
func (r *Request) WebSocket() *websocket.Conn {
	r.cl.t.Helper()
	ws, resp := r.Handshake()
	if ws == nil && resp.switched {
		r.cl.t.Fatalf("%s %s: this client cannot speak %q; see Client.Handshake", r.method, r.target, resp.Header("Sec-WebSocket-Extensions"))
	}
	if ws == nil {
		r.cl.t.Fatalf("%s %s: no websocket: status %d; body: %s", r.method, r.target, resp.Status, excerpt(resp.body))
	}
	return ws
}

// Handshake is [Client.Handshake] for a request of another method, or with what methods of Request have added.
func (r *Request) Handshake() (*websocket.Conn, *Response) {
	r.cl.t.Helper()
	ws, resp, err := r.openSocket()
	if err != nil {
		r.cl.t.Fatalf("%s %s: %v", r.method, r.target, err)
	}
	return ws, resp
}

func (r *Request) openSocket() (*websocket.Conn, *Response, error) {
	if err := r.ready(); err != nil {
		return nil, nil, err
	}
	step := *r
	step.header = slices.Clone(r.header)
	step.addHandshake()
	nc, resp, err := step.shakeHands()
	if err != nil || !resp.switched || !speakable(resp) {
		if nc != nil {
			_ = nc.Close()
		}
		return nil, resp, err
	}
	sc := &socketConn{Conn: nc, cl: r.cl, accepted: resp}
	// The dialer's own handshake ends at sc: the one with the app was held by the client, with its jar and its strict parser.
	ws, _, err := (&websocket.Dialer{NetDial: sc.dialed}).Dial("ws://quarttest", nil)
	if err != nil {
		_ = nc.Close()
		return nil, nil, err
	}
	sc.begin()
	return ws, resp, nil
}

// addHandshake adds what makes r a handshake, and takes the host out of an absolute target.
func (r *Request) addHandshake() {
	for _, scheme := range []string{"ws://", "wss://"} {
		rest, ok := strings.CutPrefix(r.target, scheme)
		if !ok {
			continue
		}
		host := rest
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			host = rest[:i]
		}
		if r.target = rest[len(host):]; !strings.HasPrefix(r.target, "/") {
			r.target = "/" + r.target
		}
		if !r.has("Host") {
			r.header = append(r.header, field{"Host", host})
		}
	}
	fields := []field{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Version", "13"}}
	if r.cl.protocol == HTTP1 { // RFC 8441, section 5, has no key
		var key [16]byte
		_, _ = rand.Read(key[:])
		fields = append(fields, field{"Sec-WebSocket-Key", base64.StdEncoding.EncodeToString(key[:])})
	}
	for _, f := range fields {
		if !r.has(f.name) {
			r.header = append(r.header, f)
		}
	}
}

// shakeHands sends r and reads the answer. The connection is what carries the frames if the app has accepted.
func (r *Request) shakeHands() (net.Conn, *Response, error) {
	if err := r.sendable(); err != nil {
		return nil, nil, err
	}
	if r.cl.protocol != HTTP1 && r.upgrades() {
		return r.shakeHandsByStream()
	}
	if r.cl.protocol != HTTP1 { // no handshake, which the app is to say
		resp, err := r.once()
		return nil, resp, err
	}
	c, err := r.cl.dial()
	if err != nil {
		return nil, nil, fmt.Errorf("dial: %w", err)
	}
	_ = c.SetDeadline(time.Now().Add(r.cl.Timeout))
	if _, err := c.Write(r.encode()); err != nil {
		return c, nil, fmt.Errorf("send: %w", err)
	}
	resp, err := c.readFinal()
	if err != nil {
		return c, nil, err
	}
	r.took(resp)
	if resp.Status != 101 {
		return c, resp, readBody(c, r.method, resp)
	}
	resp.switched = true
	if why := r.misaccepted(resp); why != "" {
		err = errors.New("the 101 is no answer to the handshake: " + why)
	}
	return tunnel{c}, resp, err
}

// upgrades reports whether r asks for a websocket as HTTP/1.1 does. What does not is no extended CONNECT either.
func (r *Request) upgrades() bool {
	has := func(name, want string) bool {
		return slices.ContainsFunc(listed(r.header, name), func(token string) bool { return strings.EqualFold(token, want) })
	}
	return r.method == "GET" && has("Upgrade", "websocket") && has("Connection", "upgrade")
}

// misaccepted says why a client has to fail the connection (RFC 6455, section 4.1), "" if it has not.
func (r *Request) misaccepted(resp *Response) string {
	for _, name := range []string{"Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} {
		if n := len(resp.HeaderAll(name)); n > 1 {
			return fmt.Sprintf("%d lines of %s", n, name)
		}
	}
	for _, name := range []string{"Content-Length", "Transfer-Encoding"} { // RFC 9110, section 8.6; RFC 9112, section 6.1
		if resp.HasHeader(name) {
			return fmt.Sprintf("%s in a %d", name, resp.Status)
		}
	}
	protocol := resp.Header("Sec-WebSocket-Protocol")
	extension, _, _ := strings.Cut(resp.Header("Sec-WebSocket-Extensions"), ";")
	if why := r.misupgraded(resp); why != "" && r.cl.protocol == HTTP1 {
		return why
	}
	switch {
	case resp.HasHeader("Sec-WebSocket-Protocol") && !slices.Contains(listed(r.header, "Sec-WebSocket-Protocol"), protocol):
		return fmt.Sprintf("the subprotocol %q was not offered", protocol)
	case resp.HasHeader("Sec-WebSocket-Extensions") && !r.offers(extension):
		return fmt.Sprintf("the extension %q was not offered", extension)
	}
	return ""
}

// misupgraded is what of misaccepted HTTP/2 does not have.
func (r *Request) misupgraded(resp *Response) string {
	accept, want := resp.Header("Sec-WebSocket-Accept"), acceptKey(first(r.header, "Sec-WebSocket-Key"))
	switch {
	case !strings.EqualFold(resp.Header("Upgrade"), "websocket"):
		return fmt.Sprintf("Upgrade %q", resp.Header("Upgrade"))
	case !slices.ContainsFunc(listed(resp.header, "Connection"), func(token string) bool { return strings.EqualFold(token, "upgrade") }):
		return fmt.Sprintf("Connection %q", resp.Header("Connection"))
	case accept != want:
		return fmt.Sprintf("Sec-WebSocket-Accept %q, want %q", accept, want)
	}
	return ""
}

func (r *Request) offers(extension string) bool {
	return slices.ContainsFunc(listed(r.header, "Sec-WebSocket-Extensions"), func(offer string) bool {
		name, _, _ := strings.Cut(offer, ";")
		return strings.TrimSpace(name) == strings.TrimSpace(extension)
	})
}

// listed returns the members of a header field that is a list, from all its lines.
func listed(header []field, name string) (members []string) {
	for _, f := range header {
		if !strings.EqualFold(f.name, name) {
			continue
		}
		for member := range strings.SplitSeq(f.value, ",") {
			members = append(members, strings.TrimSpace(member))
		}
	}
	return members
}

// speakable reports whether the library speaks the extension that was agreed on: it inflates each message with an empty window and
// deflates with the full one.
func speakable(resp *Response) bool {
	if !resp.HasHeader("Sec-WebSocket-Extensions") {
		return true
	}
	extensions := listed(resp.header, "Sec-WebSocket-Extensions")
	name, params, _ := strings.Cut(extensions[0], ";")
	if len(extensions) != 1 || strings.TrimSpace(name) != "permessage-deflate" {
		return false
	}
	return strings.Contains(params, "server_no_context_takeover") && !strings.Contains(params, "client_max_window_bits")
}

// acceptKey is what proves that the app has read the key (RFC 6455, section 4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
