package quart_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing/fstest"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// showFile prints what app answers to a GET with a header line.
func showFile(app *quart.App, target, header string, fields ...string) {
	fc := new(fasthttp.RequestCtx)
	fc.Init(&fasthttp.Request{}, nil, nil)
	fc.Request.SetRequestURI(target)
	fc.Request.SetHost("example.com")
	if name, value, ok := strings.Cut(header, ": "); ok {
		fc.Request.Header.Set(name, value)
	}
	app.Handler()(fc)
	fmt.Printf("%d %q\n", fc.Response.StatusCode(), fc.Response.Body())
	for _, name := range fields {
		fmt.Printf("  %s: %s\n", name, fc.Response.Header.Peek(name))
	}
}

func ExampleCtx_SendFile() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	report := filepath.Join(dir, "7.csv")
	if err := os.WriteFile(report, []byte("film,stars\nAlien,5\n"), 0o600); err != nil {
		panic(err)
	}

	app := quart.New(quart.Config{})
	app.Get("/report", func(c *quart.Ctx) error {
		return c.SendFile(report, quart.FileOptions{Name: "Übersicht.csv", Attachment: true})
	})
	showFile(app, "/report", "Range: bytes=-8", "Content-Type", "Content-Range", "Content-Disposition")
	// Output:
	// 206 "Alien,5\n"
	//   Content-Type: text/csv; charset=utf-8
	//   Content-Range: bytes 11-18/19
	//   Content-Disposition: attachment; filename="_bersicht.csv"; filename*=UTF-8''%C3%9Cbersicht.csv
}

func ExampleCtx_SendContent() {
	app := quart.New(quart.Config{})
	app.Get("/poem", func(c *quart.Ctx) error {
		poem := strings.NewReader("Tyger Tyger, burning bright") // a blob of a database, an object of a store
		return c.SendContent(poem, quart.FileOptions{Name: "tyger.txt", ETag: `"v1"`, MaxAge: time.Hour})
	})
	showFile(app, "/poem", "Range: bytes=0-4", "Cache-Control")
	showFile(app, "/poem", `If-None-Match: "v1"`)
	// Output:
	// 206 "Tyger"
	//   Cache-Control: private, max-age=3600
	// 304 ""
}

func ExampleApp_Static() {
	files := fstest.MapFS{ // os.DirFS("public"), or an embed.FS
		"css/site.css": {Data: []byte("body { margin: 0 }")},
		"index.html":   {Data: []byte("<h1>Films</h1>")},
	}
	app := quart.New(quart.Config{})
	app.Static("/", files, quart.StaticOptions{Index: "index.html"})
	showFile(app, "/", "")
	showFile(app, "/css/site.css", "", "Content-Type", "Cache-Control")
	showFile(app, "/css/../../etc/passwd", "Accept: text/html", "Content-Type")
	fmt.Println(app.URL("static", "path", "css/site.css"))
	// Output:
	// 200 "<h1>Films</h1>"
	// 200 "body { margin: 0 }"
	//   Content-Type: text/css; charset=utf-8
	//   Cache-Control: no-cache
	// 404 "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>\n"
	//   Content-Type: text/html; charset=utf-8
	// /css/site.css
}

func ExampleCheckConditions() {
	film := struct {
		version  string
		modified time.Time
	}{`"v2"`, time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)}

	app := quart.New(quart.Config{})
	app.Get("/film", func(c *quart.Ctx) error {
		if done, err := quart.CheckConditions(c, film.version, film.modified); done {
			return err
		}
		return c.Text(200, "a page that takes long to make")
	})
	showFile(app, "/film", "", "ETag", "Last-Modified")
	showFile(app, "/film", `If-None-Match: "v1", "v2"`, "ETag")
	// Output:
	// 200 "a page that takes long to make"
	//   ETag: "v2"
	//   Last-Modified: Mon, 06 May 2024 07:08:09 GMT
	// 304 ""
	//   ETag: "v2"
}
