package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed postgres.sql
var postgresSchema string

const postgresVersion = 1

// createLock is an advisory lock's number: of several processes that start at once, one creates the tables and the others wait for it.
const createLock = 0x71667463 // "qftc"

// errOthersTables: there are tables of the same names, and they are not ours.
var errOthersTables = errors.New("it has a table film or review of another application: name an empty database")

// createOrCheckTables is one transaction, in which the films of csv become the tables when there are none: a crash in the middle leaves nothing.
func createOrCheckTables(ctx context.Context, conn *pgx.Conn, csv io.Reader) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", createLock); err != nil {
			return err
		}
		var ours, others bool
		err := tx.QueryRow(ctx, `SELECT to_regclass('films_schema') IS NOT NULL,
			to_regclass('film') IS NOT NULL OR to_regclass('review') IS NOT NULL`).Scan(&ours, &others)
		switch {
		case err != nil:
			return err
		case ours:
			return checkTables(ctx, tx)
		case others:
			return errOthersTables
		}
		return createTables(ctx, tx, csv)
	})
}

func checkTables(ctx context.Context, tx pgx.Tx) error {
	var version int
	if err := tx.QueryRow(ctx, "SELECT version FROM films_schema").Scan(&version); err != nil {
		return err
	}
	if version != postgresVersion {
		return fmt.Errorf("its schema has version %d and this program needs %d: name another database to start anew", version, postgresVersion)
	}
	return nil
}

func createTables(ctx context.Context, tx pgx.Tx, csv io.Reader) error {
	if _, err := tx.Exec(ctx, postgresSchema); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "INSERT INTO films_schema VALUES ($1)", postgresVersion); err != nil {
		return err
	}
	var inserts pgx.Batch
	err := readFilms(csv, func(f csvFilm) error {
		words := strings.Join(searchWords(f.Title+" "+f.Description), " ")
		inserts.Queue("INSERT INTO film VALUES ($1, $2, $3, $4, $5, $6, $7, array_to_tsvector(string_to_array($8, ' ')))",
			f.ID, f.Title, f.Description, f.ReleaseYear, f.Rating, f.Length, f.Features, words)
		return nil
	})
	if err == nil {
		err = tx.SendBatch(ctx, &inserts).Close()
	}
	if err != nil {
		return fmt.Errorf("films.csv: %w", err)
	}
	return nil
}
