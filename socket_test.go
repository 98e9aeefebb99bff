package quart_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// TestSocketEcho runs the same conversation over all that a socket can run on.
func TestSocketEcho(t *testing.T) {
	for _, over := range []string{"tcp", "tls", "foreign"} {
		t.Run(over, func(t *testing.T) {
			cfg := quart.Config{}
			if over == "tls" {
				cfg.TLS = &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}
			}
			app, log := newApp(cfg)
			app.WebSocket("/ws", echoSocket)
			var nc net.Conn
			switch over {
			case "tls":
				nc = dialTLS(t, serve(t, app).addr)
			case "tcp":
				nc = serve(t, app).dial()
			case "foreign":
				nc = serveForeign(t, app).dial()
			}
			// The first message is sent with the handshake.
			ws, _ := openSocket(t, nc, textFrame("early")+textFrame("bird"), "/ws")
			ws.want(fin|opText, "early")
			ws.want(fin|opText, "bird")
			for _, n := range []int{0, 1, 63, 64, 65, 125, 126, 127, 1000, 4096, 65535, 65536, 100_000, 1 << 20} {
				p := strings.Repeat("x", n)
				ws.send(textFrame(p))
				ws.want(fin|opText, p)
				ws.send(frame(fin|opBinary, p))
				ws.want(fin|opBinary, p)
			}
			ws.send(frame(opText, "fra"), frame(fin|opPing, "?"), frame(0, ""), frame(fin, "gments"))
			ws.want(fin|opPong, "?")
			ws.want(fin|opText, "fragments")
			ws.send(closing(1000, "bye"))
			ws.wantClose(1000)
			if log := log.String(); log != "" {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// TestSocketBurst: messages that arrive together are answered together, in order and whole.
func TestSocketBurst(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.WebSocket("/ws", echoSocket)
	s := serve(t, app)
	for _, n := range []int{2, 16, 1000} {
		ws := s.socket("/ws")
		var burst strings.Builder
		for i := range n {
			burst.WriteString(textFrame(fmt.Sprint("message ", i)))
		}
		go ws.send(burst.String())
		for i := range n {
			ws.want(fin|opText, fmt.Sprint("message ", i))
		}
	}
}

// A reply to the first of a burst must not wait for a handler that takes its time with the second.
func TestSocketBurstIsNotHeldUp(t *testing.T) {
	app, _ := newApp(quart.Config{})
	release := make(chan struct{})
	app.WebSocket("/ws", func(ws *quart.Socket) error {
		for m, err := range ws.Messages() {
			if err != nil {
				return err
			}
			if string(m.Data) == "wait" {
				<-release
			}
			_ = ws.Write(m)
		}
		return nil
	})
	ws := serve(t, app).socket("/ws")
	ws.send(textFrame("first"), textFrame("wait"))
	ws.want(fin|opText, "first")
	close(release)
	ws.want(fin|opText, "wait")
}

func TestSocketEnds(t *testing.T) {
	bad := errors.New("secret")
	tests := []struct {
		name   string
		f      func(*quart.Socket) error
		code   int
		reason string
		log    string
	}{
		{"nil", func(*quart.Socket) error { return nil }, 1000, "", ""},
		{"error", func(*quart.Socket) error { return bad }, 1011, "", "secret"},
		{"panic", func(*quart.Socket) error { panic("boom") }, 1011, "", "stack"},
		{"close error", func(*quart.Socket) error { return &quart.CloseError{Code: 4001, Reason: "enough"} }, 4001, "enough", ""},
		{"wrapped", func(*quart.Socket) error { return fmt.Errorf("x: %w", &quart.CloseError{Code: 4002}) }, 4002, "", ""},
		{"bad code", func(*quart.Socket) error { return &quart.CloseError{Code: 17} }, 1011, "", ""},
		{"forbidden", func(*quart.Socket) error { return quart.ErrForbidden }, 1008, "Forbidden", ""},
		{"detail", func(*quart.Socket) error { return quart.Errorf(409, "taken") }, 1008, "taken", ""},
		{"malformed", func(*quart.Socket) error { return quart.Errorf(400, "no JSON") }, 1007, "no JSON", ""},
		{"too long", func(*quart.Socket) error { return quart.Errorf(413, "too long") }, 1009, "too long", ""},
		{"away", func(*quart.Socket) error { return &quart.HTTPError{Status: 503, Err: bad} }, 1013, "try again later", "secret"},
		{"closed", func(ws *quart.Socket) error { ws.Close(); return nil }, 1000, "", ""},
		{"closed with", func(ws *quart.Socket) error { ws.CloseWith(4003, "x"); ws.Close(); return bad }, 4003, "x", "secret"},
		{"closed and read", func(ws *quart.Socket) error { ws.CloseWith(4004, ""); _, err := ws.Read(); return err }, 4004, "", ""},
		{"long reason", func(ws *quart.Socket) error { ws.CloseWith(4005, strings.Repeat("é", 100)); return nil }, 4005, strings.Repeat("é", 61), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app, log := newApp(quart.Config{})
			app.WebSocket("/ws", tt.f)
			ws := serve(t, app).socket("/ws")
			if reason := ws.wantClose(tt.code); reason != tt.reason {
				t.Errorf("reason %q, want %q", reason, tt.reason)
			}
			switch got := log.String(); {
			case tt.log == "" && got != "":
				t.Errorf("log: %s", got)
			case !strings.Contains(got, tt.log):
				t.Errorf("log without %q: %s", tt.log, got)
			}
		})
	}
}

// TestSocketClientEnds: what the function learns of a client's end, and what the client gets.
func TestSocketClientEnds(t *testing.T) {
	tests := []struct {
		name   string
		bytes  string
		answer int // 0: none
		err    quart.CloseError
		quiet  bool // Messages says nothing
	}{
		{"normal", closing(1000, "done"), 1000, quart.CloseError{Code: 1000, Reason: "done"}, true},
		{"going away", closing(1001, ""), 1001, quart.CloseError{Code: 1001}, true},
		{"no code", frame(fin|opClose, ""), 1005, quart.CloseError{Code: 1005}, true},
		{"own code", closing(4321, "why"), 4321, quart.CloseError{Code: 4321, Reason: "why"}, false},
		{"more behind it", closing(1000, "") + textFrame("late") + "garbage", 1000, quart.CloseError{Code: 1000}, true},
		{"no mask", "\x81\x01x", 1002, quart.CloseError{Code: 1002}, false},
		{"reserved bit", frame(fin|rsv1|opText, "x"), 1002, quart.CloseError{Code: 1002}, false},
		{"reserved opcode", frame(fin|3, "x"), 1002, quart.CloseError{Code: 1002}, false},
		{"bad close code", closing(1006, ""), 1002, quart.CloseError{Code: 1002}, false},
		{"half a close code", frame(fin|opClose, "x"), 1002, quart.CloseError{Code: 1002}, false},
		{"no text", textFrame("a\xffb"), 1007, quart.CloseError{Code: 1007}, false},
		{"too long", textFrame(strings.Repeat("x", 1<<20+1)), 1009, quart.CloseError{Code: 1009}, false},
		{"declared too long", "\x82\xff\x00\x00\x00\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1009, quart.CloseError{Code: 1009}, false},
		{"declared negative", "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1002, quart.CloseError{Code: 1002}, false},
		{"gone", "", 0, quart.CloseError{Code: 1006}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app, log := newApp(quart.Config{})
			ended := make(chan error, 2)
			app.WebSocket("/read", func(ws *quart.Socket) error {
				_, err := ws.Read()
				if _, again := ws.Read(); again != err {
					t.Errorf("the second Read says %v", again)
				}
				if err := ws.WriteText("late"); err != quart.ErrClosed {
					t.Errorf("Write says %v", err)
				}
				<-ws.Context().Done()
				ended <- err
				return err
			})
			app.WebSocket("/messages", func(ws *quart.Socket) error {
				var last error
				for _, err := range ws.Messages() {
					last = err
				}
				ended <- last
				return last
			})
			s := serve(t, app)
			for _, path := range []string{"/read", "/messages"} {
				ws := s.socket(path)
				go func() { _, _ = io.WriteString(ws.Conn, tt.bytes) }()
				if tt.answer == 0 {
					ws.Close()
				} else {
					ws.wantClose(tt.answer)
				}
				err := <-ended
				var e *quart.CloseError
				switch {
				case path == "/messages" && tt.quiet:
					if err != nil {
						t.Errorf("Messages: %v", err)
					}
				case !errors.As(err, &e) || e.Code != tt.err.Code || tt.err.Reason != "" && e.Reason != tt.err.Reason:
					t.Errorf("%s: %v, want %v", path, err, &tt.err)
				}
			}
			if log := log.String(); log != "" {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// Close from another goroutine ends a Read that waits, and the connection of a function that never returns.
func TestSocketCloseFromElsewhere(t *testing.T) {
	app, _ := newApp(quart.Config{ShutdownGrace: time.Second})
	sockets := make(chan *quart.Socket, 1)
	ended := make(chan error, 1)
	app.WebSocket("/waits", func(ws *quart.Socket) error {
		sockets <- ws
		_, err := ws.Read()
		ended <- err
		return err
	})
	stuck := make(chan struct{})
	app.WebSocket("/stuck", func(ws *quart.Socket) error {
		sockets <- ws
		<-stuck
		return nil
	})
	s := serve(t, app)
	ws := s.socket("/waits")
	(<-sockets).CloseWith(4000, "kicked")
	if reason := ws.wantClose(4000); reason != "kicked" {
		t.Error(reason)
	}
	if err := <-ended; err != quart.ErrClosed {
		t.Error(err)
	}
	ws = s.socket("/stuck")
	(<-sockets).Close()
	ws.wantClose(1000)
	close(stuck)
}

func TestSocketWritersFromAnywhere(t *testing.T) {
	app, _ := newApp(quart.Config{})
	const writers, each = 8, 200
	app.WebSocket("/ws", func(ws *quart.Socket) error {
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					var err error
					switch p := fmt.Sprint(w, " ", i); i % 3 {
					case 0:
						err = ws.WriteText(p)
					case 1:
						err = ws.Write(quart.Message{Data: []byte(p)})
					case 2:
						err = ws.Post(quart.NewFrame("", quart.Message{Data: []byte(p)}))
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		return nil
	})
	ws := serve(t, app).socket("/ws")
	var last [writers]int
	for range writers * each {
		_, p, err := ws.next()
		if err != nil {
			t.Fatal(err)
		}
		var w, i int
		if _, err := fmt.Sscan(p, &w, &i); err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		if i != last[w] {
			t.Fatalf("writer %d: message %d, want %d", w, i, last[w])
		}
		last[w]++
	}
	ws.wantClose(1000)
}

func TestSocketJSON(t *testing.T) {
	type move struct {
		X int `json:"x"`
	}
	app, _ := newApp(quart.Config{})
	app.WebSocket("/ws", func(ws *quart.Socket) error {
		for {
			var m move
			if err := ws.ReadJSON(&m); err != nil {
				return err
			}
			if err := ws.WriteJSON(move{m.X + 1}); err != nil {
				return err
			}
		}
	})
	s := serve(t, app)
	ws := s.socket("/ws")
	ws.send(textFrame(`{"x":41}`))
	ws.want(fin|opText, `{"x":42}`)
	ws.send(textFrame(`{"x":41,}`))
	ws.wantClose(1007)
	ws = s.socket("/ws")
	ws.send(textFrame(`{"x":"41"}`))
	ws.wantClose(1008)
	ws = s.socket("/ws")
	ws.send(textFrame(strings.Repeat("[", 100)))
	ws.wantClose(1007)
}

func TestSocketText(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.WebSocket("/ws", func(ws *quart.Socket) error {
		first, err := ws.ReadText()
		if err != nil {
			return err
		}
		if err := ws.WriteText("\xff"); err == nil || err == quart.ErrClosed {
			t.Errorf("text that is none: %v", err)
		}
		if err := ws.Ping(make([]byte, 126)); err == nil {
			t.Error("a long ping was sent")
		}
		if err := ws.Ping([]byte("p")); err != nil {
			t.Error(err)
		}
		_, err = ws.ReadText()
		_ = ws.WriteText(first) // still a string of its own
		return err
	})
	ws := serve(t, app).socket("/ws")
	ws.send(textFrame("one"), frame(fin|opBinary, "two"))
	ws.want(fin|opPing, "p")
	ws.want(fin|opText, "one")
	ws.wantClose(1003)
}

// What the request was lives on: parameters, typed keys, the context's values, headers that were set.
func TestSocketKeepsTheRequest(t *testing.T) {
	type ctxKey struct{}
	app, _ := newApp(quart.Config{})
	app.Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			socketUserKey.Set(c, "ada")
			c.SetContext(context.WithValue(c.Context(), ctxKey{}, "span"))
			c.SetHeader("X-Layer", "yes")
			return next(c)
		}
	})
	app.Get("/rooms/{room}", func(c *quart.Ctx) error {
		color := c.Query("color")
		cfg := quart.SocketConfig{Subprotocols: []string{"v2", "v1"}}
		return c.Upgrade(cfg, func(ws *quart.Socket) error {
			user, _ := socketUserKey.Get(ws)
			return ws.WriteText(strings.Join([]string{ws.Param("room"), color, user, ws.Context().Value(ctxKey{}).(string), ws.Subprotocol()}, " "))
		})
	})
	s := serve(t, app)
	ws, resp := openSocket(t, s.dial(), "", "/rooms/a%20b?color=red", "Sec-WebSocket-Protocol: v1, v3", "Sec-WebSocket-Protocol: v2")
	ws.want(fin|opText, "a b red ada span v2")
	ws.wantClose(1000)
	for name, want := range map[string]string{
		"X-Layer": "yes", "Sec-Websocket-Protocol": "v2", "Sec-Websocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
		"Upgrade": "websocket", "Connection": "Upgrade", "Content-Type": "", "Content-Length": "", "Sec-Websocket-Extensions": "",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

var socketUserKey = quart.NewKey[string]("user")

// Before Upgrade any answer is possible, and a layer may refuse afterwards.
func TestSocketRefused(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/before", func(c *quart.Ctx) error { return c.Text(401, "who?") })
	late := func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if err := next(c); err != nil {
				return err
			}
			return quart.Errorf(409, "late")
		}
	}
	app.WebSocket("/after", echoSocket).Use(late)
	app.WebSocket("/status", echoSocket).Use(quart.After(func(c *quart.Ctx) error {
		c.SetStatus(410)
		return nil
	}))
	s := serve(t, app)
	s.raw("GET", upgradeRequest("/before")).want(t, 401, "who?")
	if a := s.raw("GET", upgradeRequest("/after")); a.StatusCode != 409 {
		t.Error(a.StatusCode)
	}
	if a := s.raw("GET", upgradeRequest("/status")); a.StatusCode != 410 {
		t.Error(a.StatusCode)
	}
}

func TestSocketOrigins(t *testing.T) {
	app, _ := newApp(quart.Config{})
	list := []string{"https://friend.example", "http://local.example:8080", "https://*.wild.example"}
	app.Get("/some", func(c *quart.Ctx) error { return c.Upgrade(quart.SocketConfig{Origins: list}, echoSocket) })
	app.Get("/any", func(c *quart.Ctx) error { return c.Upgrade(quart.SocketConfig{Origins: []string{"*"}}, echoSocket) })
	app.WebSocket("/own", echoSocket)
	s := serve(t, app)
	tests := []struct {
		origin         string
		own, some, any int
	}{
		{"http://example.com", 101, 101, 101},
		{"http://EXAMPLE.com:80", 101, 101, 101},
		{"https://friend.example", 403, 101, 101},
		{"https://friend.example:443", 403, 101, 101},
		{"http://friend.example", 403, 403, 101},
		{"https://friend.example.evil", 403, 403, 101},
		{"https://evilfriend.example", 403, 403, 101},
		{"http://local.example:8080", 403, 101, 101},
		{"http://local.example", 403, 403, 101},
		{"https://a.wild.example", 403, 101, 101},
		{"https://a.b.wild.example", 403, 101, 101},
		{"https://wild.example", 403, 403, 101},
		{"https://.wild.example", 403, 403, 101},
		{"https://awild.example", 403, 403, 101},
		{"null", 403, 403, 101},
		{"", 403, 403, 101},
		{"https://friend.example@evil", 403, 403, 101},
		{"http://example.com/path", 403, 403, 101},
		{"http://example.com#.evil.com", 403, 403, 101},
		{"http://e\u017fample.com", 403, 403, 101},
	}
	for _, tt := range tests {
		for path, want := range map[string]int{"/own": tt.own, "/some": tt.some, "/any": tt.any} {
			nc := s.dial()
			_, _ = io.WriteString(nc, upgradeRequest(path, "Origin: "+tt.origin))
			if a := readHead(t, nc); a != want {
				t.Errorf("origin %q at %s: %d, want %d", tt.origin, path, a, want)
			}
			nc.Close()
		}
	}
}

func readHead(t *testing.T, nc net.Conn) (status int) {
	t.Helper()
	line, err := newReader(nc).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Sscanf(line, "HTTP/1.1 %d", &status)
	return status
}

// A group's middleware comes before its sockets, and may refuse them; a plain GET to one is 426, another method 405.
func TestSocketOfGroup(t *testing.T) {
	app, _ := newApp(quart.Config{})
	g := app.Group("/api", func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			if c.Query("token") == "" {
				return quart.ErrUnauthorized
			}
			return next(c)
		}
	})
	g.WebSocket("/ws", echoSocket)
	s := serve(t, app)
	ws := s.socket("/api/ws?token=1")
	ws.send(textFrame("hi"))
	ws.want(fin|opText, "hi")
	if a := s.raw("GET", upgradeRequest("/api/ws")); a.StatusCode != 401 {
		t.Errorf("no token: %d", a.StatusCode)
	}
	if a := s.get("/api/ws?token=1"); a.StatusCode != 426 || a.Header.Get("Upgrade") != "websocket" {
		t.Errorf("a plain GET: %d", a.StatusCode)
	}
	if a := s.do("POST", "/api/ws?token=1", ""); a.StatusCode != 405 {
		t.Errorf("POST: %d", a.StatusCode)
	}
}

type amount struct{ Count int }

func (o *amount) Validate() error {
	if o.Count < 1 {
		return errors.New("count is at least 1")
	}
	return nil
}

// TestSocketJSONValidated: what ReadJSON decodes is checked as typed handlers check it; the function may go on.
func TestSocketJSONValidated(t *testing.T) {
	app, _ := newApp(quart.Config{Validator: func(v any) error {
		if o, ok := v.(*amount); ok && o.Count > 9 {
			return errors.New("count is at most 9")
		}
		return nil
	}})
	app.WebSocket("/ws", func(ws *quart.Socket) error {
		for {
			var o amount
			err := ws.ReadJSON(&o)
			switch {
			case quart.StatusOf(err) == 422:
				_ = ws.WriteText(err.Error())
			case err != nil:
				return err
			default:
				_ = ws.WriteJSON(o)
			}
		}
	})
	ws := serve(t, app).socket("/ws")
	ws.send(textFrame(`{"Count":0}`), textFrame(`{"Count":10}`), textFrame(`{"Count":5}`))
	for _, want := range []string{"at least 1", "at most 9", `{"Count":5}`} {
		if _, p, err := ws.next(); err != nil || !strings.Contains(p, want) {
			t.Errorf("%q, %v; want %q", p, err, want)
		}
	}
}

// What a SocketConfig leaves zero is that of Config.Socket.
func TestSocketConfigInherits(t *testing.T) {
	app, _ := newApp(quart.Config{Socket: quart.SocketConfig{Origins: []string{"https://friend.example"}, Subprotocols: []string{"v1"}, ReadLimit: 10}})
	app.WebSocket("/app", echoSocket)
	app.Get("/own", func(c *quart.Ctx) error { return c.Upgrade(quart.SocketConfig{ReadLimit: 20}, echoSocket) })
	s := serve(t, app)
	for path, limit := range map[string]int{"/app": 10, "/own": 20} {
		ws, resp := openSocket(t, s.dial(), "", path, "Origin: https://friend.example", "Sec-WebSocket-Protocol: v1")
		if p := resp.Header.Get("Sec-WebSocket-Protocol"); p != "v1" {
			t.Errorf("%s: protocol %q", path, p)
		}
		ws.send(textFrame(strings.Repeat("x", limit)))
		ws.want(fin|opText, strings.Repeat("x", limit))
		ws.send(textFrame(strings.Repeat("x", limit+1)))
		ws.wantClose(1009)
	}
}

func TestSocketBadOrigins(t *testing.T) {
	for _, origin := range []string{"friend.example", "ftp://friend.example", "https://", "https://friend.example/path", ""} {
		func() {
			defer func() {
				if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), strconv.Quote(origin)) {
					t.Errorf("%q: %v", origin, v)
				}
			}()
			quart.New(quart.Config{Socket: quart.SocketConfig{Origins: []string{origin}}})
		}()
	}
}
