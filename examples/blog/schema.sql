CREATE TABLE post (
  id      INTEGER PRIMARY KEY,
  title   TEXT    NOT NULL CHECK (length(title) BETWEEN 1 AND 120),
  text    TEXT    NOT NULL CHECK (length(text) BETWEEN 1 AND 10000),
  written INTEGER NOT NULL -- seconds since 1970
) STRICT;
