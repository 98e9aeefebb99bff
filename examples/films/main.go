// Films serves a thousand films from an embedded SQLite database, on a machine that has nothing but Go, or from PostgreSQL:
//
//	go run ./examples/films [-addr 127.0.0.1:8080] [-db FILE | -dsn postgres://USER@HOST/DATABASE]
//
// The database is created from data/films.csv at the first start and reused from then on: in quart-films/films.db in the user's cache directory, in
// the file of -db, or as the tables film, review and films_schema of the database of -dsn. What -dsn leaves out comes from libpq's environment
// variables: a password is better in PGPASSWORD, or in ~/.pgpass, than in the list of processes. Its pool_max_conns bounds the connections.
//
// These routes answer JSON, and /docs describes them:
//
//	GET  /films/995/              one film
//	GET  /films/                  the films after a year, ?year.gt=2020, keyed by id; after 2000 without it
//	POST /reviews/                {"film_id":995,"rating":4}, echoed once it is committed
//	GET  /films/995/reviews/live  server-sent events: the reviews of a film as they come
//
// The rest are pages: / lists and searches the films, /film/995 shows one with its reviews and takes another one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/goquart/quart"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	db := flag.String("db", "", "database `file` (default quart-films/films.db in the user's cache directory)")
	dsn := flag.String("dsn", "", "`URL` of a PostgreSQL database to use in place of the file")
	flag.Parse()

	store, err := open(*db, *dsn)
	if err != nil {
		fmt.Fprintln(os.Stderr, "films:", err)
		os.Exit(1)
	}
	app := newApp(quart.Config{}, store)
	app.AfterServing(func(context.Context) error { return store.Close() })
	app.Run(*addr)
}

// open opens the database that the flags name.
func open(path, dsn string) (Store, error) {
	switch {
	case dsn != "" && path != "":
		return nil, errors.New("-db and -dsn exclude each other")
	case dsn != "":
		return OpenPostgres(dsn)
	case path != "":
		return OpenStore(path)
	}
	path, err := defaultPath()
	if err != nil {
		return nil, err
	}
	return OpenStore(path)
}
