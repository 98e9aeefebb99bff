package rules_test

import (
	"reflect"
	"testing"

	"github.com/goquart/quart/internal/rules"
)

// mustCompile compiles a tag for values of T.
func mustCompile(t testing.TB, tag string, typ reflect.Type) *rules.Check {
	t.Helper()
	c, err := rules.Compile(tag, typ)
	if err != nil {
		t.Fatalf("Compile(%q, %v): %v", tag, typ, err)
	}
	return c
}

// detailOf is what the check of a tag says of v.
func detailOf(t testing.TB, tag string, v any) string {
	t.Helper()
	return mustCompile(t, tag, reflect.TypeOf(v)).Value(reflect.ValueOf(v))
}

// A passing is a value and what a rule says of it, "" if it passes.
type passing struct {
	tag  string
	v    any
	want string
}

func testPassing(t *testing.T, tests []passing) {
	t.Helper()
	for _, tt := range tests {
		if got := detailOf(t, tt.tag, tt.v); got != tt.want {
			t.Errorf("%s of %T(%v): %q, want %q", tt.tag, tt.v, tt.v, got, tt.want)
		}
	}
}
