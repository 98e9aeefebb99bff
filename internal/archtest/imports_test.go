package archtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// checkPackages is the rule that every package directory has a row.
func checkPackages(rows []row, srcs []source) []string {
	var bad []string
	for _, dir := range packageDirs(srcs) {
		if _, ok := rowOf(rows, dir); !ok {
			bad = append(bad, fmt.Sprintf("%s: a new package must be added to the table", dir))
		}
	}
	return bad
}

// checkImports holds every import against the row of its package.
func checkImports(rows []row, srcs []source) []string {
	var bad []string
	for _, src := range srcs {
		r, ok := rowOf(rows, src.dir)
		if !ok {
			continue // checkPackages reports it
		}
		for _, imp := range src.imports {
			if why := forbidden(rows, r, src, imp.path); why != "" {
				bad = append(bad, fmt.Sprintf("%s:%d: %s: %s", src.path, imp.line, imp.path, why))
			}
		}
	}
	return bad
}

// forbidden says why the file must not import the path, or "".
func forbidden(rows []row, r row, src source, imp string) string {
	if dir, own := ownDir(imp); own {
		return forbiddenOwn(rows, r, src, dir)
	}
	if src.test {
		return "" // a test may use what go.mod offers
	}
	switch {
	case (imp == "unsafe" || imp == "C") && !r.unsafe:
		return "unsafe lives in internal/bytesconv and pool only"
	case within(imp, "net/http") && r.noHTTP:
		return "no net/http in the root"
	case standard(imp) || slices.Equal(r.other, anyModule):
		return ""
	}
	for _, m := range r.other {
		if within(imp, m) {
			return ""
		}
	}
	return "not among the modules of its row"
}

func forbiddenOwn(rows []row, r row, src source, dir string) string {
	if slices.Contains(r.own, dir) {
		return ""
	}
	base := strings.TrimSuffix(r.dir, "/...")
	if r.program && within(dir, base) {
		return ""
	}
	if src.test && (dir == src.dir || dir == "internal/testserver") {
		return ""
	}
	if (src.test || r.public) && public(rows, dir) {
		return ""
	}
	if internal(dir) {
		return "the package is internal to others"
	}
	return "the import rules have no such edge"
}

// public reports whether a user could import the package.
func public(rows []row, dir string) bool {
	r, ok := rowOf(rows, dir)
	return ok && !r.program && !internal(dir)
}

func internal(dir string) bool {
	return slices.Contains(strings.Split(dir, "/"), "internal")
}

func packageDirs(srcs []source) []string {
	var dirs []string
	for _, src := range srcs {
		dirs = append(dirs, src.dir)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// TestImportRules shows each rule broken and kept: a checker that finds
// nothing would pass on the repository too.
func TestImportRules(t *testing.T) {
	const q = module + "/"
	tests := []struct {
		name, file, imp, want string
	}{
		{"leaf, standard library", "batch/a.go", "sync", ""},
		{"leaf, lower leaf", "internal/radix/a.go", q + "internal/bytesconv", ""},
		{"leaf, other leaf", "internal/wire/a.go", q + "internal/radix", "internal to others"},
		{"leaf, root", "pool/a.go", module, "no such edge"},
		{"leaf, fasthttp", "internal/radix/a.go", fasthttpModule, "not among the modules"},
		{"leaf, its module", "internal/netwatch/a.go", sysModule + "/unix", ""},
		{"leaf's test, oracle", "internal/radix/a_test.go", routerModule, ""},
		{"leaf's test, itself", "internal/radix/a_test.go", q + "internal/radix", ""},
		{"http2, hpack", "http2/a.go", netModule + "/http2/hpack", ""},
		{"http2, root", "http2/a.go", module, "no such edge"},
		{"root, leaf", "a.go", q + "pool", ""},
		{"root, http2", "a.go", q + "http2", ""},
		{"root, requirement", "a.go", fasthttpModule + "/fasthttputil", ""},
		{"root, prefix of a requirement", "a.go", fasthttpModule + "x", "not among the modules"},
		{"root, sibling", "a.go", q + "middleware", "no such edge"},
		{"root's test, sibling", "a_test.go", q + "quarttest", ""},
		{"root, other module", "a.go", "github.com/other/module", "not among the modules"},
		{"root, net/http", "a.go", "net/http", "no net/http"},
		{"root, below net/http", "a.go", "net/http/httptrace", "no net/http"},
		{"root, net/textproto", "a.go", "net/textproto", ""},
		{"root's test, net/http", "a_test.go", "net/http", ""},
		{"unsafe in the root", "a.go", "unsafe", "unsafe lives"},
		{"cgo in a sibling", "session/a.go", "C", "unsafe lives"},
		{"unsafe in bytesconv", "internal/bytesconv/a.go", "unsafe", ""},
		{"unsafe in pool", "pool/a.go", "unsafe", ""},
		{"sibling, root", "middleware/a.go", module, ""},
		{"sibling, pool", "session/a.go", q + "pool", ""},
		{"sibling, internal", "hub/a.go", q + "internal/wire", "internal to others"},
		{"sibling's test, internal", "hub/a_test.go", q + "internal/wire", "internal to others"},
		{"sibling's test, testserver", "hub/a_test.go", q + "internal/testserver", ""},
		{"sibling, testserver", "hub/a.go", q + "internal/testserver", "internal to others"},
		{"sibling, sibling", "session/a.go", q + "middleware", "no such edge"},
		{"sibling, leaf", "openapi/a.go", q + "batch", "no such edge"},
		{"contrib, listed edge", "contrib/natsbroker/a.go", q + "hub", ""},
		{"contrib, other edge", "contrib/otel/a.go", q + "hub", "no such edge"},
		{"example, public", "examples/films/a.go", q + "middleware", ""},
		{"example, its own", "examples/films/a.go", q + "examples/films/pages", ""},
		{"example, internal", "examples/films/a.go", q + "internal/radix", "internal to others"},
		{"example's test, internal", "examples/films/a_test.go", q + "internal/radix", "internal to others"},
		{"bench, example", "bench/http/a.go", q + "examples/films", "no such edge"},
		{"sibling, example", "session/a.go", q + "examples/films", "no such edge"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree := fstest.MapFS{tt.file: {Data: []byte("package x\n\nimport _ \"" + tt.imp + "\"\n")}}
			wantOne(t, checkImports(table, mustLoad(t, tree)), tt.want)
		})
	}
}

func TestPackageRule(t *testing.T) {
	for file, want := range map[string]string{
		"a.go":                          "",
		"middleware/a.go":               "",
		"examples/films/pages/a.go":     "",
		"internal/archtest/a_test.go":   "",
		"middleware/testdata/x/a.go":    "",
		"helpers/a.go":                  "helpers: a new package must be added",
		"middleware/deep/a.go":          "middleware/deep: a new package must be added",
		"contrib/unknown/a.go":          "contrib/unknown: a new package must be added",
		"examplesfilms/only_test.go":    "examplesfilms: a new package must be added",
		"internal/radix/sub/sub_any.go": "internal/radix/sub: a new package must be added",
	} {
		t.Run(file, func(t *testing.T) {
			tree := fstest.MapFS{file: {Data: []byte("package x\n")}}
			wantOne(t, checkPackages(table, mustLoad(t, tree)), want)
		})
	}
}

// wantOne fails unless bad is empty for want "", or one finding that contains
// want.
func wantOne(t *testing.T, bad []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(bad) > 0:
		t.Errorf("findings %q, want none", bad)
	case want != "" && (len(bad) != 1 || !strings.Contains(bad[0], want)):
		t.Errorf("findings %q, want one with %q", bad, want)
	}
}
