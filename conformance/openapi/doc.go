// Package openapi lets what others have written read the documents of quart's apps, and the pages that show them:
//
//		go test ./conformance/openapi
//
//	  - Chromium, which finds no other host, opens Swagger UI and Stoplight Elements, looks for an operation and executes it.
//	  - openapi-typescript makes a client of the document of examples/films, tsc checks it in strict mode, node runs it against the server.
//	  - The linter of Redocly reads the documents.
//
// The tests build the programs, examples/films and the zoo in this folder, and start them on free ports. They need the commands go, node (20 or
// later), npm and chromium, or the browser that CHROMIUM names; the packages of package-lock.json are installed to a temporary folder by npm ci. Where
// one of these is missing the tests are skipped; with CI=true they fail.
//
// The pages are also looked at by people: `go test ./conformance/openapi -run Docs -artifacts -outputdir DIR` leaves pictures of each in DIR, on
// a desktop and a phone, light and dark.
//
// It has no code besides its tests.
package openapi
