// Chat is rooms to talk in, for anybody who opens the page:
//
//	go run ./examples/chat [-addr 127.0.0.1:8080] [-broker nats://127.0.0.1:4222 | redis://127.0.0.1:6379] [-rate 2]
//
// Who was away for a moment, by a lost connection or a restart, gets what was said meanwhile: a room keeps its latest messages for an hour. With -broker
// any number of copies share their rooms, and the messages outlive the copies. Nobody proves who they are: a name is what its visitor says.
//
//	GET /       the page; /#music is a room
//	GET /talk   a websocket, of JSON messages
//
// The client begins with a name, and goes on with what it wants to do:
//
//	{"name":"Ada"}
//	{"do":"join","room":"lobby","since":"…"}       since is the id of the last message it has seen, if any
//	{"do":"say","room":"lobby","text":"Hello","key":"k1"}
//	{"do":"leave","room":"lobby"}
//
// Each is answered by {"do":…,"room":…,"key":…}, with an "error" if it could not be done. What happens in a room comes as hub.Envelope has it: who is
// present at first, then messages {"topic":"lobby","id":"…","data":{"from":"Ada","text":"Hello","key":"k1","at":"2030-01-02T15:04:05.678Z"}} and who
// joins and leaves. A client that does not know whether a message was taken sends it again with the same key, and leaves out keys
// that it has shown.
//
// A chat with rooms in a dozen lines is ./minimal.
package main

import (
	"context"
	"embed"
	"flag"
	"fmt"
	"io/fs"
	"os"

	"github.com/goquart/quart"
	"github.com/goquart/quart/examples/internal/look"
	"github.com/goquart/quart/hub"
)

//go:embed page
var files embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	url := flag.String("broker", "", "`URL` of what several copies share, nats://host:port or redis://host:port (default none: this one is alone)")
	rate := flag.Float64("rate", 2, "how many `messages` a second a visitor may send in the long run; 0 is no limit")
	flag.Parse()

	broker, err := openBroker(context.Background(), *url)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
	newApp(quart.Config{}, settings{broker: broker, rate: *rate}).Run(*addr)
}

// settings are those of the chat.
type settings struct {
	broker broker  // nil: the rooms of this process
	rate   float64 // of one visitor's messages, in a second; 0 is no limit
}

// newApp routes everything.
func newApp(cfg quart.Config, set settings) *quart.App {
	cfg.Socket = quart.SocketConfig{
		ReadLimit: 32 << 10, // a message of the most characters, all of them escaped
		Queue:     512,      // who comes back to many rooms gets much at once
	}
	app := quart.New(cfg)
	h := hub.Config{History: keptMessages, Keep: keptFor, Log: cfg.Log}
	if set.broker != nil {
		h.Broker = set.broker
		app.WhileServing(func(context.Context) (stop func(context.Context) error, err error) {
			return func(context.Context) error { return set.broker.Close() }, nil
		})
	}
	ch := &chat{rooms: hub.New(h), rate: set.rate, log: cfg.Log}
	app.WhileServing(ch.rooms.Serve) // it is stopped first, and says to the other copies who has left
	app.WebSocket("/talk", ch.talk)

	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder's name is not valid
	}
	look.Routes(app)
	app.Static("/", page, quart.StaticOptions{Index: "index.html"}).Use(look.Secure)
	return app
}
