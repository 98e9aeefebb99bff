// Package openapi describes the routes of a quart app as an OpenAPI 3.1 document, and serves it with pages to read and try it.
//
//	openapi.Serve(app, openapi.Config{Title: "Films", Version: "1.0"})
//
// All that typed handlers know of themselves is in it: parameters with the bounds of their converters, bodies, results with their
// headers, what an input is checked for (rules tags), defaults, examples, texts (doc tags), and the problems that they answer with. Groups
// become tags, quart.Secured layers security schemes. Plain handlers are listed with their path parameters and what Route.Returns
// and Route.Doc say. A route whose Doc is Hidden is left out.
//
// # Schemas
//
// Schemas are JSON Schema 2020-12 and follow the default codec (see quart.JSONCodec). A named struct, map or slice is a component
// with its name: Page[Film] is PageOfFilm, and where two packages have a Film, they are BlogFilm and ShopFilm. A type whose input
// and output differ, because an input needs what has the rule required while an output has every field that is not omitted, is two components,
// Film and FilmInput.
//
// A type that makes its own JSON is described as anything, in the direction for which it has a method, unless it says more by another:
//
//	// JSONSchema returns the JSON Schema of a Money.
//	func (Money) JSONSchema() string { return `{"type": "string", "pattern": "^[0-9]+\\.[0-9]{2}$"}` }
//
// The same method describes an enumeration. A blank field with a doc tag describes a struct: _ struct{} `doc:"A film."`.
//
// # What OpenAPI 3.1 has no word for
//
//   - QUERY and other methods that it does not know: x-oai-additionalOperations of the path, the registered form of what 3.2 has.
//   - Streams: the schema of one event or row is x-oai-itemSchema, as in 3.2; for 3.1 the body is a string.
//   - Websockets: a GET that answers 101 or 426, marked x-websocket; where the path has a GET of its own, x-websocket of the path is the operation.
//   - Two routes of a method whose paths differ by converters or host alone, {id:int} and {slug}: the first by pattern is the
//     operation, the others are in x-alternatives of the path.
//   - A rest of a path, {path:*}: a parameter that may contain slashes, says its description.
package openapi
