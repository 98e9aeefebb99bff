package middleware_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

func ExampleDecompress() {
	app := quart.New(quart.Config{})
	app.Post("/log", func(c *quart.Ctx) error {
		data, err := c.Body()
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprintf("%d lines", bytes.Count(data, []byte("\n"))))
	}).Use(middleware.Decompress(middleware.DecompressConfig{MaxSize: 1 << 20}))

	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	io.WriteString(z, "one\ntwo\n")
	z.Close()

	t := new(exampleT)
	defer t.end()
	cl := quarttest.New(t, app)
	post := func(coding string) *quarttest.Request {
		return cl.Post("/log").Body("text/plain", body.Bytes()).Header("Content-Encoding", coding)
	}
	fmt.Println(post("gzip").Want(200).Text())
	refused := post("compress").Send()
	fmt.Println(refused.Status, refused.Header("Accept-Encoding"))
	// Output:
	// 2 lines
	// 415 zstd, br, gzip
}
