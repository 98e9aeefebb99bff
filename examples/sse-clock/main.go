// SSE-clock shows the server's time in any number of tabs, by server-sent events:
//
//	go run ./examples/sse-clock [-addr 127.0.0.1:8080]
//
// Each event has an id. A browser that comes back, after a lost connection or a restart of the server, says which one it saw last, and
// the clock goes on with the next:
//
//	GET /         the page
//	GET /clock    the stream: curl -N http://127.0.0.1:8080/clock -H 'Last-Event-ID: 41'
//	GET /streams  {"streams":2}, the open ones
//
// The same without a page is ./minimal.
package main

import (
	"embed"
	"flag"
	"io/fs"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/examples/internal/look"
)

//go:embed page
var files embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.Parse()
	// Browsers come back after about a second, not three: nothing else is to be seen while they wait.
	newApp(quart.Config{SSE: quart.SSEConfig{Retry: time.Second}}).Run(*addr)
}

// newApp routes everything.
func newApp(cfg quart.Config) *quart.App {
	app := quart.New(cfg)
	cl := &clock{app: app}
	app.Go(cl.count)
	app.SSE("/clock", cl.stream)
	app.Get("/streams", cl.showStreams)

	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder's name is not valid
	}
	look.Routes(app)
	app.Static("/", page, quart.StaticOptions{Index: "index.html"}).Use(look.Secure)
	return app
}
