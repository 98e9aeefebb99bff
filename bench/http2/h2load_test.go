//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func h2loadReport(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestParseH2load reads reports that h2load 1.52 wrote.
func TestParseH2load(t *testing.T) {
	tests := []struct {
		file string
		want volume
		err  string
	}{
		{"h2c.txt", volume{5000, 479_640 * time.Microsecond, 20_272, 65_000}, ""},
		{"tls.txt", volume{100, 13_930 * time.Millisecond, 528, 100 << 20}, ""},
		{"h1.txt", volume{4, 459_170 * time.Microsecond, 376, 4 << 20}, ""},
		{"notfound.txt", volume{}, "did not get all"},
		{"reset.txt", volume{}, "did not get all"},
		{"refused.txt", volume{}, "did not get all"},
	}
	for _, tt := range tests {
		got, err := parseH2load(h2loadReport(t, tt.file))
		if got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.file, got, tt.want)
		}
		checkError(t, tt.file, err, tt.err)
	}
}

func TestParseH2loadRefuses(t *testing.T) {
	good := h2loadReport(t, "h2c.txt")
	tests := []struct{ name, old, new, err string }{
		{"nothing", good, "", "no counts"},
		{"no time", "finished in", "ended in", "no counts"},
		{"a time of another unit", "479.64ms", "479.64fortnights", "no counts"},
		{"a strange time", "479.64ms", "4.79.64ms", "strange time"},
		{"a number that is too long", "(65000)", "(" + strings.Repeat("9", 30) + ")", "strange number"},
		{"no traffic", "traffic:", "Verkehr:", "no counts"},
		{"redirects", "5000 2xx, 0 3xx", "0 2xx, 5000 3xx", "did not get all"},
		{"one that failed", "5000 succeeded", "4999 succeeded", "did not get all"},
		{"none", "5000 ", "0 ", "did not get all"},
	}
	for _, tt := range tests {
		got, err := parseH2load(strings.ReplaceAll(good, tt.old, tt.new))
		if got != (volume{}) {
			t.Errorf("%s: %+v", tt.name, got)
		}
		checkError(t, tt.name, err, tt.err)
	}
}

// checkError wants an error with a text in it; "" is none.
func checkError(t *testing.T, name string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: error %v, want %q", name, err, want)
	}
}
