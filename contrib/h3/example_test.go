package h3_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

	"github.com/goquart/quart"
	"github.com/goquart/quart/contrib/h3"
)

// An app on one port: TCP for HTTP/1.1, UDP for HTTP/3. Programs call app.Run(":443") where this example serves a listener and asks itself.
func Example() {
	app := quart.New(quart.Config{TLS: serverTLS(), ShutdownDelay: -1})
	server, err := h3.Mount(app, h3.Config{Addr: "127.0.0.1:0", TLS: serverTLS(), ShutdownDelay: -1})
	if err != nil {
		log.Fatal(err)
	}
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "hello over "+c.Protocol()) })

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	app.Go(func(context.Context) error {
		defer stop()
		client := http.Client{Transport: transport()}
		resp, err := client.Get("https://" + server.Addr().String() + "/")
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		fmt.Println(resp.Status, string(b))
		client.CloseIdleConnections()
		return err
	})
	if err := app.Serve(ctx, l); err != nil {
		log.Fatal(err)
	}
	// Output: 200 OK hello over HTTP/3.0
}
