package quart_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// echo is the handler of the library's own echo example.
func echo(ws *websocket.Conn) {
	defer ws.Close()
	for {
		mt, message, err := ws.ReadMessage()
		if err != nil {
			return
		}
		if err := ws.WriteMessage(mt, message); err != nil {
			return
		}
	}
}

func dialSocket(t *testing.T, s *served, path string, header http.Header) *websocket.Conn {
	t.Helper()
	ws, resp, err := websocket.DefaultDialer.Dial("ws://"+s.addr+path, header)
	if err != nil {
		t.Fatalf("dial %s: %v (%v)", path, err, resp)
	}
	t.Cleanup(func() { ws.Close() })
	_ = ws.SetReadDeadline(time.Now().Add(20 * time.Second))
	return ws
}

func wantMessage(t *testing.T, ws *websocket.Conn, want string) {
	t.Helper()
	_, got, err := ws.ReadMessage()
	if err != nil || string(got) != want {
		t.Fatalf("message %.80q, %v, want %.80q", got, err, want)
	}
}

func wantClosed(t *testing.T, ws *websocket.Conn, code int) {
	t.Helper()
	_, _, err := ws.ReadMessage()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != code {
		t.Errorf("read ended with %v, want close code %d", err, code)
	}
}

func TestFastWebSocketEcho(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Use(layered)
	app.Get("/ws", quart.FastWebSocket(echo))
	app.Handle(quart.MethodWebSocket, "/shared", quart.FastWebSocket(echo))
	app.Get("/shared", func(c *quart.Ctx) error { return c.Text(200, "page") })
	app.Handle(quart.MethodWebSocket, "/alone", quart.FastWebSocket(echo))
	s := serve(t, app)
	for _, path := range []string{"/ws", "/shared", "/alone"} {
		ws := dialSocket(t, s, path, http.Header{"Origin": {"http://" + s.addr}})
		for _, m := range []string{"hi", "", strings.Repeat("x", 1<<20)} {
			if err := ws.WriteMessage(websocket.BinaryMessage, []byte(m)); err != nil {
				t.Fatal(err)
			}
			wantMessage(t, ws, m)
		}
	}
	s.get("/shared").want(t, 200, "page")
	for _, path := range []string{"/ws", "/alone"} {
		got := s.get(path)
		if got.StatusCode != 426 || got.Header.Get("Upgrade") != "websocket" {
			t.Errorf("a plain GET %s: %d %v, want 426 with Upgrade", path, got.StatusCode, got.Header)
		}
	}
}

const socketKey = "dGhlIHNhbXBsZSBub25jZQ=="

func handshake(extra ...string) string {
	lines := map[string]string{
		"Host": "example.com", "Connection": "keep-alive, Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": socketKey,
	}
	method, proto, tail := "GET", "HTTP/1.1", ""
	for i := 0; i < len(extra); i += 2 {
		switch k, v := extra[i], extra[i+1]; k {
		case "method":
			method = v
		case "proto":
			proto = v
		case "tail":
			tail = v
		default:
			lines[k] = v
		}
	}
	b := method + " /ws " + proto + "\r\n"
	for k, v := range lines {
		if v != "" {
			b += k + ": " + v + "\r\n"
		}
	}
	return b + "\r\n" + tail
}

// TestWebSocketHandshake: both engines take and refuse the same handshakes.
func TestWebSocketHandshake(t *testing.T) {
	tests := []struct {
		name    string
		request string
		status  int
		header  string
	}{
		{"plain", handshake(), 101, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
		{"two lines of Connection", handshake("Connection", "keep-alive\r\nConnection: Upgrade"), 101, ""},
		{"list of upgrades", handshake("Upgrade", "h2c, WebSocket"), 101, "Upgrade: websocket"},
		{"subprotocol of the server's choice", handshake("Sec-WebSocket-Protocol", "x, v1,v2"), 101, "Sec-WebSocket-Protocol: v2"},
		{"unknown subprotocol", handshake("Sec-WebSocket-Protocol", "x"), 101, "Sec-WebSocket-Protocol: "},
		{"deflate", handshake("Sec-WebSocket-Extensions", "foo, permessage-deflate; client_max_window_bits"), 101, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
		{"deflate with a window", handshake("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=10"), 101, "Sec-WebSocket-Extensions: "},
		{"not quite deflate", handshake("Sec-WebSocket-Extensions", "permessage-deflate-x"), 101, "Sec-WebSocket-Extensions: "},
		{"layer", handshake(), 101, "X-Layer: on"},
		{"late layer", handshake(), 101, "X-After: on"},
		{"own origin", handshake("Origin", "https://EXAMPLE.com"), 101, ""},
		{"own origin with default port", handshake("Origin", "https://example.com:443"), 101, ""},

		{"version 8", handshake("Sec-WebSocket-Version", "8"), 426, "Sec-WebSocket-Version: 13"},
		{"no version", handshake("Sec-WebSocket-Version", ""), 426, "Sec-WebSocket-Version: 13"},
		{"no upgrade", handshake("Upgrade", ""), 426, "Upgrade: websocket"},
		{"other upgrade", handshake("Upgrade", "h2c"), 426, "Upgrade: websocket"},
		{"POST", handshake("method", "POST", "Content-Length", "0"), 426, "Upgrade: websocket"},
		{"closing", handshake("Connection", "close, Upgrade"), 426, "Upgrade: websocket"},
		{"HTTP/1.0", handshake("proto", "HTTP/1.0"), 426, "Upgrade: websocket"},
		{"no key", handshake("Sec-WebSocket-Key", ""), 400, ""},
		{"short key", handshake("Sec-WebSocket-Key", "dGhlIHNhbXBsZQ=="), 400, ""},
		{"bad key", handshake("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZ!=="), 400, ""},
		{"large body", handshake("Content-Length", "2000000", "tail", "x"), 413, ""},
		{"foreign origin", handshake("Origin", "https://evil.example"), 403, ""},
		{"foreign port", handshake("Origin", "https://example.com:8443"), 403, ""},
		{"null origin", handshake("Origin", "null"), 403, ""},
		{"origin without scheme", handshake("Origin", "//example.com"), 403, ""},
		{"origin with user", handshake("Origin", "https://example.com@evil.example"), 403, ""},
		{"two origins", handshake("Origin", "https://example.com\r\nOrigin: https://evil.example"), 403, ""},
	}
	protocols := []string{"v2", "v1"}
	for engine, handler := range map[string]quart.Handler{
		"fast": quart.FastUpgrader(websocket.FastHTTPUpgrader{EnableCompression: true, Subprotocols: protocols}, echo),
		"own": func(c *quart.Ctx) error {
			return c.Upgrade(quart.SocketConfig{Compress: true, Subprotocols: protocols}, echoSocket)
		},
	} {
		app, _ := newApp(quart.Config{})
		app.Use(layered, func(next quart.Handler) quart.Handler {
			return func(c *quart.Ctx) error {
				err := next(c)
				c.SetHeader("X-After", "on")
				return err
			}
		})
		app.Handle(quart.MethodAny, "/ws", handler)
		s := serve(t, app)
		for _, tt := range tests {
			t.Run(engine+"/"+tt.name, func(t *testing.T) {
				nc := s.dial()
				send(t, nc, tt.request)
				resp, err := http.ReadResponse(newReader(nc), nil)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != tt.status {
					t.Fatalf("%d, want %d", resp.StatusCode, tt.status)
				}
				name, value, _ := strings.Cut(tt.header, ": ")
				if engine == "own" && name == "Sec-WebSocket-Extensions" {
					return // it can do more: TestSocketDeflateNegotiation
				}
				if got := resp.Header.Get(name); got != value {
					t.Errorf("%s %q, want %q", name, got, value)
				}
				if v := resp.Header["Content-Type"]; tt.status == 101 && v != nil {
					t.Errorf("a 101 with Content-Type %q", v)
				}
			})
		}
	}
}

func TestFastUpgraderOptions(t *testing.T) {
	app, _ := newApp(quart.Config{})
	u := websocket.FastHTTPUpgrader{
		CheckOrigin: func(ctx *fasthttp.RequestCtx) bool { return string(ctx.QueryArgs().Peek("token")) == "ok" },
		Error: func(ctx *fasthttp.RequestCtx, status int, reason error) {
			ctx.Error("custom "+reason.Error(), status)
		},
		ReadBufferSize: 64, WriteBufferSize: 64, WriteBufferPool: new(sync.Pool),
	}
	app.Get("/ws", quart.FastUpgrader(u, echo))
	s := serve(t, app)
	foreign := http.Header{"Origin": {"https://evil.example"}}
	ws := dialSocket(t, s, "/ws?token=ok", foreign)
	if err := ws.WriteMessage(websocket.TextMessage, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	wantMessage(t, ws, "hi")
	_, resp, err := websocket.DefaultDialer.Dial("ws://"+s.addr+"/ws", foreign)
	if err == nil || resp.StatusCode != 403 {
		t.Fatalf("no token: %v %v, want 403", resp, err)
	}
	body, _ := io.ReadAll(resp.Body)
	if !strings.HasPrefix(string(body), "custom 403") {
		t.Errorf("%q, want what Error wrote", body)
	}
}

// A layer may refuse after the handler has agreed: its answer comes, and no websocket.
func TestFastWebSocketRefusedLate(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if err := next(c); err != nil {
				return err
			}
			return quart.ErrConflict
		}
	})
	app.Get("/ws", quart.FastWebSocket(func(*websocket.Conn) { t.Error("the handler ran") }))
	nc := serve(t, app).dial()
	send(t, nc, handshake())
	got := readAnswer(t, newReader(nc), "GET")
	if got.StatusCode != 409 || !strings.Contains(got.body, "Conflict") {
		t.Errorf("%d %q, want 409", got.StatusCode, got.body)
	}
}

// What the client sent in one packet with its handshake is not lost, and a body before it is no frame.
func TestWebSocketEarlyFrames(t *testing.T) {
	frame := "\x81\x82\x00\x00\x00\x00hi" // masked with zeros
	for name, request := range map[string]string{
		"frame": handshake("tail", frame),
		"body":  handshake("Content-Length", "3", "tail", "abc"+frame),
	} {
		t.Run(name, func(t *testing.T) {
			fast, _ := newApp(quart.Config{})
			fast.Get("/ws", quart.FastWebSocket(echo))
			own, _ := newApp(quart.Config{})
			own.WebSocket("/ws", echoSocket)
			for _, app := range []*quart.App{fast, own} {
				nc := serve(t, app).dial()
				send(t, nc, request)
				br := newReader(nc)
				if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != 101 {
					t.Fatalf("%v %v, want 101", resp, err)
				}
				got := make([]byte, 4)
				if _, err := io.ReadFull(br, got); err != nil || string(got) != "\x81\x02hi" {
					t.Errorf("%q %v, want the echoed frame", got, err)
				}
			}
		})
	}
}

func TestFastWebSocketEnds(t *testing.T) {
	kept := make(chan *websocket.Conn, 1)
	app, log := newApp(quart.Config{})
	app.Get("/return", quart.FastWebSocket(func(ws *websocket.Conn) { kept <- ws }))
	app.Get("/panic", quart.FastWebSocket(func(*websocket.Conn) { panic("boom in a socket") }))
	app.Get("/limit", quart.FastWebSocket(echo))
	app.Get("/close", quart.FastWebSocket(func(ws *websocket.Conn) {
		var reader sync.WaitGroup
		reader.Go(func() { _, _, _ = ws.ReadMessage() }) // blocked until Close
		_ = ws.Close()
		reader.Wait()
	}))
	s := serve(t, app)

	wantClosed(t, dialSocket(t, s, "/return", nil), websocket.CloseAbnormalClosure)
	if err := (<-kept).WriteMessage(websocket.TextMessage, []byte("late")); err == nil {
		t.Error("a write after the handler returned succeeds")
	}
	wantClosed(t, dialSocket(t, s, "/panic", nil), websocket.CloseInternalServerErr)
	if !strings.Contains(log.String(), "boom in a socket") || !strings.Contains(log.String(), "fasthttp_websocket_test.go") {
		t.Errorf("the log has no panic with its stack: %s", log)
	}
	wantClosed(t, dialSocket(t, s, "/close", nil), websocket.CloseAbnormalClosure)
	ws := dialSocket(t, s, "/limit", nil)
	go ws.WriteMessage(websocket.TextMessage, make([]byte, 1<<20+1))
	wantClosed(t, ws, websocket.CloseMessageTooBig)
}

func TestFastWebSocketStopsWithTheApp(t *testing.T) {
	app, _ := newApp(quart.Config{})
	begun, ended := make(chan struct{}, 8), make(chan error, 8)
	h := quart.FastWebSocket(func(ws *websocket.Conn) {
		begun <- struct{}{}
		_, _, err := ws.ReadMessage()
		ended <- err
	})
	app.Get("/ws", h)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served1 := make(chan error, 1)
	go func() { served1 <- app.Serve(ctx, l) }()
	s := &served{t: t, addr: l.Addr().String()}
	const sockets = 8
	for range sockets {
		dialSocket(t, s, "/ws", nil)
		<-begun
	}
	if n := app.Stats().Sockets; n != sockets {
		t.Errorf("Stats counts %d sockets, want %d", n, sockets)
	}
	stop()
	if err := <-served1; err != nil {
		t.Errorf("Serve: %v", err)
	}
	for range sockets {
		select {
		case err := <-ended:
			if err == nil {
				t.Error("a read at shutdown has no error")
			}
		default:
			t.Fatal("Serve returned before a handler did")
		}
	}
}

// A handler that does not end with its connection is awaited until the end of the grace, and told of.
func TestFastWebSocketHandlerIsAwaited(t *testing.T) {
	app, _ := newApp(quart.Config{ShutdownGrace: 50 * time.Millisecond})
	begun, release, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	app.Get("/ws", quart.FastWebSocket(func(*websocket.Conn) {
		defer close(ended)
		close(begun)
		<-release
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx, l) }()
	ws := dialSocket(t, &served{t: t, addr: l.Addr().String()}, "/ws", nil)
	<-begun
	stop()
	if err := <-done; err == nil {
		t.Error("Serve does not report the handler that it could not wait for")
	}
	wantClosed(t, ws, websocket.CloseAbnormalClosure)
	close(release)
	<-ended
}

// room is the library's chat example in short: a hub, and for each client a reader and a writer of its own.
type room struct {
	mu      sync.Mutex
	clients map[*roomClient]bool
	writers sync.WaitGroup
}

type roomClient struct {
	ws   *websocket.Conn
	send chan string
}

func (r *room) serve(ws *websocket.Conn) {
	cl := &roomClient{ws, make(chan string, 16)}
	r.mu.Lock()
	r.clients[cl] = true
	r.mu.Unlock()
	r.writers.Go(func() { cl.write() })
	defer r.leave(cl)
	for {
		_, m, err := ws.ReadMessage()
		if err != nil {
			return
		}
		if string(m) == "kick all" {
			r.kick()
			continue
		}
		r.mu.Lock()
		for other := range r.clients {
			other.send <- string(m)
		}
		r.mu.Unlock()
	}
}

// kick ends the writers, each of which closes its connection: that must end the blocked readers.
func (r *room) kick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for cl := range r.clients {
		delete(r.clients, cl)
		close(cl.send)
	}
}

func (r *room) leave(cl *roomClient) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.clients[cl] {
		delete(r.clients, cl)
		close(cl.send)
	}
}

func (cl *roomClient) write() {
	defer cl.ws.Close()
	for m := range cl.send {
		if cl.ws.WriteMessage(websocket.TextMessage, []byte(m)) != nil {
			return
		}
	}
	_ = cl.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
}

func TestFastWebSocketChat(t *testing.T) {
	r := &room{clients: map[*roomClient]bool{}}
	var handlers sync.WaitGroup
	app, log := newApp(quart.Config{})
	app.Get("/chat", quart.FastWebSocket(func(ws *websocket.Conn) {
		handlers.Add(1)
		defer handlers.Done()
		r.serve(ws)
	}))
	s := serve(t, app)
	var clients []*websocket.Conn
	for i := range 5 {
		ws := dialSocket(t, s, "/chat", nil)
		clients = append(clients, ws)
		hello := fmt.Sprint("hello from ", i)
		if err := ws.WriteMessage(websocket.TextMessage, []byte(hello)); err != nil {
			t.Fatal(err)
		}
		for _, other := range clients {
			wantMessage(t, other, hello)
		}
	}
	clients[0].Close()
	if err := clients[1].WriteMessage(websocket.TextMessage, []byte("kick all")); err != nil {
		t.Fatal(err)
	}
	for _, ws := range clients[1:] {
		wantClosed(t, ws, websocket.CloseNormalClosure)
	}
	handlers.Wait() // hangs if Close does not end a read
	r.writers.Wait()
	if strings.Contains(log.String(), "panic") {
		t.Errorf("the log has a panic: %s", log)
	}
}

func TestFastWebSocketTLS(t *testing.T) {
	app, _ := newApp(quart.Config{TLS: &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}})
	app.Get("/ws", quart.FastWebSocket(echo))
	s := serve(t, app)
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	ws, _, err := dialer.Dial("wss://"+s.addr+"/ws", http.Header{"Origin": {"https://" + s.addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	for _, m := range []string{"hi", strings.Repeat("x", 100_000)} {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
			t.Fatal(err)
		}
		wantMessage(t, ws, m)
	}
}

func testCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// The same in a foreign fasthttp server, with none of quart's connections below.
func TestFastWebSocketForeignServer(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/ws", quart.FastWebSocket(echo))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &fasthttp.Server{Handler: app.Handler(), StreamRequestBody: true}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	ws := dialSocket(t, &served{t: t, addr: l.Addr().String()}, "/ws", nil)
	for range 3 {
		if err := ws.WriteMessage(websocket.TextMessage, []byte("hi")); err != nil {
			t.Fatal(err)
		}
		wantMessage(t, ws, "hi")
	}
	ws.Close()
	_ = l.Close()
	if err := <-done; err != nil && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
