// Fruit is a broadcast: whoever picks a fruit, everybody who has the page open sees it at once:
//
//	go run ./examples/fruit [-addr 127.0.0.1:8080]
//
//	GET /        the page
//	GET /picks   a websocket: {"fruit":"apple"} picks an apple; the counts come at the beginning, and with each pick of anybody
package main

import (
	"embed"
	"flag"
	"io/fs"

	"github.com/goquart/quart"
	"github.com/goquart/quart/examples/internal/look"
)

//go:embed page
var files embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.Parse()
	newApp(quart.Config{}).Run(*addr)
}

// newApp routes everything.
func newApp(cfg quart.Config) *quart.App {
	app := quart.New(cfg)
	b := newBasket()
	app.WhileServing(b.hub.Serve)
	app.WebSocket("/picks", b.serve)

	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder's name is not valid
	}
	look.Routes(app)
	app.Static("/", page, quart.StaticOptions{Index: "index.html"}).Use(look.Secure)
	return app
}
