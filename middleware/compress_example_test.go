package middleware_test

import (
	"fmt"
	"strings"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

// Compress stands outside of ETag: the tag that the client gets is weak, and good for a 304.
func ExampleCompress() {
	app := quart.New(quart.Config{})
	app.Use(
		middleware.Compress(middleware.CompressConfig{}),
		middleware.ETag(middleware.ETagConfig{}),
	)
	app.Get("/films", func(c *quart.Ctx) error { return c.JSON(200, make([]string, 1000)) })

	t := new(exampleT)
	defer t.end()
	cl := quarttest.New(t, app)
	resp := cl.Get("/films").Header("Accept-Encoding", "gzip, br, zstd").Want(200)
	fmt.Println(resp.Header("Content-Encoding"), resp.Header("Vary"))
	fmt.Println(strings.HasPrefix(resp.Header("ETag"), `W/"`), len(resp.Bytes()) < 100)
	fmt.Println(cl.Get("/films").Header("If-None-Match", resp.Header("ETag")).Send().Status)
	// Output:
	// zstd Accept-Encoding
	// true true
	// 304
}

func ExampleETag() {
	app := quart.New(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return c.HTML(200, "<p>hello") }).Use(middleware.ETag(middleware.ETagConfig{}))

	t := new(exampleT)
	defer t.end()
	cl := quarttest.New(t, app)
	tag := cl.Get("/").Want(200).Header("ETag")
	fmt.Println(tag)
	fmt.Println(cl.Get("/").Header("If-None-Match", tag).Send().Status)
	// Output:
	// "LDXOuY13V6dESQeduYWNug"
	// 304
}
