// Blog is a small blog in an embedded SQLite database: a list of posts, and a form for another one.
//
//	go run ./examples/blog [-addr 127.0.0.1:8080] [-db FILE]
//
// The database is made at the first start, in quart-blog/blog.db in the user's cache directory or at -db. The pages need no JavaScript.
//
//	GET  /         the posts, the newest first
//	GET  /create/  the form
//	POST /create/  303 to the new post in the list, or 422 with the form and what is wrong
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goquart/quart"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	db := flag.String("db", "", "database `file` (default quart-blog/blog.db in the user's cache directory)")
	flag.Parse()

	store, err := openDefault(*db)
	if err != nil {
		fmt.Fprintln(os.Stderr, "blog:", err)
		os.Exit(1)
	}
	app := newApp(quart.Config{}, store)
	app.AfterServing(func(context.Context) error { return store.close() })
	app.Run(*addr)
}

func openDefault(path string) (*store, error) {
	if path == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no place for the database, name a file with -db: %w", err)
		}
		path = filepath.Join(dir, "quart-blog", "blog.db")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return openStore(path)
}
