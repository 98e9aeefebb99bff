// Films serves a thousand films from an embedded SQLite database, on a machine that has nothing but Go:
//
//	go run ./examples/films [-addr 127.0.0.1:8080] [-db FILE]
//
// The database is created from data/films.csv at the first start, in quart-films/films.db in the user's cache directory or at
// -db, and reused from then on. Three routes answer JSON:
//
//	GET  /films/995/  one film
//	GET  /films/      the films after a year, ?year.gt=2020, keyed by id; after 2000 without it
//	POST /reviews/    {"film_id":995,"rating":4}, echoed once it is committed
//
// The rest are pages: / lists and searches the films, /film/995 shows one with its reviews and takes another one.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/goquart/quart"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	db := flag.String("db", "", "database `file` (default quart-films/films.db in the user's cache directory)")
	flag.Parse()

	store, err := openDefault(*db)
	if err != nil {
		fmt.Fprintln(os.Stderr, "films:", err)
		os.Exit(1)
	}
	app := newApp(quart.Config{}, store)
	app.AfterServing(func(context.Context) error { return store.Close() })
	app.Run(*addr)
}

func openDefault(path string) (Store, error) {
	if path == "" {
		var err error
		if path, err = defaultPath(); err != nil {
			return nil, err
		}
	}
	return OpenStore(path)
}
