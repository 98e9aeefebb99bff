//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"

	"github.com/goquart/quart"
)

// serveQuart is quart with its default limits.
func serveQuart(l net.Listener, cert *tls.Certificate) error {
	cfg := quart.Config{H2C: true}
	if cert != nil {
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}}
	}
	app := quart.New(cfg)
	app.Get(plainPath, func(c *quart.Ctx) error { return c.Text(200, helloWorld) })
	app.Get(jsonPath, func(c *quart.Ctx) error { return c.JSON(200, hello) })
	app.Post(lengthPath, func(c *quart.Ctx) error {
		body, err := c.Body()
		if err != nil {
			return err
		}
		var digits [20]byte
		return c.Bytes(200, plainText, strconv.AppendInt(digits[:0], int64(len(body)), 10))
	})
	app.Get(paramPath+"{word}", func(c *quart.Ctx) error { return c.Text(200, c.Param("word")) })
	app.Get(bigPath, func(c *quart.Ctx) error { return c.Bytes(200, anyBytes, filler) })
	app.Get(largePath, func(c *quart.Ctx) error { return c.SendContent(largeBody(), quart.FileOptions{ContentType: anyBytes}) })
	return app.Serve(context.Background(), l)
}
