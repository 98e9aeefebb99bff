package archtest_test

import (
	"io/fs"
	"os"
	"testing"
	"testing/fstest"
)

// root is the root of the repository, seen from this package.
const root = "../.."

// tree is the repository as the rules see it.
func tree() fs.FS { return os.DirFS(root) }

func TestImports(t *testing.T) {
	srcs := mustLoad(t, tree())
	report(t, checkPackages(table, srcs))
	report(t, checkImports(table, srcs))
}

func TestPackageDocs(t *testing.T) {
	report(t, checkPackageDocs(mustLoad(t, tree())))
}

func TestRequirements(t *testing.T) {
	report(t, checkRequirements(readMod(t, "."), requirements))
}

func TestModules(t *testing.T) {
	dirs := moduleDirs(t, tree())
	report(t, checkWorkspace(workUses(t), dirs))
	for _, dir := range dirs {
		report(t, checkReplaces(readMod(t, dir)))
	}
}

func TestStandsAlone(t *testing.T) {
	bad, err := checkStandsAlone(tree())
	if err != nil {
		t.Fatal(err)
	}
	report(t, bad)
}

func TestFeatures(t *testing.T) {
	text, err := fs.ReadFile(tree(), featuresFile)
	if err != nil {
		t.Fatal(err)
	}
	rows, bad := parseFeatures(string(text))
	for _, finding := range append(bad, checkFeatures(rows, testSet(mustLoad(t, tree())))...) {
		t.Errorf("%s: %s", featuresFile, finding)
	}
	if n := featureCount(rows); n != featureRows {
		t.Errorf("%s has %d rows, want %d", featuresFile, n, featureRows)
	}
}

func report(t *testing.T, bad []string) {
	t.Helper()
	for _, finding := range bad {
		t.Error(finding)
	}
}

func mustLoad(t *testing.T, tree fs.FS) []source {
	t.Helper()
	srcs, err := loadSources(tree)
	if err != nil {
		t.Fatal(err)
	}
	return srcs
}

func oneFile(name, text string) fs.FS {
	return fstest.MapFS{name: {Data: []byte(text)}}
}
