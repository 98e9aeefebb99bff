package look_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/goquart/quart/examples/internal/look"
)

func TestStylesheet(t *testing.T) {
	if n := len(look.CSS); n > 8<<10 {
		t.Errorf("the stylesheet has %d bytes, want at most 8192", n)
	}
	for _, host := range [][]byte{[]byte("http:"), []byte("https:"), []byte("@import"), []byte("url(")} {
		if bytes.Contains(look.CSS, host) {
			t.Errorf("the stylesheet asks for another file: %s", host)
		}
	}
	if open, end := bytes.Count(look.CSS, []byte("{")), bytes.Count(look.CSS, []byte("}")); open != end {
		t.Errorf("%d { but %d }", open, end)
	}
}

// Every colour that is used has a light and a dark value.
func TestColours(t *testing.T) {
	css := string(look.CSS)
	light, rest, ok := strings.Cut(css, "@media (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("no dark colours")
	}
	dark, _, _ := strings.Cut(rest, "}\n}")
	for _, m := range regexp.MustCompile(`var\((--[a-z-]+)\)`).FindAllStringSubmatch(css, -1) {
		if m[1] == "--mono" {
			continue
		}
		if !strings.Contains(light, m[1]+":") || !strings.Contains(dark, m[1]+":") {
			t.Errorf("%s lacks a light or a dark value", m[1])
		}
	}
}
