package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitemigration"
	"zombiezen.com/go/sqlite/sqlitex"
)

//go:embed schema.sql
var schema string

// blogID is in the header of the file, so that the database of another program is never written to.
const blogID = 0x71626c67 // "qblg"

// openTimeout is how long a start waits for another process that is making the same database.
const openTimeout = 10 * time.Second

// post is one of the blog.
type post struct {
	ID          int64
	Title, Text string
	Written     time.Time
}

// store is the database. It is safe for concurrent use.
type store struct{ pool *sqlitex.Pool }

// openStore opens the database at path and makes it what this program needs.
func openStore(path string) (*store, error) {
	if err := prepare(path); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// In the write-ahead log, reading goes on while a post is written. The flags are without OpenURI, so that a question mark in a
	// path is one.
	pool, err := sqlitex.NewPool(path, sqlitex.PoolOptions{Flags: sqlite.OpenReadWrite | sqlite.OpenWAL})
	return &store{pool}, err
}

// prepare makes the tables. A later version of the program appends to the migrations.
func prepare(path string) (err error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	return sqlitemigration.Migrate(ctx, conn, sqlitemigration.Schema{AppID: blogID, Migrations: []string{schema}})
}

// close waits for what is under way.
func (s *store) close() error { return s.pool.Close() }

// add stores a post and returns its id, once it is committed.
func (s *store) add(ctx context.Context, p post) (id int64, err error) {
	conn, err := s.pool.Take(ctx)
	if err != nil {
		return 0, err
	}
	defer s.pool.Put(conn)
	err = sqlitex.Execute(conn, "INSERT INTO post (title, text, written) VALUES (?, ?, ?)", &sqlitex.ExecOptions{
		Args: []any{p.Title, p.Text, p.Written.Unix()},
	})
	return conn.LastInsertRowID(), err
}

// newest returns at most n posts, the newest first. With before, which is an id, only those that are older than it.
func (s *store) newest(ctx context.Context, before int64, n int) (posts []post, err error) {
	conn, err := s.pool.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer s.pool.Put(conn)
	err = sqlitex.Execute(conn, "SELECT id, title, text, written FROM post WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC LIMIT ?2", &sqlitex.ExecOptions{
		Args: []any{before, n},
		ResultFunc: func(row *sqlite.Stmt) error {
			posts = append(posts, post{row.ColumnInt64(0), row.ColumnText(1), row.ColumnText(2), time.Unix(row.ColumnInt64(3), 0).UTC()})
			return nil
		},
	})
	return posts, err
}
