package quart

import (
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestStaticCacheBounds: what is held is bounded, in bytes and in files, and its count is right.
func TestStaticCacheBounds(t *testing.T) {
	for _, tc := range []struct{ files, size, maxFiles, maxHeld int }{
		{300, 60_000, 300, heldFiles},
		{2 * knownFiles, 1, knownFiles, heldFiles},
		{300, heldFile + 1, 300, 0},
	} {
		date := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
		files := fstest.MapFS{}
		for i := range tc.files {
			files[strconv.Itoa(i)] = &fstest.MapFile{Data: []byte(strings.Repeat("x", tc.size)), ModTime: date}
		}
		s, err := newStatic(files, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for name := range files {
				f, err := s.fresh(name)
				if err != nil || f.variants[0].size != int64(tc.size) {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
		held := 0
		for key, f := range s.cache.files {
			held += len(f.variants[0].data)
			if key != f.key {
				t.Errorf("%q is kept under %q", f.key, key)
			}
		}
		if held != s.cache.held || held > tc.maxHeld || len(s.cache.files) > tc.maxFiles {
			t.Errorf("%d files of %d bytes: %d kept, %d bytes held, %d counted", tc.files, tc.size, len(s.cache.files), held, s.cache.held)
		}
		if tc.maxHeld > 0 && held < min(tc.files, knownFiles)*tc.size*9/10 && held < heldFiles*9/10 {
			t.Errorf("%d files of %d bytes: only %d bytes are held", tc.files, tc.size, held)
		}
	}
}

// TestStaticKey holds what becomes of paths; "" is not found.
func TestStaticKey(t *testing.T) {
	s := new(static)
	for rel, want := range map[string]string{
		"": "/", "/": "/", "a": "a", "a/": "a/", "a/b.c": "a/b.c", "a/..": "/", "a/../b": "b", "a/./b": "a/b", "a/.": "a/",
		"..": "", "../a": "", "a/../../b": "", "a//b": "", "//": "", "a//": "", "/a": "", `a\b`: "", "a\x00": "", "\xff": "",
		".a": "", "a/.b": "", ".well-known/x": ".well-known/x", "a..b": "a..b", "...": "", "a/.../b": "",
	} {
		if got, err := s.key(rel); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", rel, got, err, want)
		}
	}
}

func TestValidOnWindows(t *testing.T) {
	for name, want := range map[string]bool{
		"a.txt": true, ".": true, "a/b c.d": true, "a.": false, "a /b": false, "a./b": false, "c:x": false, "a::$DATA": false, "PROGRA~1": false, "a?": false,
	} {
		if got := validOnWindows(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
