package main

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/goquart/quart/examples/internal/smallest"
)

func TestLines(t *testing.T) { smallest.CheckLines(t, 45) }

// TestProgram runs the program, and asks for all that it has.
func TestProgram(t *testing.T) {
	url := smallest.Start(t)
	for _, tc := range []struct {
		method, path, body string
		status             int
		want               string // the JSON, where it is worth a look
	}{
		{"GET", "/films/995", "", 200, `{"film_id":995,"release_year":2024,"title":"SECOND MOSAIC"}`},
		{"GET", "/films/1001", "", 404, ""},
		{"GET", "/films/0", "", 404, ""},
		{"GET", "/films/x", "", 404, ""},
		{"GET", "/films?year.gt=3000", "", 200, `[]`},
		{"GET", "/films?year.gt=x", "", 422, ""},
		{"POST", "/reviews", `{"film_id":995,"rating":4}`, 200, `{"film_id":995,"rating":4}`},
		{"POST", "/reviews", `{"film_id":995,"rating":6}`, 422, ""},
		{"POST", "/reviews", `{"film_id":1001,"rating":4}`, 404, ""},
		{"POST", "/reviews", `{"film_id":995`, 400, ""},
	} {
		status, body := do(t, tc.method, url+tc.path, tc.body)
		if status != tc.status || tc.want != "" && !equal(t, body, tc.want) {
			t.Errorf("%s %s %s: %d %s; want %d %s", tc.method, tc.path, tc.body, status, body, tc.status, tc.want)
		}
	}
	var films []film
	_, body := do(t, "GET", url+"/films", "")
	if err := json.Unmarshal([]byte(body), &films); err != nil || len(films) == 0 {
		t.Errorf("%d films, %v", len(films), err)
	}
	var document struct{ Paths map[string]any }
	_, body = do(t, "GET", url+"/openapi.json", "")
	if err := json.Unmarshal([]byte(body), &document); err != nil || len(document.Paths) != 3 {
		t.Errorf("the document has %d paths, %v", len(document.Paths), err)
	}
	if status, body := do(t, "GET", url+"/docs", ""); status != 200 || !strings.Contains(body, "<html") {
		t.Errorf("/docs: %d", status)
	}
}

func do(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func equal(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}
