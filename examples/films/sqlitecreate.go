package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

//go:embed sqlite.sql
var sqliteSchema string

// What the header of the file says, so that a database of another program or of another version is never written to.
const (
	applicationID = 0x71667463 // "qftc"
	schemaVersion = 1
)

// openTimeout is how long a start waits for another process that is creating the same database.
const openTimeout = 10 * time.Second

// defaultPath is where the database lives unless -db says otherwise: quart-films/films.db in the user's cache directory.
func defaultPath() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place for the database, name a file with -db: %w", err)
	}
	return filepath.Join(dir, "quart-films", "films.db"), nil
}

// openWriter opens the database at path and returns the connection that writes. When there is no database yet, csv becomes it.
func openWriter(path string, csv io.Reader) (*sqlite.Conn, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	// Without OpenURI, so that a question mark in a path is one; without OpenWAL, because that rewrites the header of a
	// file before we know whether it is ours.
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(openTimeout)
	if err := prepareFile(conn, csv); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func prepareFile(conn *sqlite.Conn, csv io.Reader) error {
	if err := createOrCheck(conn, csv); err != nil {
		return err
	}
	// In the write-ahead log NORMAL means that a commit survives the end of the process at any moment; a power cut may
	// take the last few commits, but never the consistency.
	for _, pragma := range []string{"journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"} {
		if err := sqlitex.ExecuteTransient(conn, "PRAGMA "+pragma, nil); err != nil {
			return err
		}
	}
	return nil
}

// createOrCheck is one transaction: a crash in the middle leaves an empty database, and of two processes that start at once
// the second one waits and then finds the films.
func createOrCheck(conn *sqlite.Conn, csv io.Reader) (err error) {
	end, err := sqlitex.ImmediateTransaction(conn)
	if err != nil {
		return err
	}
	defer end(&err)

	h, err := readHeader(conn)
	if err != nil {
		return err
	}
	switch {
	case h == fileHeader{}:
		return create(conn, csv)
	case h.application != applicationID:
		return errForeign
	case h.version != schemaVersion:
		return fmt.Errorf("its schema has version %d and this program needs %d: move the file away to start anew", h.version, schemaVersion)
	}
	return checkFilms(conn)
}

func create(conn *sqlite.Conn, csv io.Reader) error {
	if err := sqlitex.ExecuteScript(conn, sqliteSchema, nil); err != nil {
		return err
	}
	if err := importFilms(conn, csv); err != nil {
		return fmt.Errorf("films.csv: %w", err)
	}
	finish := fmt.Sprintf(`INSERT INTO film_words (film_words) VALUES ('rebuild');
		PRAGMA application_id = %d; PRAGMA user_version = %d;`, applicationID, schemaVersion)
	return sqlitex.ExecuteScript(conn, finish, nil)
}

// fileHeader tells an empty file (the zero value) and our database from all others.
type fileHeader struct{ application, version, tables int }

func readHeader(conn *sqlite.Conn) (h fileHeader, err error) {
	for _, field := range []struct {
		value *int
		query string
	}{
		{&h.application, "PRAGMA application_id"},
		{&h.version, "PRAGMA user_version"},
		{&h.tables, "SELECT count(*) FROM sqlite_schema"},
	} {
		err = sqlitex.ExecuteTransient(conn, field.query, &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
			*field.value = stmt.ColumnInt(0)
			return nil
		}})
		if err != nil {
			return h, err
		}
	}
	return h, nil
}

// checkFilms finds a file that was cut short or overwritten; the time it takes does not grow with the reviews.
func checkFilms(conn *sqlite.Conn) error {
	return sqlitex.ExecuteTransient(conn, "PRAGMA quick_check(film)", &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
		if verdict := stmt.ColumnText(0); verdict != "ok" {
			return fmt.Errorf("%w: %s", errDamaged, strings.TrimSpace(verdict))
		}
		return nil
	}})
}

// importFilms fills the table film.
func importFilms(conn *sqlite.Conn, csv io.Reader) error {
	insert, err := conn.Prepare("INSERT INTO film VALUES (:film_id, :title, :description, :release_year, :rating, :length, :features)")
	if err != nil {
		return err
	}
	defer func() { _ = insert.Finalize() }()
	return readFilms(csv, func(film csvFilm) error {
		insert.SetInt64(":film_id", film.ID)
		insert.SetText(":title", film.Title)
		insert.SetText(":description", film.Description)
		insert.SetInt64(":release_year", film.ReleaseYear)
		insert.SetText(":rating", film.Rating)
		insert.SetInt64(":length", film.Length)
		insert.SetText(":features", film.Features)
		if _, err := insert.Step(); err != nil {
			return err
		}
		return insert.Reset()
	})
}
