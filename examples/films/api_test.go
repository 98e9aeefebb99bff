package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// TestDocument: the document has the routes of the API, with their answers, and not the pages.
func TestDocument(t *testing.T) {
	cl := quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}, newStore(t)))
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string
			Responses   map[string]any
		}
	}
	if err := json.Unmarshal([]byte(cl.Get("/openapi.json").Want(200).Text()), &document); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for path, methods := range document.Paths {
		for method, operation := range methods {
			got[method+" "+path] = operation.OperationID + ": " + strings.Join(slices.Sorted(maps.Keys(operation.Responses)), " ")
		}
	}
	for route, want := range map[string]string{
		"get /films/":                  "listFilms: 200 422 500 503",
		"get /films/{id}/":             "getFilm: 200 404 500 503",
		"post /reviews/":               "addReview: 200 400 404 413 415 422 500 503",
		"get /films/{id}/reviews/live": "watchReviews: 200 404 406 500 503",
	} {
		if got[route] != want {
			t.Errorf("%s is %q, want %q", route, got[route], want)
		}
	}
	for _, page := range []string{"get /", "get /film/{id}", "post /film/{id}/reviews", "get /live.js"} {
		if got[page] != "" {
			t.Errorf("%s is in the document", page)
		}
	}
	cl.Get("/openapi.yaml").Want(200)
	cl.Get("/docs").Want(200)
}
