package archtest_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// toolsDir is the module that pins the tools. It has no package, and is no
// part of the workspace.
const toolsDir = "tools"

// A goMod is the part of `go mod edit -json` that the rules read.
type goMod struct {
	dir     string // of the go.mod, relative to the root
	Module  struct{ Path string }
	Require []struct {
		Path     string
		Indirect bool
	}
	Replace []struct {
		Old struct{ Path string }
		New struct{ Path string }
	}
}

// checkRequirements is the rule that the root module requires nothing outside
// the list; what those bring along (indirect) is free.
func checkRequirements(m goMod, allowed []string) []string {
	var bad []string
	for _, req := range m.Require {
		if !req.Indirect && !slices.Contains(allowed, req.Path) {
			bad = append(bad, fmt.Sprintf("go.mod requires %s: a new requirement needs a decision record", req.Path))
		}
	}
	return bad
}

// checkReplaces is the rule that a nested module builds without the
// workspace, from the sources beside it.
func checkReplaces(m goMod) []string {
	want := module
	if m.dir != "." {
		want += "/" + m.dir
	}
	if m.Module.Path != want {
		return []string{fmt.Sprintf("%s/go.mod: module %s, want %s", m.dir, m.Module.Path, want)}
	}
	targets := map[string]string{}
	for _, r := range m.Replace {
		targets[r.Old.Path] = r.New.Path
	}
	var bad []string
	for _, req := range m.Require {
		dir, own := ownDir(req.Path)
		if !own {
			continue
		}
		if to := targets[req.Path]; !strings.HasPrefix(to, "../") || path.Join(m.dir, to) != dir {
			bad = append(bad, fmt.Sprintf("%s/go.mod: %s is replaced by %q, want the relative path of %s", m.dir, req.Path, to, dir))
		}
	}
	return bad
}

// checkWorkspace is the rule that go.work uses every module.
func checkWorkspace(uses, moduleDirs []string) []string {
	var bad []string
	for _, dir := range moduleDirs {
		if dir != toolsDir && !slices.Contains(uses, dir) {
			bad = append(bad, fmt.Sprintf("go.work does not use ./%s", dir))
		}
	}
	return bad
}

func TestRequirementRule(t *testing.T) {
	tests := []struct{ name, require, want string }{
		{"listed", `{"Path":"github.com/valyala/fasthttp"}`, ""},
		{"indirect", `{"Path":"example.com/x","Indirect":true}`, ""},
		{"not listed", `{"Path":"example.com/x"}`, "go.mod requires example.com/x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := decodeMod(t, ".", `{"Require":[`+tt.require+`]}`)
			wantOne(t, checkRequirements(m, requirements), tt.want)
		})
	}
}

func TestReplaceRule(t *testing.T) {
	const quart, mw = `{"Path":"github.com/goquart/quart"}`, `{"Path":"github.com/goquart/quart/openapi"}`
	tests := []struct{ name, dir, module, require, replace, want string }{
		{"relative", "examples", "/examples", quart, `{"Old":{"Path":"github.com/goquart/quart"},"New":{"Path":"../"}}`, ""},
		{"neighbour", "contrib/h3", "/contrib/h3", mw, `{"Old":{"Path":"github.com/goquart/quart/openapi"},"New":{"Path":"../../openapi"}}`, ""},
		{"nothing of ours", "tools", "/tools", `{"Path":"example.com/x"}`, ``, ""},
		{"not replaced", "examples", "/examples", quart, ``, "want the relative path of ."},
		{"another place", "contrib/h3", "/contrib/h3", quart, `{"Old":{"Path":"github.com/goquart/quart"},"New":{"Path":"../"}}`, "want the relative path of ."},
		{"absolute", "examples", "/examples", quart, `{"Old":{"Path":"github.com/goquart/quart"},"New":{"Path":"/src/quart"}}`, "want the relative path of ."},
		{"path of the module", "examples", "/example", quart, ``, "want github.com/goquart/quart/examples"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := decodeMod(t, tt.dir, fmt.Sprintf(`{"Module":{"Path":%q},"Require":[%s],"Replace":[%s]}`,
				module+tt.module, tt.require, tt.replace))
			wantOne(t, checkReplaces(m), tt.want)
		})
	}
}

func TestWorkspaceRule(t *testing.T) {
	tests := []struct {
		name          string
		uses, modules []string
		want          string
	}{
		{"all", []string{".", "examples"}, []string{".", "examples", "tools"}, ""},
		{"one left out", []string{"."}, []string{".", "examples", "tools"}, "go.work does not use ./examples"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantOne(t, checkWorkspace(tt.uses, tt.modules), tt.want) })
	}
}

func decodeMod(t *testing.T, dir, text string) goMod {
	t.Helper()
	m := goMod{dir: dir}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// moduleDirs lists the directories that hold a go.mod.
func moduleDirs(t *testing.T, tree fs.FS) []string {
	t.Helper()
	var dirs []string
	err := walk(tree, func(name string) error {
		if path.Base(name) == "go.mod" {
			dirs = append(dirs, path.Dir(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

func readMod(t *testing.T, dir string) goMod {
	t.Helper()
	return decodeMod(t, dir, goEdit(t, "mod", dir, "go.mod"))
}

// workUses lists the directories that go.work uses.
func workUses(t *testing.T) []string {
	t.Helper()
	var w struct{ Use []struct{ DiskPath string } }
	if err := json.Unmarshal([]byte(goEdit(t, "work", ".", "go.work")), &w); err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, u := range w.Use {
		dirs = append(dirs, path.Clean(u.DiskPath))
	}
	return dirs
}

// goEdit prints a go.mod or go.work as JSON: the go command is the parser
// that needs no requirement.
func goEdit(t *testing.T, kind, dir, file string) string {
	t.Helper()
	cmd := exec.Command("go", kind, "edit", "-json", filepath.Join(root, filepath.FromSlash(dir), file))
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	return string(out)
}
