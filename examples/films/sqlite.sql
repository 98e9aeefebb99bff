-- The films, as they are in data/films.csv.
CREATE TABLE film (
  film_id      INTEGER PRIMARY KEY,
  title        TEXT NOT NULL,
  description  TEXT NOT NULL,
  release_year INTEGER NOT NULL,
  rating       TEXT NOT NULL CHECK (rating IN ('G', 'PG', 'PG-13', 'R', 'NC-17')),
  length       INTEGER NOT NULL CHECK (length > 0), -- minutes
  features     TEXT NOT NULL                        -- separated by commas
) STRICT;

-- It covers the list of films: the rows themselves, descriptions and all, are not read.
CREATE INDEX film_year ON film (release_year, title);

-- The words of the films, for the search. Films do not change: it is filled once, after them.
CREATE VIRTUAL TABLE film_words USING fts5 (title, description, content = 'film', content_rowid = 'film_id', prefix = '2 3');

-- Clustered by film: the newest reviews of a film and its average are one range, and an insert touches one tree.
CREATE TABLE review (
  film_id INTEGER NOT NULL REFERENCES film,
  number  INTEGER NOT NULL, -- from 1 within the film
  rating  INTEGER NOT NULL CHECK (rating BETWEEN 1 AND 5),
  author  TEXT NOT NULL CHECK (length(author) <= 60),
  text    TEXT NOT NULL CHECK (length(text) <= 2000),
  created INTEGER NOT NULL, -- seconds since 1970
  PRIMARY KEY (film_id, number)
) STRICT, WITHOUT ROWID;
