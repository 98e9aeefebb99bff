package quarttest_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func echoSocket(ws *quart.Socket) error {
	for m, err := range ws.Messages() {
		if err != nil {
			return err
		}
		if string(m.Data) == "bye" {
			return &quart.CloseError{Code: 4001, Reason: "as you say"}
		}
		if err := ws.Write(m); err != nil {
			return err
		}
	}
	return nil
}

// TestWebSocketOfApp: what an app's socket sends is what the test takes.
func TestWebSocketOfApp(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		for name, tt := range map[string]struct{ offer, answer string }{
			"plain":    {"", ""},
			"deflate":  {"permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
			"declined": {"permessage-deflate; server_max_window_bits=7", ""},
		} {
			t.Run(name, func(t *testing.T) {
				app := newApp(t)
				app.Handle(quart.MethodWebSocket, "/ws/{room}", func(c *quart.Ctx) error {
					return c.Upgrade(quart.SocketConfig{Compress: true, Subprotocols: []string{"v2", "v1"}}, echoSocket)
				})
				header := []string{"Sec-WebSocket-Protocol", "v1, v2"}
				if tt.offer != "" {
					header = append(header, "Sec-WebSocket-Extensions", tt.offer)
				}
				ws, resp := quarttest.New(t, app, p).Handshake("/ws/a", header...)
				if got := resp.Header("Sec-WebSocket-Extensions"); got != tt.answer || ws == nil || ws.Subprotocol() != "v2" {
					t.Fatalf("the app's answer: %s", resp.Head())
				}
				large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
				for range 2 {
					if err := ws.WriteMessage(websocket.BinaryMessage, large); err != nil {
						t.Fatal(err)
					}
					if kind, data, err := ws.ReadMessage(); kind != websocket.BinaryMessage || !bytes.Equal(data, large) || err != nil {
						t.Errorf("type %d, %d bytes, %v", kind, len(data), err)
					}
				}
				quarttest.WriteText(t, ws, "hällo")
				if got := quarttest.ReadText(t, ws); got != "hällo" {
					t.Errorf("echo %q", got)
				}
				quarttest.WriteText(t, ws, "bye")
				if got, want := quarttest.ReadClose(t, ws), (quart.CloseError{Code: 4001, Reason: "as you say"}); got != want {
					t.Errorf("closed with %+v, want %+v", got, want)
				}
			})
		}
	})
}

// TestWebSocketOfAppRefused: the app's problem is in the message.
func TestWebSocketOfAppRefused(t *testing.T) {
	app := newApp(t)
	app.WebSocket("/ws", echoSocket)
	group := quart.NewGroup(func(quart.Handler) quart.Handler {
		return func(*quart.Ctx) error { return quart.Errorf(401, "who are you?") }
	})
	group.WebSocket("/ws", echoSocket)
	app.Mount("/private", group)
	cl := quarttest.New(t, app)
	for _, tt := range []struct {
		target string
		header []string
		status int
	}{
		{"/private/ws", nil, 401},
		{"/ws", []string{"Origin", "https://evil.example"}, 403},
		{"/ws", []string{"Connection", "close"}, 426},
		{"/nowhere", nil, 404},
	} {
		if ws, resp := cl.Handshake(tt.target, tt.header...); ws != nil || resp.Status != tt.status {
			t.Errorf("%s %q: %d, want %d", tt.target, tt.header, resp.Status, tt.status)
		}
	}
	failed := record(t, func(t testing.TB) { quarttest.New(t, privateApp(t)).WebSocket("/ws") })
	if !strings.Contains(failed, "status 401") || !strings.Contains(failed, "who are you?") {
		t.Errorf("failed with %q", failed)
	}
}

func privateApp(t testing.TB) *quart.App {
	app := newApp(t)
	app.Use(func(quart.Handler) quart.Handler {
		return func(*quart.Ctx) error { return quart.Errorf(401, "who are you?") }
	})
	app.WebSocket("/ws", echoSocket)
	return app
}

// TestWebSocketOfAppEnds: in a bubble, where the app's pings and limits take no time, and nothing of a socket stays.
func TestWebSocketOfAppEnds(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		tests := map[string]struct {
			use  func(t *testing.T, cl *quarttest.Client, ws *websocket.Conn)
			want quart.CloseError // what the app's Read says; zero for ErrClosed
		}{
			"closed": {func(_ *testing.T, _ *quarttest.Client, ws *websocket.Conn) {
				_ = ws.Close()
				synctest.Wait() // else the app stops at the same time
			}, quart.CloseError{Code: 1006}},
			"close frame": {func(t *testing.T, _ *quarttest.Client, ws *websocket.Conn) {
				_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4002, "enough"), time.Now().Add(time.Second))
				if got := quarttest.ReadClose(t, ws); got.Code != 4002 {
					t.Errorf("answered with %+v", got)
				}
			}, quart.CloseError{Code: 4002, Reason: "enough"}},
			"app stop": {func(t *testing.T, cl *quarttest.Client, ws *websocket.Conn) {
				stopped := make(chan error, 1)
				go func() { stopped <- cl.Stop() }()
				if got := quarttest.ReadClose(t, ws); got.Code != 1001 {
					t.Errorf("closed with %+v", got)
				}
				if err := <-stopped; err != nil {
					t.Errorf("Stop: %v", err)
				}
			}, quart.CloseError{}},
			"pings": {func(t *testing.T, _ *quarttest.Client, ws *websocket.Conn) {
				pings := 0
				ws.SetPingHandler(func(string) error { pings++; return nil }) // without an answer
				_ = ws.SetReadDeadline(time.Now().Add(5 * time.Minute))
				if got := quarttest.ReadClose(t, ws); got.Code != 1001 || pings < 2 {
					t.Errorf("closed with %+v after %d pings", got, pings)
				}
			}, quart.CloseError{Code: 1006, Reason: "no sign of life"}},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ended := make(chan error, 1)
					app := newApp(t)
					app.WebSocket("/", func(ws *quart.Socket) error {
						_ = ws.WriteText("here")
						_, err := ws.Read()
						ended <- err
						return err
					})
					failed := record(t, func(rt testing.TB) {
						cl := quarttest.New(rt, app, p)
						ws := cl.WebSocket("/")
						quarttest.ReadText(rt, ws)
						tt.use(t, cl, ws)
					})
					if failed != "" {
						t.Error(failed)
					}
					err := <-ended
					closed, ok := errors.AsType[*quart.CloseError](err)
					if ok && *closed != tt.want || !ok && (!errors.Is(err, quart.ErrClosed) || tt.want != quart.CloseError{}) {
						t.Errorf("Read says %v, want %+v", err, tt.want)
					}
				})
			})
		}
	})
}
