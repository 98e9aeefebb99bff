package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/openapi.json anew")

// TestDocumentIsGolden: what the API says of itself changes only on purpose.
func TestDocumentIsGolden(t *testing.T) {
	const golden = "testdata/openapi.json"
	a := newSite(t).get("/openapi.json")
	var got bytes.Buffer
	if err := json.Indent(&got, []byte(a.body), "", "  "); a.status != 200 || err != nil {
		t.Fatalf("%d %v", a.status, err)
	}
	got.WriteByte('\n')
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the document has changed: go test ./examples/films -run Document -update, and look at the difference; it is now\n%s", got.Bytes())
	}
}
