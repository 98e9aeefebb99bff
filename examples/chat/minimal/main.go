// Minimal is a chat with rooms, whole: go run ./examples/chat/minimal, then open http://127.0.0.1:8080/lobby twice, and /music.
package main

import (
	_ "embed"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
)

//go:embed page.html
var page string

func main() {
	app := quart.New(quart.Config{})
	rooms := hub.New(hub.Config{})
	app.Get("/{room}", func(c *quart.Ctx) error {
		return c.HTML(200, page)
	})
	app.WebSocket("/{room}", func(ws *quart.Socket) error {
		return rooms.Topic(ws.Param("room")).RelayWith(ws, hub.Options{Since: hub.Recent})
	})
	app.Run("127.0.0.1:8080")
}
