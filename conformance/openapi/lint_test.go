package openapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// finding is what the linter says.
type finding struct{ Rule, Message, At string }

// lint returns what the linter says of each document. Their names end in .json or .yaml.
func lint(t *testing.T, files ...string) [][]finding {
	t.Helper()
	out, err := command("node", append([]string{"lint.mjs"}, files...)...)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]finding
	if err := json.Unmarshal(out, &all); err != nil || len(all) != len(files) {
		t.Fatalf("%v: %s", err, out)
	}
	return all
}

// fetch stores what the server has at a path.
func fetch(t *testing.T, base, path string) string {
	t.Helper()
	resp, err := http.Get(base + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %s, %v\n%s", path, resp.Status, err, body)
	}
	file := filepath.Join(t.TempDir(), path)
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestLint: another reader finds nothing wrong with the documents, in both forms.
func TestLint(t *testing.T) {
	need(t)
	for name, base := range map[string]string{"films": serveFilms(t), "zoo": serveZoo(t)} {
		files := []string{fetch(t, base, "openapi.json"), fetch(t, base, "openapi.yaml")}
		for i, findings := range lint(t, files...) {
			for _, f := range findings {
				t.Errorf("%s, %s: %s: %s (%s)", name, filepath.Base(files[i]), f.At, f.Message, f.Rule)
			}
		}
	}
}

// TestLintFinds: it would find what is wrong.
func TestLintFinds(t *testing.T) {
	need(t)
	text := compact(t, fetch(t, serveZoo(t), "openapi.json"))
	tests := []struct{ rule, old, changed string }{
		{"no-unresolved-refs", `"#/components/schemas/PageOfAnimal"`, `"#/components/schemas/PageOfAnimals"`},
		{"struct", `"in":"path"`, `"in":"road"`},
		{"path-parameters-defined", `"name":"id","in":"path"`, `"name":"nr","in":"path"`},
		{"no-enum-type-mismatch", `"enum":["bird",`, `"enum":[1,`},
		{"no-invalid-schema-examples", `["Ada"]`, `[7]`},
	}
	var files []string
	for _, tt := range tests {
		if !strings.Contains(text, tt.old) {
			t.Fatalf("no %s in %s", tt.old, text)
		}
		file := filepath.Join(t.TempDir(), "openapi.json")
		if err := os.WriteFile(file, []byte(strings.Replace(text, tt.old, tt.changed, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for i, findings := range lint(t, files...) {
		if !slices.ContainsFunc(findings, func(f finding) bool { return f.Rule == tests[i].rule }) {
			t.Errorf("%s in place of %s: no %s among %v", tests[i].changed, tests[i].old, tests[i].rule, findings)
		}
	}
}

// compact is a document in one line.
func compact(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
