package sockets_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/goquart/quart/conformance/internal/contract"
)

// with returns the fields of a handshake with some of them replaced, by name; an empty value leaves one out.
func with(replaced ...string) []string {
	lines := fields()
	for _, line := range replaced {
		name, value, _ := strings.Cut(line, ":")
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, name+":") })
		switch {
		case value == "":
			lines = slices.Delete(lines, i, i+1)
		case i < 0:
			lines = append(lines, line)
		default:
			lines[i] = line
		}
	}
	return lines
}

// TestHandshake: who gets a websocket, and what the others are told.
func TestHandshake(t *testing.T) {
	s := contract.Start(t)
	const get = "GET /ws HTTP/1.1"
	host := "Host: " + s.Addr
	tests := []struct {
		name, line string
		fields     []string
		status     int
	}{
		{"plain", get, fields(), 101},
		{"lower case", get, []string{"host: x", "upgrade: WebSocket", "connection: keep-alive, upgrade", "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="}, 101},
		{"two lines of Connection", get, with("Connection: keep-alive\r\nConnection: Upgrade"), 101},
		{"absolute form", "GET http://127.0.0.1/ws HTTP/1.1", fields(), 101},
		{"query", "GET /ws?a=%0d%0aX-Injected:%201 HTTP/1.1", fields(), 101},
		{"own origin", get, with(host, "Origin: http://"+s.Addr), 101},
		{"own origin in capitals", get, with("Host: Example.COM", "Origin: http://example.com:80"), 101},
		{"unasked body", get, with("Content-Length: 9\r\n\r\nhello"), 101}, // with the line ends behind it

		{"no upgrade", get, with("Upgrade:"), 426},
		{"other upgrade", get, with("Upgrade: h2c"), 426},
		{"no connection", get, with("Connection:"), 426},
		{"closing", get, with("Connection: close"), 426},
		{"connection with a similar name", get, with("Connection: Upgraded"), 426},
		{"HTTP/1.0", "GET /ws HTTP/1.0", fields(), 426},
		{"POST", "POST /ws HTTP/1.1", with("Content-Length: 0"), 405},
		{"PUT", "PUT /ws HTTP/1.1", with("Content-Length: 0"), 405},
		{"no version", get, with("Sec-WebSocket-Version:"), 426},
		{"version 8", get, with("Sec-WebSocket-Version: 8"), 426},
		{"version 013", get, with("Sec-WebSocket-Version: 013"), 426},
		{"version list", get, with("Sec-WebSocket-Version: 13, 8"), 426},
		{"two versions", get, with("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8"), 426},

		{"no key", get, with("Sec-WebSocket-Key:"), 400},
		{"empty key", get, with("Sec-WebSocket-Key: "), 400},
		{"short key", get, with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"), 400},
		{"long key", get, with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSEhISE="), 400},
		{"huge key", get, with("Sec-WebSocket-Key: " + strings.Repeat("dGhl", 2000)), 400},
		{"no base64", get, with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q=="), 400},
		{"base64 of URLs", get, with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j_Q=="), 400},
		{"two keys", get, with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: x"), 400},

		{"foreign origin", get, with("Origin: https://evil.example"), 403},
		{"null origin", get, with("Origin: null"), 403},
		{"other port", get, with(host, "Origin: http://127.0.0.1:1"), 403},
		{"no port", get, with(host, "Origin: http://127.0.0.1"), 403},
		{"origin that begins alike", get, with("Host: a.example", "Origin: http://a.example.evil"), 403},
		{"origin that ends alike", get, with("Host: a.example", "Origin: http://evila.example"), 403},
		{"origin with a user", get, with("Host: a.example", "Origin: http://a.example@evil.example"), 403},
		{"origin without a scheme", get, with("Host: a.example", "Origin: a.example"), 403},
		{"two origins", get, with(host, "Origin: http://"+s.Addr+"\r\nOrigin: https://evil.example"), 403},
		{"empty origin", get, with("Origin: "), 403},

		{"extensions: empty element", get, with("Sec-WebSocket-Extensions: permessage-deflate; "), 400},
		{"extensions: two words", get, with("Sec-WebSocket-Extensions: permessage deflate"), 400},
		{"extensions: no value", get, with("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits="), 400},
		{"extensions: open quote", get, with(`Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits="10`), 400},
		{"extensions: bad second line", get, with("Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Extensions: ="), 400},

		{"no host", get, with("Host:"), 400},
		{"two hosts", get, with("Host: a.example\r\nHost: b.example"), 400},
		{"bare CR", get, with("Sec-WebSocket-Protocol: x\rSet-Cookie: a=b"), 400},
		{"bare LF in a key", get, with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nX-Injected: 1\r\n x"), 400},
		{"NUL", get, with("Origin: a\x00b"), 400},
		{"folded line", get, with("Sec-WebSocket-Extensions: permessage-deflate;\r\n server_no_context_takeover"), 400},
		{"space before the colon", get, with("Sec-WebSocket-Key : dGhlIHNhbXBsZSBub25jZQ=="), 400},
		{"two lengths", get, with("Content-Length: 0\r\nTransfer-Encoding: chunked"), 400},
		{"too many offers", get, with("Sec-WebSocket-Extensions: " + strings.Repeat("permessage-deflate; x, ", 2000) + "x"), 431},
		{"too long a body", get, with("Content-Length: 2000000\r\n\r\n" + strings.Repeat("x", 10_000)), 413},
		{"elsewhere", "GET /nowhere HTTP/1.1", fields(), 404},
		{"no websocket", "GET /plaintext HTTP/1.1", fields(), 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := dial(t, s)
			w.send(request(tt.line, tt.fields))
			r := w.answer()
			if r.status != tt.status {
				t.Fatalf("status %d, want %d; body: %s", r.status, tt.status, r.body)
			}
			h := r.header
			if h.Get("X-Injected") != "" || h.Get("Set-Cookie") != "" {
				t.Errorf("injected: %v", h)
			}
			accept, versions := h.Get("Sec-Websocket-Accept"), h["Sec-Websocket-Version"]
			switch tt.status {
			case 101:
				if accept != sampleAccept || !strings.EqualFold(h.Get("Upgrade"), "websocket") || !strings.EqualFold(h.Get("Connection"), "upgrade") {
					t.Errorf("the answer is %v", h)
				}
				for _, name := range []string{"Content-Type", "Content-Length", "Transfer-Encoding", "Sec-Websocket-Protocol", "Sec-Websocket-Extensions"} {
					if h[name] != nil {
						t.Errorf("%s %q in the 101", name, h[name])
					}
				}
				w.send(text("hi"))
				w.want(fin|opText, "hi")
				return
			case 426:
				if !strings.EqualFold(h.Get("Upgrade"), "websocket") || !strings.EqualFold(h.Get("Connection"), "upgrade") && !r.closes {
					t.Errorf("the answer is %v", h)
				}
				if wrong := strings.Contains(tt.name, "version"); wrong && (len(versions) != 1 || versions[0] != "13") {
					t.Errorf("Sec-WebSocket-Version %q", versions)
				}
			case 405:
				if allow := h.Get("Allow"); !strings.Contains(allow, "GET") {
					t.Errorf("Allow %q", allow)
				}
			}
			if accept != "" {
				t.Errorf("Sec-WebSocket-Accept %q in a refusal", accept)
			}
		})
	}
	echoes(t, s)
}

// TestHandshakeRefusedAndAgain: a refusal that leaves the connection open leaves it in order.
func TestHandshakeRefusedAndAgain(t *testing.T) {
	w := dial(t, contract.Start(t))
	for _, lines := range [][]string{with("Origin: https://evil.example"), with("Sec-WebSocket-Key: x"), with("Sec-WebSocket-Version: 8"), with("Upgrade:")} {
		w.send(request("GET /ws HTTP/1.1", lines))
		if r := w.answer(); r.status < 400 || r.closes {
			t.Fatalf("%d, closing %v: %s", r.status, r.closes, r.body)
		}
	}
	w.send("GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n", handshake("/ws"), text("hi"))
	if r := w.answer(); r.body != "Hello, World!" {
		t.Fatalf("plaintext: %d %q", r.status, r.body)
	}
	w.upgraded()
	w.want(fin|opText, "hi")
}

// TestNegotiation: an offer is kept to the letter, or declined.
func TestNegotiation(t *testing.T) {
	s := contract.Start(t)
	const d = "permessage-deflate"
	tests := []struct {
		name, offers string
		declined     bool
		has, hasNot  []string // parameters of the answer
	}{
		{"plain", d, false, []string{d}, []string{"client_max_window_bits", "server_max_window_bits"}},
		{"no takeover of the server", d + "; server_no_context_takeover", false, []string{"server_no_context_takeover"}, nil},
		{"window of the server", d + "; server_max_window_bits=10", false, []string{"server_max_window_bits=10"}, nil},
		{"smallest window", d + "; server_max_window_bits=8", false, []string{"server_max_window_bits=8"}, nil},
		{"quoted window", d + `; server_max_window_bits="12"`, false, []string{"server_max_window_bits=12"}, nil},
		{"spaces", " , ,\t" + d + " ; server_no_context_takeover ,", false, []string{"server_no_context_takeover"}, nil},
		{"second offer", d + "; unknown, " + d + "; server_max_window_bits=9", false, []string{"server_max_window_bits=9"}, []string{"unknown"}},
		{"second line", "x\r\nSec-WebSocket-Extensions: " + d, false, []string{d}, nil},
		{"other extension", "x-webkit-deflate-frame, " + d, false, []string{d}, []string{"x-webkit"}},
		{"unknown parameter", d + "; unknown", true, nil, nil},
		{"doubled parameter", d + "; server_no_context_takeover; server_no_context_takeover", true, nil, nil},
		{"doubled window", d + "; client_max_window_bits; client_max_window_bits=10", true, nil, nil},
		{"window of 7", d + "; server_max_window_bits=7", true, nil, nil},
		{"window of 16", d + "; client_max_window_bits=16", true, nil, nil},
		{"window of 010", d + "; server_max_window_bits=010", true, nil, nil},
		{"window of 4294967304", d + "; server_max_window_bits=4294967304", true, nil, nil},
		{"window of +9", d + "; server_max_window_bits=+9", true, nil, nil},
		{"window without a number", d + "; server_max_window_bits", true, nil, nil},
		{"value where none may be", d + "; client_no_context_takeover=1", true, nil, nil},
		{"capitals", "Permessage-Deflate", true, nil, nil},
		{"only others", "foo; bar=baz, qux", true, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := dial(t, s)
			answers := w.upgrade("/ws", "Sec-WebSocket-Extensions: "+tt.offers)["Sec-Websocket-Extensions"]
			if tt.declined {
				if answers != nil {
					t.Errorf("the answer is %q", answers)
				}
				w.send(frame(fin|rsv1|opText, "\xca\x48\x05\x00"))
				w.wantClose(1002)
				return
			}
			if len(answers) != 1 || strings.Contains(answers[0], ",") {
				t.Fatalf("the answer is %q", answers)
			}
			for _, param := range tt.has {
				if !strings.Contains(answers[0], param) {
					t.Errorf("%q lacks %s", answers[0], param)
				}
			}
			for _, param := range tt.hasNot {
				if strings.Contains(answers[0], param) {
					t.Errorf("%q has %s", answers[0], param)
				}
			}
			w.send(frame(fin|rsv1|opText, "\xca\xc8\x04\x00")) // "hi"
			w.want(fin|opText, "hi")
		})
	}
}

// TestSubprotocolsUnspoken: a server without subprotocols names none, whatever is offered.
func TestSubprotocolsUnspoken(t *testing.T) {
	s := contract.Start(t)
	for name, offered := range map[string]string{
		"one": "chat", "several": "chat, superchat", "doubled": "chat, chat", "empty": ",,", "long": strings.Repeat("x", 8000),
		"many": strings.Repeat("x,", 4000), "two lines": "a\r\nSec-WebSocket-Protocol: b", "odd": `chat;q=1, "x y"`,
	} {
		t.Run(name, func(t *testing.T) {
			w := dial(t, s)
			if got := w.upgrade("/ws", "Sec-WebSocket-Protocol: "+offered)["Sec-Websocket-Protocol"]; got != nil {
				t.Errorf("the answer is %q", got)
			}
			w.send(text("hi"))
			w.want(fin|opText, "hi")
		})
	}
}
