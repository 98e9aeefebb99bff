package quarttest_test

import (
	"fmt"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func ExampleClient_WebSocket() {
	test := func(t testing.TB) {
		app := quart.New(quart.Config{})
		app.WebSocket("/shout", func(ws *quart.Socket) error {
			text, err := ws.ReadText()
			if err != nil {
				return err
			}
			_ = ws.WriteText(text + "!")
			return &quart.CloseError{Code: 1000, Reason: "that was all"}
		})

		ws := quarttest.New(t, app).WebSocket("/shout")
		quarttest.WriteText(t, ws, "hello")
		fmt.Println(quarttest.ReadText(t, ws))
		fmt.Println(quarttest.ReadClose(t, ws))
	}
	run(test)
	// Output:
	// hello!
	// {1000 that was all}
}

func ExampleClient_Handshake() {
	test := func(t testing.TB) {
		app := quart.New(quart.Config{})
		app.WebSocket("/ws", func(*quart.Socket) error { return nil })

		ws, resp := quarttest.New(t, app).Handshake("/ws", "Origin", "https://evil.example")
		fmt.Println(ws == nil, resp.Status)
		fmt.Println(resp.Text())
	}
	run(test)
	// Output:
	// true 403
	// {"title":"Forbidden","status":403,"detail":"this origin may not open a websocket here"}
}
