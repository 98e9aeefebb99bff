package quart_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart"
)

// inflate undoes permessage-deflate, of one message without context.
func inflate(t *testing.T, payload string) string {
	t.Helper()
	r := flate.NewReader(strings.NewReader(payload + "\x00\x00\xff\xff\x01\x00\x00\xff\xff"))
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func deflate(t *testing.T, payload string) string {
	t.Helper()
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 9)
	_, _ = io.WriteString(w, payload)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

func deflating(cfg quart.SocketConfig, f func(*quart.Socket) error) *quart.App {
	app, _ := newApp(quart.Config{})
	cfg.Compress = true
	app.Get("/", func(c *quart.Ctx) error { return c.Upgrade(cfg, f) })
	return app
}

// TestSocketDeflateNegotiation is what the answer says to offers; "" is none.
func TestSocketDeflateNegotiation(t *testing.T) {
	s := serve(t, deflating(quart.SocketConfig{}, echoSocket))
	over := serve(t, deflating(quart.SocketConfig{ContextTakeover: true}, echoSocket))
	const offer, none = "Sec-WebSocket-Extensions: ", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, tt := range []struct{ offer, answer, takeover string }{
		{"permessage-deflate", none, "permessage-deflate"},
		{"x-webkit-deflate-frame, permessage-deflate", none, "permessage-deflate"},
		{"permessage-deflate-x", "", ""},
		{"permessage-deflate; unknown", "", ""},
		{"permessage-deflate; server_max_window_bits=99, permessage-deflate", none, "permessage-deflate"},
		{"permessage-deflate; server_max_window_bits=10", none + "; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10"},
		{"permessage-deflate; server_no_context_takeover", none, "permessage-deflate; server_no_context_takeover"},
		{"", "", ""},
	} {
		for _, x := range []struct {
			s    *served
			want string
		}{{s, tt.answer}, {over, tt.takeover}} {
			_, resp := openSocket(t, x.s.dial(), "", "/", offer+tt.offer)
			if got := parameters(resp.Header.Get("Sec-Websocket-Extensions")); got != parameters(x.want) {
				t.Errorf("offer %q: answer %q, want %q", tt.offer, got, x.want)
			}
		}
	}
	if a := s.raw("GET", upgradeRequest("/", offer+"permessage-deflate; =")); a.StatusCode != 400 {
		t.Errorf("a malformed header: %d", a.StatusCode)
	}
}

// parameters puts those of an extension into order.
func parameters(header string) string {
	name, rest, _ := strings.Cut(header, "; ")
	list := strings.Split(rest, "; ")
	for i := range list {
		for j := range i {
			if list[j] > list[i] {
				list[i], list[j] = list[j], list[i]
			}
		}
	}
	return name + "; " + strings.Join(list, "; ")
}

// TestSocketDeflate: what is large is compressed, what is small or does not shrink is not, and posted frames are compressed once for all.
func TestSocketDeflate(t *testing.T) {
	random := make([]byte, 2000)
	for i := range random {
		random[i] = byte(uint32(i*i) * 2654435761 >> 7)
	}
	app := deflating(quart.SocketConfig{}, func(ws *quart.Socket) error {
		large := strings.Repeat("large ", 1000)
		_ = ws.WriteText("small")
		_ = ws.WriteText(large)
		_ = ws.Post(quart.NewFrame("", quart.Message{Data: []byte(large)}))
		_ = ws.Post(quart.NewFrame("", quart.Message{Data: []byte("small")}))
		m, err := ws.Read()
		if err != nil {
			return err
		}
		return ws.Write(m)
	})
	ws := serve(t, app).socket("/", "Sec-WebSocket-Extensions: permessage-deflate")
	ws.want(fin|opText, "small")
	for range 2 {
		f, p, err := ws.next()
		if err != nil || f != fin|rsv1|opText || len(p) > 200 || inflate(t, p) != strings.Repeat("large ", 1000) {
			t.Fatalf("frame %#x of %d bytes, %v", f, len(p), err)
		}
	}
	ws.want(fin|opText, "small")
	// A compressed message in two frames with a ping between them.
	z := deflate(t, strings.Repeat("from the client ", 100))
	ws.send(frame(rsv1|opText, z[:10]), frame(fin|opPing, "?"), frame(fin, z[10:]))
	ws.want(fin|opPong, "?")
	f, p, err := ws.next()
	if err != nil || f != fin|rsv1|opText || inflate(t, p) != strings.Repeat("from the client ", 100) {
		t.Fatalf("frame %#x, %v", f, err)
	}
	ws.wantClose(1000)
}

// A bomb is cut at the limit of inflated bytes, garbage is a protocol error, and so is compression that nobody negotiated.
func TestSocketDeflateBadInput(t *testing.T) {
	s := serve(t, deflating(quart.SocketConfig{ReadLimit: 100_000}, echoSocket))
	bomb := deflate(t, strings.Repeat("\x00", 64<<20))
	for _, tt := range []struct {
		name, frame string
		code        int
	}{
		{"bomb", frame(fin|rsv1|opBinary, bomb), 1009},
		{"just over", frame(fin|rsv1|opBinary, deflate(t, strings.Repeat("x", 100_001))), 1009},
		{"garbage", frame(fin|rsv1|opBinary, "\xff\xff\xff\xff"), 1007},
		{"not text", frame(fin|rsv1|opText, deflate(t, strings.Repeat("\xff", 1000))), 1007},
		{"on a continuation", frame(rsv1|opText, "x") + frame(fin|rsv1, "x"), 1002},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ws := s.socket("/", "Sec-WebSocket-Extensions: permessage-deflate")
			go func() { _, _ = io.WriteString(ws.Conn, tt.frame) }()
			ws.wantClose(tt.code)
		})
	}
	ws := s.socket("/", "Sec-WebSocket-Extensions: permessage-deflate")
	ws.send(frame(fin|rsv1|opBinary, deflate(t, strings.Repeat("x", 100_000))))
	if _, p, err := ws.next(); err != nil || len(inflate(t, p)) != 100_000 {
		t.Errorf("the limit itself: %v", err)
	}
}

// TestSocketDeflateClient talks to another implementation, without and with context takeover, in messages and in posted frames.
func TestSocketDeflateClient(t *testing.T) {
	for _, takeover := range []bool{false, true} {
		s := serve(t, deflating(quart.SocketConfig{ContextTakeover: takeover, CompressFrom: 1}, func(ws *quart.Socket) error {
			for m, err := range ws.Messages() {
				if err != nil {
					return err
				}
				_ = ws.Write(m)
				_ = ws.Post(quart.NewFrame("", m))
			}
			return nil
		}))
		dialer := websocket.Dialer{EnableCompression: true}
		ws, resp, err := dialer.Dial("ws://"+s.addr+"/", http.Header{})
		if err != nil {
			t.Fatal(err)
		}
		if resp.Header.Get("Sec-Websocket-Extensions") == "" {
			t.Fatal("no compression")
		}
		for i := range 300 {
			m := strings.Repeat(fmt.Sprint("message ", i, " "), i)
			if err := ws.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
				t.Fatal(err)
			}
			wantMessage(t, ws, m)
			wantMessage(t, ws, m)
		}
		ws.Close()
	}
}

// With context takeover a message refers to the ones before: the second of two equal ones is a few bytes.
func TestSocketContextTakeover(t *testing.T) {
	var text strings.Builder
	for i := range 300 {
		text.Write(binary.BigEndian.AppendUint32(nil, uint32(i*i*7919))[1:3])
	}
	m := strings.ToValidUTF8(text.String(), "?")
	s := serve(t, deflating(quart.SocketConfig{ContextTakeover: true, CompressFrom: 1}, func(ws *quart.Socket) error {
		_ = ws.WriteText(m)
		return ws.WriteText(m)
	}))
	ws := s.socket("/", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
	_, first, _ := ws.next()
	_, second, err := ws.next()
	if err != nil || len(second) > 20 || len(second) >= len(first) {
		t.Errorf("%d and %d bytes, %v", len(first), len(second), err)
	}
	both := flate.NewReader(strings.NewReader(first + "\x00\x00\xff\xff" + second + "\x00\x00\xff\xff\x01\x00\x00\xff\xff"))
	if b, err := io.ReadAll(both); err != nil || string(b) != m+m {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}
