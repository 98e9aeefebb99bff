package main

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

//go:embed data/films.csv
var filmsCSV string

// csvFilm is a line of films.csv.
type csvFilm struct {
	ID, ReleaseYear, Length    int64
	Title, Description, Rating string
	Features                   string // separated by commas
}

// readFilms reads a CSV file with a header line and gives each film to insert. An error names the line.
func readFilms(r io.Reader, insert func(csvFilm) error) error {
	rows := csv.NewReader(r)
	header, err := rows.Read()
	if err != nil {
		return err
	}
	columns := make(map[string]int, len(header))
	for i, name := range header {
		columns[name] = i
	}
	for {
		record, err := rows.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		film, err := parseFilm(columns, record)
		if err == nil {
			err = insert(film)
		}
		if err != nil {
			line, _ := rows.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func parseFilm(columns map[string]int, record []string) (film csvFilm, err error) {
	var features string // as PostgreSQL writes an array: {Trailers,Commentaries}
	for _, field := range []struct {
		name   string
		text   *string
		number *int64
	}{
		{name: "film_id", number: &film.ID},
		{name: "release_year", number: &film.ReleaseYear},
		{name: "length", number: &film.Length},
		{name: "title", text: &film.Title},
		{name: "description", text: &film.Description},
		{name: "rating", text: &film.Rating},
		{name: "special_features", text: &features},
	} {
		i, ok := columns[field.name]
		switch {
		case !ok:
			return film, fmt.Errorf("no column %q", field.name)
		case field.text != nil:
			*field.text = record[i]
		default:
			if *field.number, err = strconv.ParseInt(record[i], 10, 64); err != nil {
				return film, fmt.Errorf("%s: %w", field.name, err)
			}
		}
	}
	film.Features = strings.Trim(features, "{}")
	return film, nil
}
