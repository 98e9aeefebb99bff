// A client of examples/films, by the types that openapi-typescript has made of its document: node client.js http://127.0.0.1:8080/
//
// It does not compile where these are not the types of the server.
import createClient from "openapi-fetch";
import type { components, paths } from "./films.js";

type Schemas = components["schemas"];

declare const process: { argv: string[]; stdout: { write(s: string): void } };

const films = createClient<paths>({ baseUrl: (process.argv[2] ?? "").replace(/\/$/, "") });

function must(ok: unknown, what: string): asserts ok {
  if (!ok) throw new Error(what);
}

// Same is true for types that are the same, and not for any or unknown.
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

async function one(): Promise<Schemas["Film"]> {
  const { data, error, response } = await films.GET("/films/{id}/", { params: { path: { id: 995 } } });
  must(data, `one film: ${response.status} ${error?.detail}`);
  const number: number = data.film_id;
  const title: string = data.title.toUpperCase();
  must(number === 995 && title === data.title && data.release_year > 1900, `one film: ${JSON.stringify(data)}`);
  // @ts-expect-error: a film has no director
  must(data.director === undefined, "a film has a director");
  return data;
}

async function list(one: Schemas["Film"]): Promise<number> {
  const { data, error, response } = await films.GET("/films/", { params: { query: { "year.gt": one.release_year - 1 } } });
  must(data, `the list: ${response.status} ${error?.detail}`);
  const same = data[String(one.film_id)];
  must(same?.title === one.title && same.release_year === one.release_year, `film 995 in the list: ${JSON.stringify(same)}`);
  must(Object.values(data).every((film) => film.release_year >= one.release_year), "the list has older films");
  // @ts-expect-error: a year is a number
  await films.GET("/films/", { params: { query: { "year.gt": "2020" } } });
  return Object.keys(data).length;
}

async function review(): Promise<Schemas["NewReview"]> {
  const { data, error, response } = await films.POST("/reviews/", { body: { film_id: 995, rating: 4 } });
  must(data, `a review: ${response.status} ${error?.detail}`);
  must(data.film_id === 995 && data.rating === 4, `a review: ${JSON.stringify(data)}`);
  // @ts-expect-error: a review has a rating
  const half: Schemas["NewReview"] = { film_id: 995 };
  must(half.film_id === 995, "half a review");
  return data;
}

async function missing(): Promise<Schemas["Problem"]> {
  const { data, error, response } = await films.GET("/films/{id}/", { params: { path: { id: 999_999 } } });
  must(data === undefined && error && response.status === 404, `a film that does not exist: ${response.status}`);
  const typed: Same<typeof error, Schemas["Problem"]> = true;
  must(typed && error.status === 404 && error.detail?.includes("999999"), `a film that does not exist: ${JSON.stringify(error)}`);
  return error;
}

async function invalid(): Promise<Schemas["Problem"]> {
  const { data, error, response } = await films.POST("/reviews/", { body: { film_id: 995, rating: 6 } });
  must(data === undefined && error && response.status === 422, `a rating of 6: ${response.status}`);
  const typed: Same<typeof error, Schemas["Problem"]> = true;
  const field = error.errors?.[0];
  must(typed && field?.location === "body" && field.pointer === "/rating", `a rating of 6: ${JSON.stringify(error)}`);
  return error;
}

const film = await one();
process.stdout.write(JSON.stringify({ film, films: await list(film), review: await review(), missing: await missing(), invalid: await invalid() }));
