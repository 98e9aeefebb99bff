package archtest_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// checkPackageDocs is the rule that every package has a package comment.
func checkPackageDocs(srcs []source) []string {
	type state struct {
		pkg  string
		docs int
	}
	packages := map[string]*state{}
	for _, src := range srcs {
		if src.test {
			continue
		}
		p := packages[src.dir]
		if p == nil {
			p = &state{pkg: src.pkg}
			packages[src.dir] = p
		}
		if src.doc != "" && (src.pkg == "main" || strings.HasPrefix(src.doc, "Package "+src.pkg+" ")) {
			p.docs++
		}
	}
	var bad []string
	for _, dir := range packageDirs(srcs) {
		switch p := packages[dir]; {
		case p == nil:
			bad = append(bad, fmt.Sprintf("%s: a package of tests alone needs a doc.go", dir))
		case p.docs != 1:
			bad = append(bad, fmt.Sprintf("%s: package %s has %d package comments, want 1", dir, p.pkg, p.docs))
		}
	}
	return bad
}

// outside is a path that leaves the repository. It is put together here so
// that this file does not hold it.
const outside = ".." + "/shared"

// checkStandsAlone is the rule that no file reaches outside the repository,
// data of tests included: a fresh clone must be enough.
func checkStandsAlone(tree fs.FS) ([]string, error) {
	var bad []string
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		if before, _, found := bytes.Cut(text, []byte(outside)); found {
			bad = append(bad, fmt.Sprintf("%s:%d: mentions %s", name, 1+bytes.Count(before, []byte("\n")), outside))
		}
		return nil
	})
	return bad, err
}

func TestPackageDocRule(t *testing.T) {
	tests := []struct {
		name string
		tree map[string]string
		want string
	}{
		{"documented", map[string]string{"a.go": "// Package x does y.\npackage x\n", "b.go": "package x\n"}, ""},
		{"none", map[string]string{"a.go": "package x\n"}, "has 0 package comments"},
		{"detached", map[string]string{"a.go": "// Package x does y.\n\npackage x\n"}, "has 0 package comments"},
		{"build line only", map[string]string{"a.go": "//go:build linux\n\npackage x\n"}, "has 0 package comments"},
		{"another manner", map[string]string{"a.go": "// This does y.\npackage x\n"}, "has 0 package comments"},
		{"in a test only", map[string]string{"a.go": "package x\n", "a_test.go": "// Package x does y.\npackage x\n"}, "has 0 package comments"},
		{"twice", map[string]string{"a.go": "// Package x does y.\npackage x\n", "b.go": "// Package x too.\npackage x\n"}, "has 2 package comments"},
		{"tests alone", map[string]string{"a_test.go": "// Package x does y.\npackage x\n"}, "needs a doc.go"},
		{"program", map[string]string{"cmd/a/main.go": "// Command a does y.\npackage main\n"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree := fstest.MapFS{}
			for name, text := range tt.tree {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			wantOne(t, checkPackageDocs(mustLoad(t, tree)), tt.want)
		})
	}
}

func TestStandsAloneRule(t *testing.T) {
	for text, want := range map[string]string{
		"x := os.DirFS(\"data\")\n":             "",
		"one\nos.Open(\"" + outside + "/x\")\n": ":2: mentions",
		"a shared ../ folder\n":                 "",
	} {
		for _, name := range []string{"a.go", "docs/a.md", ".ci/run", "pool/testdata/a"} {
			tree := fstest.MapFS{name: {Data: []byte(text)}, ".git/x": {Data: []byte(outside)}}
			bad, err := checkStandsAlone(tree)
			if err != nil {
				t.Fatal(err)
			}
			wantOne(t, bad, want)
		}
	}
}
