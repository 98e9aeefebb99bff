"""The films on Quart with asyncpg, for uvicorn and for hypercorn."""

import asyncpg
from quart import Quart, abort, request

import common

app = Quart(__name__)
app.json.sort_keys = False


class Connection(asyncpg.Connection):
    # No handler leaves anything in a session. asyncpg's reset would cost each request a second round trip.
    async def reset(self, *, timeout=None):
        pass


@app.before_serving
async def connect():
    app.pool = await asyncpg.create_pool(
        common.DSN, min_size=common.POOL, max_size=common.POOL, connection_class=Connection
    )


@app.after_serving
async def disconnect():
    app.pool.terminate()


@app.get("/films/<int:film_id>/")
async def film(film_id):
    row = await app.pool.fetchrow("SELECT film_id, release_year, title FROM film WHERE film_id = $1", film_id)
    if row is None:
        abort(404)
    return dict(row)


@app.get("/films/")
async def films():
    year = request.args.get("year.gt", 2000, int)
    rows = await app.pool.fetch("SELECT film_id, release_year, title FROM film WHERE release_year > $1", year)
    return {film_id: {"release_year": released, "title": title} for film_id, released, title in rows}


@app.post("/reviews/")
async def review():
    data = common.review(await request.get_json())
    if data is None:
        abort(422)
    try:
        # Outside of a transaction a statement is committed before it is answered.
        await app.pool.execute("INSERT INTO review (film_id, rating) VALUES ($1, $2)", data["film_id"], data["rating"])
    except asyncpg.ForeignKeyViolationError:
        abort(404)
    return data, 201
