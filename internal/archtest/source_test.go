package archtest_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// A source is what the rules need to know of one Go file.
type source struct {
	path    string // slash path relative to the root
	dir     string
	pkg     string
	doc     string // package comment
	test    bool
	imports []importLine
	tests   []string // Test, Fuzz, Benchmark and Example functions
}

type importLine struct {
	path string
	line int
}

// loadSources parses every Go file of the tree, whatever its build tags say.
func loadSources(tree fs.FS) ([]source, error) {
	var out []source
	err := walk(tree, func(name string) error {
		if path.Ext(name) != ".go" {
			return nil
		}
		src, err := loadSource(tree, name)
		if err != nil {
			return err
		}
		out = append(out, src)
		return nil
	})
	return out, err
}

func loadSource(tree fs.FS, name string) (source, error) {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return source{}, err
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	src := source{
		path: name,
		dir:  path.Dir(name),
		pkg:  f.Name.Name,
		doc:  strings.TrimSpace(f.Doc.Text()),
		test: strings.HasSuffix(name, "_test.go"),
	}
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, fmt.Errorf("%s: %w", fset.Position(spec.Pos()), err)
		}
		src.imports = append(src.imports, importLine{p, fset.Position(spec.Pos()).Line})
	}
	if src.test {
		src.tests = testFuncs(f)
	}
	return src, nil
}

func testFuncs(f *ast.File) []string {
	var names []string
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv != nil {
			continue
		}
		for _, prefix := range []string{"Test", "Fuzz", "Example", "Benchmark"} {
			if strings.HasPrefix(fn.Name.Name, prefix) {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}

// walk calls f for every file of the tree that belongs to the project: not
// for testdata, for other people's modules or for tools' directories (.git).
func walk(tree fs.FS, f func(name string) error) error {
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipDir(d.Name()):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		return f(name)
	})
}

func skipDir(base string) bool {
	switch base {
	case ".", ".ci", ".github":
		return false
	case "testdata", "vendor", "node_modules":
		return true
	}
	return strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")
}
