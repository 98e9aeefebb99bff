package openapi_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const tsc = "node_modules/typescript/bin/tsc"

// TestClient: a client in TypeScript, whose types are made of the document of films, compiles in strict mode and talks to the server: one film, the
// list, a review, and what a film that does not exist and an invalid review are answered with, which are typed as problems.
func TestClient(t *testing.T) {
	need(t)
	base := serveFilms(t)
	generate(t, base)
	if _, err := command("node", tsc); err != nil {
		t.Fatal(err)
	}
	out, err := command("node", filepath.Join("out", "client.js"), base)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Film struct {
			ID int `json:"film_id"`
		}
		Films            int
		Review           struct{ Rating int }
		Missing, Invalid struct {
			Status int
			Errors []struct{ Pointer string }
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got.Film.ID != 995 || got.Films == 0 || got.Review.Rating != 4 || got.Missing.Status != 404 || got.Invalid.Status != 422 || len(got.Invalid.Errors) != 1 {
		t.Errorf("the client has seen %s", out)
	}
}

// TestClientRefuses: tsc refuses the client where the document says something else.
func TestClientRefuses(t *testing.T) {
	need(t)
	generate(t, serveFilms(t))
	path := filepath.Join(tools.dir, "films.d.ts")
	types, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(types), "release_year: number", "release_year: string")
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := command("node", tsc, "--noEmit"); err == nil || !strings.Contains(err.Error(), "client.ts(") {
		t.Errorf("tsc says %v of a film whose year is a string", err)
	}
}

// generate makes the types of films. What has a default may be absent from what is sent.
func generate(t *testing.T, base string) {
	t.Helper()
	_, err := command("node", "node_modules/openapi-typescript/bin/cli.js", fetch(t, base, "openapi.json"),
		"--output", "films.d.ts", "--default-non-nullable=false")
	if err != nil {
		t.Fatal(err)
	}
}
