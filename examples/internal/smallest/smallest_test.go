package smallest

import "testing"

func TestCountLines(t *testing.T) {
	for text, want := range map[string]int{
		"": 0,
		"// Doc.\npackage main\n\nimport \"fmt\"\n\nfunc main() {\n\tfmt.Println()\n}\n": 3,
		"package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nvar x = f(func() {\n})\n":   2,
	} {
		if got := countLines(text); got != want {
			t.Errorf("%d lines, want %d:\n%s", got, want, text)
		}
	}
}
