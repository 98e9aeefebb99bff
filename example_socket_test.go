package quart_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart"
	"github.com/valyala/fasthttp/fasthttputil"
)

// conversations serves app. The function it returns opens a websocket, sends messages, and prints what comes back, one for each, and how it ends.
func conversations(app *quart.App) func(target string, messages ...string) {
	ln := fasthttputil.NewInmemoryListener()
	go func() { _ = app.Serve(context.Background(), ln) }()
	dialer := websocket.Dialer{NetDial: func(string, string) (net.Conn, error) { return ln.Dial() }}
	return func(target string, messages ...string) {
		ws, resp, err := dialer.Dial("ws://example.com"+target, nil)
		if err != nil {
			fmt.Println(resp.Status)
			return
		}
		defer ws.Close()
		for _, m := range messages {
			_ = ws.WriteMessage(websocket.TextMessage, []byte(m))
			if _, answer, err := ws.ReadMessage(); err == nil {
				fmt.Printf("%s\n", answer)
			}
		}
		_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""))
		_, _, err = ws.ReadMessage()
		fmt.Println(err)
	}
}

func silent() quart.Config {
	return quart.Config{Log: slog.New(slog.DiscardHandler), ShutdownDelay: -1}
}

func ExampleApp_webSocket() {
	app := quart.New(silent())
	app.WebSocket("/echo", func(ws *quart.Socket) error {
		for m, err := range ws.Messages() {
			if err != nil {
				return err
			}
			if err := ws.Write(m); err != nil {
				return err
			}
		}
		return nil // 1000
	})
	converse := conversations(app)
	converse("/echo", "hello", "world")
	// Output:
	// hello
	// world
	// websocket: close 1000 (normal)
}

// Before Upgrade any answer is possible. What the socket needs of the request is read into variables; parameters move on by themselves.
func ExampleCtx_Upgrade() {
	app := quart.New(silent())
	app.Get("/rooms/{room}", func(c *quart.Ctx) error {
		user := c.Query("user")
		if user == "" {
			return quart.ErrUnauthorized
		}
		return c.Upgrade(quart.SocketConfig{}, func(ws *quart.Socket) error {
			text, err := ws.ReadText()
			if err != nil {
				return err
			}
			if err := ws.WriteText(user + " says in " + ws.Param("room") + ": " + text); err != nil {
				return err
			}
			return &quart.CloseError{Code: 4000, Reason: "one message is enough"}
		})
	})
	converse := conversations(app)
	converse("/rooms/attic")
	converse("/rooms/attic?user=ada", "hello")
	// Output:
	// 401 Unauthorized
	// ada says in attic: hello
	// websocket: close 4000: one message is enough
}

func ExampleSocket_ReadJSON() {
	type point struct{ X, Y int }
	app := quart.New(silent())
	app.WebSocket("/mirror", func(ws *quart.Socket) error {
		for {
			var p point
			if err := ws.ReadJSON(&p); err != nil {
				return err // the client's end, or what it did wrong: 1007, 1008
			}
			if err := ws.WriteJSON(point{p.Y, p.X}); err != nil {
				return err
			}
		}
	})
	converse := conversations(app)
	converse("/mirror", `{"X":1,"Y":2}`)
	converse("/mirror", `{"X":"one"}`)
	// Output:
	// {"X":2,"Y":1}
	// websocket: close 1000 (normal)
	// websocket: close 1008 (policy violation): /X must be an integer
}

// A frame is encoded once, however many sockets and event streams it is posted to. Post never blocks.
func ExampleSocket_Post() {
	app := quart.New(silent())
	app.WebSocket("/time", func(ws *quart.Socket) error {
		f := quart.NewFrame("", quart.Message{Data: []byte("noon")})
		for _, client := range []quart.Live{ws} {
			if err := client.Post(f); err != nil {
				return err
			}
		}
		_, err := ws.Read()
		return err
	})
	converse := conversations(app)
	converse("/time", "what is the time?")
	// Output:
	// noon
	// websocket: close 1000 (normal)
}
