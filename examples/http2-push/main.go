// Http2-push shows what HTTP/2 gives a page: what it needs is on its way before the page itself, and any number of event streams share one
// connection:
//
//	go run ./examples/http2-push [-addr 127.0.0.1:8443] [-cert c.pem -key k.pem] [-h2c] [-think 200ms]
//
// It speaks HTTP/2 and HTTP/1.1 over TLS, by a certificate that it makes for itself, so that a browser asks once whether to go on. With
// -h2c it speaks both without TLS. Browsers then choose HTTP/1.1, which is worth a look: six streams are all that they open.
//
//	GET /                the page, which takes -think to make
//	GET /buoys/{number}  one of 32 event streams: how high the waves are, four times a second
//
// Browsers take no pushes any more. They get a 103 with hints, and fetch what it names at once; but of a server whose certificate they do
// not trust they keep nothing, and fetch it again for the page. With a certificate of mkcert's, say, they do not. Who takes pushes:
//
//	nghttp -nv --no-verify-peer https://127.0.0.1:8443/
package main

import (
	"crypto/tls"
	"embed"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/examples/internal/look"
)

//go:embed index.html
var index string

//go:embed page
var files embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8443", "`host:port` to listen on")
	certFile := flag.String("cert", "", "certificate `file` in PEM; without it, a self-signed one for localhost is made")
	keyFile := flag.String("key", "", "private key `file` in PEM")
	h2c := flag.Bool("h2c", false, "speak HTTP/2 and HTTP/1.1 without TLS")
	think := flag.Duration("think", 200*time.Millisecond, "how `long` the page takes to make, as if from a slow database")
	flag.Parse()

	cfg := quart.Config{H2C: *h2c}
	cfg.SSE.Retry = time.Second // nothing else is to be seen while a browser waits
	if !*h2c {
		cert, err := certificate(*certFile, *keyFile)
		if err != nil {
			fmt.Fprintln(os.Stderr, "http2-push:", err)
			os.Exit(1)
		}
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	newApp(cfg, *think).Run(*addr)
}

// newApp routes everything.
func newApp(cfg quart.Config, think time.Duration) *quart.App {
	app := quart.New(cfg)
	s := &site{think: think}
	app.Get("/", s.show).Use(look.Secure)
	app.Get("/buoys/{number:int(min=1,max=32)}", follow)

	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder's name is not valid
	}
	look.Routes(app)
	// A browser has to keep what it was hinted at, until the page asks for it. Any longer, and a reload would have nothing to show.
	app.Static("/", page, quart.StaticOptions{MaxAge: 5 * time.Second})
	return app
}
