-- The films, as they are in data/films.csv.
CREATE TABLE film (
  film_id      bigint PRIMARY KEY,
  title        text COLLATE "C" NOT NULL,
  description  text NOT NULL,
  release_year integer NOT NULL,
  rating       text NOT NULL CHECK (rating IN ('G', 'PG', 'PG-13', 'R', 'NC-17')),
  length       integer NOT NULL CHECK (length > 0), -- minutes
  features     text NOT NULL,                       -- separated by commas
  words        tsvector NOT NULL                    -- of title and description, for the search
);

CREATE INDEX film_year ON film (release_year);
CREATE INDEX film_words ON film USING gin (words);

-- One index for all: the newest reviews of a film are a range of it, and an insert touches it alone.
CREATE TABLE review (
  film_id   bigint NOT NULL REFERENCES film,
  review_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  rating    smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
  author    text NOT NULL DEFAULT '' CHECK (char_length(author) <= 60),
  text      text NOT NULL DEFAULT '' CHECK (char_length(text) <= 2000),
  created   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (film_id, review_id)
);

-- The version of all this, which a program checks before it touches anything.
CREATE TABLE films_schema (version integer NOT NULL);
