// Video serves a film to a page's player, which asks for the parts that it needs (Range, RFC 9110, section 14):
//
//	go run ./examples/video [-addr 127.0.0.1:8080] [-film FILE]
//
// The page shows what was asked for and answered. Without -film it is a film of half a minute that program ./film has drawn.
//
//	GET /          the page
//	GET /film      the film: curl -r 0-99 http://127.0.0.1:8080/film -o part
//	GET /requests  the latest requests for it, as JSON
package main

import (
	"embed"
	"flag"
	"io/fs"

	"github.com/goquart/quart"
	"github.com/goquart/quart/examples/internal/look"
)

//go:embed page
var assets embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	path := flag.String("film", "", "`file` to show instead of the drawn film")
	flag.Parse()
	newApp(quart.Config{}, *path).Run(*addr)
}

// newApp routes everything. The film at path may be replaced while the app serves.
func newApp(cfg quart.Config, path string) *quart.App {
	app := quart.New(cfg)
	cinema := &cinema{path: path}
	app.Get("/film", cinema.film).Use(cinema.note)
	app.Get("/requests", cinema.showRequests)

	page, err := fs.Sub(assets, "page")
	if err != nil {
		panic(err) // the folder's name is not valid
	}
	look.Routes(app)
	app.Static("/", page, quart.StaticOptions{Index: "index.html"}).Use(secure)
	return app
}

// secure is look.Secure for a page that plays films of its own origin.
func secure(next quart.Handler) quart.Handler {
	return look.Secure(func(c *quart.Ctx) error {
		c.SetHeader("Content-Security-Policy", look.CSP+"; media-src 'self'")
		return next(c)
	})
}
