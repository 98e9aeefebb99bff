// Upload takes pictures, sound and film of up to a gigabyte, several at once, and holds none of them in memory:
//
//	go run ./examples/upload [-addr 127.0.0.1:8080] [-dir FOLDER] [-limit 1024] [-time 10m]
//
// Each file is written to disk and hashed while it arrives. What does not arrive whole leaves nothing behind: a client that cancels, that
// is too slow (408), sends too much (413) or another kind of file (415).
//
//	GET  /            the page: a form, with a progress bar where there is JavaScript
//	POST /files       the form, multipart/form-data; answers JSON, or 303 to a browser without JavaScript
//	GET  /files/{id}  a file, to be saved
//
// With curl: curl -F file=@film.webm http://127.0.0.1:8080/files
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/goquart/quart"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	dir := flag.String("dir", "", "`folder` for the files while the server runs (default a temporary one)")
	limit := flag.Int64("limit", 1024, "`MiB` that an upload may have")
	most := flag.Duration("time", 10*time.Minute, "how long an upload may take")
	flag.Parse()

	s, err := openShelf(*dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "upload:", err)
		os.Exit(1)
	}
	app := newApp(quart.Config{}, &uploads{shelf: s, limit: *limit << 20, time: *most})
	app.AfterServing(func(context.Context) error { return s.close() })
	app.Run(*addr)
}
