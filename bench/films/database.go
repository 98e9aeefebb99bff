//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/goquart/quart/bench/internal/proc"
	"github.com/goquart/quart/internal/testserver"

	"github.com/jackc/pgx/v5"
)

// A database is the PostgreSQL server, which all peers share, and a connection to it.
type database struct {
	dsn    string
	conn   *pgx.Conn
	server *testserver.Postgres // nil for one that was there before
	pid    int                  // of the postmaster
}

// openDatabase starts a server for the dsn "".
func openDatabase(ctx context.Context, dsn string) (db *database, err error) {
	db = &database{dsn: dsn}
	if dsn == "" {
		if db.server, err = testserver.StartPostgres(testserver.PostgresOptions{}); err != nil {
			return nil, err
		}
		db.dsn = db.server.DSN()
	}
	if err := db.connect(ctx); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

func (db *database) connect(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, startGrace)
	defer cancel()
	if db.conn, err = pgx.Connect(ctx, db.dsn); err != nil {
		return err
	}
	var dir string
	if err := db.conn.QueryRow(ctx, "SHOW data_directory").Scan(&dir); err != nil {
		return err
	}
	file, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("PostgreSQL must run on this machine, for its processor time: %w", err)
	}
	first, _, _ := bytes.Cut(file, []byte("\n"))
	db.pid, err = strconv.Atoi(string(first))
	return err
}

func (db *database) close() error {
	var errs []error
	if db.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
		defer cancel()
		errs = append(errs, db.conn.Close(ctx))
	}
	if db.server != nil {
		errs = append(errs, db.server.Stop())
	}
	return errors.Join(errs...)
}

// cpu is what the server and all of its processes used so far.
func (db *database) cpu() (time.Duration, error) { return proc.Tree(db.pid) }

func (db *database) version(ctx context.Context) (version string, err error) {
	err = db.conn.QueryRow(ctx, "SHOW server_version").Scan(&version)
	return "PostgreSQL " + version, err
}

func (db *database) reviews(ctx context.Context) (n int, err error) {
	err = db.conn.QueryRow(ctx, "SELECT count(*) FROM review").Scan(&n)
	return n, err
}

// clean leaves what the next load finds as the one before has found it: no reviews, no dead rows, nothing that waits for a
// checkpoint.
func (db *database) clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, verifyGrace, errors.New("PostgreSQL does not clean up"))
	defer cancel()
	for _, statement := range []string{"TRUNCATE review", "VACUUM (ANALYZE) film, review", "CHECKPOINT"} {
		if _, err := db.conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// createTables lets quart's films do it, with all the films: every peer works on the same tables.
func (db *database) createTables(ctx context.Context, r *rig) error {
	var there bool
	if err := db.conn.QueryRow(ctx, "SELECT to_regclass('film') IS NOT NULL").Scan(&there); err != nil {
		return err
	}
	if !there {
		s, err := r.start(ctx, peerNamed(ours))
		if err != nil {
			return fmt.Errorf("%s: %w", ours, err)
		}
		s.stop()
	}
	var films int
	if err := db.conn.QueryRow(ctx, "SELECT count(*) FROM film").Scan(&films); err != nil {
		return err
	}
	if films != filmCount {
		return fmt.Errorf("there are %d films, want %d", films, filmCount)
	}
	return db.clean(ctx)
}
