"""The films on Flask with psycopg2, for gunicorn's eventlet workers."""

import eventlet.hubs
import eventlet.queue
import psycopg2
import psycopg2.extensions
from flask import Flask, abort, request

import common

app = Flask(__name__)
app.json.sort_keys = False


def wait(connection):
    """Lets other greenlets run while PostgreSQL works."""
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        if state == psycopg2.extensions.POLL_READ:
            eventlet.hubs.trampoline(connection.fileno(), read=True)
        else:
            eventlet.hubs.trampoline(connection.fileno(), write=True)


psycopg2.extensions.set_wait_callback(wait)

PREPARE = """
PREPARE film (int) AS SELECT film_id, release_year, title FROM film WHERE film_id = $1;
PREPARE films (int) AS SELECT film_id, release_year, title FROM film WHERE release_year > $1;
PREPARE review (int, int) AS INSERT INTO review (film_id, rating) VALUES ($1, $2)
"""


def connect():
    connection = psycopg2.connect(common.DSN)
    # Each statement is committed before it is answered, without further round trips.
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(PREPARE)
    return connection, cursor


class Pool:
    """A fixed number of connections. Who finds none waits."""

    def __init__(self, size):
        # The queue begins with places for connections: those are made by the first requests, in their worker.
        self.idle = eventlet.queue.LifoQueue()
        for _ in range(size):
            self.idle.put((None, None))

    def execute(self, statement, args, fetch):
        connection, cursor = self.idle.get()
        try:
            if cursor is None or connection.closed:
                connection, cursor = connect()
            cursor.execute(statement, args)
            return fetch(cursor)
        finally:
            self.idle.put((connection, cursor))


pool = Pool(common.POOL)


@app.get("/films/<int:film_id>/")
def film(film_id):
    row = pool.execute("EXECUTE film (%s)", (film_id,), lambda cursor: cursor.fetchone())
    if row is None:
        abort(404)
    return {"film_id": row[0], "release_year": row[1], "title": row[2]}


@app.get("/films/")
def films():
    year = request.args.get("year.gt", 2000, int)
    rows = pool.execute("EXECUTE films (%s)", (year,), lambda cursor: cursor.fetchall())
    return {film_id: {"release_year": released, "title": title} for film_id, released, title in rows}


@app.post("/reviews/")
def review():
    data = common.review(request.get_json())
    if data is None:
        abort(422)
    try:
        pool.execute("EXECUTE review (%s, %s)", (data["film_id"], data["rating"]), lambda cursor: None)
    except psycopg2.errors.ForeignKeyViolation:
        abort(404)
    return data, 201
