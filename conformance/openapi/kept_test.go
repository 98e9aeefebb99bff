package openapi_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKept: the files of Elements in the repository are those of the version in npm that they say they are.
func TestKept(t *testing.T) {
	need(t)
	ui, err := filepath.Abs(filepath.Join("..", "..", "openapi", "ui"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := command(filepath.Join(ui, "fetch-elements"), dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"VERSION", "LICENSE", "NOTICE", "styles.min.css.gz", "web-components.min.js.gz"} {
		kept, fetched := content(t, filepath.Join(ui, "elements", name)), content(t, filepath.Join(dir, name))
		if len(kept) == 0 || !bytes.Equal(kept, fetched) {
			t.Errorf("%s: %d bytes are kept, and are not the %d of npm", name, len(kept), len(fetched))
		}
	}
}

// content is a file's, unpacked: gzip's output depends on its version.
func content(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".gz") {
		return b
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return b
}
