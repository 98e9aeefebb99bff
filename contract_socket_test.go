package quart_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func contractEcho(ws *quart.Socket) error {
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

func TestContractSockets(t *testing.T) {
	contract(t, quart.Config{}, func(app *quart.App) {
		app.WebSocket("/ws", contractEcho)
		app.Get("/ws/{room}", func(c *quart.Ctx) error {
			if c.Query("token") != "x" {
				return quart.ErrUnauthorized
			}
			c.SetCookie(quart.Cookie{Name: "seen", Value: c.Param("room")})
			return c.Upgrade(quart.SocketConfig{Compress: true, ReadLimit: 4 << 20, Subprotocols: []string{"v2", "v1"}}, contractEcho)
		})
		app.WebSocket("/fail", func(ws *quart.Socket) error { return fmt.Errorf("secret") })
		app.WebSocket("/panic", func(ws *quart.Socket) error { panic("secret") })
		app.Get("/plain", func(c *quart.Ctx) error { return c.Text(200, "no websocket") })
	}, func(t *testing.T, cl *quarttest.Client) {
		large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		for _, extensions := range []string{"", "permessage-deflate"} {
			header := []string{"Sec-WebSocket-Protocol", "v1, v2"}
			if extensions != "" {
				header = append(header, "Sec-WebSocket-Extensions", extensions)
			}
			ws, resp := cl.Handshake("/ws/lobby?token=x", header...)
			if ws == nil || ws.Subprotocol() != "v2" || strings.HasPrefix(resp.Header("Sec-WebSocket-Extensions"), "permessage-deflate") != (extensions != "") {
				t.Fatalf("handshake: %s%s", resp.Head(), resp.Text())
			}
			if cl.Cookie("seen") != "lobby" {
				t.Errorf("cookie %q", cl.Cookie("seen"))
			}
			for _, data := range [][]byte{[]byte("h"), {}, large, []byte("\x00\xff")} {
				if err := ws.WriteMessage(websocket.BinaryMessage, data); err != nil {
					t.Fatal(err)
				}
				if kind, got, err := ws.ReadMessage(); kind != websocket.BinaryMessage || !bytes.Equal(got, data) || err != nil {
					t.Errorf("echo of %d bytes: type %d, %d bytes, %v", len(data), kind, len(got), err)
				}
			}
			var writing sync.WaitGroup
			writing.Go(func() {
				for i := range 100 {
					if err := ws.WriteMessage(websocket.TextMessage, fmt.Append(nil, i)); err != nil {
						t.Error(err)
					}
				}
			})
			for i := range 100 {
				if got := quarttest.ReadText(t, ws); got != fmt.Sprint(i) {
					t.Errorf("message %q, want %d", got, i)
				}
			}
			writing.Wait()
			quarttest.WriteText(t, ws, "bye")
			if got, want := quarttest.ReadClose(t, ws), (quart.CloseError{Code: 4001, Reason: "as you say"}); got != want {
				t.Errorf("closed with %+v, want %+v", got, want)
			}
		}
		for target, want := range map[string]quart.CloseError{"/fail": {Code: 1011}, "/panic": {Code: 1011}} {
			if got := quarttest.ReadClose(t, cl.WebSocket(target)); got != want {
				t.Errorf("%s: closed with %+v, want %+v", target, got, want)
			}
		}
		ws := cl.WebSocket("/ws")
		_ = ws.WriteMessage(websocket.BinaryMessage, make([]byte, 1<<20+1))
		if got := quarttest.ReadClose(t, ws); got.Code != 1009 {
			t.Errorf("a large message: closed with %+v", got)
		}
	})
}

func TestContractHandshakes(t *testing.T) {
	contract(t, quart.Config{}, func(app *quart.App) {
		app.WebSocket("/ws", contractEcho)
		app.Get("/private", func(*quart.Ctx) error { return quart.Errorf(401, "who are you?") })
		app.Get("/plain", func(c *quart.Ctx) error { return c.Text(200, "no websocket") })
	}, func(t *testing.T, cl *quarttest.Client) {
		plain := 200 // the answer to a handshake that nobody took
		if cl.Protocol() != quarttest.HTTP1 {
			plain = 400 // a 2xx would open the tunnel (RFC 8441, section 5)
		}
		for name, tt := range map[string]struct {
			target string
			header []string
			status int
		}{
			"foreign origin": {"/ws", []string{"Origin", "https://evil.example"}, 403},
			"version":        {"/ws", []string{"Sec-WebSocket-Version", "8"}, 426},
			"no handshake":   {"/ws", []string{"Upgrade", "nothing"}, 426},
			"refused":        {"/private", nil, 401},
			"nowhere":        {"/nowhere", nil, 404},
			"no websocket":   {"/plain", nil, plain},
		} {
			ws, resp := cl.Handshake(tt.target, tt.header...)
			if ws != nil || resp.Status != tt.status {
				t.Errorf("%s: %d %.100q, want %d", name, resp.Status, resp.Text(), tt.status)
			}
			if resp.Status >= 400 {
				wantProblem(t, name, resp, tt.status)
			}
		}
		cl.Get("/ws").Want(426)
		if cl.Post("/ws").Send().Status == 200 {
			t.Error("POST opens a websocket")
		}
		accepted := 101
		if cl.Protocol() != quarttest.HTTP1 {
			accepted = 200
		}
		for _, scheme := range []string{"http", "https"} { // what a page of the app itself sends
			ws, resp := cl.Handshake("/ws", "Origin", scheme+"://localhost")
			if own := (scheme == "https") == (cl.Protocol() == quarttest.HTTP2); own && (ws == nil || resp.Status != accepted) {
				t.Errorf("origin %s: %d %s", scheme, resp.Status, resp.Text())
			}
			if ws != nil {
				_ = ws.Close()
			}
		}
	})
}
