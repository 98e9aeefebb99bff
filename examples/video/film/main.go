// Film makes film.webm, the film of the video example: go run ./examples/video/film, from the root of the repository, where Chromium is
// installed. The page film.html draws it, encodes it by WebCodecs and writes the container.
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/goquart/quart"
)

//go:embed film.html
var page []byte

//go:embed film.js
var script []byte

func main() {
	out := flag.String("o", "examples/video/film.webm", "`file` to write")
	chromium := flag.String("chromium", "chromium", "the browser's `command`")
	flag.Parse()
	if err := makeFilm(*chromium, *out); err != nil {
		fmt.Fprintln(os.Stderr, "film:", err)
		os.Exit(1)
	}
}

// makeFilm serves the page to a browser until that has sent the film.
func makeFilm(chromium, out string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	profile, err := os.MkdirTemp("", "quart-film-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(profile)

	result := make(chan error, 2)
	app := newApp(out, result)
	go func() { _ = app.Serve(ctx, l) }()
	browser := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-background-networking",
		"--disable-gpu", "--user-data-dir="+profile, "--remote-debugging-port=0", "http://"+l.Addr().String()+"/")
	if err := browser.Start(); err != nil {
		return err
	}
	defer func() {
		cancel()
		_ = browser.Wait()
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newApp(out string, result chan<- error) *quart.App {
	app := quart.New(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return c.Bytes(200, "text/html; charset=utf-8", page) })
	app.Get("/film.js", func(c *quart.Ctx) error { return c.Bytes(200, "text/javascript; charset=utf-8", script) })
	app.Post("/film", func(c *quart.Ctx) error {
		film, err := c.Body()
		if err == nil {
			err = os.WriteFile(out, film, 0o644)
		}
		result <- err
		return err
	})
	app.Post("/failed", func(c *quart.Ctx) error {
		text, err := c.Body()
		if err == nil {
			err = fmt.Errorf("the page says: %s", text)
		}
		result <- err
		return nil
	})
	return app
}
